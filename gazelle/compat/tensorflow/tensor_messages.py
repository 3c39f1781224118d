"""The message TensorProto, which holds a tensor: `tf.make_tensor_proto`, `tf.io.serialize_tensor`, their inverses."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.dtypes import NUMBERS, name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import array_of, constant, convert
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, NamedObject, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import DataError, message

_NUMBER_OF = {name: number for number, name in NUMBERS.items()}
_INTEGERS = ("int8", "int16", "int32", "uint8", "uint16")
#: dtype -> the field for single values
_VALUES = {
    **dict.fromkeys(_INTEGERS, "int_val"),
    **{name: f"{name}_val" for name in ("int64", "bool", "uint32", "uint64", "string", "double", "float")},
    "float32": "float_val",
    "float64": "double_val",
}


def message_of(array: NamedObject) -> NamedObject:
    """The message of an array, with its bytes or its strings."""
    from tensorboardX.proto import tensor_pb2, tensor_shape_pb2

    dims = [tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in array.shape]
    made = tensor_pb2.TensorProto(
        dtype=_NUMBER_OF[name_of(array.dtype)], tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=dims)
    )
    if array.dtype == object:
        made.string_val.extend(array.ravel().tolist())
    else:
        made.tensor_content = array.tobytes()
    return made


def array_in(given: NamedObject) -> NamedObject:
    """The array in a message; the last one of single values stands for those that are left out."""
    dtype, shape = NUMBERS[given.dtype], [dim.size for dim in given.tensor_shape.dim]
    if given.tensor_content:
        flat = np.frombuffer(given.tensor_content, jnp.dtype(dtype))
    elif dtype == "string":
        flat = np.empty(len(given.string_val), object)
        flat[:] = given.string_val
    else:
        flat = np.asarray(getattr(given, _VALUES[dtype]), jnp.dtype(dtype))
    size = math.prod(shape)
    if 0 < flat.size < size and not given.tensor_content:
        flat = np.concatenate([flat, np.full(size - flat.size, flat[-1])])
    if flat.size != size:
        raise DataError(message("A tensor in a message", expected=f"{size} values of {dtype}", got=flat.size))
    return flat.reshape(shape)


@named("make_tensor_proto", "contrib.util.make_tensor_proto")
@ignores("verify_shape allow_broadcast")
def make_tensor_proto(values: TensorLike, dtype: DTypeLike = None, shape: ShapeLike | None = None) -> TensorResult:
    """`tf.make_tensor_proto`: the message of an array."""
    return message_of(np.asarray(unboxed(constant(values, dtype, shape))))


@named("make_ndarray", "contrib.util.make_ndarray")
def make_ndarray(tensor: NamedObject) -> NamedObject:
    """`tf.make_ndarray`: the array in a message."""
    return array_in(tensor)


@named("io.serialize_tensor", "serialize_tensor")
def serialize_tensor(tensor: TensorLike) -> Tensor:
    """`tf.io.serialize_tensor`: the tensor as bytes."""
    return convert(message_of(array_of(tensor)).SerializeToString())


@named("io.parse_tensor", "parse_tensor")
def parse_tensor(serialized: TensorLike, out_type: DTypeLike) -> Tensor:
    """`tf.io.parse_tensor`: the tensor from bytes.

    Raises:
        DataError: The bytes are damaged, or a tensor of another dtype.
    """
    from tensorboardX.proto import tensor_pb2

    found = parsed(tensor_pb2.TensorProto, serialized)
    if NUMBERS[found.dtype] != name_of(out_type):
        got, expected = NUMBERS[found.dtype], name_of(out_type)
        raise DataError(message("tf.io.parse_tensor", expected=f"a tensor of {expected}", got=got))
    return Tensor(array_in(found))


def parsed(kind: NamedObject, serialized: TensorLike | Any) -> NamedObject:
    """The message of a class in bytes.

    Raises:
        DataError: The bytes are damaged.
    """
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(bytes(array_of(serialized).item()))
    except DecodeError as error:
        raise DataError(
            message(f"A message {kind.DESCRIPTOR.name}", expected="complete fields", got="damaged bytes")
        ) from error
