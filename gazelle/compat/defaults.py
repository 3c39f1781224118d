"""Defaults that were different in Keras 1 and 2: those of 1.2.2 and 2.3.1, and the gates of earlier releases."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from gazelle.compat import era

_GATES = {"recurrent_activation": "hard_sigmoid"}
#: before Keras 2.3, and in TensorFlow 1; the layers of cuDNN compute what is the default today
_HARD_GATES: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("LSTM", "LSTMCell"), _GATES),
    "GRU": {**_GATES, "reset_after": False},
    "GRUCell": {**_GATES, "reset_after": False},
}
_CUDNN = {"recurrent_activation": "sigmoid"}
_ROWS = {"data_format": "channels_last"}  # `image_data_format` was for images alone
_POOLING = ("MaxPooling1D", "AveragePooling1D", "GlobalMaxPooling1D", "GlobalAveragePooling1D")
_SEQUENCES: dict[str, dict[str, Any]] = dict.fromkeys(("Conv1D", "ZeroPadding1D", *_POOLING), _ROWS)
_FLOATS = {"dtype": "float32"}
_IOU = dict.fromkeys(("IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"), _FLOATS)
#: era -> "Class" or "Class.method" -> current argument -> its default in that era
_OF: dict[int, dict[str, dict[str, Any]]] = {
    1: {
        "ConvLSTM2D": _GATES,
        "Flatten": {"data_format": "channels_last"},  # it did not change the order of the axes
        "Model.fit": {"epochs": 10, "batch_size": 32},
        "Model.predict": {"verbose": 0},
        **_SEQUENCES,
        "AveragePooling1D": {"pool_size": 2, **_ROWS},
        "ZeroPadding1D": {"padding": 1, **_ROWS},
    },
    2: {
        **_SEQUENCES,
        "SeparableConv1D": _ROWS,
        "GRU": {"reset_after": False},
        "GRUCell": {"reset_after": False},
        "CuDNNLSTM": _CUDNN,
        "CuDNNGRU": {**_CUDNN, "reset_after": True},
        **dict.fromkeys(("ConvLSTM2D", "ConvLSTM2DCell"), _GATES),
        "Model.predict": {"verbose": 0},
        **_IOU,
    },
}
_TENSORFLOW: dict[str, dict[str, Any]] = {
    **_SEQUENCES,
    **dict.fromkeys(("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM2DCell", "ConvLSTM3D"), _GATES),
    **dict.fromkeys(("CuDNNLSTM", "CuDNNGRU"), _CUDNN),
    "Lion": {"learning_rate": 0.0001},
    "Model.predict": {"verbose": 0},
    **_IOU,
}


def of(key: str) -> dict[str, Any]:
    """The defaults of a class or method that differ in the era of the process."""
    table = _TENSORFLOW if era.is_tf_keras_2() else _OF[era.number()]
    own = table.get(key, {})
    return {**own, **_HARD_GATES[key]} if key in _HARD_GATES and era.is_before_2_3() else own


@functools.cache
def positional_names(owner: Any, method: str) -> tuple[str, ...]:
    """The names of the current arguments that can be passed by position, in their order."""
    function = getattr(owner, method, None) if not isinstance(owner, str) else None
    parameters = inspect.signature(function).parameters.values() if function is not None else ()
    return tuple(p.name for p in parameters if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD)


@functools.cache
def argument_names(owner: Any, method: str) -> frozenset[str]:
    """The names of all current arguments."""
    return frozenset(inspect.signature(getattr(owner, method)).parameters) - {"self"}


def position(owner: Any, method: str, name: str) -> int:
    """The current position of an argument; a call with more positional arguments passes it."""
    names = positional_names(owner, method)
    return names.index(name) if name in names else 1 << 30
