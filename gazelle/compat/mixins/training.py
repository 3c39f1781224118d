"""Optimizers and learning rate schedules."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat import attributes, era, facade
from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.backend.updates import rate_factors
from gazelle.compat.classes import adopt
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import CompatObject, arrays_of, receiving_tensors
from gazelle.compat.optimizers import former_optimizers, graph_optimizers, hyperparameters, resource_optimizers
from gazelle.compat.types import Branch, Function, ShapeLike, TensorLike, TensorResult
from gazelle.core import symbolic
from gazelle.core.own_code import from_gazelle
from gazelle.core.types import Array, ArrayLike, Nested
from gazelle.core.variable import Variable
from gazelle.optimizers import Optimizer
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.transforms import Arrays, Slots

#: arguments of `add_variable_from_reference` in tf.keras 2.11 to 2.15
_FORMER_SLOT = {"model_variable", "variable_name", "shape", "initial_value"}


class _Variables(list[Variable]):
    """The variables of an optimizer, which tf.keras had as a method first and as a property later."""

    def __call__(self) -> _Variables:
        return self


def _parts(own: _Variables) -> tuple[tuple[Variable, ...], None]:
    return tuple(own), None


jax.tree_util.register_pytree_node(_Variables, _parts, lambda _, parts: _Variables(parts))


class _Clipping:
    """An argument for clipping, which optimizers of Keras 1 and 2 had as an attribute only where it was given."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        if optimizer is None:
            return self
        own = vars(optimizer).get(self.name)
        if era.number() == 3 or not era.standalone() or called_by_gazelle(1):
            return own
        if own is None and self.name == "clipnorm":  # it was the norm of all gradients together
            own = vars(optimizer).get("global_clipnorm")
        if own is None:
            raise AttributeError(f"{type(optimizer).__name__} has no attribute {self.name!r}.")
        return own

    def __set__(self, optimizer: Any, value: float | None) -> None:
        vars(optimizer)[self.name] = value


