"""Assignments as parts of a graph: `K.update` and similar functions, and optimizer steps from `get_updates`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import ops
from gazelle.compat import era
from gazelle.compat.backend.execution_order import OrderedGraph, depending, open_dependencies
from gazelle.compat.backend.lifting import GraphValue, GraphVariable, computes_values
from gazelle.compat.optimizers.former_optimizers import of_used_rows
from gazelle.compat.types import Array, TensorLike, TensorResult
from gazelle.constraints import Constraint
from gazelle.core import symbolic, tracing
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.models.graph import Graph
from gazelle.optimizers import Optimizer
from gazelle.optimizers.transforms import Arrays, Slots


@dataclasses.dataclass(eq=False)
class Update(GraphValue):
    """variable <- value, done by a `K.function` that has it among its updates; as a tensor it is the new value."""

    variable: Any
    value: Any
    others: tuple[Update, ...] = ()  # assignments that are done with it
    result: Callable[..., Any] | None = None  # function of all new values for what a session returns; None: the first
    adds: bool = False  # whether `value` is the old one and a change: several changes add up
    control: tuple[Any, ...] = dataclasses.field(default_factory=open_dependencies)  # what runs before

    @functools.cached_property
    def array(self) -> TensorResult:
        """The tensor of what a session returns."""
        with depending([self]):
            return call_op(self.returned, tuple(self.variables), {})

    def returned(self, *values: Array) -> Array:
        """What a session returns for the new values of `variables`."""
        return jnp.asarray(values[0] if self.result is None else self.result(*values))

    variables = property(lambda self: [self.variable, *(update.variable for update in self.others)])
    needs = property(lambda self: (self.value, *self.others))
    op = property(lambda self: self)
    name = property(lambda self: f"{self.variable.name.removesuffix(':0')}/Assign:0")
    dtype = property(lambda self: self.variable.dtype)
    shape = property(lambda self: self.variable.shape)

    def eval(self, feed_dict: Mapping[Any, TensorLike] | None = None, session: object = None) -> TensorResult:
        """Run it in the default session, and return the new value."""
        from gazelle.compat.backend.sessions import get_session

        return (session or get_session()).run(self, feed_dict)

    run = eval


def new_values(updates: Iterable[tuple[Update, Array]], old: Mapping[int, Array]) -> dict[str, Array]:
    """{id of a variable: its value after these updates with their values}, in the order of the updates."""
    new: dict[str, Array] = {}
    for made, value in updates:
        key = str(id(made.variable))
        changed = made.adds and key in new
        new[key] = new[key] + (value - old[id(made.variable)]) if changed else value
    return new


@dataclasses.dataclass(eq=False)
class StateUpdate(Update):
    """What a layer assigns to a variable when `value`, which it has computed, is computed in training."""

    layer: Any = None


def update(x: Variable, new_x: TensorLike) -> TensorResult:
    """Assign new_x to x: at once if it has a value, by an `Update` if it is a tensor of a graph."""
    return _update(x, new_x, adds=False)


def _update(x: Variable, new_x: TensorLike, adds: bool) -> TensorResult:
    """Assign new_x to x; `adds`: it is the old value and a change.

    In Keras 1 and 2 those of layers were part of the training alone, if `add_update` received them.
    """
    scope = tracing.current()
    of_layer = scope is not None and scope.inside and era.is_package_before_keras_3()
    if of_layer or symbolic.any_symbolic(new_x):
        return Update(x, new_x, adds=adds)
    value = ops.convert_to_tensor(new_x)
    if symbolic.any_symbolic(value):  # of a variable, which a graph reads when it runs
        return Update(x, value, adds=adds)
    x.assign(value)
    return x


def _deferred(x: Any, change: Any) -> bool:
    """Whether an assignment is deferred to a `K.function`: in Keras 1 and 2, and in any `get_updates`."""
    builds = era.is_package_before_keras_3() or rate_factors.get() is not None
    return (builds and isinstance(x, GraphVariable) and not computes_values()) or symbolic.any_symbolic(change)


def update_add(x: Variable, increment: TensorLike) -> TensorResult:
    """Add `increment` to x."""
    new = x + increment if _deferred(x, increment) else x.value + ops.convert_to_tensor(increment)
    return _update(x, new, adds=True)


def update_sub(x: Variable, decrement: TensorLike) -> TensorResult:
    """Subtract `decrement` from x."""
    new = x - decrement if _deferred(x, decrement) else x.value - ops.convert_to_tensor(decrement)
    return _update(x, new, adds=True)


@dataclasses.dataclass(eq=False)
class DebiasedUpdate(Update):
    """A moving average that a layer assigns, whose first value is that of the first batch."""

    momentum: float = 0.0

    def assign(self, count: Variable) -> None:
        """Assign the average of the first values, one more than `count`."""
        count.assign_add(1)
        weight = (1 - self.momentum) / (1 - self.momentum**count.value)
        self.variable.assign(self.variable.value + weight * (self.value - self.variable.value))


def moving_average_update(x: Variable, value: TensorLike, momentum: float) -> TensorResult:
    """Assign momentum x + (1 - momentum) value to x; from Keras 2.0 to 2.2 without the initial value of x."""
    is_debiased = era.number() == 2 and era.is_package_before_2_3()
    if is_debiased and computes_values() and not symbolic.any_symbolic(value):
        return DebiasedUpdate(x, ops.convert_to_tensor(value), momentum=momentum)
    before: Any = x if _deferred(x, value) else x.value
    if is_debiased:
        count = GraphVariable(0.0, trainable=False, name="count")
        weight = (1 - momentum) / (1 - momentum ** (count + 1))
        return Update(x, before + (value - before) * weight, others=(Update(count, count + 1),))
    return _update(x, before * momentum + value * (1.0 - momentum), adds=True)


#: while `get_updates` of a user-defined optimizer runs: {id(optimizer that it calls): factor of its learning rate, or a
#: tensor of the graph that is the rate}
rate_factors: ContextVar[dict[int, Any] | None] = ContextVar("gazelle_rate_factors", default=None)


#: (slots, number of finished steps, hyperparameters)
OptimizerState = tuple[Slots, Array, Arrays]


class OptimizerStep:
    """One optimizer step on a loss, as an update of a `K.function`."""

    def __init__(
        self,
        optimizer: Optimizer,
        loss: TensorLike,
        params: Iterable[Variable],
        constraints: Mapping[Variable, Constraint] | Sequence[Any] | None = None,
    ) -> None:
        self.optimizer, self.loss = optimizer, loss
        self.rate_factor = (rate_factors.get() or {}).get(id(optimizer), 1.0)
        self.params = {str(id(v)): v for v in params}
        self.constraints = {str(id(v)): f for v, f in constraints.items()} if isinstance(constraints, Mapping) else {}
        self._slots: Any = None
        self.slot_variables: Any = None  # those of TensorFlow 1, in place of `_slots`
        self.control = open_dependencies()

    @property
    def needs(self) -> tuple[Any, ...]:
        return tuple(jax.tree.leaves(self.loss))

    def graph(self, inputs: list[KerasTensor]) -> Graph:
        """Return the graph from the inputs of the function to the loss."""
        return OrderedGraph(inputs, self.loss)

    def gradients(self, run: Callable[[Arrays], Any], params: Arrays) -> Arrays:
        """Return the gradients for the parameters; `run` computes the graph."""
        return jax.grad(lambda params: jnp.sum(run(params)))(params)

    def state(self) -> OptimizerState:
        """Return (slots, number of steps, hyperparameters) before the next step."""
        if self.slot_variables is not None:
            slots, count = self.slot_variables.read(self.params, self.optimizer._iterations.value)
            return slots, count, self.optimizer.hyper()
        if self._slots is None:
            self._slots = self.optimizer.init({k: v.value for k, v in self.params.items()})
        count = jnp.asarray(self.optimizer._iterations.value, "int32")  # of all steps of the optimizer
        kept = self._shared_slots()
        slots = {name: {k: kept.get((name, k), a) for k, a in of.items()} for name, of in self._slots.items()}
        return slots, count, self.optimizer.hyper()

    def after(self, state: OptimizerState, earlier: Iterable[tuple[OptimizerStep, Any]]) -> OptimizerState:
        """Return the state for which earlier steps of the optimizer in the same run left (slots, number of steps)."""
        slots, count, hyper = state
        for step, (new, number) in earlier:
            if step.optimizer is self.optimizer:
                slots = {name: {k: new.get(name, {}).get(k, a) for k, a in of.items()} for name, of in slots.items()}
                count = number
        return slots, count, hyper

    def _shared_slots(self) -> dict[tuple[str, str], Array]:
        """{(slot, weight): array} of all steps of an optimizer of TensorFlow; Keras had other slots for each step."""
        if era.is_package_before_keras_3():
            return {}
        found: dict[tuple[str, str], Array] = vars(self.optimizer).setdefault("_slots_of_steps", {})
        return found

    def store_state(self, state: tuple[Slots, Array]) -> None:
        """Store the slots and the count after a step."""
        self._slots, count = state
        if self.slot_variables is not None:
            self.slot_variables.write(*state)
        self._shared_slots().update({(name, k): a for name, of in self._slots.items() for k, a in of.items()})
        self.optimizer._iterations.assign(count)

    def step(
        self, loss: Graph, arrays: list[Array], values: Arrays, state: OptimizerState, key: Array, training: bool
    ) -> tuple[Arrays, tuple[Slots, Array]]:
        """Return (new values of the parameters, state); pure, for a compiled function."""
        slots, count, hyper = state
        params = {k: values[k] for k in self.params}

        def run(params: Any) -> Any:
            bound = {int(k): v for k, v in (values | params).items()}
            with tracing.entered(tracing.TraceContext(values=bound, key=key, training=training, closed=True)):
                return loss.run(arrays)

        grads = self.gradients(run, params)
        own = {k: v.constraint for k, v in self.params.items() if v.constraint is not None}
        bounds = own | {k: f for k, f in self.constraints.items() if k in params}
        after, new_slots = self.optimizer.update(params, grads, slots, hyper, count, constraints=bounds)
        if getattr(self.optimizer, "updates_only_gathered_rows", False):
            from gazelle.compat.backend.functions import gathered  # which imports this module

            after, of_rows = of_used_rows(grads, (params, slots), (after, new_slots), [*gathered(loss)])
            new_slots = new_slots if getattr(self.optimizer, "updates_slots_of_all_rows", False) else of_rows
        return after, (new_slots, count + 1)


class GradientStep(OptimizerStep):
    """One optimizer step with gradients that are tensors of a graph."""

    def __init__(self, optimizer: Optimizer, pairs: Iterable[tuple[TensorLike, Variable]]) -> None:
        known = [(gradient, variable) for gradient, variable in pairs if gradient is not None]
        super().__init__(optimizer, [gradient for gradient, _ in known], [variable for _, variable in known])

    def gradients(self, run: Callable[[Arrays], Any], params: Arrays) -> Arrays:
        found = run(params)
        return dict(zip(params, found if isinstance(found, list) else [found], strict=True))


def get_updates(optimizer: Optimizer, *args: Any, **kwargs: Any) -> list[OptimizerStep]:
    """Return the updates for (params, constraints, loss), as in Keras 1, or (loss, params), as in Keras 2."""
    names = ("params", "constraints", "loss") if len(args) == 3 else ("loss", "params")
    given = dict(zip(names, args, strict=False)) | kwargs
    if "get_gradients" in vars(optimizer):  # the program replaced the method: policy gradients come from elsewhere
        params = list(given["params"])
        step = GradientStep(optimizer, zip(optimizer.get_gradients(given["loss"], params), params, strict=True))
    else:
        step = OptimizerStep(optimizer, given["loss"], given["params"], given.get("constraints"))
    vars(optimizer)["updates"] = [step]
    return [step]
