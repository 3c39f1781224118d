"""Preprocessing of images for pretrained models, and names of the ImageNet classes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle import ops
from gazelle.core import dtypes, settings
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.symbolic import is_symbolic
from gazelle.core.types import ArrayLike

__all__ = ["decode_predictions", "preprocess_input"]

_MEANS = {"torch": (0.485, 0.456, 0.406), "caffe": (103.939, 116.779, 123.68)}
_DEVIATION = (0.229, 0.224, 0.225)
_CLASSES = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"


def preprocess_input(x: ArrayLike, data_format: str | None = None, mode: str = "caffe") -> ArrayLike:
    """Convert pixels from 0 to 255 to the input of a pretrained model; x is not modified.

    Args:
        x: Images (..., rows, columns, 3), an array or a symbolic tensor.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None is
            `gazelle.config.image_data_format()`.
        mode: 'tf' for x / 127.5 - 1, 'torch' for (x / 255 - mean) / deviation of the ImageNet channels, 'caffe' for
            BGR channels minus their mean.

    Returns:
        The converted images.

    Raises:
        ArgumentError: `mode` or `data_format` is unknown.

    Example:
        >>> preprocess_input(np.full((1, 1, 3), 255.0), mode="tf").tolist()
        [[[1.0, 1.0, 1.0]]]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise unknown("mode of preprocess_input", mode, ("caffe", "tf", "torch"))
    if data_format not in (None, "channels_first", "channels_last"):
        raise unknown("data_format", data_format, ("channels_first", "channels_last"))
    images: Any = x if is_symbolic(x) or hasattr(x, "dtype") else np.asarray(x)
    namespace: Any = np if isinstance(images, np.ndarray) else ops
    if not dtypes.is_float(images.dtype):
        images = images.astype(dtypes.floatx()) if namespace is np else ops.cast(images, dtypes.floatx())
    if mode == "tf":
        return images / 127.5 - 1.0
    axis = -3 if (data_format or settings.image_data_format()) == "channels_first" else -1

    def column(values: Any) -> Any:
        return np.asarray(values, str(images.dtype)).reshape((3,) + (1,) * (-1 - axis))

    if mode == "torch":
        return (images / 255.0 - column(_MEANS[mode])) / column(_DEVIATION)
    return namespace.flip(images, axis) - column(_MEANS[mode])


@functools.cache
def _class_index() -> Any:
    from gazelle.utils import get_file

    digest = "c2c37ea517e94d9795004a39431a14cb"
    path = get_file("imagenet_class_index.json", _CLASSES, cache_subdir="models", file_hash=digest)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def decode_predictions(preds: ArrayLike, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return the most probable ImageNet classes of each sample.

    Args:
        preds: Predictions (batch, 1000).
        top: Number of classes per sample.

    Returns:
        For each sample a list of (WordNet id, name, score), sorted by descending score.

    Raises:
        ArgumentError: `top` is below 1.
        ShapeError: `preds` has another shape.
    """
    array = np.asarray(preds)
    if array.ndim != 2 or array.shape[1] != 1000:
        raise ShapeError(message("decode_predictions", expected="predictions of shape (batch, 1000)", got=array.shape))
    if top < 1:
        raise ArgumentError(message("top of decode_predictions", expected="a number of at least 1", got=top))
    names = _class_index()
    best = np.argsort(-array, axis=1, kind="stable")[:, :top]
    return [[(*names[str(i)], row[i]) for i in indices] for row, indices in zip(array, best, strict=True)]


def preprocessing(mode: str | None) -> Callable[..., Any]:
    """Return the `preprocess_input` of one family of models.

    Args:
        mode: Mode of `preprocess_input`; None if the models include the preprocessing.

    Returns:
        A function of images and data_format.
    """

    def preprocess(x: ArrayLike, data_format: str | None = None) -> ArrayLike:
        return x if mode is None else preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    first = "Return x unchanged: the model includes the preprocessing."
    if mode is not None:
        first = f"Convert pixels from 0 to 255 to the input of the pretrained model, in mode {mode!r}."
    preprocess.__doc__ = f"""{first}

    Args:
        x: Images (..., rows, columns, 3), an array or a symbolic tensor.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None is
            `gazelle.config.image_data_format()`.

    Returns:
        The converted images.
    """
    return preprocess
