"""Shapes of the targets of losses and metrics, checked before anything can broadcast."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import conventions, dtypes, logits
from gazelle.core.context_variables import assigned
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.registry import register
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import any_symbolic
from gazelle.core.traceback import warn
from gazelle.core.types import Array, ArrayLike, AxisLike, Shape

Function = TypeVar("Function", bound=Callable[..., Any])

#: function of (y_true, y_pred) -> kind of its targets; filled by the decorator `targets`:
#: "values": numbers, in the shape of y_pred
#: "binary": the same, in [0, 1]
#: "onehot": the same, one-hot rows or probabilities along the class axis
#: "distribution": the same, which no version of Keras broadcasts
#: "classes": class indices, in the shape of y_pred without the class axis
#: "groups": one integer for each row of y_pred
#: "chosen": binary, classes or distribution, by the shapes
#: "sequence": class indices in a sequence of any length, padded with 0
#: Functions and losses elsewhere may have an attribute `kind_of_targets`; "as given": integers stay integers.
TARGETS: dict[Any, str] = {}

#: kind of targets -> check of their values, a function of (label, y_true, number of classes, ignored class, whether a
#: metric counts them); filled by `label_values`
VALUE_CHECKS: dict[str, Callable[[str, Any, int, Any, bool], None]] = {}

#: result of `family` -> kind of targets
CHOSEN = {"sparse": "classes", "binary": "binary", "categorical": "distribution"}

_CHECKED_KINDS = ("classes", "binary")  # whose values are checked in direct calls
_BROADCAST_KINDS = ("values", "onehot", "binary")  # targets that Keras broadcasts, the last up to Keras 2
_ROW_KINDS = ("onehot", "distribution")
_INTEGER_KINDS = ("classes", "groups", "chosen", "sequence")  # targets that may be integers of any size
_LABELS = {"losses": "Loss", "metrics": "Metric", "metrics.functions": "Metric"}
_Sizes = tuple[int | None, ...]
#: within `warn_of_broadcasting` its argument, else None
_broadcasting: contextvars.ContextVar[Collection[str] | None] = contextvars.ContextVar("broadcasting", default=None)
_broadcasts_ranks: contextvars.ContextVar[bool] = contextvars.ContextVar("broadcasts_ranks", default=False)


@contextlib.contextmanager
def warn_of_broadcasting(columns: Collection[str] = ()) -> Iterator[None]:
    """Within it, what Keras takes is a warning: targets that only broadcast, and a softmax over one unit.

    Args:
        columns: Namespaces, "losses" or "metrics", whose objects take targets (n,) for rows of predictions as (n, 1).
    """
    with assigned(_broadcasting, columns or _broadcasting.get() or ()):
        yield


@contextlib.contextmanager
def broadcast_of_ranks(does: bool = True) -> Iterator[None]:
    """Within it, functions broadcast (n,) against (n, 1) to (n, n), with a warning, as TensorFlow does."""
    with assigned(_broadcasts_ranks, does):
        yield


def only_warns() -> bool:
    """Whether the code is within `warn_of_broadcasting`."""
    return _broadcasting.get() is not None


class HasShape(Protocol):
    """Anything with a shape: arrays, tracers, symbolic tensors."""

    @property
    def shape(self) -> Shape:
        """The sizes of the axes; None is an unknown size."""


def targets(kind: str, *aliases: str, namespace: str = "losses") -> Callable[[Function], Function]:
    """Return a decorator that registers a function of (y_true, y_pred) and checks its arguments.

    The function receives arrays that fit each other; for symbolic tensors a node is added to the graph.

    Args:
        kind: Kind of its targets, a value of `TARGETS`.
        aliases: Further names under which the function is registered.
        namespace: Table of the registry.
    """

    def decorate(fn: Function) -> Function:
        signature = inspect.signature(fn)

        def check_values(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> None:
            """Raise DataError for labels that the function cannot take, unless they are traced."""
            if kind in _CHECKED_KINDS and np.shape(y_pred) and not isinstance(y_true, jax.core.Tracer):
                given = signature.bind_partial(None, None, *args, **kwargs).arguments
                axis = given.get("axis", -1)
                classes = np.shape(y_pred)[axis if isinstance(axis, int) else -1]
                label = f"Labels for '{fn.__name__}'"
                counts = namespace != "losses"
                VALUE_CHECKS[kind](label, np.asarray(y_true), classes, given.get("ignore_class"), counts)

        @functools.wraps(fn)
        def checked(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
            if any_symbolic(y_true, y_pred):
                return call_op(checked, (y_true, y_pred, *args), kwargs)
            given = signature.bind_partial(None, None, *args, **kwargs).arguments
            label, axis = f"{_LABELS[namespace]} '{fn.__name__}'", given.get("axis", -1)
            y_true, y_pred = matched(kind, label, y_true, y_pred, axis)
            check_values(y_true, y_pred, *args, **kwargs)
            return fn(y_true, y_pred, *args, **kwargs)

        TARGETS[checked] = kind
        checked.check_values = check_values  # type: ignore[attr-defined]  # for callers that trace the function
        checked._namespace = namespace.partition(".")[0]  # type: ignore[attr-defined]
        register(namespace, *aliases)(checked)
        return checked  # type: ignore[return-value]

    return decorate


def matched(kind: str, label: str, y_true: ArrayLike, y_pred: ArrayLike, axis: AxisLike = -1) -> tuple[Array, Array]:
    """Return targets and predictions as arrays of fitting shapes, or raise ShapeError."""
    given = y_pred
    y_true, y_pred = as_arrays(kind, y_true, y_pred)
    y_pred = logits.converted(given, y_pred)
    columns = bool(_broadcasting.get())
    shape = _as_column(kind, y_true.shape, y_pred.shape, columns)
    if not columns or shape == y_true.shape:  # else `check_shapes` has compared them
        compare(label, kind, y_true.shape, y_pred.shape, axis)
    y_true = y_true.reshape(shape)
    if kind in _INTEGER_KINDS or (_broadcasts_ranks.get() and _broadcasts_to_more(label, y_true.shape, y_pred.shape)):
        return y_true, y_pred
    return same_rank(y_true, y_pred)


def _broadcasts_to_more(label: str, true: tuple[int, ...], pred: tuple[int, ...]) -> bool:
    """Whether shapes of different ranks broadcast to more values than there are; warns if they do."""
    with contextlib.suppress(ValueError):
        both = np.broadcast_shapes(true, pred)
        if () not in (true, pred) and both not in (true, pred):
            got = f"y of shape {true} for y_pred of shape {pred}"
            warn(message(f"{label} compares each y with each y_pred", expected="equal shapes", got=got))
            return True
    return False


def as_arrays(kind: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Return predictions as floats and targets in their dtype; class indices stay integers."""
    y_pred, y_true = jnp.asarray(y_pred), jnp.asarray(y_true)
    if not jnp.issubdtype(y_pred.dtype, jnp.inexact):
        y_pred = y_pred.astype(dtypes.floatx())
    if kind in _INTEGER_KINDS:
        return y_true.astype("int32") if y_true.dtype == bool else y_true, y_pred
    return y_true if jnp.iscomplexobj(y_true) else y_true.astype(y_pred.dtype), y_pred


