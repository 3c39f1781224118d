"""Losses, metrics, regularizers, constraints and initializers: calls on tensors, and results of Keras 2."""

from __future__ import annotations

import copy
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import losses, ops
from gazelle.compat import era, facade
from gazelle.compat.arguments.columns import as_column, kind_of_targets
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.classes import adopt, core_class, plain
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import METRIC_RESULTS, CompatObject, Function, arrays_of, receiving_tensors
from gazelle.compat.mixins.masks import on_graph
from gazelle.compat.recorded_variable import has_variable, recorder_of_program
from gazelle.compat.types import TensorResult
from gazelle.core.errors import DataError, english
from gazelle.core.symbolic import any_symbolic
from gazelle.core.traceback import warn
from gazelle.core.types import Array, ArrayLike
from gazelle.core.variable import Variable
from gazelle.losses.target_shapes import TARGETS, broadcast_of_ranks, warn_of_broadcasting
from gazelle.metrics import Mean, MeanMetricWrapper
from gazelle.metrics.confusion import COUNTS


def _on_tensors(original: Function) -> Function:
    """A method of arrays that tapes record if a program calls it on tensors or variables; in graphs it is a node."""
    of_graph = on_graph(original)

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return of_graph(self, *args, **kwargs)
        if facade.adapter.is_recorded(args, kwargs):
            return facade.adapter.function_call(original, (self, *args), kwargs)
        kind = recorder_of_program() if has_variable((args, kwargs)) else None
        return original(self, *args, **kwargs) if kind is None else kind.dispatch(original, (self, *args), kwargs)

    return called


class Factor(float):
    """A number that programs for Keras 2 read as an array without axes."""

    dtype = np.dtype("float32")


class RegularizerMixin(CompatObject):
    """Regularizers and constraints."""

    _wrapped_methods = {"__call__": _on_tensors}
    _wrapped_in_programs = {"__call__": receiving_tensors}

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        super()._init_core(core, args, kwargs, by_gazelle)
        vars(self).update((name, Factor(value)) for name, value in vars(self).items() if type(value) is float)

    @ignores("_")
    def set_param(self) -> None:
        """Warn: a layer of Keras 1.0 passed its weight, which Keras 1.2 took from `add_weight` alone."""
        warn("set_param and set_layer of a regularizer have no effect: pass the regularizer to add_weight.")

    set_layer = set_param


def _on_columns(original: Function) -> Function:
    """A method of a program's class; until Keras 3, `fit` passed it labels (n,) as (n, 1)."""
    on_tensors = receiving_tensors(original)

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if args and self.receives_columns:
            args = (as_column(args[0]), *args[1:])
        return on_tensors(self, *args, **kwargs)

    return called


def _with_next_seed(original: Function) -> Function:
    """The call of an initializer; one with a seed drew other numbers in each call until Keras 3.

    Programs that import tensorflow receive a tensor.
    """

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        drawn = original(self, *args, **kwargs)
        if era.is_package_before_keras_3() and isinstance(getattr(self, "seed", None), int):
            self.seed += 1
        if called_by_gazelle(1) or not facade.serves_caller(besides_jax=False):
            return drawn
        return facade.adapter.boxed(drawn)

    return called


class InitializerMixin(CompatObject):
    """Initializers."""

    _wrapped_methods = {"__call__": _with_next_seed}

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if facade.adapter.has_tensors:  # those of TensorFlow 1 took the dtype, which a call is given too
            kwargs = {name: value for name, value in kwargs.items() if name != "dtype"}
        super()._init_core(core, args, kwargs, by_gazelle)


