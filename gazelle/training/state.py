"""The state of a training: one pytree. And the lease, which keeps variables and live state in step."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import engine
from gazelle.core import arrays
from gazelle.core.errors import StateError, message
from gazelle.core.variable import Variable

Arrays = dict[str, Any]


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class State:
    """Everything a step reads and writes."""

    params: Arrays  # {path: array} that the optimizer changes
    buffers: Arrays  # {path: array} that only the layers change: moving statistics, frozen weights
    slots: dict[str, Arrays]  # {slot: {path: array}}: what the optimizer remembers
    totals: Arrays  # sums and counts behind the metrics of this epoch
    hyper: Arrays  # run-time numbers such as the learning rate: changing them compiles nothing
    key: jax.Array  # the run's key; a step uses fold_in(key, step)
    step: jax.Array  # finished updates

    def alive(self) -> bool:
        """Whether no step has consumed the arrays."""
        return not any(leaf.is_deleted() for leaf in jax.tree.leaves(self) if isinstance(leaf, jax.Array))


class Live:
    """Holds the live state of one model; its variables answer with the arrays of the last finished step.

    Compiled steps consume (donate) the state, so between steps the variables' own arrays may be dead. Reading a
    variable calls `settle`, which writes the state back; assigning one makes the next step take the values up again.
    Whoever reads or writes holds `lock`, so that other threads find the state of one whole step.
    """

    def __init__(self, variables: dict[str, Variable], trainable: set[str], optimizer: Any, key: jax.Array) -> None:
        self.variables, self.trainable, self.optimizer, self.key = variables, trainable, optimizer, key
        self.state: State | None = None
        self.totals: Arrays = {}
        self.flushed = True  # the variables hold the state's arrays
        self.dirty = True  # the variables hold newer values than the state
        self.lock = threading.RLock()
        self.given = 0  # how often a step gave a state
        self._readers: set[int] = set()  # threads that may still read the state's arrays

    def _owned_variables(self) -> Iterator[Variable]:
        yield from self.variables.values()
        if self.optimizer is not None:
            yield from self.optimizer.own_variables()

    def step(self, run: Callable[..., tuple[Any, ...]], *args: Any) -> tuple[Any, ...]:
        """Let `run(state, *args) -> (state, ...)` consume the state and keep the one it gives; returns the rest."""
        with self.lock:
            state, *rest = run(self.take(), *args)
            self.give(state)
            return tuple(rest)

    def take(self) -> State:
        """The state for the next step, which may consume its arrays."""
        with self.lock:
            if self._outdated():
                self._collect()
            elif self.flushed or self._readers - {threading.get_ident()}:
                self.state = engine.copy(self.state)
            self.flushed = False
            self._readers.clear()
            state = self.state
            assert state is not None
            state.totals = self.totals
            return state

    def at_rest(self) -> State:
        """The state of this moment, to be read as long as it is alive."""
        with self.lock:
            if self._outdated():
                self._collect()
            assert self.state is not None
            return dataclasses.replace(self.state, totals=self.totals)

    def _outdated(self) -> bool:
        return self.state is None or self.dirty or any(v._owner is not self for v in self._owned_variables())

    def size(self) -> int:
        """Bytes of the whole state."""
        return sum(int(leaf.nbytes) for leaf in jax.tree.leaves(self.take()))

    def give(self, state: State) -> None:
        """The state after the step."""
        self.state, self.totals, self.flushed = state, state.totals, False
        self.given += 1

    def _collect(self) -> None:
        """Make the state anew from the variables, taking them over from whoever held them."""
        for variable in self._owned_variables():
            if variable._owner not in (None, self):
                variable._owner.flush()
                variable._owner.release()  # type: ignore[attr-defined]
        if not self.flushed:
            self.flush()
        values = {path: v._value for path, v in self.variables.items()}
        params = {p: a for p, a in values.items() if p in self.trainable}
        optimizer = self.optimizer
        if optimizer is not None:  # slots that are there already stay
            optimizer.build(v for p, v in self.variables.items() if p in self.trainable)
        self.state = engine.copy(
            State(
                params=params,
                buffers={p: a for p, a in values.items() if p not in self.trainable},
                slots=optimizer.state if optimizer is not None else {},
                totals={},
                hyper=optimizer.hyper() if optimizer is not None else {},
                key=self.key,
                step=optimizer._iterations._value if optimizer is not None else arrays.from_host(0, np.int32),
            )
        )
        if engine.active_distribution() is not None:
            self.state = _spread_out(self.state)
        self.dirty = False
        for variable in self._owned_variables():
            variable._owner = self

    def finish(self) -> None:
        """The end of a training: averages of weights, where the optimizer kept some, become the weights."""
        with self.lock:
            if self.state is not None and self.optimizer.use_ema:
                state = self.take()  # a callback may have assigned weights since the last step
                averages = self.optimizer.finalize(state.params, state.slots)
                self.give(dataclasses.replace(state, params=engine.copy(averages)))

    def put(self, assigned: Arrays) -> None:
        """Values that layers assigned outside of training."""
        with self.lock:
            for path, value in assigned.items():
                self.variables[path].assign(value)

    def values(self) -> Arrays:
        """{path: array} of the last finished step, to read only."""
        with self.lock:
            if self.state is None or self.dirty or any(v._owner is not self for v in self.variables.values()):
                return {path: v.value for path, v in self.variables.items()}
            self._readers.add(threading.get_ident())
            return self.state.params | self.state.buffers

    def flush(self) -> None:
        """Write the arrays of the last finished step into the variables."""
        with self.lock:
            if self.flushed or self.state is None or self.dirty:
                return
            self.flushed = True
            state = self.state
            for path, value in (state.params | state.buffers).items():
                self.variables[path]._value = value
            if self.optimizer is not None:
                self.optimizer.flush(state.slots, state.hyper, state.step)

    def invalidate(self) -> None:
        self.dirty = True

    def release(self) -> None:
        """Let go of the variables; the next `take` collects them again."""
        self.flush()
        self.dirty = True
        for variable in self._owned_variables():
            if variable._owner is self:
                variable._owner = None

    def tensors(self, state: State | None = None, into: Mapping[str, Any] | None = None) -> Arrays:
        """A state, by default that of this moment, as {name: NumPy array}, copied to the host: what is kept on disk.

        into: what an earlier call gave and nobody needs any more; it is written over.
        """
        with self.lock:
            return engine.to_host(dict(_named(state or self.at_rest())), into or {})

    def restore(self, tensors: Mapping[str, Any]) -> None:
        """Take up what `tensors` gave, in this or an earlier process.

        Raises:
            StateError: the state is that of another model; the message names the first difference.
        """
        with self.lock:
            self.state = engine.copy(self.take())
            here = dict(_named(self.state))
            for name in [*here, *tensors]:
                got, want = (_shape(t[name]) if name in t else "nothing" for t in (tensors, here))
                if got != want:
                    raise StateError(
                        message(
                            "The kept state is that of another model",
                            expected=f"{name} {want}",
                            got=got,
                            hint="Build and compile it as it was, give it another name, or train without resume.",
                        )
                    )
            leaves, structure = jax.tree.flatten(self.state)
            order = [name for name, _ in _named(self.state)]
            placed = [_like(leaf, tensors[name]) for name, leaf in zip(order, leaves, strict=True)]
            self.give(jax.tree.unflatten(structure, placed))


def _spread_out(state: State) -> State:
    """Weights, and what belongs to them, where the distribution in force has them."""

    def those(arrays: Arrays) -> Arrays:
        return {path: engine.shard_variable(path, array) for path, array in arrays.items()}

    slots = {name: those(arrays) for name, arrays in state.slots.items()}
    return dataclasses.replace(state, params=those(state.params), buffers=those(state.buffers), slots=slots)


def _named(state: State) -> Iterator[tuple[str, Any]]:
    """(name, array) of every array, in the order of the pytree."""
    for path, array in jax.tree.flatten_with_path(state)[0]:
        yield "/".join(str(getattr(part, "key", getattr(part, "name", part))) for part in path), array


def _shape(array: Any) -> str:
    if jnp.issubdtype(getattr(array, "dtype", np.float32), jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    return f"of shape {tuple(np.shape(array))} and type {array.dtype}"


def _like(leaf: Any, value: Any) -> Any:
    """`value` on the device, as a key where `leaf` is one."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(arrays.from_host(value), impl=jax.random.key_impl(leaf))
    return arrays.from_host(value, leaf.dtype)