def same_rank(a: Array, b: Array) -> tuple[Array, Array]:
    """Return two arrays with equal ranks, if the ranks differ by a last axis of size 1: (n,) and (n, 1)."""
    if a.ndim > b.ndim:
        b, a = same_rank(b, a)
        return a, b
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def kind_of(loss: object) -> str:
    """Return the kind of the targets of a loss, metric or function; "any" for user-defined ones."""
    while hasattr(loss, "fn") or isinstance(loss, functools.partial):  # a wrapper, or a metric that wraps one
        loss = loss.func if isinstance(loss, functools.partial) else loss.fn
    return (TARGETS.get(loss) if callable(loss) else None) or str(getattr(loss, "kind_of_targets", "any"))


def family(y_true: _Sizes, y_pred: _Sizes) -> str:
    """Return which kind 'accuracy' and 'crossentropy' mean for two shapes: "binary", "sparse" or "categorical"."""
    if not y_pred or y_pred[-1] == 1:
        return "binary"
    sparse = len(y_true) < len(y_pred) or (bool(y_true) and y_true[-1] == 1 and (y_pred[-1] or 2) > 1)
    return "sparse" if sparse else "categorical"


def check_shapes(loss: object, y_true: HasShape, y_pred: HasShape) -> None:
    """Raise an error if targets would be broadcast against the predictions.

    Args:
        loss: A `Loss`, a metric or a loss function; user-defined ones are not checked.
        y_true: Targets: an array, a tracer or a symbolic tensor, whose unknown sizes fit any size.
        y_pred: Predictions.

    Raises:
        ShapeError: If the shapes do not fit; the message names the loss, both shapes and the likely fix.

    Example:
        >>> check_shapes(get("mse"), np.zeros((4,)), np.zeros((4, 1)))
    """
    namespace = getattr(loss, "_namespace", "losses")
    name = getattr(loss, "name", None) or getattr(loss, "__name__", "loss")
    axis = getattr(loss, "axis", None)
    label = f"{_LABELS[namespace]} '{name}'"
    kind, true, pred = kind_of(loss), tuple(y_true.shape), tuple(y_pred.shape)
    columns = namespace in (_broadcasting.get() or ())
    compare(label, kind, true, pred, -1 if axis is None else axis, columns)


