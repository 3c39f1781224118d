"""What the classes of `keras` add to those of gazelle: arguments and attributes of earlier versions, facade tensors.

A mixin comes before gazelle's class in the method resolution order (see `classes`), so `super()` is gazelle's class.
"""

from __future__ import annotations

import functools
import inspect
import numbers
import traceback
from collections.abc import Callable
from types import FunctionType
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat import (
    arguments,
    attributes,
    era,
    facade,
    graph_optimizers,
    logs,
    namespaces,
    one_element,
    renamed_arguments,
)
from gazelle.compat.attention import AttentionMixin
from gazelle.compat.classes import MIXINS, ROOTS, STEPS, adopt, compat_class, is_generated, plain
from gazelle.compat.era import NOTHING, called_by_gazelle
from gazelle.compat.listed import listed
from gazelle.compat.old_variable import OldVariable, TensorShape
from gazelle.compat.recorded_variable import RecordedVariable
from gazelle.constraints import Constraint
from gazelle.core import names, symbolic
from gazelle.core.errors import ArgumentError
from gazelle.core.names import snake
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.traceback import filtered, warn
from gazelle.core.variable import Variable
from gazelle.initializers import Initializer
from gazelle.layers import (
    Concatenate,
    GroupQueryAttention,
    Layer,
    MultiHeadAttention,
    Normalization,
    TextVectorization,
    weight_tree,
)
from gazelle.layers.merging import _Merge
from gazelle.losses import Loss
from gazelle.losses.target_shapes import warn_of_broadcasting
from gazelle.metrics import Metric
from gazelle.models import Functional, Model, Sequential
from gazelle.optimizers import LossScaleOptimizer, Optimizer
from gazelle.optimizers.schedules import LearningRateSchedule
from gazelle.regularizers import Regularizer
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.monitor import Monitor

Function = Callable[..., Any]


class CompatObject:
    """Constructor arguments and attributes of earlier versions."""

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        """The constructor of the generated class for `core`."""
        args, kwargs = arguments.of_constructor(self, plain(args), plain(kwargs), by_gazelle)
        core.__init__(self, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = attributes.attribute(self, name)
        if found is NOTHING:
            own = getattr(type(self), name, None)
            if isinstance(own, property) and own.fget is not None:
                return own.fget(self)  # it raised AttributeError: raise it again with its own message
            kind = type(self).__name__
            raise AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=self)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in attributes.ASSIGNED or attributes.assign(self, name, value) is NOTHING:
            super().__setattr__(name, value)


