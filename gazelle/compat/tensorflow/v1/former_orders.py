"""Functions whose arguments had another order in TensorFlow 0.x, recognized by the types of the arguments.

Crossentropies of logits took the logits first. TensorFlow 1 refuses their arguments by position, so that these are of a
program for 0.x there; in TensorFlow 2 the labels are first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.names import NAMES, current_names

Arguments = tuple[Any, ...]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _concat(args: Arguments) -> Arguments:
    is_former = len(args) > 1 and _is_number(args[0]) and isinstance(args[1], Sequence)
    return (args[1], args[0], *args[2:]) if is_former else args


def _split(args: Arguments) -> Arguments:
    return (args[2], args[1], args[0], None, *args[3:]) if len(args) > 2 and _is_number(args[0]) else args


def _reverse(args: Arguments) -> Arguments:
    """`dims` had a boolean for each axis."""
    if len(args) > 1 and isinstance(args[1], list | tuple) and any(isinstance(flag, bool) for flag in args[1]):
        return (args[0], [axis for axis, flag in enumerate(args[1]) if flag], *args[2:])
    return args


def _labels_second(args: Arguments) -> Arguments:
    return (args[1], args[0], *args[2:]) if len(args) > 1 and names_of_1.active() else args


def _weighted_labels_second(args: Arguments) -> Arguments:
    """TensorFlow 1 took these by position, the labels first."""
    return (args[1], args[0], *args[2:]) if len(args) > 1 and names_of_1.is_of_0() else args


def _sizes(args: Arguments) -> Arguments:
    """Height and width were two arguments."""
    is_former = len(args) > 2 and _is_number(args[1]) and _is_number(args[2])
    return (args[0], args[1:3], *args[3:]) if is_former else args


#: name -> how arguments by position become those of today, former names of arguments
_FORMER: dict[str, tuple[Callable[[Arguments], Arguments], dict[str, str]]] = {
    "concat": (_concat, {"concat_dim": "axis"}),
    "split": (_split, {"split_dim": "axis", "num_split": "num_or_size_splits"}),
    "reverse": (_reverse, {}),
    "batch_matmul": (lambda args: args, {"adj_x": "adjoint_a", "adj_y": "adjoint_b", "x": "a", "y": "b"}),
    "image.resize_images": (_sizes, {}),
    "nn.softmax_cross_entropy_with_logits": (_labels_second, {}),
    "nn.sparse_softmax_cross_entropy_with_logits": (_labels_second, {}),
    "nn.sigmoid_cross_entropy_with_logits": (_labels_second, {"targets": "labels"}),
    "nn.weighted_cross_entropy_with_logits": (_weighted_labels_second, {"targets": "labels"}),
}


def register() -> None:
    """Let the functions of `tf` accept the former orders."""
    for name, (reorder, earlier) in _FORMER.items():
        NAMES[name] = _accepting(NAMES[name], reorder, earlier)


def _accepting(function: Callable[..., Any], reorder: Callable[..., Arguments], earlier: dict[str, str]) -> Any:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*reorder(args), **current_names(kwargs, earlier))

    return called
