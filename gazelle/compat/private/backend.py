"""Helper functions inside `keras.backend.tensorflow_backend`, with which programs called `tf.nn.conv2d`."""

from __future__ import annotations

import os
import sys

from gazelle.compat.backend.shapes import channels_first
from gazelle.compat.tables import defined
from gazelle.compat.types import Array, TensorResult
from gazelle.ops import transpose

keras_dir = os.path.join(os.path.expanduser("~"), ".keras")
config_path = os.path.join(keras_dir, "keras.json")


def preprocess_conv2d_input(x: Array, data_format: str | None = None) -> tuple[TensorResult, str]:
    """Return the inputs of a convolution with the channels last, and TensorFlow's name for this order."""
    last = transpose(x, (0, *range(2, len(x.shape)), 1)) if channels_first(data_format) else x
    return last, {3: "NWC", 4: "NHWC", 5: "NDHWC"}[len(x.shape)]


def postprocess_conv2d_output(x: Array, data_format: str | None = None) -> TensorResult:
    """Return the outputs of a convolution in the order of the program."""
    last = len(x.shape) - 1
    return transpose(x, (0, last, *range(1, last))) if channels_first(data_format) else x


#: the names that modules of this part of Keras have, besides those in the table `private_helpers`
NAMES = frozenset(defined(sys.modules[__name__]))


def on_gpu() -> bool:
    """Return whether Theano computes on a GPU, with functions of its own."""
    return False
