"""Source of batches that arrive one by one: generators and datasets."""

from __future__ import annotations

import dis
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import jax

from gazelle import engine
from gazelle.core import prng, settings
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.traceback import warn
from gazelle.data.batching import bytes_of, stack, steps_of_stream
from gazelle.data.positions import IteratorPosition, Position, UnknownValue, decode, encode
from gazelle.data.prefetch import Prefetcher
from gazelle.data.source import Block, Chunk
from gazelle.engine import processes

if TYPE_CHECKING:
    from gazelle.core.types import Serialized

#: how epochs with a number of steps read passes: each begins where the last one stopped and ends with the pass at the
#: latest, each begins a pass, an epoch continues in the next pass, or each is a pass, also one of another length
Passes = Literal["continue", "restart", "cross", "whole"]

#: batches of a generator without a known length after which a warning is issued
MANY = 10_000


class StreamSource:
    """Source of the batches of a generator, or of any iterable dataset.

    A thread fetches the next batches while the device computes.

    Args:
        batches: (seed, epoch) -> iterator over one pass.
        steps: batches in an epoch; None for all.
        infinite: whether there is only one pass, as for generators.
        cast: converts a batch to (x, y, weight).
        first: returns a first batch, if one is available without starting a pass.
        ended: called after each epoch.
        direct: whether the pass of an epoch can be started without the passes before it.
        owner: the object passed by the user.
        position: what saves the position in it, which a resumed run restores instead of reading the batches again.
        passes: how epochs with `steps` read the passes.

    Attributes:
        type_name: name of the type of what the user passed.
        readers: how many processes read a batch together, each of them its own part.
        inspect: functions by name that are called with each batch on the host, and may raise.
        draws: whether fetching the first batch drew from the global generators of Python or NumPy, whose position a
            resumed run does not restore.
    """

    names: tuple[str, ...] = ("x", "y", "sample_weight")
    advice = ""
    hint = ""  # for errors of data that yields samples instead of batches

    def __init__(
        self,
        batches: Callable[[int, int], Iterator[Any]],
        steps: int | None,
        infinite: bool,
        cast: Callable[[Any], Any],
        first: Callable[[], Any] | None = None,
        ended: Callable[[], None] = lambda: None,
        direct: bool = False,
        owner: object = None,
        position: Position | None = None,
        passes: Passes = "continue",
    ) -> None:
        self._batches, self._infinite, self._cast = batches, infinite, cast
        self.steps = settings.apply_limit("steps", steps)
        self._passes = passes if self.steps == steps else "restart"  # a limit for trials ends each pass early
        self.seed, self._ended, self._direct, self.waited = 0, ended, direct, 0.0
        self.type_name = type(owner).__name__
        self.readers = engine.readers_of_batch()
        self._owner, self._position = owner, position if self.readers == 1 else None  # it is saved by one of them
        self._states: dict[tuple[int, int], Any] = {}  # (epoch, steps done) -> the position there
        self._now: Any = None  # the position after the last batch
        self._resumed = False  # the position was restored, and no batch was read since
        self.exhausted = False  # a generator has ended
        self._short: int | None = None  # batches of an epoch that was shorter than `steps`; 0 once reported
        self._iterator: Iterator[Any] | None = None
        self._last = -1  # the last epoch that was begun
        self._fresh = True  # the pass has yielded no batch yet
        self._first: list[Any] = []  # the sample, when it was the first batch of the pass
        self._skipped = False  # the position is that where the epoch resumes
        self.inspect: dict[str, Callable[[Any], None]] = {}
        before = prng.global_generators()
        self.close: Callable[[], None] = lambda: None  # ends the workers of the data
        self.sample = cast(first()) if first is not None else self._peek()
        own = self._position is not None and self._position is self._owner
        self.draws = not own and prng.global_generators() != before

    def _peek(self) -> Any:
        """The first batch, which is yielded again by the first epoch."""
        own = self._position if self._position is self._owner else None
        begin = own.state() if own is not None else None
        try:
            sample = self._next(0)
        except StopIteration:
            raise DataError(message("The data", expected="at least one batch", got="none")) from None
        if own is not None:
            own.restore(begin)
            self._iterator = None
        else:
            self._first.append((sample, self._now))
        return sample

    def _next(self, epoch: int) -> Any:
        if self._first:
            batch, self._now = self._first.pop()
            return batch
        if self._iterator is None:
            self._iterator, self._fresh = self._batches(self.seed, epoch), not self._resumed
            self._resumed = False
            if isinstance(self._position, IteratorPosition) and not self._position.known:
                self._position = None
        batch = next(self._iterator)
        self._fresh = False
        self._now = None if self._position is None else self._position.state()
        return self._cast(batch)

    def _epoch(self, epoch: int, done: int = 0) -> Iterator[Any]:
        """The batches of an epoch after the first `done`."""
        if self._passes == "restart" and not (self._infinite or self._first or done):
            self._iterator = None
        whole = self.steps is None or self._passes == "whole"
        while whole or done < (self.steps or 0):
            try:
                batch = self._next(epoch)
            except StopIteration:
                self._iterator = None
                if isinstance(self._position, IteratorPosition):
                    self._position.ended()
                if (done == 0 or self._passes == "cross") and not self._fresh and not self._infinite:
                    continue  # the last epoch ended with its pass, or an epoch continues in the next one
                if whole and done > 0:
                    break
                if done > 0 and not self._infinite:
                    self._short = done if self._short is None else self._short
                    break
                self.exhausted = True
                break
            done += 1
            if done == MANY and self.steps is None and self._infinite:
                warn(
                    message(
                        f"The generator has yielded {MANY:,} batches and continues",
                        hint="Pass the length of an epoch: steps_per_epoch (fit), steps (evaluate and predict).",
                    ),
                )
            if self._position is not None:
                self._states[epoch, done] = self._now
            for check in self.inspect.values():
                check(batch)
            yield batch
        if not self._infinite and self.steps is None:
            self.steps = done
        if self._position is not None:
            self._states[epoch + 1, 0] = self._position.state()

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        if epoch <= self._last and not self._infinite:  # each validation reads the same batches
            self._iterator = None
        self._last = epoch
        done = skip if self._skipped else 0
        self._skipped, kept, steps = False, [(epoch, done)] * 2, self.steps
        with Prefetcher(self._epoch(epoch, done), size=steps_of_stream(0)) as prefetcher:
            for batches in self._agreed_groups(prefetcher, epoch, lambda batch: steps_of_stream(bytes_of(batch))):
                self._forget(kept.pop(0))  # the chunk before may still be running
                kept.append((epoch, done))
                done += len(batches)
                batches = batches[max(0, skip - done + len(batches)) :]
                if batches:
                    size = steps_of_stream(bytes_of(batches[0]))
                    yield Chunk(stack(batches, size, self.readers), len(batches))
            self.waited = prefetcher.waited
        self.exhausted = processes.largest(self.exhausted, f"the end of epoch {epoch + 1}")
        if steps is None and not self._infinite:
            self.steps = done  # the passes of several processes may have had different lengths
        self._warn_short()
        if self.exhausted:
            warn(
                message(
                    f"The data ended early, in epoch {epoch + 1}; training stops",
                    expected=f"{self.steps or 'some'} batches an epoch",
                    got=done,
                    hint="A generator is iterated once: let it loop forever (while True:), or lower steps_per_epoch.",
                ),
            )
        self._ended()

    def _agreed_groups(self, prefetcher: Prefetcher, epoch: int, size: Callable[[Any], int]) -> Iterator[list[Any]]:
        """Groups of batches; of several processes, of equal lengths until the data of one of them ends."""
        if not processes.are_joined():
            yield from prefetcher.groups(size)
            return
        groups = prefetcher.groups(size, whole=True)
        ready: list[Any] = []
        while True:
            ready = ready or next(groups, [])
            shape = [(leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(ready[:1])]
            found = processes.gather([len(ready), repr(shape)], f"the batches of epoch {epoch + 1}")
            counts, shapes = zip(*found, strict=True)
            if not min(counts):
                break
            if len(set(shapes)) > 1:
                raise DataError(
                    message(
                        f"A batch of epoch {epoch + 1}",
                        expected="the same shape in all processes",
                        got=f"{shape} in process {jax.process_index()}, and others",
                        hint="Each process must read the same data in the same order.",
                    )
                )
            yield ready[: min(counts)]
            ready = ready[min(counts) :]
        if max(counts):
            self._iterator = None  # this epoch ends here for all
        if ready:
            first = counts.index(0)
            warn(f"The data of process {first} ended early, in epoch {epoch + 1}: the epoch ends for all processes.")

    def _warn_short(self) -> None:
        """Warn once that an epoch has fewer steps than requested, as the pass over the data ended."""
        if self._short:
            warn(
                message(
                    "The data ran out before the end of an epoch, which stopped there",
                    expected=f"{self.steps} batches",
                    got=self._short,
                    hint="Lower the number of steps, omit it, or let the data repeat itself.",
                )
            )
            self._short = 0

    def blocks(self, most: int, fill: bool) -> Iterator[Block]:
        with Prefetcher(self._epoch(0), size=2) as prefetcher:
            for batches in self._agreed_groups(prefetcher, 0, lambda batch: 1):
                for x, *_ in batches:
                    count = jax.tree.leaves(x)[0].shape[0] * self.readers
                    yield Block(stack([x], 1, self.readers), 1, count)
        self._warn_short()
        self._ended()

    def _forget(self, before: tuple[int, int]) -> None:
        for position in [position for position in list(self._states) if position < before]:  # a thread adds some
            del self._states[position]

    def state(self, epoch: int, done: int) -> Serialized:
        self._forget((epoch, done))
        try:
            return {"steps": self.steps, "owner": encode(self._states.get((epoch, done)))}
        except UnknownValue as error:
            self._position = None
            warn(
                message(
                    f"The position in a {self.type_name} is not saved: a resumed run reads its batches again",
                    expected="a state of numbers, text, bytes and arrays",
                    got=f"a {error}",
                )
            )
            self._states.clear()
            return {"steps": self.steps, "owner": None}

    def restore(self, seed: int, epoch: int, state: Serialized) -> None:
        self.seed, self.steps = seed, state["steps"]
        if self._position is not None and state["owner"] is not None:
            self._position.restore(decode(state["owner"]))
            self._iterator = None
            self._first.clear()
            self._skipped = self._resumed = True
            return
        for past in range(epoch):
            for _ in () if self._direct else self._epoch(past):
                pass
            self._ended()


def is_infinite(x: object) -> bool:
    """Whether an iterator certainly never ends: from itertools, or a generator whose function has no return.

    A generator ends where its function returns. The code of one with a `while True:` without `break` and `return` has
    no return instruction.

    Args:
        x: an iterator.

    >>> def forever():
    ...     while True:
    ...         yield 1
    >>> is_infinite(forever()), is_infinite(i for i in range(3))
    (True, False)
    """
    if isinstance(x, (itertools.count, itertools.cycle)):
        return True
    code = getattr(x, "gi_code", None)
    return code is not None and not any(
        step.opname in ("RETURN_VALUE", "RETURN_CONST") for step in dis.get_instructions(code)
    )


def need_steps(x: object, steps: int | None, argument: str) -> None:
    """Check that the number of batches of an infinite iterator is given.

    Args:
        x: an iterator.
        steps: the number of batches, if given.
        argument: the name of the argument for it.

    Raises:
        ArgumentError: `x` is infinite and `steps` is None.
    """
    if steps is None and is_infinite(x):
        name = getattr(x, "__name__", type(x).__name__)
        raise ArgumentError(
            message(
                argument,
                expected=f"the number of batches, since '{name}' never ends",
                got=None,
                hint=f"Pass {argument}=..., for example the number of samples // batch size.",
            )
        )