class LossMixin(CompatObject):
    """Losses."""

    _wrapped_methods = {"call": _on_tensors}
    _wrapped_in_programs = {"call": _on_columns}
    receives_columns = False

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if core is losses.Loss and era.number() < 3 and not by_gazelle:  # the base class took (reduction, name)
            args, kwargs = (), dict(zip(("reduction", "name"), args, strict=False)) | kwargs
        args, kwargs = tuple(map(_reduction, args)), {name: _reduction(value) for name, value in kwargs.items()}
        super()._init_core(core, args, kwargs, by_gazelle)

    @property
    def kind_of_targets(self) -> str:
        """What `losses.target_shapes.kind_of` returns for a loss of the program."""
        return kind_of_targets()

    def __call__(self, *args: Any, **kwargs: Any) -> TensorResult:
        original, broadcasts = super(LossMixin, _in_dtype_of_predictions(self, args, kwargs)).__call__, False
        if era.number() < 3 and isinstance(self, losses.LossFunctionWrapper) and not called_by_gazelle(1):
            args, kwargs, broadcasts = _in_ranks_of_tensorflow(args, kwargs)

        def compute(*args: Any, **kwargs: Any) -> Any:
            with warn_of_broadcasting(), broadcast_of_ranks(broadcasts):  # also for a tape
                return original(*args, **kwargs)

        return facade.adapter.loss_call(compute, self, args, kwargs)


def _in_dtype_of_predictions(loss: Any, args: Any, kwargs: Any) -> Any:
    """The loss, which tf.keras 2 computed in float64 for predictions of this dtype; Huber's has its own dtype."""
    predictions = args[1] if len(args) > 1 else kwargs.get("y_pred")
    is_wide = jax.config.jax_enable_x64 and str(getattr(plain(predictions), "dtype", "")) == "float64"
    if not is_wide or loss.dtype != "float32" or not era.is_tf_keras_2() or isinstance(loss, losses.Huber):
        return loss
    loss = copy.copy(loss)
    loss.dtype = "float64"
    return loss


def _in_ranks_of_tensorflow(args: Any, kwargs: Any) -> tuple[Any, Any, bool]:
    """Arguments of a loss that a program calls, and whether it broadcasts (n,) against (n, 1).

    tf.keras squeezed (n, 1) if both were tensors, so that the loss is one value; all else was broadcast. Weights (n, 1)
    of values (n,) were squeezed.
    """
    given = dict(zip(("y_true", "y_pred", "sample_weight"), args, strict=False)) | kwargs
    y, p, weight = (given.get(name) for name in ("y_true", "y_pred", "sample_weight"))
    rows, mismatch = _shape(weight), _is_vector_and_column(y, p)
    of_tensors = era.is_tf_keras_2() and not any(isinstance(value, (np.ndarray, list, tuple)) for value in (y, p))
    if mismatch and of_tensors and len(rows) != 1:  # weights (n,) were an error
        given["y_true"], given["y_pred"] = _as_vectors(y, p)
    elif len(rows) == max(len(_shape(y)), len(_shape(p))) == 2 and rows[1] == 1:
        given["sample_weight"] = jnp.asarray(plain(weight))[:, 0]
    return (), given, mismatch and not of_tensors


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(np.shape(value)) if hasattr(value, "shape") or isinstance(value, (list, tuple)) else ()


def _is_vector_and_column(y_true: Any, y_pred: Any) -> bool:
    shapes = _shape(y_true), _shape(y_pred)
    return sorted(map(len, shapes)) == [1, 2] and max(shapes, key=len)[1] == 1


def _as_vectors(*values: Any) -> list[Any]:
    return [value if len(_shape(value)) == 1 else value[:, 0] for value in values]


def _reduction(value: Any) -> Any:
    return "sum_over_batch_size" if isinstance(value, str) and value == "auto" else value


def _boxing(original: Function) -> Function:
    """A method that returns tensors outside of compiled steps."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = original(self, *arrays_of(args), **arrays_of(kwargs))
        if isinstance(out, Variable) and era.is_tf_keras_2():
            out = out.value  # of this moment
        return facade.adapter.as_tensors(out) if facade.serves_caller() else out

    return called


def _unboxing_arguments(original: Function) -> Function:
    """A method that receives arrays in place of tensors."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = arrays_of(args), arrays_of(kwargs)
        with warn_of_broadcasting():
            return original(self, *(args if called_by_gazelle(1) else _of_tf_keras(self, args)), **kwargs)

    return called


