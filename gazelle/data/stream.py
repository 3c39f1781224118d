"""A source of batches that arrive one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax

from gazelle import engine
from gazelle.core import settings
from gazelle.core.errors import DataError, message
from gazelle.core.traceback import warn
from gazelle.data.chunks import Block, Chunk, bytes_of, stack, steps_of_stream
from gazelle.data.infinite import MANY
from gazelle.data.prefetch import Ahead


class StreamSource:
    """Batches of a generator, or of a dataset of any library that can be iterated.

    A thread asks for the next batches while the device computes.

    Args:
        batches: `(seed, epoch) -> iterator` over one pass.
        endless: a generator, which has one pass only.
        sample: a first batch, where one can be had without beginning the pass.
        ended: called after each epoch.
        direct: whether the pass of an epoch can be begun without the passes before it.
        owner: what the user gave; with `state()` and `restore(state)` it is asked to go on, instead of being repeated.
    """

    def __init__(
        self,
        batches: Callable[[int, int], Iterator[Any]],
        steps: int | None,
        endless: bool,
        cast: Any,
        sample: Any = None,
        ended: Callable[[], None] = lambda: None,
        direct: bool = False,
        owner: Any = None,
    ) -> None:
        self._batches, self._endless, self._cast = batches, endless, cast
        self.steps = settings.apply_limit("steps", steps)
        self.seed, self._ended, self._direct, self.waited = 0, ended, direct, 0.0
        self._owner = owner if callable(getattr(owner, "state", None)) and hasattr(owner, "restore") else None
        self._states: dict[tuple[int, int], Any] = {}  # (epoch, steps done) -> the owner's state there
        self.exhausted = False  # a generator has nothing more to give
        self._iterator: Iterator[Any] | None = None
        self._fresh = True  # the pass has given nothing yet
        self._first: list[Any] = []  # the sample, when it was the first batch of the pass
        self._skipped = False  # the owner stands where the epoch is to go on
        self.inspect: dict[str, Callable[[Any], None]] = {}  # they look at each batch on the host, and may raise
        self.sample = cast(sample) if sample is not None else self._look()

    def _look(self) -> Any:
        """The first batch, which still has to be trained on."""
        begin = self._owner.state() if self._owner is not None else None
        try:
            sample = self._next(0)
        except StopIteration:
            raise DataError(message("The data", expected="at least one batch", got="none")) from None
        if self._owner is not None:
            self._owner.restore(begin)
            self._iterator = None
        else:
            self._first.append(sample)
        return sample

    def _next(self, epoch: int) -> Any:
        if self._first:
            return self._first.pop()
        if self._iterator is None:
            self._iterator, self._fresh = self._batches(self.seed, epoch), True
        batch = next(self._iterator)
        self._fresh = False
        return self._cast(batch)

    def _epoch(self, epoch: int, done: int = 0) -> Iterator[Any]:
        """The batches of an epoch, one by one, of which `done` are over."""
        while self.steps is None or done < self.steps:
            try:
                batch = self._next(epoch)
            except StopIteration:
                self._iterator = None
                if self.steps is None and done > 0:
                    break
                if self.steps is not None and not self._endless and not self._fresh:
                    continue  # another pass
                self.exhausted = True
                break
            done += 1
            if done == MANY and self.steps is None and self._endless:
                warn(
                    message(
                        f"The generator has given {MANY:,} batches and goes on",
                        hint="Say how many make an epoch: steps_per_epoch (fit), steps (evaluate and predict).",
                    ),
                )
            if self._owner is not None:
                self._states[epoch, done] = self._owner.state()
            for look in self.inspect.values():
                look(batch)
            yield batch
        if not self._endless and self.steps is None:
            self.steps = done
        if self._owner is not None:
            self._states[epoch + 1, 0] = self._owner.state()

    def chunks(self, epoch: int, skip: int = 0) -> Iterator[Chunk]:
        done = skip if self._skipped else 0
        self._skipped = False
        with Ahead(self._epoch(epoch, done), most=steps_of_stream(0)) as ahead:
            for batches in ahead.groups():
                done += len(batches)
                batches = batches[max(0, skip - done + len(batches)) :]
                if batches:
                    steps = steps_of_stream(bytes_of(batches[0]))
                    for start in range(0, len(batches), steps):
                        part = batches[start : start + steps]
                        yield Chunk(stack(part, steps), len(part))
            self.waited = ahead.waited
        if self.exhausted:
            warn(
                message(
                    f"The data ended early, in epoch {epoch + 1}; training stops",
                    expected=f"{self.steps or 'some'} batches an epoch",
                    got=done,
                    hint="A generator is gone through once: let it loop forever (while True:), or lower "
                    "steps_per_epoch.",
                ),
            )
        self._ended()

    def blocks(self, most: int, fill: bool) -> Iterator[Block]:
        with Ahead(self._epoch(0), most=2) as ahead:
            for batches in ahead.groups():
                for x, *_ in batches:
                    count = jax.tree.leaves(x)[0].shape[0]
                    yield Block(engine.batches_to_device(jax.tree.map(lambda array: array[None], x)), 1, count)
        self._ended()

    def state(self, epoch: int, done: int) -> Any:
        for place in [place for place in self._states if place < (epoch, done)]:
            del self._states[place]
        return {"steps": self.steps, "owner": self._states.get((epoch, done))}

    def restore(self, seed: int, epoch: int, state: Any) -> None:
        self.seed, self.steps = seed, state["steps"]
        if self._owner is not None and state["owner"] is not None:
            self._owner.restore(state["owner"])
            self._skipped = True
            return
        for past in range(epoch):
            for _ in () if self._direct else self._epoch(past):
                pass
            self._ended()
