"""Images as the weights expect them, and the names of their classes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle import ops
from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.symbolic import is_symbolic

_MEANS = {"torch": (0.485, 0.456, 0.406), "caffe": (103.939, 116.779, 123.68)}
_DEVIATION = (0.229, 0.224, 0.225)
_CLASSES = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels of 0 to 255 as a network was trained on them; x is left as it is.

    "tf": x / 127.5 - 1;  "torch": (x / 255 - mean) / deviation of ImageNet's channels;  "caffe": channels turned from
    RGB to BGR, minus their mean.

    >>> preprocess_input(np.full((1, 1, 3), 255.0), mode="tf").tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise unknown("mode of preprocess_input", mode, ("caffe", "tf", "torch"))
    if data_format not in (None, "channels_first", "channels_last"):
        raise unknown("data_format", data_format, ("channels_first", "channels_last"))
    if not is_symbolic(x) and not hasattr(x, "dtype"):
        x = np.asarray(x)
    namespace: Any = np if isinstance(x, np.ndarray) else ops
    if not dtypes.is_float(x.dtype):
        x = x.astype(dtypes.floatx()) if namespace is np else ops.cast(x, dtypes.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = -3 if data_format == "channels_first" else -1

    def column(values: Any) -> Any:
        return np.asarray(values, str(x.dtype)).reshape((3,) + (1,) * (-1 - axis))

    if mode == "torch":
        return (x / 255.0 - column(_MEANS[mode])) / column(_DEVIATION)
    return namespace.flip(x, axis) - column(_MEANS[mode])


@functools.cache
def _class_index() -> Any:
    from gazelle.utils import get_file

    digest = "c2c37ea517e94d9795004a39431a14cb"
    path = get_file("imagenet_class_index.json", _CLASSES, cache_subdir="models", file_hash=digest)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The `top` likeliest classes of each sample, as (WordNet's number, name, score).

    preds (batch, 1000). Errors: ShapeError for another shape.
    """
    array = np.asarray(preds)
    if array.ndim != 2 or array.shape[1] != 1000:
        raise ShapeError(message("decode_predictions", expected="predictions of shape (batch, 1000)", got=array.shape))
    if top < 1:
        raise ArgumentError(message("top of decode_predictions", expected="a number of at least 1", got=top))
    names = _class_index()
    best = np.argsort(-array, axis=1, kind="stable")[:, :top]
    return [[(*names[str(i)], row[i]) for i in places] for row, places in zip(array, best, strict=True)]


def preprocessing(mode: str | None) -> Callable[..., Any]:
    """`preprocess_input` of one family; None: the model itself does it."""

    def preprocess(x: Any, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__doc__ = "x as it is: the model scales it." if mode is None else f"preprocess_input in mode {mode!r}."
    return preprocess
