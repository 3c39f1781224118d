"""`tf.TensorSpec`, `tf.SparseTensorSpec` and `tf.RaggedTensorSpec`: shapes and dtypes of tensors."""

from __future__ import annotations

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow.dtypes import as_dtype, name_on_device
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike


@named("TensorSpec", "TypeSpec")
class TensorSpec:
    #: the class of the values, below `tf`
    value_type = property(lambda self: NAMES[type(self).__name__.removesuffix("Spec")])

    def __init__(self, shape: ShapeLike | None = None, dtype: DTypeLike = "float32", name: str | None = None) -> None:
        self.shape, self.dtype, self.name = TensorShape(shape), as_dtype(dtype), name
        self.shape_is_unknown = shape is None

    @classmethod
    def from_tensor(cls, tensor: TensorLike, name: str | None = None) -> TensorSpec:
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, value: TensorLike) -> bool:
        """Return whether a tensor or a spec has this dtype and fits this shape."""
        expected_dtype, given = name_on_device(self.dtype), name_on_device(value.dtype)
        return expected_dtype == given and (self.shape_is_unknown or self.shape.is_compatible_with(tuple(value.shape)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


@named("SparseTensorSpec")
class SparseTensorSpec(TensorSpec):
    """`tf.SparseTensorSpec`: the shape and the dtype of a sparse tensor."""

    def __repr__(self) -> str:
        return f"SparseTensorSpec({self.shape!r}, {self.dtype!r})"


@named("RaggedTensorSpec")
class RaggedTensorSpec(TensorSpec):
    """`tf.RaggedTensorSpec`: rows of different lengths along the first `ragged_rank` axes after the samples."""

    @ignores("row_splits_dtype flat_values_spec")
    def __init__(
        self, shape: ShapeLike | None = None, dtype: DTypeLike = "float32", ragged_rank: int | None = None
    ) -> None:
        super().__init__(shape, dtype)
        self.ragged_rank = self.shape.ndims - 1 if ragged_rank is None and shape is not None else ragged_rank

    @classmethod
    def from_value(cls, value: TensorLike) -> RaggedTensorSpec:
        return cls(value.shape, value.dtype, value.ragged_rank)

    def __repr__(self) -> str:
        return f"RaggedTensorSpec({self.shape!r}, {self.dtype!r}, {self.ragged_rank}, tf.int64)"


@named("type_spec_from_value", "data.experimental.type_spec_from_value")
def type_spec_from_value(value: TensorLike) -> TensorSpec:
    """`tf.type_spec_from_value`: the spec that describes a tensor."""
    if isinstance(value, NAMES["RaggedTensor"]):
        return RaggedTensorSpec.from_value(value)
    array = value if hasattr(value, "dtype") else NAMES["convert_to_tensor"](value)
    kind = SparseTensorSpec if isinstance(value, NAMES["SparseTensor"]) else TensorSpec
    return kind(array.shape, array.dtype)