class _LaterArgument:
    """An argument that optimizers have had since tf.keras 2.11: an attribute of this name of an earlier one is its own.

    Optimizers of earlier programs, such as an AdamW with `self.weight_decay`, compute with it themselves.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        if optimizer is None:
            return self
        if not called_by_gazelle(1) and former_optimizers.has_own(optimizer, self.name):
            return former_optimizers.own(optimizer, self.name)
        inherited = getattr(super(OptimizerMixin, type(optimizer)), self.name, None)
        return inherited.fget(optimizer) if isinstance(inherited, property) else vars(optimizer).get(self.name)

    def __set__(self, optimizer: Any, value: Any) -> None:
        vars(optimizer)[self.name] = value


def _without_rate(update_step: Function) -> Function:
    """`update_step(gradient, variable)` of tf.keras 2.11 to 2.15, which reads the learning rate of the optimizer."""
    if len(inspect.signature(update_step).parameters) != 3:
        return update_step

    @functools.wraps(update_step)
    def update(self: Any, gradient: Any, variable: Any, learning_rate: Any = None) -> Any:
        if not called_by_gazelle(1):
            return update_step(self, gradient, variable)
        return facade.adapter.user_defined_call(functools.partial(update_step, self), (gradient, variable), {})

    return update


class OptimizerMixin(CompatObject):
    """Optimizers. With `decay`, the learning rate of update n (from 0) is  lr / (1 + decay n)."""

    decay: float = 0.0
    _initial_decay: float = 0.0  # that of the constructor; an attribute `decay` of a program has no effect without it
    updates_gathered_rows = False  # as those of `keras.optimizers.legacy`

    _wrapped_in_programs = {"update_step": _without_rate}

    momentum, rho, beta_1, beta_2 = map(hyperparameters.Attribute, hyperparameters.NAMES)

    def hyper(self) -> Arrays:
        return super().hyper() | hyperparameters.assigned(self)

    def update(
        self, params: Arrays, grads: Arrays, slots: Slots, hyper: Arrays, *args: Any, **kwargs: Any
    ) -> tuple[Arrays, Slots]:
        with hyperparameters.bound(self, hyper):
            after: tuple[Arrays, Slots] = super().update(params, grads, slots, hyper, *args, **kwargs)
        return after

    def add_variable_from_reference(self, *args: Any, **kwargs: Any) -> Variable:
        if not (_FORMER_SLOT & set(kwargs) or any(isinstance(each, list | tuple) for each in args[2:])):
            return super().add_variable_from_reference(*args, **kwargs)
        return self._former_slot(*args, **kwargs)

    def _former_slot(
        self, model_variable: Variable, variable_name: str, shape: ShapeLike | None = None, initial_value: Any = None
    ) -> Variable:
        """The `add_variable_from_reference` of tf.keras 2.11 to 2.15: the shape is that of the first value, if any."""
        first: Any = "zeros"
        if initial_value is not None:
            first = jnp.asarray(facade.adapter.unbox(initial_value))
            shape = first.shape
        elif shape is None:
            shape = model_variable.shape
        return self._custom.add(first, shape, model_variable.dtype, variable_name, model_variable.key)

    def _rate_of_step(self, hyper: Arrays, step: Any) -> Any:
        lr = super()._rate_of_step(hyper, step)
        return lr / self.decay_until(jnp.asarray(step, lr.dtype)) if self._initial_decay else lr

    def decay_until(self, step: Array) -> Array | float:
        """Return what the learning rate of a step is divided by: 1 + decay step."""
        return 1 + self.decay * step if self._initial_decay else 1.0

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Any, t: Any) -> tuple[Arrays, Slots]:
        after: tuple[Arrays, Slots] = super()._apply_rule(params, grads, slots, lr, t)
        if not (self.updates_gathered_rows or era.is_before_tf_keras_2_11()):
            return after
        return former_optimizers.of_gathered_rows(self, grads, (params, slots), after)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        config |= {"decay": float(self.decay)} if "decay" in vars(self) else {}
        if called_by_gazelle(1) or era.number() == 3:
            return config
        if not era.has_optimizers_of_keras_2_2():  # where the decay of Nadam has this name
            return config | ({"decay": config.pop("schedule_decay")} if "schedule_decay" in config else {})
        former = {"global_clipnorm": "clipnorm"} | ({"learning_rate": "lr"} if era.is_before_2_3() else {})
        unset = {name for name, value in config.items() if value is None}
        dropped = {"name", *former_optimizers.LATER_ARGUMENTS, *unset}
        return {former.get(key, key): config[key] for key in config if key not in dropped}

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """Return a slot variable of a weight, by its name in tf.keras 2 or in TensorFlow 1."""
        slots = vars(self).get("_slots_of_graph")
        if slots is not None:
            return slots.get(var, name)
        if isinstance(self, resource_optimizers.ResourceOptimizer):
            return super().get_slot(var, name)
        return adopt(former_optimizers.slot(self, var, name))

    def get_slot_names(self) -> list[str]:
        """Return the names of the slots in tf.keras 2 or TensorFlow 1."""
        slots = vars(self).get("_slots_of_graph")
        return former_optimizers.slot_names(self) if slots is None else sorted(slots.names.values())

    @property
    def variables(self) -> list[Variable]:
        if "_slots_of_graph" in vars(self):  # of TensorFlow 1
            return _Variables(vars(self)["_slots_of_graph"].variables)
        return self.weights if era.number() < 3 and not called_by_gazelle(1) else _Variables(super().variables)

    @property
    def weights(self) -> list[Variable]:
        """The variables; until Keras 3 without the learning rate, and one slot of all weights after the other."""
        found: list[Variable] = super().variables
        if era.number() < 3:
            rate = super().learning_rate
            found = [variable for variable in found if variable is not rate]
            if former_optimizers.slots_follow_each_other(self):
                order = {slot: number for number, slot in enumerate(self.slots)}  # those of all weights are first
                steps = found[:1] if former_optimizers.has_steps(type(self).__name__) else []
                found = [*steps, *sorted(found[1:], key=lambda variable: order.get(variable._address[1], -1))]
        return _Variables(adopt(found))

    @weights.setter
    def weights(self, value: object) -> None:  # lists of Keras 1 and 2; the slots are found in `get_updates`
        pass

    def get_weights(self) -> list[Any]:
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        weights = former_optimizers.current_weights(self, self.weights, weights)
        given = {id(variable): array for variable, array in zip(self.weights, weights, strict=False)}
        if len(given) == len(weights):
            weights = [given.get(id(variable), variable.numpy()) for variable in super().variables]
        super().set_weights(weights)

    @property
    def iterations(self) -> Variable:
        """The number of updates; part of a graph in `get_updates` of an optimizer around this one."""
        own: Variable = super().iterations
        if rate_factors.get() is None or isinstance(self, graph_optimizers.GraphOptimizer):
            return own if called_by_gazelle(1) else adopt(own)
        counts = self.__dict__
        return counts.setdefault("_count_in_graph", GraphVariable(0, dtype="int32", name="iterations"))

    @iterations.setter
    def iterations(self, value: Variable) -> None:
        inherited = super(OptimizerMixin, type(self)).iterations
        if inherited.fset is None:
            self._iterations.assign(value)
        else:
            inherited.fset(self, value)

    @property
    def learning_rate(self) -> Variable | Array:
        rate: Variable | Array = super().learning_rate
        if isinstance(rate, Variable) or called_by_gazelle(1):
            return rate if called_by_gazelle(1) else adopt(rate)
        return attributes.scheduled_rate(self)

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        value = arrays_of(value)
        factors, own = rate_factors.get(), super().learning_rate
        if factors is None or isinstance(self, graph_optimizers.GraphOptimizer):
            super(OptimizerMixin, type(self)).learning_rate.fset(self, value)
        elif symbolic.is_symbolic(value):  # a rate that is computed in each step
            factors[id(self)] = value
        else:  # a step of this optimizer with another rate, which changes with the rate that it has later
            factors[id(self)] = 1.0 if value is own else float(value) / float(own)  # a number

    clipnorm, clipvalue = _Clipping("clipnorm"), _Clipping("clipvalue")
    weight_decay, use_ema = _LaterArgument("weight_decay"), _LaterArgument("use_ema")
    loss_scale_factor = _LaterArgument("loss_scale_factor")
    gradient_accumulation_steps = _LaterArgument("gradient_accumulation_steps")

    def __setattr__(self, name: str, value: Any) -> None:
        is_own = name in former_optimizers.LATER_ARGUMENTS and not called_by_gazelle(1) and self._is_former
        if not (is_own and former_optimizers.keep_own(self, name, value)):
            super().__setattr__(name, value)

    @property
    def _is_former(self) -> bool:
        """Whether an optimizer had no later arguments when the program was written."""
        kinds = graph_optimizers.GraphOptimizer, resource_optimizers.ResourceOptimizer
        owners = [c for c in type(self).__mro__ if "update_step" in vars(c)]
        is_before = era.number() < 3 and not era.is_tf_keras_since_2_11() and from_gazelle(owners[0])
        return is_before or self.updates_gathered_rows or isinstance(self, kinds)

    @property
    def _clips_once(self) -> bool:
        return era.number() == 3 and era.standalone()  # before, values could be clipped besides norms

    @property
    def _clipping(self) -> tuple[str, ...]:
        """The order: values before norms in tf.keras (to 2.10), after them in Keras."""
        return ("clipvalue", "clipnorm", "global_clipnorm") if not era.standalone() else Optimizer._clipping

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if core is Optimizer and args and isinstance(args[0], str):  # the base class of Keras 2 took its name first
            args, kwargs = args[1:], {**kwargs, "name": args[0]}
        args, kwargs = arrays_of((args, kwargs))  # a rate may be a tensor
        has_rule = any(cls.__name__ in former_optimizers.KINDS for cls in core.__mro__)  # which takes the decay
        if "decay" in kwargs and core.__module__.startswith("gazelle.compat.addons.") and not has_rule:
            decay = kwargs.pop("decay")
            self.__dict__.update(decay=decay, _initial_decay=decay)
        if kwargs.get("clipnorm") and not by_gazelle and era.is_package_before_keras_3():
            kwargs = {**kwargs, "global_clipnorm": kwargs["clipnorm"], "clipnorm": None}  # that of all gradients
        has_rate = core is not Optimizer or bool(args) or not {"lr", "learning_rate"}.isdisjoint(kwargs)
        if graph_optimizers.is_user_defined(self):
            former_optimizers.convert(self, graph_optimizers.GraphOptimizer)
            kwargs = kwargs if has_rate else {"learning_rate": 0.0, **kwargs}
        elif resource_optimizers.is_user_defined(self):
            former_optimizers.convert(self, resource_optimizers.ResourceOptimizer)
            kwargs = {**({} if has_rate else {"learning_rate": 0.001}), **kwargs}
            if core is Optimizer:  # whose class of tf.keras took it
                decay = kwargs.pop("decay", 0.0)
                self.__dict__.update(decay=decay, _initial_decay=decay)
        elif not has_rate:
            kwargs = {"learning_rate": 0.001, **kwargs}
        super()._init_core(core, args, kwargs, by_gazelle)

    def apply(self, *args: Any, **kwargs: Any) -> Variable | Nested[Array]:
        return super().apply(*arrays_of(args), **arrays_of(kwargs))

    def minimize(self, loss: Branch, *args: Any, **kwargs: Any) -> TensorResult:
        """Take one step on `loss`: a function without arguments, a tensor of a tape, or one of a graph for later."""
        if symbolic.is_symbolic(loss):
            return _graph_steps().minimize(self, loss, *args, **kwargs)
        from gazelle.compat.tensorflow.adapter import minimize

        return minimize(self, loss, *args, **kwargs)

    def compute_gradients(self, loss: TensorLike, *args: Any, **kwargs: Any) -> list[tuple[Any, Variable]]:
        has_tape = callable(loss) or len(args) > 1 or "tape" in kwargs
        if has_tape and era.is_tf_keras_2() and not symbolic.is_symbolic(loss):
            from gazelle.compat.tensorflow import adapter

            return adapter.gradients(loss, *args, **kwargs)
        return _graph_steps().compute_gradients(self, loss, *args, **kwargs)

    def build(self, *args: Any, **kwargs: Any) -> None:
        super().build(*args, **kwargs)
        facade.adapter.resume()

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Variable]], *args: Any, **kwargs: Any
    ) -> TensorResult:
        given = list(grads_and_vars)
        pairs = [(facade.adapter.dense_gradient(gradient, v), v) for gradient, v in given]
        of_rows = [v for gradient, v in given if hasattr(gradient, "dense")]
        if of_rows:
            self.build(v for _, v in pairs)
            former_optimizers.add_gathered(self, of_rows)
        if any(symbolic.is_symbolic(gradient) for gradient, _ in pairs):
            return _graph_steps().apply_gradients(self, pairs, *args, **kwargs)
        steps = kwargs.pop("global_step", None)  # of TensorFlow 1, a variable
        for ignored in ("name", "experimental_aggregate_gradients", "skip_gradients_aggregation"):  # of tf.keras
            kwargs.pop(ignored, None)
        if args and not isinstance(args[0], str | None):  # not the name, which came first in tf.keras
            steps = args[0]
        out = super().apply_gradients(pairs, **kwargs)
        if steps is not None:
            steps.assign_add(1)
        return out


def _graph_steps() -> Any:
    from gazelle.compat.tensorflow.v1 import graph_steps

    return graph_steps


def _of_float_step(call: Function) -> Function:
    """`__call__` of a schedule; until TensorFlow 2.11 the step was a float, and programs take its root."""
    on_tensors = receiving_tensors(call)

    @functools.wraps(call)
    def called(self: Any, step: Any) -> Any:
        if not (called_by_gazelle(1) and facade.adapter.has_tensors):
            return call(self, step)
        try:
            return on_tensors(self, jnp.asarray(step, "float32"))
        except Exception:  # a step that selects a rate is an integer
            return on_tensors(self, step)

    return called


class ScheduleMixin(CompatObject):
    """Learning rate schedules."""

    _wrapped_in_programs = {"__call__": _of_float_step}

    def __call__(self, step: TensorLike) -> TensorResult:
        """The rate; a tensor for programs that import tensorflow."""
        rate: Any = super().__call__(arrays_of(step))
        return rate if called_by_gazelle(1) else facade.adapter.result_of_ops(rate, (step,), {})