def compare(label: str, kind: str, true: _Sizes, pred: _Sizes, axis: AxisLike = -1, columns: bool = False) -> None:
    """Raise ShapeError if the shape of targets, (n,) as (n, 1) if `columns`, does not fit that of predictions."""
    if kind in ("any", "sequence", "as given"):
        return
    axes = axis if isinstance(axis, (list, tuple)) else () if axis is None else (axis,)
    if pred and not all(isinstance(one, (int, np.integer)) and -len(pred) <= one < len(pred) for one in axes):
        raise ArgumentError(
            message(f"axis of {label}", expected=f"an axis of y_pred with the shape {pred}", got=repr(axis))
        )
    if kind == "chosen":
        kind = CHOSEN[family(true, pred)]
    if kind in ("classes", *_ROW_KINDS) and isinstance(axis, int) and pred and pred[axis] == 1:
        got = f"y_pred of shape {pred} for y of shape {true}"
        text = message(f"{label} on one unit", expected="one prediction for each class", got=got, hint=_ONE_UNIT)
        if not only_warns():
            raise ShapeError(text)
        warn(text)
    sizes, expected = _as_column(kind, true, pred, columns), pred
    if kind == "classes":
        index = axes[0] % max(len(pred), 1)
        expected = pred[:index] + pred[index + 1 :]
        fits = _equal(true, expected) or _equal(true, (*pred[:index], 1, *pred[index + 1 :]))
    elif kind == "groups":
        expected = pred[:1]
        fits = len(pred) == 2 and (_equal(true, expected) or _equal(true, (*expected, 1)))
    else:  # a scalar may be compared with an array
        fits = () in (true, pred) or _equal(sizes, pred) or _equal((*sizes, 1), pred) or _equal(sizes, (*pred, 1))
    if not fits:
        text = message(
            f"{label} cannot compare y with the model's output",
            expected=f"y of shape {expected}",
            got=f"y of shape {true} for y_pred of shape {pred}",
            hint=_hint(label, kind, true, pred),
        )
        one_sample = kind in _ROW_KINDS and pred == (1, *true)
        kinds = _BROADCAST_KINDS if conventions.active.binary_targets_broadcast else _BROADCAST_KINDS[:2]
        if not (only_warns() and (one_sample or (kind in kinds and _broadcasts(sizes, pred)))):
            raise ShapeError(text)
        warn(text)


def _as_column(kind: str, true: Any, pred: Any, columns: bool) -> Any:
    """The shape of targets, (n, 1) instead of (n,) if they broadcast against rows of predictions as a column."""
    is_column = (columns and kind in _BROADCAST_KINDS) or (kind == "onehot" and only_warns())
    return (*true, 1) if is_column and len(true) == 1 and len(pred) == 2 else true


def _broadcasts(a: _Sizes, b: _Sizes) -> bool:
    if len(a) > len(b):
        a, b = b, a
    if len(b) == len(a) + 1 > 2 and b[-1] == 1:  # removed by `same_rank`
        b = b[:-1]
    return all(None in (m, n) or 1 in (m, n) or m == n for m, n in zip(reversed(a), reversed(b), strict=False))


def _equal(a: _Sizes, b: _Sizes) -> bool:
    return len(a) == len(b) and all(m is None or n is None or m == n for m, n in zip(a, b, strict=True))


_ONE_UNIT = (
    "A softmax over one unit is always 1: nothing can be learned. For two classes end the model in "
    "Dense(1, activation='sigmoid') with loss='binary_crossentropy'; for k classes in Dense(k, activation='softmax')."
)


def _hint(label: str, kind: str, true: _Sizes, pred: _Sizes) -> str:
    """Return the likely fix for two shapes that do not fit."""
    labels = true[-1] if len(true) == len(pred) and true else 1
    units = pred[-1] if pred else 1
    if true and pred and not _equal(true[:1], pred[:1]):
        return "The first axis counts the samples: y needs one row for each row of x."
    if kind == "classes" and _equal(true, pred):
        return "For one-hot rows use loss='categorical_crossentropy', or np.argmax(y, axis=-1)."
    if kind == "classes" and len(true) == len(pred):
        return f"Give class indices, one for each sample: from one-hot rows np.argmax(y, axis=-1) and Dense({labels})."
    if _equal(true[: len(pred) - 1], pred[:-1]) and len(true) in (len(pred), len(pred) - 1) and kind != "groups":
        if labels != 1:
            return f"y has {labels} values per sample, the last layer gives {units}: end the model in Dense({labels})."
        one = "" if kind in _ROW_KINDS else " For one value per sample end the model in Dense(1)."
        sparse = "metrics=['accuracy']" if label.startswith("Metric") else "loss='sparse_categorical_crossentropy'"
        return f"For class indices use {sparse}, or to_categorical(y, {units}).{one}"
    if len(pred) > len(true) or (len(pred) > 2 and labels == 1):
        return "For one prediction per sample use return_sequences=False, Flatten or a global pooling layer."
    return "Reshape y, or change the last layer, until both have the same axes."
