"""The owner of a model's variables while it trains, which keeps them in step with the state."""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import engine
from gazelle.core import arrays
from gazelle.core.errors import StateError, message
from gazelle.core.variable import Variable
from gazelle.training.state import Arrays, State, named_arrays, with_shardings

if TYPE_CHECKING:
    from gazelle.optimizers import Optimizer


class StepCounter(Protocol):
    """Where the number of finished steps of a custom `train_step` is stored."""

    finished: Any


class LiveState:
    """The owner of a model's variables while it trains: their arrays are those of the last finished step.

    Compiled steps consume (donate) the state, so between steps the variables' own arrays may be deleted. Reading a
    variable calls `flush`, which writes the state back; assigning one makes the next step collect the values again.
    Arrays that were read are copied before a step consumes them; all others are passed on without a copy, also to the
    owner of another model that contains the same variables. Readers and writers hold `lock`, so that other threads see
    the state of one complete step.

    Args:
        variables: {path: variable}.
        trainable: paths of the variables that the optimizer changes.
        optimizer: the optimizer whose slots are part of the state; None if it is used by a custom step, whose
            `variables` include those of optimizers, or if there is none.
        key: the key of the run.
        counter: of a custom step.
        averaging: the optimizer of a custom step, whose averages of weights become the weights at the end.
    """

    def __init__(
        self,
        variables: dict[str, Variable],
        trainable: set[str],
        optimizer: Optimizer | None,
        key: jax.Array,
        counter: StepCounter | None = None,
        averaging: Optimizer | None = None,
    ) -> None:
        self.variables, self.trainable, self.optimizer = variables, trainable, optimizer
        self._key = np.asarray(jax.random.key_data(key))
        self.state: State | None = None
        self.totals: Arrays = {}
        self.flushed = True  # the variables hold the state's arrays
        self.dirty = True  # the variables hold newer values than the state
        self.exposed = True  # somebody may have read the arrays
        self.lock = threading.RLock()
        self.steps_given = 0  # how often a step returned a state
        self._counter, self._averaging = counter, averaging
        self._readers: set[int] = set()  # threads that may still read the state's arrays
        self._shared: Callable[[], State | None] = lambda: None  # what `share` returned, while somebody holds it
        own = () if optimizer is None else optimizer.own_variables()
        self._owned: list[Variable] = [*variables.values(), *own]

    def step(self, run: Callable[..., tuple[Any, ...]], *args: Any) -> tuple[Any, ...]:
        """Let `run(state, *args) -> (state, ...)` consume the state and store its result; return the rest."""
        with self.lock:
            state, *rest = run(self.take(), *args)
            self.give(state)
            return tuple(rest)

    def take(self) -> State:
        """The state for the next step, which may consume its arrays."""
        with self.lock:
            if self._outdated():
                self._collect()
            elif not self._is_private():
                self.state = engine.copy(self.state)
            self.flushed, self.exposed, self._shared = False, False, lambda: None
            self._readers.clear()
            state = self.state
            assert state is not None
            state.totals = engine.replicate(self.totals)
            return state

    def current(self) -> State:
        """The state of this moment, which may be read as long as it is alive."""
        with self.lock:
            if self._outdated():
                self._collect()
            assert self.state is not None
            return dataclasses.replace(self.state, totals=self.totals)

    def share(self) -> State:
        """The state of this moment, which no step consumes while the caller holds it."""
        with self.lock:
            state = self.current()
            self._shared = weakref.ref(state)
            return state

    def _outdated(self) -> bool:
        if self.state is None or self.dirty:
            return True
        for variable in self._owned:  # noqa: SIM110 - at each step: a generator is several times slower
            if variable._owner is not self:
                return True
        return False

    def size(self) -> int:
        """Bytes of the whole state."""
        return sum(int(leaf.nbytes) for leaf in jax.tree.leaves(self.current()))

    def give(self, state: State) -> None:
        """Store the state after the step."""
        self.state, self.totals, self.flushed = state, state.totals, False
        self.steps_given += 1

    def _is_private(self) -> bool:
        """Whether nobody else can hold the arrays of the state."""
        return not (self.exposed or self._shared() is not None or self._readers - {threading.get_ident()})

    def _collect(self) -> None:
        """Create the state from the variables, taking them from their former owner."""
        optimizer = self.optimizer
        if optimizer is not None:
            self._owned = [*self.variables.values(), *optimizer.own_variables()]
        private = self._take_over()
        if optimizer is not None:  # existing slots stay
            trained = {p: v for p, v in self.variables.items() if p in self.trainable}
            optimizer.rename(trained)
            optimizer.build(trained.values())
            self._owned = [*self.variables.values(), *optimizer.own_variables()]  # `build` may have made some
        values = {path: v._value for path, v in self.variables.items()}
        state = State(
            params={p: a for p, a in values.items() if p in self.trainable},
            buffers={p: a for p, a in values.items() if p not in self.trainable},
            slots=optimizer.state if optimizer is not None else {},
            totals={},
            hyper=optimizer.hyper() if optimizer is not None else {},
            key=self._key if self.state is None else self.state.key,
            step=self._finished_steps(),
        )
        self.state = jax.tree.map(lambda array: array if _is_own(array, private) else engine.copy(array), state)
        sharded = engine.active_distribution() is not None
        if sharded:
            self.state = with_shardings(self.state, engine.shard_variable, engine.replicate, self.variables)
        self.dirty, self.flushed, self.exposed = False, not sharded, False
        for variable in self._owned:
            variable._owner = self

    def _take_over(self) -> set[int]:
        """Write the arrays of all owners back into the variables; return the ids of those that nobody else holds."""
        private: set[int] = set()
        for variable in self._owned:
            owner = variable._owner
            if isinstance(owner, LiveState):
                with owner.lock:
                    owner.write_back()
                    if owner._is_private():
                        private.add(id(variable._value))
                        if self.optimizer is not None and variable is self.optimizer._iterations:
                            private.update(map(id, jax.tree.leaves(self.optimizer._state)))
                    if owner is not self:
                        owner.dirty, variable._owner = True, None
        if self._is_private() and self.state is not None:
            private.add(id(self.state.key))
        return private

    def _finished_steps(self) -> Any:
        if self._counter is not None:
            return jnp.asarray(self._counter.finished if self.state is None else self.state.step, jnp.int32)
        if self.optimizer is not None:
            return self.optimizer._iterations._value
        return arrays.from_host(0, np.int32)

    def finish(self) -> None:
        """End a training: averages of weights, if the optimizer keeps some, become the weights."""
        with self.lock:
            if self._averaging is not None and self._averaging.use_ema and self._averaging.built:
                self._averaging.finalize_variable_values([self.variables[path] for path in self.trainable])
            if self.optimizer is not None and self.state is not None and self.optimizer.use_ema:
                state = self.take()  # a callback may have assigned weights since the last step
                averages = self.optimizer.finalize(state.params, state.slots)
                self.give(dataclasses.replace(state, params=engine.copy(averages)))

    def put(self, assigned: Arrays) -> None:
        """Assign the values that layers assigned outside of training."""
        with self.lock:
            for path, value in assigned.items():
                self.variables[path].assign(value)

    def values(self) -> Arrays:
        """{path: array} of the last finished step, read-only."""
        with self.lock:
            if self.state is None or self._outdated():
                for owner in {id(v._owner): v._owner for v in self.variables.values()}.values():
                    if isinstance(owner, LiveState):
                        with owner.lock:
                            owner.write_back()
                            owner._readers.add(threading.get_ident())
                return {path: v._value for path, v in self.variables.items()}
            self._readers.add(threading.get_ident())
            return self.state.params | self.state.buffers

    def arrays(self) -> Arrays:
        """{name: array} of everything in the state, with the names of a checkpoint."""
        with self.lock:
            return dict(named_arrays(self.current()))

    def flush(self) -> None:
        """Write the arrays of the last finished step into the variables, for somebody who reads them."""
        with self.lock:
            self.exposed = True
            self.write_back()

    def write_back(self) -> None:
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
            if self._counter is not None:
                self._counter.finished = state.step

    def invalidate(self) -> None:
        """Collect the values of the variables again before the next step."""
        self.dirty = True

    def release(self) -> None:
        """Give the variables up; the next `take` collects them again."""
        self.flush()
        self.dirty = True
        for variable in self._owned:
            if variable._owner is self:
                variable._owner = None

    def tensors(self, state: State | None = None, into: Mapping[str, Any] | None = None) -> Arrays:
        """A state, by default the current one, as {name: NumPy array}: the content of a checkpoint.

        If it is divided over processes, its own arrays are returned, which the next step consumes.

        Args:
            state: the state.
            into: the result of an earlier call, which is overwritten.
        """
        with self.lock:
            named = dict(named_arrays(state or self.current()))
            return named if arrays.is_divided(named) else engine.to_host(named, into or {})

    def restore(self, tensors: Mapping[str, Any], force: bool = False) -> None:
        """Restore what `tensors` returned, in this or an earlier process.

        Args:
            tensors: {name: array}.
            force: they may be of another optimizer and other metrics: slots, metrics and rates that are missing or do
                not match stay as they are.

        Raises:
            StateError: the state is that of another model; the message names the first difference.
        """
        with self.lock:
            self.state = engine.copy(self.take())
            here = dict(named_arrays(self.state))
            if force:
                tensors = _matching(tensors, here)
            for name in [*here, *tensors]:
                got, want = (_shape(t[name]) if name in t else "nothing" for t in (tensors, here))
                if got != want:
                    raise StateError(
                        message(
                            "The saved state is that of another model",
                            expected=f"{name} {want}",
                            got=got,
                            hint="Build and compile it as it was, give it another name, or train without resume.",
                        )
                    )
            leaves, structure = jax.tree.flatten(self.state)
            order = [name for name, _ in named_arrays(self.state)]
            placed = [arrays.like(tensors[name], leaf) for name, leaf in zip(order, leaves, strict=True)]
            self.give(jax.tree.unflatten(structure, placed))


def _matching(tensors: Mapping[str, Any], here: Mapping[str, Any]) -> Arrays:
    """The tensors of a training, with the slots, metrics and rates of this one where they are missing or differ."""
    kinds = ("slots/", "totals/", "hyper/")
    out = {name: array for name, array in tensors.items() if not name.startswith(kinds)}
    for name in here:
        if name.startswith(kinds):
            matches = name in tensors and _shape(tensors[name]) == _shape(here[name])
            out[name] = tensors[name] if matches else here[name]
    return out


def _is_own(array: Any, private: set[int]) -> bool:
    """Whether a step may consume the array: it is private, or still on the host."""
    return isinstance(array, np.ndarray) or id(array) in private


def _shape(array: Any) -> str:
    return f"of shape {tuple(np.shape(array))} and type {array.dtype}"
