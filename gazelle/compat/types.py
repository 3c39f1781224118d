"""Type aliases of public signatures in this package: those of `gazelle.core.types`, and some of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from gazelle.core import types
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Nested as Nested

if TYPE_CHECKING:
    from gazelle.compat.backend.shapes import Size

Array: TypeAlias = types.Array
ArrayLike: TypeAlias = types.ArrayLike
AxisLike: TypeAlias = types.AxisLike
ConstraintLike: TypeAlias = types.ConstraintLike
Outputs: TypeAlias = types.Outputs
PathLike: TypeAlias = types.PathLike
RegularizerLike: TypeAlias = types.RegularizerLike
Scores: TypeAlias = types.Scores
SeedLike: TypeAlias = types.SeedLike
ShapeLike: TypeAlias = types.ShapeLike
#: a dtype by name or as an object; None for the default
DTypeLike: TypeAlias = types.DTypeLike | None
#: arguments that are tensors: arrays, numbers, strings, symbolic tensors, variables, tensors of the facade, lists of
#: them; None where that is the default
TensorLike: TypeAlias = ArrayLike | TensorWrapper | str | bytes | Sequence["TensorLike"] | None
#: a shape of `keras.backend`, which may contain unknown sizes
SymbolicShape: TypeAlias = int | Sequence[Union[int, "Size", None]] | TensorLike
#: an array, a symbolic tensor or a tensor of the facade, as the arguments are; a union would forbid its operators
TensorResult: TypeAlias = Any
#: a cell of a recurrent layer: a layer, or any object with `call` and `state_size`
Cell: TypeAlias = Any
#: a function of a program or of gazelle, and what it is called on
Function: TypeAlias = Callable[..., Any]
Arguments: TypeAlias = tuple[Any, ...]
Keywords: TypeAlias = Mapping[str, Any]
#: a tensor, or a function that returns one
Branch: TypeAlias = TensorLike | Callable[[], TensorLike]
#: an argument that is passed on to a constructor or method, which has its type
Option: TypeAlias = Any
#: the object to which a name in a table refers
NamedObject: TypeAlias = Any