def _of_tf_keras(metric: Any, args: Any) -> Any:
    """Arguments of a metric that a program calls. tf.keras squeezed (n, 1) next to (n,), so that it has one value."""
    is_loss = era.is_tf_keras_2() and isinstance(metric, MeanMetricWrapper) and metric.fn in TARGETS
    if not is_loss or metric.fn.__module__ == "gazelle.metrics.accuracy" or len(args) != 2:
        return args
    return _as_vectors(*map(jnp.asarray, args)) if _is_vector_and_column(*args) else args


class IgnoredClassMixin:
    """SparseCategoricalCrossentropy: in tf.keras 2, samples of the ignored class do not count without weights, too."""

    @_unboxing_arguments
    def update_state(self, y_true: Array, y_pred: Array, sample_weight: ArrayLike | None = None) -> None:
        """Add the values of a batch to the mean."""
        if sample_weight is None and era.is_tf_keras_2() and self.fn_kwargs["ignore_class"] is not None:
            sample_weight = jnp.ones(jnp.shape(y_true)[: jnp.ndim(y_pred) - 1])
        core_class(type(self)).update_state(self, y_true, y_pred, sample_weight)


class OperatingPointMixin:
    """SensitivityAtSpecificity and SpecificityAtSensitivity: Keras 2.3 took the threshold nearest to the bound."""

    @_boxing
    def result(self) -> TensorResult:
        """Return the rate at the best threshold."""
        if not era.is_package_before_keras_3():
            return core_class(type(self)).result(self)
        tp, fp, tn, fn = (getattr(self, name).value for name in COUNTS)
        rates = {"sensitivity": ops.divide_no_nan(tp, tp + fn), "specificity": ops.divide_no_nan(tn, tn + fp)}
        bounded = "sensitivity" if hasattr(self, "sensitivity") else "specificity"
        bound, given = getattr(self, bounded), rates.pop(bounded)
        return rates.popitem()[1][jnp.argmin(jnp.abs(given - bound))]


class MetricMixin(CompatObject):
    """Metrics."""

    _wrapped_methods = {"result": _boxing, "update_state": _unboxing_arguments}
    _wrapped_in_programs = {"result": _boxing, "update_state": _on_columns}
    receives_columns = False

    @_boxing
    def __call__(self, *args: Any, **kwargs: Any) -> TensorResult:
        """Add a batch and return the result; of symbolic tensors, the result for each batch, for `add_metric`."""
        if not isinstance(self, Mean) or not any_symbolic(args, kwargs):
            args = args if called_by_gazelle(2) else _of_tf_keras(self, args)
            out = super().__call__(*args, **kwargs)
            METRIC_RESULTS.set(getattr(out, "array", out), True)
            return out
        first = [jnp.zeros_like(variable.value) for variable in self.variables]
        result = self._of_batch(args, kwargs, first)
        result.metric_name = self.name
        return result

    @on_graph
    def _of_batch(self, args: Any, kwargs: Any, first: Any) -> Any:
        return self.stateless_result(self.stateless_update_state(first, *args, **kwargs))

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Create a variable, whose name in tf.keras 2 is without that of the metric: `total:0`."""
        variable = super().add_variable(*args, **kwargs)
        if era.is_tf_keras_2():
            variable.path = variable.name
        return variable

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """Create a variable; before Keras 3 the name came first, and devices had settings."""
        if args and isinstance(args[0], str):
            order = ("name", "shape", "aggregation", "synchronization", "initializer", "dtype")
            args, kwargs = (), dict(zip(order, args, strict=False)) | kwargs
        kwargs = {name: value for name, value in kwargs.items() if name not in ("aggregation", "synchronization")}
        return adopt(super().add_weight(*args, **kwargs))

    def _check_labels(self, y_true: Any, units: int) -> None:
        try:
            super()._check_labels(y_true, units)
        except DataError as error:
            if not hasattr(self, "total_cm"):  # which leaves such labels out
                raise
            warn(f"{english(error)}\nThese labels are left out.")

    def reset_states(self) -> None:
        """Call `reset_state`, which had this name in TensorFlow."""
        self.reset_state()
