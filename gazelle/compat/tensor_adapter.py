"""What `gazelle.compat.mixins` calls while a program computes with tensors of TensorFlow or PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from gazelle.compat.era import NOTHING
from gazelle.compat.types import (
    Arguments,
    Function,
    Keywords,
    NamedObject,
    Nested,
    ShapeLike,
    TensorLike,
    TensorResult,
)
from gazelle.core.errors import StateError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.data.dataset import Dataset
from gazelle.layers import Layer
from gazelle.losses import Loss
from gazelle.models import Model

T = TypeVar("T")


class TensorAdapter(ABC):
    """Converts between the arrays of gazelle and the tensors of a library, and calls functions of arrays on tensors.

    gazelle's own classes know nothing of it. A function that `original` or `function` stands for takes arrays.
    """

    #: whether all code of a program receives tensors, not only that of modules that import the library
    serves_all: ClassVar[bool] = False

    @staticmethod
    @abstractmethod
    def boxed(tree: Tree) -> Tree:
        """Replace the arrays in a tree by tensors."""

    @staticmethod
    @abstractmethod
    def unbox(tree: Tree) -> Tree:
        """Replace the tensors in a tree by arrays."""

    @staticmethod
    @abstractmethod
    def is_box(value: NamedObject) -> bool:
        """Whether a value is a tensor of the library."""

    @staticmethod
    @abstractmethod
    def has_box(tree: Tree) -> bool:
        """Whether there is a tensor of the library in a tree."""

    @staticmethod
    @abstractmethod
    def is_recorded(args: Arguments, kwargs: Keywords) -> bool:
        """Whether tensors or variables are given, whose computation the library records."""

    @staticmethod
    @abstractmethod
    def layer_call(original: Function, layer: Layer, args: Arguments, kwargs: Keywords) -> Tree:
        """Call a layer."""

    @staticmethod
    @abstractmethod
    def user_defined_call(call: Function, args: Arguments, kwargs: Keywords) -> Tree:
        """Run the `call` of a user-defined layer, which gazelle calls on arrays: on tensors, converting the result."""

    @staticmethod
    @abstractmethod
    def loss_call(original: Function, loss: Loss, args: Arguments, kwargs: Keywords) -> Tree:
        """Call a loss."""

    @staticmethod
    @abstractmethod
    def function_call(function: Function, args: Arguments, kwargs: Keywords) -> Tree:
        """Call a function of `keras.losses`, `metrics` or `activations`, which may receive tensors."""

    @staticmethod
    @abstractmethod
    def run_step(step: Function, model: Model, data: Tree) -> Tree:
        """Run a user-defined step of a model."""

    @staticmethod
    @abstractmethod
    def result_of_ops(out: Tree, args: Arguments, kwargs: Keywords) -> Tree:
        """The arrays that a function of `keras.ops` returns to a program, as tensors."""

    @staticmethod
    @abstractmethod
    def as_tensors(out: Tree) -> Tree:
        """The result of a metric as a tensor for a program."""

    @staticmethod
    @abstractmethod
    def tensors_of_program() -> type[TensorWrapper] | None:
        """The class that records what a program computes with variables; None where they are arrays."""

    @staticmethod
    @abstractmethod
    def losses(layer: Layer, values: list[Any]) -> list[Any]:
        """`layer.losses` as tensors that are recorded."""

    @staticmethod
    @abstractmethod
    def may_compute_values(error: Exception) -> bool:
        """Whether an error means that code of a program needs values, which a trace does not have."""

    @staticmethod
    def plain_function(function: Function, args: Arguments, kwargs: Keywords) -> NamedObject:
        """Call a function of `keras.ops` and `keras.random` that is no op; NOTHING if it takes what is given."""
        return NOTHING

    @staticmethod
    def needs_tape(error: Exception) -> bool:
        """Whether a step must run again with a tape."""
        return False

    @staticmethod
    def without_values(function: Function, error: Exception) -> Function | None:
        """The function with conditions on tensors compiled, if an error in it means that a value was needed."""
        return None

    @staticmethod
    def variable_value(variable: Variable) -> TensorResult:
        """`variable.value` of Keras 3 for a program."""
        return variable

    @staticmethod
    def attribute_value(instance: object, value: T) -> T:
        """What an attribute of a layer, loss or metric is set to."""
        return value

    @staticmethod
    def as_dtype(dtype: str) -> NamedObject:
        """The dtype of a variable or layer for a program."""
        return dtype

    @staticmethod
    def remembered(variable: T) -> T:
        """Prepare a new weight of a layer."""
        return variable

    @staticmethod
    def datasets(out: Nested[Dataset]) -> NamedObject:
        """The datasets that a function of Keras returns, as those of the library."""
        return out

    @staticmethod
    def mark(tensor: KerasTensor) -> None:
        """Prepare a symbolic tensor that a layer returns."""
        return

    @staticmethod
    def resume() -> None:
        """Set values that waited for the weights of a layer, after it was built."""
        return

    @staticmethod
    def update_weights(layer: Layer) -> None:
        """Give the variables the values of their tensors, before and after a method of a model."""
        return

    @staticmethod
    def prepare_uncompiled(model: Model) -> None:
        """Prepare a model whose steps run uncompiled."""
        return

    @staticmethod
    def text_of_variable(variable: Variable, name: str) -> str:
        """The text of a variable before Keras 3."""
        return repr(variable)

    @staticmethod
    def text_weight(shape: ShapeLike, initializer: object, name: str | None) -> TensorResult:
        """A weight of a layer that holds strings."""
        raise StateError(message(f"Weight {name!r}", expected="numbers", got="dtype='string'"))

    @staticmethod
    def without_zeros(tokens: TensorLike) -> TensorResult:
        """Rows without the zeros at their end, for `TextVectorization(ragged=True)`."""
        raise StateError(message("Ragged results", expected="tensors of TensorFlow", got="another library"))

    @staticmethod
    def sparse_tensor(made: Iterable[TensorLike]) -> TensorResult:
        """A sparse tensor of `keras.backend`, from indices, values and a shape."""
        return tuple(made)
