"""`tf.Variable`: gazelle's Variable with the operators and methods of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.backend.functions import eval as evaluate
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.old_variable import TensorShape, reference
from gazelle.compat.operators import add_operators
from gazelle.compat.recorded_variable import RecordedVariable
from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.dtypes import DType, host_array, name_of
from gazelle.compat.tensorflow.eager import float64
from gazelle.compat.tensorflow.eager.programs import FunctionTrace, NotCompilableError, TracedVariableError
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.tensor import Tensor, operate, shown
from gazelle.compat.tensorflow.text_variable import TextVariable, holds_text
from gazelle.compat.tensorflow.variable_names import prefix
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.dtypes import check_range, device_dtype
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Array
from gazelle.core.variable import Variable
from gazelle.optimizers import learning_rate as rates
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.schedules import LearningRateSchedule


class VariableSlice(Tensor):
    """`variable[index]`: a tensor that can be assigned to."""

    __slots__ = ("index", "variable")

    def __init__(self, tensor: Tensor, variable: TensorLike, index: TensorLike) -> None:
        super().__init__(tensor.array)
        self.variable, self.index = variable, index

    def assign(self, value: TensorLike) -> TensorResult:
        """Assign this part of the variable."""
        whole = jnp.asarray(unboxed(self.variable.read_value()))
        return self.variable.assign(whole.at[unboxed(self.index)].set(jnp.asarray(unboxed(value), whole.dtype)))


class VariableValue(Tensor):
    """`variable.value`: the value in Keras; TensorFlow calls it."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: TensorLike) -> None:
        super().__init__(tensor.array)  # the array that tapes have recorded
        self.tensor = tensor

    def __call__(self) -> TensorResult:
        return self.tensor


class ScheduledRate(Tensor):
    """`optimizer.learning_rate` of a schedule: the value now; before TensorFlow 2.11 it was the schedule itself."""

    __slots__ = ("schedule",)

    def __init__(self, rate: TensorLike, schedule: LearningRateSchedule) -> None:
        super().__init__(rate)
        self.schedule = schedule

    def __call__(self, step: TensorLike) -> TensorResult:
        return self.schedule(step)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.schedule, name)

    @classmethod
    def of(cls, optimizer: Optimizer) -> TensorResult:
        """The learning rate of an optimizer in a program for TensorFlow."""
        rate, schedule = optimizer.learning_rate, vars(optimizer).get("_learning_rate")
        if era.standalone() or not isinstance(schedule, LearningRateSchedule):
            return rate
        if era.is_tf_keras_since_2_11():  # the rate of the last update
            rate = rates.at_step(schedule, jnp.maximum(optimizer.iterations.value - 1, 0))
        return cls(rate, schedule)


class IndexedSlices:
    """`tf.IndexedSlices`: rows and their indices."""

    def __init__(self, values: TensorLike, indices: TensorLike, dense_shape: ShapeLike | None = None) -> None:
        self.values, self.indices, self.dense_shape = values, indices, dense_shape

    def dense(self, shape: ShapeLike) -> Array:
        """The array of this shape, with 0 in the other rows; values of equal rows are added."""
        values = jnp.asarray(unboxed(self.values))
        return jnp.zeros(tuple(shape), values.dtype).at[_as_indices(self.indices)].add(values)


class _Meta(type):
    def __instancecheck__(cls, value: Any) -> bool:  # weights of layers are variables, too
        return (
            isinstance(value, Variable | TextVariable)
            if cls is TensorFlowVariable
            else super().__instancecheck__(value)
        )

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        initial = kwargs.get("initial_value", args[0] if args else None)
        is_text = "dtype" in kwargs and name_of(kwargs["dtype"]) == "string"  # also without any
        if cls is TensorFlowVariable and (is_text or holds_text(initial)):
            return TextVariable(initial, kwargs.get("name"), kwargs.get("trainable"))
        made = cls.graph_variable(*args, **kwargs) if cls is TensorFlowVariable else None
        return super().__call__(*args, **kwargs) if made is None else made