def _numbers_of_objects(value: Any) -> Any:
    """Arrays of objects that are all numbers, as numbers: earlier Keras converted them."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.astype("float32") if all(isinstance(one, numbers.Number) for one in value.flat) else value
    if type(value) in (list, tuple) and any(isinstance(one, (np.ndarray, tuple, list, dict)) for one in value[:9]):
        return type(value)(map(_numbers_of_objects, value))
    if type(value) is dict:
        return {key: _numbers_of_objects(one) for key, one in value.items()}
    return value


def _translated_method(name: str) -> Function:
    """A method of models that also takes the arguments of earlier versions."""

    @functools.wraps(getattr(Model, name))
    @filtered
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = _numbers_of_objects(plain(args)), _numbers_of_objects(plain(kwargs))
        args, kwargs = arguments.of_method(self, name, args, kwargs, called_by_gazelle(2))
        if name == "fit" and len(args) > 4:  # `verbose` by position
            args = (*args[:4], renamed_arguments.value("verbose", args[4], era.number()), *args[5:])
        if "verbose" in kwargs:
            kwargs["verbose"] = renamed_arguments.value("verbose", kwargs["verbose"], era.number())
        with warn_of_broadcasting():
            out = _or_on_values(self, getattr(super(ModelMixin, self), name), args, kwargs)
        if name == "compile":
            adopt(self.optimizer)
        if name.startswith("predict"):
            return one_element.as_numbers(out)
        return adopt(out) if name == "fit" else LoadStatus(out) if name == "load_weights" else out

    return method


def _or_on_values(model: Any, method: Function, args: Any, kwargs: Any) -> Any:
    """Call a method of a model; if its program would need values of tensors, which only Python has, uncompiled."""
    try:
        return method(*args, **kwargs)
    except Exception as error:
        if model.run_eagerly or facade.calls is None or not facade.calls.may_compute_values(error):
            raise
        if any("callbacks" in frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)):
            raise  # a callback of the program needed the value, after steps that were run
        text = f"The steps of model '{model.name}' need the values of tensors, so they run as plain Python, uncompiled."
        warn(f"{text}\nThe result is the same, but slower.")
        model.run_eagerly = True
    return method(*args, **kwargs)


def _initial_state(original: Function) -> Function:
    """`get_initial_state` of recurrent layers and cells, which took the inputs and a dtype in Keras 2."""

    @functools.wraps(original)
    def called(self: Any, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        if batch_size is None:
            batch_size = inputs.shape[0] if getattr(inputs, "shape", ()) else inputs
        return original(self, batch_size)

    return called


class LayerMixin(CompatObject):
    """Layers."""

    _wrapped_methods = {"get_initial_state": _initial_state}
    add_weight: Function

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        super()._construct(core, args, kwargs, by_gazelle)
        values: list[Any] = list(vars(self).values())
        for value in values:
            if isinstance(value, Layer | Regularizer | Constraint) and id(value) != id(self):
                adopt(value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not is_generated(cls) and "call" in cls.__dict__:
            cls.call = _call_on_tensors(cls.__dict__["call"])  # type: ignore[attr-defined]

    @filtered
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if facade.calls is not None:
            out = facade.calls.layer_call(super().__call__, self, args, kwargs)  # type: ignore[misc]
        else:
            out = super().__call__(*args, **kwargs)  # type: ignore[misc]
        for tensor in symbolic.leaves(out):
            if type(tensor) is KerasTensor:
                tensor.__class__ = SymbolicTensor
        return out

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        try:
            return super()._call_symbolic(args, kwargs)  # type: ignore[misc]
        except Exception as error:
            if facade.calls is None or not facade.calls.may_compute_values(error):
                raise
            outputs = self._call_on_values(args, kwargs)
            symbolic.Node(self, args, kwargs, outputs)
            return outputs

    def _call_arrays(self, *args: Any, **kwargs: Any) -> Any:
        out = super()._call_arrays(*args, **kwargs)  # type: ignore[misc]
        return out if facade.calls is None else facade.calls.unbox(out)

    @property
    def losses(self) -> list[Any]:
        values: list[Any] = super().losses  # type: ignore[misc]
        return values if facade.calls is None else facade.calls.losses(self, values)

    def get_weights(self) -> list[Any]:
        return [one_element.as_numbers(array) for array in super().get_weights()]  # type: ignore[misc]

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        """The layer and those inside of it, as packages for Keras 3 list them."""
        this: Any = self
        found = list(weight_tree.named_layers(this).values())[1:] if recursive else weight_tree.sublayers(this)
        return [this, *found] if include_self else found

    def _automatic_name(self) -> str:
        kind = snake(type(self).__name__)
        count = names.count("layers", kind)
        return attributes.automatic_name(kind, count, names.numbered(kind, count))


def _add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
    args, kwargs = arguments.of_method(self, "add_weight", args, kwargs, called_by_gazelle(1))
    made = adopt(super(LayerMixin, self).add_weight(*args, **kwargs))
    return made if facade.calls is None else facade.calls.remembered(made)


LayerMixin.add_weight = _add_weight


def _call_on_tensors(call: Function) -> Function:
    """`call` of a user-defined layer: it receives tensors if its module imports tensorflow."""
    compiled = call

    @functools.wraps(call)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal compiled
        if facade.calls is None or not facade.serves_function(call):
            return call(self, *args, **kwargs)
        try:
            return facade.calls.user_defined_call(functools.partial(compiled, self), args, kwargs)
        except Exception as error:
            other = facade.calls.without_values(call, error) if compiled is call else None
            if other is None:
                raise
            compiled = other
        return facade.calls.user_defined_call(functools.partial(compiled, self), args, kwargs)

    return called


class SymbolicTensor(KerasTensor):
    """A symbolic tensor with the attributes of earlier versions."""

    @property
    def node(self) -> Any:
        """The call that made the tensor."""
        node = self.__dict__["node"]
        if type(node) is Node:
            node.__class__ = attributes.CompatNode
        return node

    @node.setter
    def node(self, node: Any) -> None:
        self.__dict__["node"] = node

    _keras_shape = property(lambda self: self.shape)

    def get_shape(self) -> TensorShape:
        """Return the shape as TensorFlow returned it."""
        return TensorShape(self.shape)

    def set_shape(self, shape: Any) -> None:
        """Replace the unknown sizes by those of a shape."""
        self.shape = tuple(b if a is None else a for a, b in zip(self.shape, shape, strict=True))

    _uses_learning_phase = False
    op = OldVariable.op

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Return the value, computed from those of the inputs in `feed_dict`."""
        from gazelle.compat.backend.sessions import get_session

        return get_session().run(self, feed_dict)

    @property
    def _keras_mask(self) -> Any:
        return None if self.mask is None else SymbolicTensor(self.mask, "bool")

    @_keras_mask.setter
    def _keras_mask(self, mask: Any) -> None:
        self.mask = None if mask is None else mask.shape

    @property
    def accepts_any_rank(self) -> bool:  # type: ignore[override]
        return era.number() < 3  # in Keras 1 and 2 a model did not check its input; each layer did

    @property
    def accepts_other_sizes(self) -> bool:  # type: ignore[override]
        return not era.standalone()  # tf.keras of TensorFlow 2.0 to 2.15 only warned


