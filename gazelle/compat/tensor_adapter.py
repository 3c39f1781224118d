"""What `gazelle.compat.mixins` calls while a program computes with arrays, or with tensors of TensorFlow or PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from gazelle.compat.era import NOTHING
from gazelle.core.errors import StateError, message

if TYPE_CHECKING:
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
    from gazelle.core.symbolic import KerasTensor
    from gazelle.core.tensor_wrapper import TensorWrapper
    from gazelle.core.types import Tree
    from gazelle.core.variable import Variable
    from gazelle.data.dataset import Dataset
    from gazelle.layers import Layer
    from gazelle.losses import Loss
    from gazelle.models import Model

T = TypeVar("T")


class TensorAdapter:
    """Converts between the arrays of gazelle and the tensors of a library, and calls functions of arrays on tensors.

    This class is for programs that compute with arrays: nothing is converted. gazelle's own classes know nothing of it.
    A function that `original` or `function` stands for takes arrays.
    """

    #: whether programs compute with the tensors of a library
    has_tensors: ClassVar[bool] = False
    #: whether all code of a program receives tensors, not only that of modules that import the library
    serves_all: ClassVar[bool] = False

    def boxed(self, tree: Tree) -> Tree:
        """Replace the arrays in a tree by tensors."""
        return tree

    def unbox(self, tree: Tree) -> Tree:
        """Replace the tensors in a tree by arrays."""
        return tree

    def is_box(self, value: NamedObject) -> bool:
        """Whether a value is a tensor of the library."""
        return False

    def has_box(self, tree: Tree) -> bool:
        """Whether there is a tensor of the library in a tree."""
        return False

    def is_recorded(self, args: Arguments, kwargs: Keywords) -> bool:
        """Whether tensors or variables are given, whose computation the library records."""
        return False

    def layer_call(self, original: Function, layer: Layer, args: Arguments, kwargs: Keywords) -> Tree:
        """Call a layer."""
        return original(*args, **kwargs)

    def user_defined_call(self, call: Function, args: Arguments, kwargs: Keywords) -> Tree:
        """Run the `call` of a user-defined layer, which gazelle calls on arrays: on tensors, converting the result."""
        return call(*args, **kwargs)

    def loss_call(self, original: Function, loss: Loss, args: Arguments, kwargs: Keywords) -> Tree:
        """Call a loss."""
        return original(*args, **kwargs)

    def function_call(self, function: Function, args: Arguments, kwargs: Keywords) -> Tree:
        """Call a function of `keras.losses`, `metrics` or `activations`, which may receive tensors."""
        return function(*args, **kwargs)

    def method_call(self, method: Function, args: Arguments, kwargs: Keywords) -> Tree:
        """Run the `call` of gazelle for a program, `super().call(x)`, which may pass tensors."""
        return method(*args, **kwargs)

    def run_step(self, step: Function, model: Model, data: Tree) -> Tree:
        """Run a user-defined step of a model."""
        return step(model, data)

    def result_of_ops(self, out: Tree, args: Arguments, kwargs: Keywords) -> Tree:
        """The arrays that a function of `keras.ops` returns to a program, as tensors."""
        return out

    def dense_gradient(self, gradient: TensorLike, variable: Variable) -> TensorLike:
        """The gradient of a variable as an array, also one of some of its rows."""
        return gradient

    def as_tensors(self, out: Tree) -> Tree:
        """The result of a metric as a tensor for a program."""
        return out

    def tensors_of_program(self) -> type[TensorWrapper] | None:
        """The class that records what a program computes with variables; None where they are arrays."""
        return None

    def losses(self, layer: Layer, values: list[Any]) -> list[Any]:
        """`layer.losses` as tensors that are recorded."""
        return values

    def may_compute_values(self, error: Exception) -> bool:
        """Whether an error means that code of a program needs values, which a trace does not have."""
        return False

    def plain_function(self, function: Function, args: Arguments, kwargs: Keywords) -> NamedObject:
        """Call a function of `keras.ops` and `keras.random` that is no op; NOTHING if it takes what is given."""
        return NOTHING

    def needs_tape(self, error: Exception) -> bool:
        """Whether a step must run again with a tape."""
        return False

    def without_values(self, function: Function, error: Exception) -> Function | None:
        """The function with conditions on tensors compiled, if an error in it means that a value was needed."""
        return None

    def variable_value(self, variable: Variable) -> TensorResult:
        """`variable.value` of Keras 3 for a program."""
        return variable

    def attribute_value(self, instance: object, value: T) -> T:
        """What an attribute of a layer, loss or metric is set to."""
        return value

    def as_dtype(self, dtype: str) -> NamedObject:
        """The dtype of a variable or layer for a program."""
        return dtype

    def remembered(self, variable: T) -> T:
        """Prepare a new weight of a layer."""
        return variable

    def datasets(self, out: Nested[Dataset]) -> NamedObject:
        """The datasets that a function of Keras returns, as those of the library."""
        return out

    def mark(self, tensor: KerasTensor) -> None:
        """Prepare a symbolic tensor that a layer returns."""

    def resume(self) -> None:
        """Set values that waited for the weights of a layer, after it was built."""

    def update_weights(self, layer: Layer) -> None:
        """Give the variables the values of their tensors, before and after a method of a model."""

    def prepare_uncompiled(self, model: Model) -> None:
        """Prepare a model whose steps run uncompiled."""

    def text_of_variable(self, variable: Variable, name: str) -> str:
        """The text of a variable before Keras 3."""
        return repr(variable)

    def text_weight(self, shape: ShapeLike, initializer: object, name: str | None) -> TensorResult:
        """A weight of a layer that holds strings."""
        raise StateError(message(f"Weight {name!r}", expected="numbers", got="dtype='string'"))

    def without_zeros(self, tokens: TensorLike) -> TensorResult:
        """Rows without the zeros at their end, for `TextVectorization(ragged=True)`."""
        raise StateError(message("Ragged results", expected="tensors of TensorFlow", got="another library"))

    def ragged(self, batches: Iterable[TensorLike]) -> TensorResult:
        """The rows of arrays whose second sizes differ, as one ragged tensor."""
        raise StateError(message("Ragged results", expected="tensors of TensorFlow", got="another library"))

    def sparse_tensor(self, made: Iterable[TensorLike]) -> TensorResult:
        """A sparse tensor of `keras.backend`, from indices, values and a shape."""
        return made


ARRAYS = TensorAdapter()