class TensorFlowVariable(RecordedVariable, Variable, metaclass=_Meta):
    """`tf.Variable(initial_value, trainable)`.

    >>> v = TensorFlowVariable(2.0)
    >>> v.assign_add(1.0).numpy().item(), (v * v).numpy().item()
    (3.0, 9.0)
    """

    graph_variable: Callable[..., Any]  # of `graphs`: a variable of a graph of TensorFlow 1, or None

    @ignores(
        "validate_shape@3 caching_device@4 variable_def@6 import_scope@8 synchronization@10 aggregation@11"
        " experimental_enable_variable_lifting"
    )
    def __init__(
        self,
        initial_value: TensorLike = None,
        trainable: bool | None = True,
        name: str | None = None,
        dtype: DTypeLike = None,
        constraint: Callable[[Any], Any] | None = None,
        shape: ShapeLike | None = None,
    ) -> None:
        float64.request(dtype)
        value = unboxed(initial_value() if callable(initial_value) else initial_value)
        if isinstance(value, KerasTensor):  # of a graph, such as random numbers
            value = evaluate(value)
        if isinstance(value, list | tuple) and _has_tensor(value):
            value = jnp.stack([jnp.asarray(unboxed(v)) for v in value])
        if not isinstance(value, jax.Array):
            value = host_array(value, dtype)
        if isinstance(value, jax.core.Tracer) and isinstance(tracing.current(), FunctionTrace):
            raise TracedVariableError
        if not isinstance(value, jax.Array) and value.dtype.kind in "iuf":  # JAX has 32 bits by default
            check_range(f"The value of tf.Variable {name or ''!r}", value)
            value = value.astype(device_dtype(value.dtype))
        super().__init__(
            value,
            dtype="float64" if dtype is None and value.dtype == "float64" else dtype,
            trainable=trainable is not False,
            name=f"{prefix()}{name or 'Variable'}:0",
            constraint=constraint,
        )
        self.dtype = DType(self.dtype)
        self.persistent = era.number() < 3  # no weight of a layer of Keras 3, which are variables of Keras
        given = shape if isinstance(shape, TensorShape) else TensorShape(shape or ())
        self._given_shape = None if given.is_fully_defined() else given

    @property
    def value(self) -> TensorResult:
        """The array for gazelle; for programs a tensor that can be called, too."""
        return Variable.value.fget(self) if called_by_gazelle(1) else VariableValue(self.read_value())

    _given_shape: TensorShape | None = None  # with unknown sizes, which assignments may change
    shape = property(lambda self: TensorShape(self._value.shape) if self._given_shape is None else self._given_shape)

    def numpy(self) -> TensorResult:
        """Return a copy of the values as a NumPy array; a scalar as a number."""
        array = super().numpy()
        return array if array.ndim else array[()]

    def read_value(self) -> TensorResult:
        """Return the value as a tensor, which tapes record."""
        return self + np.zeros((), self.dtype)

    ref = experimental_ref = reference
    __array_ufunc__ = Tensor.__array_ufunc__

    initialized_value = read_value

    def assign(self, value: TensorLike) -> TensorResult:
        new = self._converted(value)
        if self._given_shape is None or new.shape == self._full().shape:
            super().assign(new)
        elif isinstance(new, jax.core.Tracer) or tracing.is_traced():
            raise NotCompilableError("A variable that changes its shape is assigned by functions that run uncompiled.")
        else:
            self._given_shape.assert_is_compatible_with(new.shape)
            self._value = new
        return self

    def assign_add(self, delta: TensorLike) -> TensorResult:
        return self.assign(self._full() + self._converted(delta))

    def assign_sub(self, delta: TensorLike) -> TensorResult:
        return self.assign(self._full() - self._converted(delta))

    def _scatter(self, method: str, indices: Any, updates: Any) -> Any:
        return self.assign(getattr(jnp.asarray(self._full()).at[tuple(indices)], method)(self._converted(updates)))

    def _converted(self, value: Any) -> Any:
        """An array in the dtype of the variable; those with 64 bits have 32 on the device."""
        return jnp.asarray(unboxed(value), jax.dtypes.canonicalize_dtype(self.dtype))

    def sparse_read(self, indices: TensorLike) -> TensorResult:
        """Return the rows with these indices."""
        return NAMES["gather"](self, indices)

    def is_initialized(self) -> TensorResult:
        return NAMES["constant"](True)

    def gather_nd(self, indices: TensorLike) -> TensorResult:
        """Return the elements at these positions."""
        return NAMES["gather_nd"](self, indices)

    def __getitem__(self, index: Any) -> Any:
        array: Any = self + np.zeros((), self.dtype)
        return array[index] if isinstance(array, KerasTensor) else VariableSlice(array[index], self, index)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return text_of_variable(self, self.name)


def text_of_variable(variable: Variable, name: str) -> str:
    """The text of `tf.Variable`, with the value."""
    shape, dtype = tuple(variable.shape), name_of(variable.dtype)
    return f"<tf.Variable {name!r} shape={shape} dtype={dtype}, numpy={shown(variable.numpy()[()])}>"


def _as_indices(indices: Any) -> Any:
    return jnp.asarray(unboxed(indices), "int32")


def _has_tensor(values: Any) -> bool:
    return any(isinstance(v, Tensor | Variable | jax.Array) for v in values)


def _scatter_rows(method: str) -> Callable[..., Any]:
    def scatter(self: Any, sparse_delta: IndexedSlices) -> Any:
        return self._scatter(method, [_as_indices(sparse_delta.indices)], sparse_delta.values)

    return scatter


def _scatter_nd(method: str) -> Callable[..., Any]:
    def scatter(self: Any, indices: TensorLike, updates: TensorLike) -> Any:
        return self._scatter(method, jnp.moveaxis(_as_indices(indices), -1, 0), updates)

    return scatter


_SCATTERED = {"update": "set", "add": "add", "sub": "subtract", "max": "max", "min": "min"}
for _name, _method in {**_SCATTERED, "mul": "multiply", "div": "divide"}.items():
    setattr(TensorFlowVariable, f"scatter_{_name}", _scatter_rows(_method))
    setattr(TensorFlowVariable, f"scatter_nd_{_name}", _scatter_nd(_method))
add_operators(
    TensorFlowVariable, listed("add sub mul truediv floordiv mod pow matmul lt le gt ge eq ne neg abs"), operate
)
methods_ignore("use_locking name read_value")(TensorFlowVariable)