SymbolicTensor.derived = SymbolicTensor


class VariableMixin(RecordedVariable):
    """Variables."""

    _construct = CompatObject._construct

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes along the axes; programs that import tensorflow receive a `TensorShape`."""
        sizes = super().shape
        return sizes if facade.calls is None or called_by_gazelle(1) else TensorShape(sizes)


class ArraySteps:
    """Base class after user-defined steps: gazelle's steps, which take arrays."""

    def train_step(self, *given: Any) -> Any:
        return super().train_step(*_arrays(given))  # type: ignore[misc]

    def test_step(self, *given: Any) -> Any:
        return super().test_step(*_arrays(given))  # type: ignore[misc]

    def predict_step(self, *given: Any) -> Any:
        return super().predict_step(*_arrays(given))  # type: ignore[misc]


def _arrays(tree: Any) -> Any:
    return tree if facade.calls is None else facade.calls.unbox(tree)


class ModelMixin:
    """Models."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("_core") is Model and (args or not {"inputs", "input"}.isdisjoint(kwargs)):
            cls = compat_class(Functional)
        return object.__new__(cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if is_generated(cls):
            return
        for name in STEPS:
            if name in cls.__dict__:
                setattr(cls, name, _step_on_tensors(cls.__dict__[name]))
        if "compute_loss" in cls.__dict__:
            cls.compute_loss = _loss_as_array(cls.__dict__["compute_loss"])  # type: ignore[attr-defined]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model; `call` of models without one of their own ignores keywords that it does not have."""
        if kwargs and type(self).call.__module__.startswith("gazelle."):  # type: ignore[attr-defined]
            unknown = sorted(kwargs.keys() - {"inputs", "training", "mask"})
            if unknown:
                warn(f"Model '{self.name}' ignores {', '.join(unknown)}.")  # type: ignore[attr-defined]
                kwargs = {name: value for name, value in kwargs.items() if name not in unknown}
        return super().__call__(*args, **kwargs)  # type: ignore[misc]

    @property
    def loss(self) -> Any:
        return _as_given(Model.loss.fget(self))  # type: ignore[attr-defined]

    @loss.setter
    def loss(self, loss: Any) -> None:
        Model.loss.fset(self, plain(loss))  # type: ignore[attr-defined]

    @property
    def layers(self) -> list[Any]:
        return attributes.layers(self, super().layers)  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        names: list[str] = super().metrics_names  # type: ignore[misc]
        return logs.metrics_names(self, names) if era.number() < 3 else names

    def _callback_params(self, callbacks: Any, source: Any, validation: Any, params: dict[str, Any]) -> dict[str, Any]:
        return logs.callback_params((callbacks, source, validation), params) if era.number() < 3 else params

    @classmethod
    def from_config(cls, *args: Any, **kwargs: Any) -> Any:
        return adopt(super().from_config(*args, **kwargs))  # type: ignore[misc]


class TextVectorizationMixin:
    """TextVectorization, whose `ragged=True` gives a ragged tensor while the facade is active."""

    _ragged = False

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        ragged = facade.calls is not None and bool(kwargs.get("ragged"))
        kwargs = {name: value for name, value in kwargs.items() if name != "ragged" or not ragged}
        super()._construct(core, args, kwargs, by_gazelle)  # type: ignore[misc]
        self._ragged = ragged

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        out = super().__call__(inputs, *args, **kwargs)  # type: ignore[misc]
        return facade.calls.without_zeros(out) if self._ragged and not symbolic.is_symbolic(out) else out


