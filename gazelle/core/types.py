"""Type aliases of public signatures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, Union

import jax
import numpy as np

if TYPE_CHECKING:
    from gazelle.constraints import Constraint
    from gazelle.core.policies import DTypePolicy
    from gazelle.core.prng import SeedGenerator
    from gazelle.core.symbolic import KerasTensor
    from gazelle.core.variable import Variable
    from gazelle.initializers import Initializer
    from gazelle.losses import Loss
    from gazelle.metrics import Metric
    from gazelle.optimizers import Optimizer
    from gazelle.regularizers import Regularizer

T = TypeVar("T")
#: an array of the device or of NumPy, where the result is of the same kind
ArrayT = TypeVar("ArrayT", jax.Array, np.ndarray)


class Indexable(Protocol):
    """Samples or batches with numbers."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


#: a concrete array of the device; computations return it
Array: TypeAlias = jax.Array
#: what functions accept as an array: arrays, symbolic tensors, variables, numbers, nested lists of numbers
ArrayLike: TypeAlias = Union[
    jax.Array, np.ndarray, np.generic, bool, int, float, complex, Sequence["ArrayLike"], "KerasTensor", "Variable"
]
#: a value, or values in lists, tuples and dicts
Nested: TypeAlias = Union[T, Sequence["Nested[T]"], Mapping[str, "Nested[T]"]]
#: arrays in lists, tuples, dicts and other containers known to JAX, or one array: a union would forbid `tree["x"][0]`
Tree: TypeAlias = Any
#: an object of another package that need not be installed: a data frame, a column, a dataset, a tensor
Foreign: TypeAlias = Any
#: sizes along the axes; None is an unknown size
Shape: TypeAlias = Sequence[int | None]
#: the shape of a new array: sizes, one size, or an array of sizes
ShapeLike: TypeAlias = Union[int, Sequence[int], jax.Array, np.ndarray]
#: one axis, several, or None for all
AxisLike: TypeAlias = Union[int, Sequence[int], None]
#: an integer, a generator, a key of JAX, or None for the generator of the process
SeedLike: TypeAlias = Union[int, "SeedGenerator", jax.Array, None]
#: 'float32', np.float32, np.dtype('float32')
DTypeLike: TypeAlias = Union[str, np.dtype, type]
#: a dtype or a dtype policy, by name or as an object
PolicyLike: TypeAlias = Union[str, np.dtype, type, "DTypePolicy", Mapping[str, Any], None]
PathLike: TypeAlias = str | os.PathLike[str]
#: what `get_config` returns: values that JSON can hold
Config: TypeAlias = dict[str, Any]
#: an object of a family, its name, its config, or a function
ActivationLike: TypeAlias = Union[str, Callable[..., Any], Mapping[str, Any], None]
InitializerLike: TypeAlias = Union["Initializer", str, Callable[..., Any], Mapping[str, Any], np.ndarray, None]
RegularizerLike: TypeAlias = Union["Regularizer", str, Callable[..., Any], Mapping[str, Any], None]
ConstraintLike: TypeAlias = Union["Constraint", str, Callable[..., Any], Mapping[str, Any], None]
LossLike: TypeAlias = Union["Loss", str, Callable[..., Any], Mapping[str, Any], None]
MetricLike: TypeAlias = Union["Metric", str, Callable[..., Any], Mapping[str, Any], None]
OptimizerLike: TypeAlias = Union["Optimizer", str, Mapping[str, Any]]
#: samples as users pass them: arrays, data frames, structures of these, generators, datasets
Data: TypeAlias = Union[Nested[ArrayLike], Iterable[Any], Indexable]
#: outputs of a model as NumPy arrays: typed as one array; of several outputs a list or dict of them
Outputs: TypeAlias = np.ndarray[Any, Any]
#: the loss, or a list of the loss and metrics: a union would forbid `loss, accuracy = model.evaluate(x, y)`
Scores: TypeAlias = Any
#: one symbolic tensor, or several in lists and dicts: a union would forbid `model.output.shape`
Symbolic: TypeAlias = Any
#: one shape, or several in lists and dicts: a union would forbid `model.output_shape[-1]`
Shapes: TypeAlias = Any
#: logs {name: value}, or (logs, state) of a pure step: a union would forbid `super().train_step(data)["loss"]`
StepResult: TypeAlias = Any
#: the config of an object, or another value of JSON: a union would forbid `serialize_keras_object(layer)["config"]`
Serialized: TypeAlias = Any
#: the object described by a config
Deserialized: TypeAlias = Any
