"""Type aliases of public signatures in this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import ArrayLike

if TYPE_CHECKING:
    from gazelle.compat.backend.shapes import Size

#: arguments that are tensors: arrays, numbers, strings, symbolic tensors, variables, tensors of the facade, lists of
#: them; None where that is the default
TensorLike: TypeAlias = ArrayLike | TensorWrapper | str | bytes | Sequence["TensorLike"] | None
#: a shape of `keras.backend`, which may contain unknown sizes
SymbolicShape: TypeAlias = int | Sequence[Union[int, "Size", None]] | TensorLike
#: an array, a symbolic tensor or a tensor of the facade, as the arguments are; a union would forbid its operators
TensorResult: TypeAlias = Any
#: the object to which a name in a table refers
NamedObject: TypeAlias = Any
