"""What the targets of a loss or metric must look like: compared before anything can broadcast."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.core.config import register
from gazelle.core.errors import ShapeError, message
from gazelle.core.symbolic import any_symbolic, call_op

#: function of (y_true, y_pred) -> what its targets are; filled by `takes`.
#: "values": numbers, shaped like y_pred · "binary": the same, in [0, 1] · "onehot": the same, a row for each class ·
#: "classes": class numbers, shaped like y_pred without the class axis · "groups": one number per row of y_pred ·
#: "chosen": binary, classes or onehot, as the shapes say · "sequence": class numbers of any length, 0 for none.
TARGETS: dict[Any, str] = {}

#: what `family` answers -> the kind of targets it means.
CHOSEN = {"sparse": "classes", "binary": "binary", "categorical": "onehot"}

_Shape = tuple[int | None, ...]


def takes(kind: str, *names: str, namespace: str = "losses") -> Callable[[Any], Any]:
    """Enter a function of (y_true, y_pred) into the room and TARGETS; arrays of other shapes never reach it."""

    def enter(fn: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(fn)

        @functools.wraps(fn)
        def checked(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
            if any_symbolic(y_true, y_pred):
                return call_op(checked, (y_true, y_pred, *args), kwargs)
            axis = signature.bind_partial(None, None, *args, **kwargs).arguments.get("axis", -1)
            y_true, y_pred = matched(kind, f"{_WORDS[namespace]} '{fn.__name__}'", y_true, y_pred, axis)
            return fn(y_true, y_pred, *args, **kwargs)

        TARGETS[checked] = kind
        return register(namespace, *names)(checked)

    return enter


_WHOLE = ("classes", "groups", "chosen", "sequence")  # targets that may be whole numbers of any size


_WORDS = {"losses": "Loss", "metrics": "Metric", "metrics.functions": "Metric"}


def matched(kind: str, label: str, y_true: Any, y_pred: Any, axis: Any = -1) -> tuple[Any, Any]:
    """Targets and predictions as arrays that fit each other; ShapeError where they do not."""
    y_true, y_pred = as_arrays(kind, y_true, y_pred)
    compare(label, kind, y_true.shape, y_pred.shape, axis)
    return (y_true, y_pred) if kind in _WHOLE else same_rank(y_true, y_pred)


def as_arrays(kind: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Predictions as floats, targets in the predictions' dtype; class numbers stay whole numbers."""
    y_pred, y_true = jnp.asarray(y_pred), jnp.asarray(y_true)
    if not dtypes.is_float(y_pred.dtype):
        y_pred = y_pred.astype(dtypes.floatx())
    if kind in _WHOLE:
        return y_true.astype("int32") if y_true.dtype == bool else y_true, y_pred
    return y_true.astype(y_pred.dtype), y_pred


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Let (n,) meet (n, 1): ranks that differ by a last axis of size 1 are made equal."""
    if a.ndim > b.ndim:
        b, a = same_rank(b, a)
        return a, b
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def kind_of(loss: Any) -> str:
    """What the targets of a loss, metric or function are; "any" for those not of gazelle."""
    while hasattr(loss, "fn"):  # a wrapper, or a metric that wraps one
        loss = loss.fn
    return TARGETS.get(loss, "any") if callable(loss) else "any"


def family(y_true: _Shape, y_pred: _Shape) -> str:
    """Which kind 'accuracy' and 'crossentropy' mean for these shapes: "binary", "sparse" or "categorical"."""
    if y_pred and y_pred[-1] == 1:
        return "binary"
    sparse = len(y_true) < len(y_pred) or (bool(y_true) and y_true[-1] == 1 and (y_pred[-1] or 2) > 1)
    return "sparse" if sparse else "categorical"


def check_shapes(loss: Any, y_true: Any, y_pred: Any) -> None:
    """Refuse targets that would be broadcast against the predictions.

    Args:
        loss: a `Loss`, a metric or a loss function; one that is not of gazelle is not checked.
        y_true, y_pred: anything with a `shape`: arrays, tracers, symbolic tensors (None fits every size).

    Raises:
        ShapeError: with the loss, both shapes and the mend.
    """
    namespace = getattr(loss, "_namespace", "losses")
    name = getattr(loss, "name", None) or getattr(loss, "__name__", "loss")
    axis = getattr(loss, "axis", None)
    compare(
        f"{_WORDS[namespace]} '{name}'",
        kind_of(loss),
        tuple(y_true.shape),
        tuple(y_pred.shape),
        -1 if axis is None else axis,
    )


def compare(label: str, kind: str, true: _Shape, pred: _Shape, axis: Any = -1) -> None:
    """`check_shapes` on bare shapes."""
    if kind in ("any", "sequence"):
        return
    if kind == "chosen":
        kind = CHOSEN[family(true, pred)]
    if kind in ("classes", "onehot") and isinstance(axis, int) and pred and pred[axis] == 1:
        raise ShapeError(
            message(
                f"{label} on one unit",
                expected="one prediction for each class",
                got=f"y_pred of shape {pred} for y of shape {true}",
                hint=_ONE_UNIT,
            )
        )
    wanted, fits = pred, False
    if kind == "classes":
        place = axis % max(len(pred), 1)
        wanted = pred[:place] + pred[place + 1 :]
        fits = _equal(true, wanted) or _equal(true, (*pred[:place], 1, *pred[place + 1 :]))
    elif kind == "groups":
        wanted = pred[:1]
        fits = len(pred) == 2 and (_equal(true, wanted) or _equal(true, (*wanted, 1)))
    else:  # one number against an array is meant
        fits = true == () or pred == () or _equal(true, pred) or _equal((*true, 1), pred) or _equal(true, (*pred, 1))
    if not fits:
        raise ShapeError(
            message(
                f"{label} cannot compare y with the model's output",
                expected=f"y of shape {wanted}",
                got=f"y of shape {true} for y_pred of shape {pred}",
                hint=_hint(label, kind, true, pred),
            )
        )


def _equal(a: _Shape, b: _Shape) -> bool:
    return len(a) == len(b) and all(m is None or n is None or m == n for m, n in zip(a, b, strict=True))


_ONE_UNIT = (
    "A softmax over one unit is always 1: nothing can be learned. For two classes end the model in "
    "Dense(1, activation='sigmoid') with loss='binary_crossentropy'; for k classes in Dense(k, activation='softmax')."
)


def _hint(label: str, kind: str, true: _Shape, pred: _Shape) -> str:
    """The likeliest reason why two shapes do not fit, as an instruction."""
    labels = true[-1] if len(true) == len(pred) and true else 1
    units = pred[-1] if pred else 1
    if true and pred and not _equal(true[:1], pred[:1]):
        return "The first axis counts the samples: y needs one row for each row of x."
    if kind == "classes" and _equal(true, pred):
        return "For one-hot rows use loss='categorical_crossentropy', or np.argmax(y, axis=-1)."
    if kind == "classes" and len(true) == len(pred):
        return f"Give class numbers, one for each sample: from one-hot rows np.argmax(y, axis=-1) and Dense({labels})."
    if _equal(true[: len(pred) - 1], pred[:-1]) and len(true) in (len(pred), len(pred) - 1) and kind != "groups":
        if labels != 1:
            return f"y has {labels} values per sample, the last layer gives {units}: end the model in Dense({labels})."
        one = "" if kind == "onehot" else " For one value per sample end the model in Dense(1)."
        sparse = "metrics=['accuracy']" if label.startswith("Metric") else "loss='sparse_categorical_crossentropy'"
        return f"For class numbers use {sparse}, or to_categorical(y, {units}).{one}"
    if len(pred) > len(true) or (len(pred) > 2 and labels == 1):
        return "For one prediction per sample use return_sequences=False, Flatten or a global pooling layer."
    return "Reshape y, or change the last layer, until both have the same axes."
