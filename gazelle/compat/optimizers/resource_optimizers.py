"""User-defined optimizers of tf.keras until TensorFlow 2.15: `_create_slots` and `_resource_apply_dense`.

Those of `tf.train` are the same with `_apply_dense`, with `_prepare` before and `_finish` after each step, and with
variables that belong to no weight.

They become optimizers with `build` and `update_step`, which gazelle runs as pure functions. Gradients of embeddings
are dense, so `_resource_apply_sparse` is not called.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import check, ignores
from gazelle.compat.backend import functions
from gazelle.compat.classes import adopt, core_class
from gazelle.compat.optimizers import former_optimizers
from gazelle.core.own_code import from_gazelle
from gazelle.core.symbolic import is_symbolic
from gazelle.core.types import Array, ArrayLike, DTypeLike, InitializerLike, ShapeLike
from gazelle.core.variable import Variable
from gazelle.optimizers import Optimizer
from gazelle.optimizers.custom import CustomUpdate
from gazelle.optimizers.schedules import LearningRateSchedule
from gazelle.optimizers.transforms import Arrays, Slots

if TYPE_CHECKING:
    from gazelle.compat.tensor_adapter import TensorAdapter


class _Update(CustomUpdate):
    """The update of a step of `fit`, which is traced twice, since the first trace of TensorFlow makes the slots.

    What the first trace computes is not used, but the attributes that it sets (`self.first = False`) keep their values.
    """

    traces_again = True

    def apply(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        if self.traces_again:
            self.traces_again = False
            super().apply(params, grads, slots, lr, t)
        return super().apply(params, grads, slots, lr, t)


class ResourceOptimizer(Optimizer, abstract=True):
    """What such an optimizer inherited from tf.keras."""

    _current_rate: Array | None = None  # the learning rate of the step that runs
    _momentum, _use_locking = False, False
    _apply_dense: Any = None  # the rule of an optimizer of `tf.train`

    def build(self, variables: Iterable[Variable]) -> None:
        super().build(variables)
        if self._custom.building:
            self._custom.__class__ = _Update
            self.__dict__.update(_slots_by_weight={}, _non_slot_variables={})
            weights = [_as_in_tensorflow(variable) for variable in variables]
            for weight in weights:
                weight.name = f"{weight.path}:0"
            self._create_slots(weights)

    def apply(self, grads: Sequence[ArrayLike | None], trainable_variables: Sequence[Variable] | None = None) -> None:
        self.use_first_trace()  # a loop of the program runs the rule, and a `tf.function` traces twice itself
        super().apply(grads, trainable_variables)

    def use_first_trace(self) -> None:
        """Let steps be traced once: they run uncompiled, something else traces them again, or the slots are there."""
        vars(self._custom)["traces_again"] = False

    def is_loaded(self) -> bool:
        """Whether the slots were made before the first step, by loading them."""
        return vars(self._custom).get("traces_again", True) and int(Optimizer.iterations.fget(self).value) > 0  # type: ignore[attr-defined]

    def update_step(self, gradient: Array, variable: Variable, learning_rate: Array | None = None) -> None:
        """Update one weight by the method of the program."""
        self.__dict__["_current_rate"] = learning_rate
        try:
            rule = self._apply_dense if self._apply_dense is not None else self._resource_apply_dense
            takes_state = "apply_state" in inspect.signature(rule).parameters
            options: dict[str, Any] = {"apply_state": self._prepare([variable])} if takes_state else {}
            if not inspect.signature(self._prepare).parameters:
                self._prepare()  # type: ignore[call-arg]
            call = functools.partial(rule, **options)
            _adapter().user_defined_call(call, (gradient, variable), {})
        finally:
            del self.__dict__["_current_rate"]

    def _finish_step(self) -> None:
        """Call `_finish` of an optimizer of `tf.train`, which updates what belongs to no weight."""
        if getattr(type(self), "_finish", None) is not None:
            _adapter().user_defined_call(functools.partial(self._finish, [], "update"), (), {})

    def _create_slots(self, var_list: list[Variable]) -> None:
        """Create the slots of the weights, by `add_slot`."""

    def add_slot(
        self, var: Variable, slot_name: str, initializer: InitializerLike = "zeros", shape: ShapeLike | None = None
    ) -> Variable:
        """Create a variable in the shape of a weight."""
        if shape is not None:
            check("shape", tuple(np.atleast_1d(shape)), tuple(var.shape), "add_slot")
        made = _as_in_tensorflow(self.add_variable_from_reference(var, slot_name, initializer))
        self.__dict__["_slots_by_weight"][var.key, slot_name] = made
        return made

    def get_slot(self, var: Variable, slot_name: str) -> Variable:
        """Return a variable that `add_slot` created."""
        return self.__dict__["_slots_by_weight"][var.key, slot_name]

    @ignores("colocate_with")
    def _create_non_slot_variable(self, initial_value: Any, name: str, colocate_with: Any = None) -> Variable:
        found = self.__dict__["_non_slot_variables"]
        if name not in found:
            value = jnp.asarray(_adapter().unbox(self._call_if_callable(initial_value)), "float32")
            found[name] = _as_in_tensorflow(
                self.add_variable(
                    value.shape, lambda shape, dtype=None: jnp.broadcast_to(value, shape).astype(dtype), name=name
                )
            )
        return found[name]

    @ignores("graph")
    def _get_non_slot_variable(self, name: str, graph: Any = None) -> Variable | None:
        return self.__dict__["_non_slot_variables"].get(name)

    def _call_if_callable(self, param: Any) -> Any:
        return param() if callable(param) and not isinstance(param, Variable) else param

    def _zeros_slot(self, var: Variable, slot_name: str, op_name: str) -> Variable:
        return self._get_or_make_slot(var, 0.0, slot_name, op_name)

    def _get_or_make_slot(self, var: Variable, val: Any, slot_name: str, op_name: str) -> Variable:
        value = np.asarray(functions.eval(val) if is_symbolic(val) else _adapter().unbox(val))
        return self.add_slot(
            var, slot_name, lambda shape, dtype=None: jnp.broadcast_to(jnp.asarray(value, dtype), shape)
        )

    def get_name(self) -> str:
        """Return the name."""
        return self.name

    def _resource_apply_dense(self, grad: Any, var: Variable, apply_state: Any = None) -> None:
        """Apply the rule of a parent class of gazelle: `super()._resource_apply_dense(grad, var)`."""
        rate: Any = self._current_rate
        self._custom.apply_inherited_rule(_adapter().unbox(grad), var, rate)

    # Hyperparameters -------------------------------------------------------------------------------------------------

    def _set_hyper(self, name: str, value: Any) -> None:
        if not former_optimizers.keep_own(self, name, value):
            setattr(self, name, value)

    def _get_hyper(self, name: str, dtype: DTypeLike | None = None) -> Any:
        value = former_optimizers.own(self, name) if former_optimizers.has_own(self, name) else getattr(self, name)
        if name == "learning_rate" and self._current_rate is not None:
            value = self._current_rate * self.decay_until(Optimizer.iterations.fget(self).value)  # type: ignore[attr-defined]
        elif callable(value) and not isinstance(value, Variable):
            value = value(self.iterations) if isinstance(value, LearningRateSchedule) else value()
        return (
            value if dtype is None else _adapter().boxed(jnp.asarray(_adapter().unbox(value), str(_dtype(dtype).name)))
        )

    def _decayed_lr(self, var_dtype: DTypeLike | None = None) -> Any:
        rate = self._get_hyper("learning_rate", var_dtype or "float32")
        return (
            rate if self._current_rate is None else _adapter().boxed(jnp.asarray(self._current_rate, rate.dtype.name))
        )

    def _serialize_hyperparameter(self, name: str) -> Any:
        return super().get_config()["learning_rate"] if name == "learning_rate" else self._get_hyper(name)

    def _prepare(self, var_list: Iterable[Variable]) -> dict[Any, Any]:
        state: dict[Any, Any] = {}
        for device, dtype in {(v.device, v.dtype.base_dtype) for v in var_list}:  # type: ignore[attr-defined]
            state[device, dtype] = {}
            self._prepare_local(device, dtype, state)
        return state

    def _prepare_local(self, var_device: Any, var_dtype: Any, apply_state: dict[Any, Any]) -> None:
        apply_state[var_device, var_dtype]["lr_t"] = self._decayed_lr(var_dtype)

    def _fallback_apply_state(self, var_device: Any, var_dtype: Any) -> dict[str, Any]:
        state: dict[Any, Any] = {(var_device, var_dtype): {}}
        self._prepare_local(var_device, var_dtype, state)
        return state[var_device, var_dtype]

    @property
    def iterations(self) -> Variable:
        """The number of updates."""
        return _as_in_tensorflow(Optimizer.iterations.fget(self))  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of every optimizer, or of the one this is derived from; user code adds its own."""
        if core_class(type(self)) is not Optimizer:
            return super().get_config()
        clips = {key: getattr(self, key) for key in ("clipnorm", "clipvalue", "global_clipnorm")}
        return {"name": self.name, **{key: value for key, value in clips.items() if value is not None}}


def _as_in_tensorflow(variable: Variable) -> Variable:
    """The variable with the operators of TensorFlow's, and a dtype that has a `base_dtype`."""
    variable = adopt(variable)
    variable.dtype = _dtype(variable.dtype)
    return variable


def _adapter() -> TensorAdapter:
    from gazelle.compat.tensorflow.adapter import ADAPTER  # loads all of the facade, which few programs need

    return ADAPTER


def _dtype(given: DTypeLike) -> Any:
    from gazelle.compat.tensorflow.dtypes import as_dtype

    return as_dtype(given)


def is_user_defined(optimizer: Optimizer) -> bool:
    """Whether the class of an optimizer is user-defined and has `_resource_apply_dense`, but no later method."""
    owners = [c for c in type(optimizer).__mro__ if not from_gazelle(c)]
    names = {name for c in owners for name in vars(c)}
    return not names.isdisjoint({"_apply_dense", "_resource_apply_dense"}) and names.isdisjoint({"rule", "update_step"})


def is_of_tf_train(optimizer: object) -> bool:
    """Whether an optimizer is a user-defined one of `tf.train`, which has no config."""
    return isinstance(optimizer, ResourceOptimizer) and optimizer._apply_dense is not None
