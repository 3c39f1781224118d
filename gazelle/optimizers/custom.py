"""Optimizers that others write in Keras 3's style: `build` makes variables, `update_step` assigns them.

Inside a compiled step their variables are bound to arrays, as a layer's are: the same class runs as a pure rule.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.variable import Variable
from gazelle.optimizers.transforms import Arrays

if TYPE_CHECKING:
    from gazelle.optimizers.base import Slots


class CustomOptimizer:
    """What such an author calls: `add_variable`, `assign`, `_get_variable_index`; and how the trunk runs it."""

    if TYPE_CHECKING:
        built: bool
        _made: list[tuple[tuple[str, str], Variable]]
        _trainable_variables: list[Variable]

        def __getattr__(self, name: str) -> Any: ...

    _bound_slots: Any = None  # while `update_step` runs: the slots of the rule it was written over, and the scalars
    _standing = False  # the author's `build` runs, on variables that stand for the weights

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__ and not cls.__module__.startswith("gazelle."):
            cls.build = _delayed(cls.__dict__["build"])  # type: ignore[attr-defined]

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """What one may write instead of `rule`: assigns the variable, and those that `build` made.

        A subclass of an optimizer with a rule may call `super().update_step(...)`: one weight by that rule.
        """
        if self._bound_slots is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no update_step: write rule(self, w, g, *slots, lr, t) "
                "or update_step(self, gradient, variable, learning_rate)."
            )
        slots, scalars = self._bound_slots
        held = {name: slots[name][variable.path] for name in self.slots if variable.path in slots[name]}
        t = self._iterations.value // (self.gradient_accumulation_steps or 1) + 1
        value, new = self._ruled(variable.value, jnp.asarray(gradient), held, jnp.asarray(learning_rate), t, scalars)
        variable.assign(value)
        for name, array in new.items():
            slots[name][variable.path] = array

    # What an author calls --------------------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A variable that is kept between updates."""
        return self._add(initializer, tuple(shape), dtype, name or "variable", "")

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A variable of the shape and dtype of a weight."""
        like = reference_variable
        return self._add(initializer, like.shape, like.dtype, name or "variable", like.path)

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """A list with one variable for each weight; a list of such lists for several names."""
        weights = list(trainable_variables)
        if isinstance(name, str):
            return [self.add_variable_from_reference(w, name, initializer) for w in weights]
        kinds = [initializer] * len(name) if isinstance(initializer, str) else initializer
        rows = [[self.add_variable_from_reference(w, n, i) for n, i in zip(name, kinds, strict=True)] for w in weights]
        return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in name]

    def assign(self, variable: Variable, value: Any) -> None:
        """variable <- value."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """variable <- variable + value."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """variable <- variable - value."""
        variable.assign_sub(value)

    def _get_variable_index(self, variable: Variable) -> int:
        return next(i for i, v in enumerate(self._trainable_variables) if v is variable)

    # How the trunk runs it -------------------------------------------------------------------------------------------

    def _is_written(self) -> bool:
        return type(self).update_step is not CustomOptimizer.update_step

    def _has_rule(self) -> bool:
        from gazelle.optimizers.base import Optimizer

        kind: Any = type(self)
        return kind.rule is not Optimizer.rule

    def _add(self, initializer: Any, shape: tuple[int, ...], dtype: Any, name: str, path: str) -> Variable:
        if not self._standing:
            who = type(self).__name__
            raise ArgumentError(
                message(f"{who} adds a variable outside of build", hint="Call add_variable in build(self, variables).")
            )
        if isinstance(initializer, str):
            from gazelle import initializers

            initializer = initializers.get(initializer)
        variable = Variable(initializer, shape, dtype or dtypes.floatx(), trainable=False, name=name)
        places, slot, more = [place for place, _ in self._made], name, 0
        while (slot, path) in places:
            more += 1
            slot = f"{name}_{more}"
        self._made.append(((slot, path), variable))
        return variable

    def _stand_for(self, params: Arrays) -> None:
        """Let the author's `build` make its variables, for variables that stand for `params`."""
        self._made = []
        self._trainable_variables = []
        for path, w in params.items():
            traced = isinstance(w, jax.core.Tracer) or not isinstance(w, jax.Array)
            variable = Variable(jnp.zeros(w.shape) if traced else w, dtype=w.dtype, name=path.rsplit("/", 1)[-1])
            variable.path = path
            self._trainable_variables.append(variable)
        built, self.built, self._standing = self.built, False, True
        try:
            self.build(self._trainable_variables)
        finally:
            self.built, self._standing = built, False

    def _written_slots(self, params: Arrays) -> Slots:
        self._stand_for(params)
        out: Slots = {}
        for (slot, path), variable in self._made:
            out.setdefault(slot, {})[path] = variable._value
        return out

    def _written_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Any, t: Any) -> tuple[Arrays, Slots]:
        if {v.path for v in self._trainable_variables} != set(params):  # slots of a file, no `init`
            self._stand_for(params)
        weights = {v.path: v for v in self._trainable_variables}
        values = {id(weights[path]): w for path, w in params.items()}
        values |= {id(v): slots[slot][path] for (slot, path), v in self._made}
        values[id(self._iterations)] = (t - 1) * (self.gradient_accumulation_steps or 1)
        values[id(self._learning_rate)] = lr
        slots = {name: dict(arrays) for name, arrays in slots.items()}
        scalars = self.advance({name: slots[name][""] for name in self.scalars}, t.astype(jnp.float32))
        slots |= {name: {"": value} for name, value in scalars.items()}
        self._bound_slots = (slots, scalars) if self._has_rule() else None
        try:
            with tracing.entered(tracing.Scope(values=values, pure=True)):
                for path, g in grads.items():
                    self.update_step(g, weights[path], lr)
        finally:
            self._bound_slots = None
        for (slot, path), variable in self._made:
            slots[slot][path] = values[id(variable)]
        return {path: values[id(weights[path])] for path in params}, slots


def _delayed(build: Callable[..., Any]) -> Callable[..., Any]:
    """An author's `build`: called by a user it asks the trunk, which calls it where variables may be made."""

    @functools.wraps(build)
    def wrapped(self: Any, variables: Any) -> None:
        if self._standing:
            build(self, variables)
        else:
            from gazelle.optimizers.stateful import StatefulOptimizer

            StatefulOptimizer.build(self, variables)

    return wrapped
