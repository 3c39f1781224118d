"""A function of arrays called on tensors: unpacked, called, packed, and told to the tapes that are open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.recording import Call, is_array, is_box, listeners, unboxed
from gazelle.core import symbolic
from gazelle.core.errors import GazelleError
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable

Host = Callable[..., Any] | None


def call(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    host: Host = None,
    loose: bool = False,
    wide: bool = False,
) -> Any:
    """What `function(*args, **kwargs)` gives, arrays as tensors.

    Args:
        function: of arrays of JAX.
        host: the same for arrays of NumPy; it is asked where nothing but those is given.
        wide: whether its 64 bits stand, which JAX does not have: the host computes it wherever the values are there.
        loose: whether another call with the same other arguments may compute something else.
    """
    flat, structure = jax.tree.flatten((args, dict(kwargs)), is_leaf=is_box)
    if any(isinstance(leaf, KerasTensor) for leaf in flat):
        if any(is_box(leaf) and not isinstance(leaf, KerasTensor) for leaf in flat):
            flat = [leaf if isinstance(leaf, Variable | KerasTensor) else unboxed(leaf) for leaf in flat]
        args, kwargs = jax.tree.unflatten(structure, flat)
        return symbolic.call_op(function, args, kwargs)
    arrays = [unboxed(leaf) for leaf in flat]
    plain_args, plain_kwargs = jax.tree.unflatten(structure, arrays)
    if wide and not any(isinstance(array, jax.core.Tracer) for array in arrays):
        hosted = [np.asarray(array) if isinstance(array, jax.Array) else array for array in arrays]
        host_args, host_kwargs = jax.tree.unflatten(structure, hosted)
        out = function(*host_args, **host_kwargs)
    elif host is not None and not any(isinstance(array, jax.Array) for array in arrays):
        out = narrowed(host(*plain_args, **plain_kwargs), arrays)
    else:
        out = function(*plain_args, **plain_kwargs)
    tapes = listeners()
    if tapes:
        places = [i for i, array in enumerate(arrays) if is_array(array)]
        inputs = [flat[i] if isinstance(flat[i], Variable) else arrays[i] for i in places]
        heard = [tape for tape in tapes if tape.wants(inputs)]
        if heard:
            record = _record(function, arrays, places, inputs, structure, out, loose)
            for tape in heard:
                tape.hear(record)
    return boxed(out)


def guarded(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], **words: Any) -> Any:
    """`call`; where shapes do not fit, the error is the one that programs of TensorFlow catch."""
    try:
        return call(function, args, kwargs, **words)
    except (TypeError, ValueError) as error:
        ours = isinstance(error, GazelleError | jax.errors.JAXTypeError)
        if ours or not (isinstance(error, ValueError) or "shape" in str(error)):
            raise
        raise InvalidArgumentError(str(error)) from error


def boxed(tree: Any) -> Any:
    """The arrays of a tree as tensors."""
    from gazelle.compat.tensorflow.tensor import Tensor

    return jax.tree.map(lambda leaf: Tensor(_text(leaf)) if is_array(leaf) else leaf, tree, is_leaf=is_box)


def _text(array: Any) -> Any:
    """Strings are bytes here."""
    if array.dtype.kind != "U":
        return array
    out = np.empty(array.shape, object)
    out.flat = [str(value).encode() for value in np.asarray(array).flat]
    return out


def _record(
    function: Callable[..., Any],
    arrays: list[Any],
    places: list[int],
    inputs: list[Any],
    structure: Any,
    out: Any,
    loose: bool,
) -> Call:
    fixed = list(arrays)
    for place in places:
        fixed[place] = None

    def run(*given: Any) -> list[Any]:
        filled = list(fixed)
        for place, array in zip(places, given, strict=True):
            filled[place] = array
        again_args, again_kwargs = jax.tree.unflatten(structure, filled)
        return jax.tree.leaves(function(*again_args, **again_kwargs))

    words = tuple(leaf for leaf in fixed if leaf is not None)
    mark = None if loose or any(callable(word) for word in words) else (function, structure, tuple(places), words)
    return Call(run, inputs, [arrays[i] for i in places], jax.tree.leaves(out), mark)


def narrowed(out: Any, given: list[Any]) -> Any:
    """What NumPy widened to 64 bits (a mean of whole numbers, say) as TensorFlow would have it."""
    wide = {array.dtype.name for array in given if is_array(array)}

    def narrow(leaf: Any) -> Any:
        if isinstance(leaf, bytes):  # an element of an array of strings
            return np.asarray(leaf, object)
        if not isinstance(leaf, np.ndarray | np.generic):
            return np.asarray(leaf, np.float32) if isinstance(leaf, float) else leaf
        if leaf.dtype == np.float64 and "float64" not in wide:
            return leaf.astype(np.float32)
        if leaf.dtype == np.int64 and "int64" not in wide:
            return leaf.astype(np.int32)
        return leaf

    return jax.tree.map(narrow, out)


def unbox(tree: Any) -> Any:
    """The tensors of a tree as arrays."""
    return jax.tree.map(lambda v: unboxed(v) if isinstance(v, TensorWrapper) else v, tree, is_leaf=is_box)
