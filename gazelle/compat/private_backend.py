"""Helper functions inside `keras.backend.tensorflow_backend`, with which programs called `tf.nn.conv2d`."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from gazelle.compat.listed import defined
from gazelle.compat.types import TensorResult
from gazelle.core import dtypes
from gazelle.core.settings import image_data_format
from gazelle.core.types import Array, ArrayLike
from gazelle.ops import convert_to_tensor, transpose

keras_dir = keras_base_dir = os.path.join(os.path.expanduser("~"), ".keras")
config_path = os.path.join(keras_dir, "keras.json")
py_all, py_any, py_sum, py_slice = all, any, sum, slice


def preprocess_padding(padding: str) -> str:
    """Return the name of a kind of padding in TensorFlow: "SAME" for "same"."""
    return padding.upper()


preprocess_border_mode = preprocess_padding


def _is_channels_first(data_format: str | None) -> bool:
    return (data_format or image_data_format()) in ("th", "channels_first")


def _channels_last(x: Any, data_format: str | None) -> Any:
    return transpose(x, (0, *range(2, len(x.shape)), 1)) if _is_channels_first(data_format) else x


def preprocess_conv1d_input(x: Array, data_format: str | None = None) -> tuple[TensorResult, str]:
    """Return the inputs of a convolution with the channels last, and TensorFlow's name for this order."""
    return _channels_last(x, data_format), {3: "NWC", 4: "NHWC", 5: "NDHWC"}[len(x.shape)]


preprocess_conv2d_input = preprocess_conv3d_input = preprocess_conv1d_input


def postprocess_conv2d_output(x: Array, data_format: str | None = None) -> TensorResult:
    """Return the outputs of a convolution in the order of the program."""
    last = len(x.shape) - 1
    return transpose(x, (0, last, *range(1, last))) if _is_channels_first(data_format) else x


postprocess_conv3d_output = postprocess_conv2d_output


def to_tensor(x: ArrayLike, dtype: str | None = None) -> TensorResult:
    """Return a tensor of this dtype."""
    return convert_to_tensor(x, dtype)


def convert_string_dtype(dtype: str) -> str:
    """Return the name of a dtype."""
    return dtypes.standardize(dtype)


def control_dependencies(control_inputs: object) -> contextlib.AbstractContextManager[None]:
    """Return a context that does nothing: operations run in the order of the program."""
    return contextlib.nullcontext()


_CONSTANTS = ("config_path", "keras_base_dir", "keras_dir", "py_all", "py_any", "py_slice", "py_sum")
#: the names that modules of this part of Keras have
NAMES = frozenset(defined(sys.modules[__name__])) | frozenset(_CONSTANTS)