class LoadStatus(list[str]):
    """What `load_weights` of tf.keras returned for a checkpoint: its checks have been done by then."""

    def expect_partial(self) -> LoadStatus:
        """Accept that the checkpoint has other values too."""
        return self

    assert_consumed = assert_existing_objects_matched = assert_nontrivial_match = run_restore_ops = expect_partial

    def _ipython_display_(self) -> None:
        """Print nothing where a cell ends in the call."""


for _name in listed("""compile evaluate fit load_weights predict predict_on_batch save save_weights test_on_batch
    train_on_batch"""):
    setattr(ModelMixin, _name, _translated_method(_name))


def _as_given(loss: Any) -> Any:
    """What `compile` was given: functions of the namespaces, which take tensors."""
    if isinstance(loss, (list, tuple)):
        return type(loss)(map(_as_given, loss))
    if isinstance(loss, dict):
        return {name: _as_given(value) for name, value in loss.items()}
    return namespaces.converted(loss) if isinstance(loss, FunctionType) else loss


def _step_on_tensors(step: Function) -> Function:
    """A user-defined `train_step(self, data)`: it receives tensors if its module imports tensorflow."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if sum(p.kind in kinds and p.default is p.empty for p in inspect.signature(step).parameters.values()) != 2:
        return step  # (self, state, data): a pure step takes arrays

    @functools.wraps(step)
    def called(self: Any, data: Any) -> Any:
        if facade.calls is None or facade.calls.has_box(data):
            return step(self, data)
        return facade.calls.unbox(step(self, facade.calls.boxed(data) if facade.serves_function(step) else data))

    return called


def _loss_as_array(compute_loss: Function) -> Function:
    """A user-defined `compute_loss`: called on arrays, it returns an array."""

    @functools.wraps(compute_loss)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = compute_loss(self, *args, **kwargs)
        if facade.calls is None or facade.calls.has_box((args, kwargs)):
            return out
        return facade.calls.unbox(out)

    return called


class SequentialMixin:
    """Sequential models."""

    def _set_chain(self) -> None:
        super()._set_chain()  # type: ignore[misc]
        adopt(getattr(self, "_head", None))


def _on_tensors(original: Function) -> Function:
    """A method of arrays that tapes record if a program calls it on tensors or variables."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if facade.calls is None or not facade.calls.is_recorded(args, kwargs):
            return original(self, *args, **kwargs)
        return facade.calls.function_call(original, (self, *args), kwargs)

    return called


class RegularizerMixin(CompatObject):
    """Regularizers and constraints."""

    _wrapped_methods = {"__call__": _on_tensors}


class LossMixin(CompatObject):
    """Losses."""

    _wrapped_methods = {"call": _on_tensors}

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        args, kwargs = tuple(map(_reduction, args)), {name: _reduction(value) for name, value in kwargs.items()}
        super()._construct(core, args, kwargs, by_gazelle)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with warn_of_broadcasting():
            if facade.calls is None:
                return super().__call__(*args, **kwargs)  # type: ignore[misc]
            return facade.calls.loss_call(super().__call__, self, args, kwargs)  # type: ignore[misc]


def _reduction(value: Any) -> Any:
    return "sum_over_batch_size" if isinstance(value, str) and value == "auto" else value


def _boxing(original: Function) -> Function:
    """A method that returns tensors outside of compiled steps."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = original(self, *_arrays(args), **_arrays(kwargs))
        return out if facade.calls is None or not facade.serves_caller() else facade.calls.as_tensors(out)

    return called


def _unboxing_arguments(original: Function) -> Function:
    """A method that receives arrays in place of tensors."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        with warn_of_broadcasting():
            return original(self, *_arrays(args), **_arrays(kwargs))

    return called


class MetricMixin(CompatObject):
    """Metrics."""

    _wrapped_methods = {"__call__": _boxing, "result": _boxing, "update_state": _unboxing_arguments}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not is_generated(cls) and "result" in cls.__dict__:
            cls.result = _boxing(cls.__dict__["result"])  # type: ignore[attr-defined]

    def reset_states(self) -> None:
        """Call `reset_state`, which had this name in TensorFlow."""
        self.reset_state()


