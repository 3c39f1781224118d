"""User-defined optimizers in the style of Keras: `build` creates variables, `update_step` assigns them.

A step calls both on stand-in variables that are bound to its arrays, so that the same class is a pure function of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike, DTypeLike, InitializerLike
from gazelle.core.variable import Variable
from gazelle.optimizers.state import SlotVariable, StateEntry, keep_in_state
from gazelle.optimizers.transforms import Arrays, Slots

if TYPE_CHECKING:
    from gazelle.optimizers.base import Optimizer


#: attributes of every optimizer
_ATTRIBUTES = frozenset(("_iterations", "_learning_rate", "_trainable_variables"))


class CustomUpdate:
    """Runs `build` and `update_step` of a user-defined optimizer as pure functions of {path: array}.

    Args:
        optimizer: The optimizer that defines them.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.building = False  # the user's `build` runs, on stand-ins
        self.weights: list[Variable] = []  # stand-ins of the model's variables
        self.variables: dict[tuple[str, str], Variable] = {}  # (slot, path) -> variable that `build` added
        self.attributes: dict[str, Variable] = {}  # those that user code made without `add_variable`
        # of the rule of a parent class: slots, scalars and learning rate
        self._inherited: tuple[Slots, Arrays, Array] | None = None
        self._values: dict[int, Any] = {}  # of the stand-ins, while `update_step` runs
        self._stand_ins: dict[tuple[str, str], Variable] = {}  # (slot of a parent class, key) -> variable

    def init(self, params: Arrays) -> Slots:
        """Call `build` on stand-ins of the weights; return the first values of the variables that it adds."""
        self.variables = {}
        self._add_attributes()
        self.weights = []
        originals = {self.optimizer._keys[v]: v for v in self.optimizer._keys.variables}
        in_order = {key: params[key] for key in (*self.optimizer._keys, *params) if key in params}  # JAX sorts dicts
        for key, w in in_order.items():
            concrete = isinstance(w, jax.Array) and not isinstance(w, jax.core.Tracer)
            variable = Variable(w if concrete else jnp.zeros(w.shape), dtype=w.dtype, name=key.rsplit("/", 1)[-1])
            variable.path = variable.key = key
            if (original := originals.get(key)) is not None:  # user code reads its path and name
                variable.__class__, variable.path = type(original), original.path
                vars(variable).update({name: v for name, v in vars(original).items() if name not in vars(variable)})
            self.weights.append(variable)
        built, self.optimizer.built, self.building = self.optimizer.built, False, True
        self.optimizer._trainable_variables = self.weights
        try:
            self.optimizer.build(self.weights)
            self._add_attributes()
        finally:
            self.optimizer.built, self.building = built, False
        slots: Slots = {}
        for (slot, path), variable in self.variables.items():
            slots.setdefault(slot, {})[path] = vars(variable)["_value"]
        return slots

    def _add_attributes(self) -> None:
        """Add the variables in attributes that user code made itself, such as `self.count = Variable(0.0)`."""
        for attribute, value in vars(self.optimizer).items():
            for name, each in _variables_in(attribute, value) if attribute not in _ATTRIBUTES else ():
                if "/" not in each.path and not isinstance(each, StateEntry):  # weights of layers have paths
                    self.attributes[name] = each
        for name, variable in self.attributes.items():
            self._add(variable, name, "")

    def apply(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        """Call `update_step` for each gradient; return the new weights and slots."""
        optimizer = self.optimizer
        if {v.key for v in self.weights} != set(params):  # the slots come from a file: `init` was not called
            self.init(params)
        weights = {v.key: v for v in self.weights}
        values = {id(weights[path]): w for path, w in params.items()}
        values |= {id(v): slots[slot][path] for (slot, path), v in self.variables.items()}
        values[id(optimizer._iterations)] = (t - 1) * (optimizer.gradient_accumulation_steps or 1)
        values[id(optimizer._learning_rate)] = lr
        slots = {name: dict(arrays) for name, arrays in slots.items()}
        scalars = optimizer.next_scalars({name: slots[name][""] for name in optimizer.scalars}, t.astype(jnp.float32))
        slots |= {name: {"": value} for name, value in scalars.items()}
        self._inherited = (slots, scalars, lr) if optimizer._has_rule() else None
        self._values, self._stand_ins = values, {}
        try:
            with tracing.entered(tracing.TraceContext(values=values, pure=True)):
                for path, weight in weights.items():  # in the order of the model
                    if path in grads:
                        optimizer.update_step(grads[path], weight, lr)
                optimizer._finish_step()
        finally:
            self._inherited, self._values = None, {}
            stand_ins, self._stand_ins = self._stand_ins, {}
        for (slot, path), variable in (self.variables | stand_ins).items():
            slots[slot][path] = values[id(variable)]
        return {path: values[id(weights[path])] for path in params}, slots

    def apply_inherited_rule(self, gradient: ArrayLike, variable: Variable, learning_rate: ArrayLike | None) -> None:
        """Update one weight by the `rule` of a parent class: `super().update_step(...)`."""
        optimizer = self.optimizer
        if self._inherited is None and optimizer._has_rule() and variable in optimizer._keys:
            self._apply_rule_now(gradient, variable, learning_rate)
            return
        if self._inherited is None:
            raise NotImplementedError(
                f"{type(optimizer).__name__} has no update_step: write rule(self, w, g, *slots, lr, t) "
                "or update_step(self, gradient, variable, learning_rate)."
            )
        slots, scalars, rate = self._inherited
        own = {name: slots[name][variable.key] for name in optimizer.slots if variable.key in slots[name]}
        own |= {name: one.value for (name, key), one in self._stand_ins.items() if key == variable.key}
        t = optimizer._iterations.value // (optimizer.gradient_accumulation_steps or 1) + 1
        lr = rate if learning_rate is None else jnp.asarray(learning_rate)
        value, new = optimizer._call_rule(variable.value, jnp.asarray(gradient), own, lr, t, scalars)
        variable.assign(value)
        for name, array in new.items():
            slots[name][variable.key] = array
            if (name, variable.key) in self._stand_ins:
                self._stand_ins[name, variable.key].assign(array)

    def _apply_rule_now(self, gradient: ArrayLike, variable: Variable, learning_rate: ArrayLike | None) -> None:
        """Update one weight of a built optimizer outside of `apply`; `iterations` and other weights do not change."""
        optimizer, key = self.optimizer, self.optimizer._keys[variable]
        own = {name: SlotVariable(optimizer, name, key) for name in optimizer.slots if key in optimizer.state[name]}
        t = optimizer._iterations.value // (optimizer.gradient_accumulation_steps or 1) + 1
        lr = jnp.asarray(optimizer.learning_rate if learning_rate is None else learning_rate)
        before = {name: optimizer.state[name][""] for name in optimizer.scalars}
        scalars = optimizer.next_scalars(before, jnp.asarray(t, jnp.float32))
        slots = {name: slot.value for name, slot in own.items()}
        value, new = optimizer._call_rule(variable.value, jnp.asarray(gradient), slots, lr, t, scalars)
        variable.assign(value)
        for name, array in new.items():
            own[name].assign(array)

    def inherited_slots(self, slot: str) -> list[Variable]:
        """Return the variables of a slot of a parent class, one for each weight; `update_step` may assign them."""
        if self._inherited is None:
            keys = [key for key in self.optimizer._keys if key in self.optimizer.state.get(slot, {})]
            return [SlotVariable(self.optimizer, slot, key) for key in keys]
        arrays = self._inherited[0].get(slot, {})
        for key in [weight.key for weight in self.weights if weight.key in arrays]:
            if (slot, key) not in self._stand_ins:
                with tracing.outside(), jax.ensure_compile_time_eval():
                    first = jnp.zeros(arrays[key].shape, arrays[key].dtype)
                    variable = Variable(first, dtype=first.dtype, trainable=False, name=slot)
                self._stand_ins[slot, key], self._values[id(variable)] = variable, arrays[key]
        return [self._stand_ins[slot, weight.key] for weight in self.weights if weight.key in arrays]

    def add(
        self, initializer: InitializerLike, shape: Iterable[Any], dtype: DTypeLike | None, name: str, path: str
    ) -> Variable:
        """Create a variable inside of `build`; `path` is that of its weight, "" for none."""
        if not self.building:
            owner = type(self.optimizer).__name__
            hint = "Call add_variable in build(self, variables)."
            raise ArgumentError(message(f"{owner} adds a variable outside of build", hint=hint))
        if isinstance(initializer, str):
            from gazelle import initializers

            initializer = initializers.get(initializer)
        variable = Variable(initializer, tuple(shape), dtype or dtypes.floatx(), trainable=False, name=name)
        self._add(variable, name, path)
        variable.name = f"{path.replace('/', '_')}_{name}" if path else name
        variable.path = variable.key = f"{self.optimizer.name}/{variable.name}"
        return variable

    def _add(self, variable: Variable, name: str, path: str) -> None:
        slot, number = name, 0
        while self.variables.get((slot, path), variable) is not variable:
            number += 1
            slot = f"{name}_{number}"
        self.variables[slot, path] = variable
        keep_in_state(variable, self.optimizer, slot, path)


def _variables_in(name: str, value: object) -> Iterator[tuple[str, Variable]]:
    """(name, variable) for the variables in an attribute: a variable, or lists and dicts of them."""
    if isinstance(value, Variable):
        yield name, value
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _variables_in(f"{name}_{number}" if number else name, each)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _variables_in(f"{name}_{key}", each)


def redirect_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a user's `build`: called from outside, it is `Optimizer.build`, which calls the user's on stand-ins."""

    @functools.wraps(build)
    def wrapped(self: Optimizer, variables: Iterable[Variable]) -> None:
        if self._custom.building:
            build(self, variables)
        else:
            from gazelle.optimizers.base import Optimizer

            Optimizer.build(self, variables)

    return wrapped