class OptimizerMixin(CompatObject):
    """Optimizers."""

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if core is Optimizer and args and isinstance(args[0], str):  # the base class of Keras 2 took its name first
            args, kwargs = (0.001, *args[1:]), {**kwargs, "name": args[0]}
        if graph_optimizers.is_user_defined(self):
            graph_optimizers.convert(self)
            kwargs = kwargs if args else {"learning_rate": 0.0, **kwargs}
        super()._construct(core, args, kwargs, by_gazelle)

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        return super().apply(*_arrays(args), **_arrays(kwargs))  # type: ignore[misc]

    def minimize(self, loss: Any, *args: Any, **kwargs: Any) -> Any:
        """Take one step on `loss`: a function without arguments, a tensor of a tape, or one of a graph for later."""
        if symbolic.is_symbolic(loss):
            return _graphs().minimize(self, loss, *args, **kwargs)
        from gazelle.compat.tensorflow import model_calls

        return model_calls.minimize(self, loss, *args, **kwargs)

    def compute_gradients(self, loss: Any, *args: Any, **kwargs: Any) -> Any:
        return _graphs().compute_gradients(self, loss, *args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
        pairs = list(grads_and_vars)
        if any(symbolic.is_symbolic(gradient) for gradient, _ in pairs):
            return _graphs().apply_gradients(self, pairs, *args, **kwargs)
        return super().apply_gradients(pairs, *args, **kwargs)  # type: ignore[misc]


def _graphs() -> Any:
    from gazelle.compat.tensorflow import graphs

    return graphs


class LossScaleMixin:
    """The loss scaling of mixed precision."""

    def get_scaled_loss(self, loss: Any) -> Any:
        return self.scale_loss(loss)  # type: ignore[attr-defined]

    def get_unscaled_gradients(self, grads: Any) -> Any:
        return grads  # `apply` scales them back


class NormalizationMixin:
    """The layer `Normalization`."""

    @property
    def mean(self) -> Any:
        return _for_program(super().mean, called_by_gazelle(1))  # type: ignore[misc]

    @property
    def variance(self) -> Any:
        return _for_program(super().variance, called_by_gazelle(1))  # type: ignore[misc]


def _for_program(value: Any, by_gazelle: bool) -> Any:
    """An array in an attribute; programs receive a tensor while the facade is active."""
    return value if facade.calls is None or by_gazelle or not facade.serves_caller() else facade.calls.boxed(value)


class MergeMixin:
    """Masks of merged inputs in Keras 1 and 2: the conjunction of the masks of all inputs that have one."""

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if era.number() == 3:
            return super().compute_mask(inputs, mask)  # type: ignore[misc]
        known = [each for each in mask or () if each is not None]
        return functools.reduce(jnp.logical_and, known) if known else None


class ConcatenateMixin:
    """The mask of concatenated inputs in Keras 1 and 2."""

    def _joined_mask(self, joined: Any) -> Any:
        if era.number() == 3:
            return super()._joined_mask(joined)  # type: ignore[misc]
        return jnp.all(joined, axis=-1)


class MonitorMixin:
    """Callbacks that compare a name of the logs: Keras warns of one that is not there."""

    def _current(self, logs: dict[str, Any] | None) -> float | None:
        try:
            found: float | None = super()._current(logs)  # type: ignore[misc]
        except ArgumentError as error:
            warn(str(error))
            return None
        return found


_MIXINS: dict[Any, type] = {
    Layer: LayerMixin,
    Model: ModelMixin,
    Sequential: SequentialMixin,
    Loss: LossMixin,
    Metric: MetricMixin,
    Optimizer: OptimizerMixin,
    LossScaleOptimizer: LossScaleMixin,
    _Merge: MergeMixin,
    Concatenate: ConcatenateMixin,
    Monitor: MonitorMixin,
    Normalization: NormalizationMixin,
    KerasTensor: SymbolicTensor,
    Variable: VariableMixin,
    TextVectorization: TextVectorizationMixin,
    **dict.fromkeys((MultiHeadAttention, GroupQueryAttention), AttentionMixin),
    **dict.fromkeys((Regularizer, Constraint), RegularizerMixin),
    **dict.fromkeys((LearningRateSchedule, Initializer, Callback), CompatObject),
}
MIXINS.update(_MIXINS)
ROOTS.extend((Layer, Loss, Metric, Optimizer, LearningRateSchedule, Initializer, Regularizer, Constraint, Callback))
