"""Calls functions of arrays on tensors: unboxes the arguments, boxes the result, and records the call on tapes."""

from __future__ import annotations

import contextlib
from numbers import Number
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import PyTreeDef

from gazelle.compat.backend import sessions
from gazelle.compat.backend.lifting import GraphValue, GraphVariable, computes_values
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow import constant_calls
from gazelle.compat.tensorflow.eager.programs import NotCompilableError
from gazelle.compat.tensorflow.eager.recording import Call, active_tapes, filled, in_dataset, is_array, is_box, unboxed
from gazelle.compat.tensorflow.errors import IndexOutOfBoundsError, InvalidArgumentError
from gazelle.compat.types import Arguments, Function, Keywords
from gazelle.core import logits, shape_inference, tracing
from gazelle.core.attachments import Attachments
from gazelle.core.errors import ArgumentError, GazelleError, IncompatibleShapesError, ShapeError, message
from gazelle.core.symbolic import KerasTensor, map_in_order, symbolic_leaves
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.text_array import TextArray
from gazelle.core.types import Tree
from gazelle.core.variable import Variable

Host = Function | None
#: arrays in whose place programs get other objects than tensors -> function of the array that makes the object
OBJECTS = Attachments(inferred=True)
#: elements of a constant beyond which a function of it is traced, not computed: a mask of placeholder sizes, repeated
_LARGE = 2**22

#: (classes, function) of `tf.register_tensor_conversion_function`, the first one that fits counts
CONVERSIONS: list[tuple[Any, Function]] = []


def registered(value: Tree) -> Tree:
    """The tensor of an object for whose class a program registered a conversion; other values unchanged."""
    convert = next((convert for kind, convert in CONVERSIONS if isinstance(value, kind)), None)
    return value if convert is None else convert(value, dtype=None, name=None, as_ref=False)


def call(function: Function, args: Arguments, kwargs: Keywords, host: Host = None, keeps_64_bits: bool = False) -> Tree:
    """`function(*args, **kwargs)` with arrays as tensors.

    `host` is the same function for NumPy arrays, and is called if all arrays are on the host. A result that keeps 64
    bits, which JAX does not support, is computed on the host unless an argument is traced.
    """
    flat, structure = jax.tree.flatten((args, dict(kwargs)), is_leaf=is_box)
    flat = [registered(leaf) for leaf in flat] if CONVERSIONS else flat
    is_of_graph = any(isinstance(leaf, KerasTensor | GraphVariable) or _is_in_graph(leaf) for leaf in flat)
    if is_of_graph and _builds_graph(flat):
        constants = list(filter(constant_calls.is_constant, flat))
        if constants:
            flat = [unboxed(leaf) if constant_calls.is_constant(leaf) else leaf for leaf in flat]
        args, kwargs = jax.tree.unflatten(structure, flat)
        out = _of_graph(function, args, kwargs)
        if constants:
            constant_calls.store_arguments(out, constants)
        return out
    if any(hasattr(type(leaf), "rows") for leaf in flat):
        from gazelle.compat.tensorflow.ops import masked_rows

        return masked_rows.call(function, args, kwargs)
    arrays = _matched(flat)
    if host is not None and any(isinstance(v, np.ndarray | np.generic) and v.dtype.kind in "OSU" for v in arrays):
        arrays = [_next_to_strings(array) for array in arrays]
    if any(isinstance(v, np.ndarray) and v.size > _LARGE for v in arrays) and tracing.is_traced():
        arrays = [jnp.asarray(v) if isinstance(v, np.ndarray) and v.dtype.kind in "biufc" else v for v in arrays]
        args, kwargs = jax.tree.unflatten(structure, arrays)
        out = function(*args, **kwargs)
    else:
        out = _computed(function, structure, arrays, host, keeps_64_bits)
    out = logits.lost(out, arrays)
    if in_dataset.get():  # further functions compute on the host: elements of other shapes would compile them again
        out = map_in_order(_on_host, out)
    out = boxed(_recorded(out, function, flat, arrays, structure) if active_tapes() else out)
    if recorder.get() is GraphVariable and not computes_values():
        constant_calls.store(out, function, flat, structure)
    return out


def _of_graph(function: Function, args: Arguments, kwargs: Keywords) -> Tree:
    """A call in the graph; where a size of a run cannot be large, such as k of `top_k`, two small ones are tried."""
    try:
        return shape_inference.call_op(function, args, kwargs)
    except ShapeError:
        known = set(map(id, sessions.lengths.values()))
        lengths = [leaf for leaf in symbolic_leaves((args, kwargs)) if id(leaf) in known]
        if not lengths:
            raise
    found = []
    try:
        for size in (2, 1):
            for length in lengths:
                length.shape = (size,)
            with contextlib.suppress(ShapeError):
                found.append(shape_inference.call_op(function, args, kwargs))
    finally:
        for length in lengths:
            length.shape = (None,)
    if not found:
        return shape_inference.call_op(function, args, kwargs)
    for first, last in zip(symbolic_leaves(found[0]), symbolic_leaves(found[-1]), strict=True):
        last.shape = tuple(
            n if n == m and len(found) == 2 else None for n, m in zip(first.shape, last.shape, strict=True)
        )
    return found[-1]


def _computed(function: Function, structure: PyTreeDef, arrays: list[Any], host: Host, keeps_64_bits: bool) -> Tree:
    """The result of a call: on the host, at once for constants in a trace, or on the device."""
    if keeps_64_bits and not any(isinstance(array, jax.core.Tracer) for array in arrays):
        host_args, host_kwargs = jax.tree.unflatten(structure, map(_on_host, arrays))
        return function(*host_args, **host_kwargs)
    args, kwargs = jax.tree.unflatten(structure, arrays)
    if host is not None and not any(isinstance(array, jax.Array) for array in arrays):
        with np.errstate(all="ignore"):  # TensorFlow does not warn of 1 / 0
            return narrowed(host(*args, **kwargs), arrays)
    if tracing.current() is not None and _are_constants(arrays):
        with jax.ensure_compile_time_eval():  # what follows from constants is known while a step is traced
            out = function(*args, **kwargs)
    else:
        out = function(*args, **kwargs)
    return _without_wide_floats(out, arrays) if jax.config.jax_enable_x64 else out


_NARROW = {np.dtype("float64"): "float32", np.dtype("complex128"): "complex64"}


def _without_wide_floats(out: Tree, given: list[Any]) -> Tree:
    """A result with the float dtype of TensorFlow: numbers and lists of a program have 32 bits, those of JAX 64."""
    names = (value if isinstance(value, str) else str(getattr(value, "dtype", "")) for value in given)
    if any(name in ("float64", "complex128") for name in names):
        return out
    return map_in_order(lambda v: v.astype(_NARROW.get(v.dtype, v.dtype)) if isinstance(v, jax.Array) else v, out)


def _recorded(out: Tree, function: Function, flat: list[Any], arrays: list[Any], structure: PyTreeDef) -> Tree:
    """The result of a call, after the active tapes have recorded it; what is an argument itself is copied."""
    array_indices = [i for i, array in enumerate(arrays) if is_array(array)]
    inputs = [flat[i] if isinstance(flat[i], Variable) else arrays[i] for i in array_indices]
    recording_tapes = [tape for tape in active_tapes() if tape.is_affected_by(inputs)]
    if recording_tapes:
        given = set(map(id, arrays))  # stop_gradient(x) is x itself, and tapes know arrays by their identity
        out = map_in_order(lambda v: _copy(v) if id(v) in given and is_array(v) else v, out)
        for leaf in jax.tree.leaves(out):  # a loss is computed from the logits: they are a result, too
            before, loss = logits.entry(leaf)
            if before is not None:
                logits.attach(leaf, _copy(before), loss)
        record = _record(function, arrays, array_indices, inputs, structure, out)
        for tape in recording_tapes:
            tape.record(record)
    return out


def _matched(flat: list[Any]) -> list[Any]:
    """The arrays of leaves. Floats and objects of NumPy get the dtype of the tensors; NumPy cannot compute bfloat16."""
    arrays = [unboxed(leaf) for leaf in flat]
    for index, array in enumerate(arrays):
        if not isinstance(array, np.ndarray | np.generic):
            continue
        if array.dtype in (np.float64, object) and not is_box(flat[index]):
            kinds = [v.dtype for leaf, v in zip(flat, arrays, strict=True) if is_box(leaf) and hasattr(v, "dtype")]
            array = _of_kind(array, kinds)
        arrays[index] = jnp.asarray(array) if array.dtype == jnp.bfloat16 else array
    return arrays


def _of_kind(array: Any, kinds: list[Any]) -> Any:
    """Floats, and numbers in an array of objects, with the first dtype that fits of the tensors; strings as bytes."""
    wanted: Any = jnp.floating
    if array.dtype == object:
        first = next(iter(array.flat), None)
        if isinstance(first, str):
            return as_bytes(array)
        if not isinstance(first, Number):
            return array
        wanted = jnp.number
    fitting = [kind for kind in kinds if jnp.issubdtype(kind, wanted)]
    return array.astype(fitting[0]) if fitting else array


def _next_to_strings(array: Any) -> Any:
    """An operand of an operation on strings, which are computed on the host; a function of them is not compiled."""
    if isinstance(array, jax.core.Tracer):
        raise NotCompilableError("Strings are computed on the host, not in compiled functions and steps.")
    return np.asarray(array) if isinstance(array, jax.Array) else array


def _copy(array: Any) -> Any:
    return jnp.array(array) if isinstance(array, jax.Array) else np.array(array)


def _on_host(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer) else value


def _are_constants(arrays: list[Any]) -> bool:
    given = [array for array in arrays if isinstance(array, jax.Array)]
    return bool(given) and not any(isinstance(array, jax.core.Tracer) for array in given)


def _is_in_graph(value: Any) -> bool:
    """Whether a value is a weight of a layer, of which a graph is built now, or an assignment in a graph."""
    return isinstance(value, GraphValue) or (isinstance(value, Variable) and recorder.get() is GraphVariable)


def _builds_graph(leaves: list[Any]) -> bool:
    return any(isinstance(leaf, KerasTensor) for leaf in leaves) or not computes_values()


def guarded(function: Function, args: Arguments, kwargs: Keywords, **options: Any) -> Tree:
    """Like `call`, but wrong shapes raise the error that programs for TensorFlow catch."""
    try:
        return call(function, args, kwargs, **options)
    except IndexError as error:
        raise error if isinstance(error, GazelleError) else IndexOutOfBoundsError(str(error)) from error
    except (TypeError, ValueError) as error:
        is_explained = isinstance(error, GazelleError | jax.errors.JAXTypeError)
        is_explained = is_explained and not isinstance(error, IncompatibleShapesError)
        if any(hasattr(value, "row_splits") for value in (*args, *kwargs.values())) and not is_explained:
            raise _no_ragged_tensor() from error
        if is_explained or not (isinstance(error, ValueError) or "shape" in str(error)):
            raise
        raise InvalidArgumentError(str(error)) from error


def boxed(tree: Tree) -> Tree:
    """Replace the arrays in a tree by tensors."""
    from gazelle.compat.tensorflow.tensor import Tensor

    def box(leaf: Any) -> Any:
        if (made := OBJECTS.get(leaf)) is not None:
            return made(leaf)
        return Tensor(as_bytes(leaf)) if is_array(leaf) else Tensor(leaf) if isinstance(leaf, TextArray) else leaf

    return map_in_order(box, tree, is_box)


def _no_ragged_tensor() -> ArgumentError:
    hint = "Write x.to_tensor(), or tf.ragged.map_flat_values(function, x)."
    return ArgumentError(message("This function", expected="tensors", got="a ragged tensor", hint=hint))


def as_bytes(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Strings as bytes."""
    if array.dtype == object and array.size and isinstance(array.flat[0], np.ndarray):  # rows of other lengths
        raise _no_ragged_tensor()
    if array.dtype.kind != "U" and not (array.dtype == object and array.size and isinstance(array.flat[0], str)):
        return array
    out = np.empty(array.shape, object)
    out.flat = [str(value).encode() for value in np.asarray(array).flat]
    return out


def _record(
    function: Function, arrays: list[Any], array_indices: list[int], inputs: list[Any], structure: Any, out: Any
) -> Call:
    static = filled(arrays, array_indices, [None] * len(array_indices))

    def run(*given: Any) -> list[Any]:
        again_args, again_kwargs = jax.tree.unflatten(structure, filled(static, array_indices, given))
        return logits.included(jax.tree.leaves(function(*again_args, **again_kwargs)))

    static_args = tuple(leaf for leaf in static if leaf is not None)
    has_functions = any(callable(value) for value in static_args)
    key = None if has_functions else (function, structure, tuple(array_indices), static_args)
    return Call(run, inputs, [arrays[i] for i in array_indices], logits.included(jax.tree.leaves(out)), key)


def narrowed(out: Tree, given: list[Any]) -> Tree:
    """Results that NumPy widened to 64 bits, such as a mean of integers, with the dtype of TensorFlow."""
    dtypes_given = {array.dtype for array in given if is_array(array)}

    def narrow(leaf: Any) -> Any:
        if isinstance(leaf, bytes):  # an element of an array of strings
            return np.asarray(leaf, object)
        if not isinstance(leaf, np.ndarray | np.generic):
            return np.asarray(leaf, np.float32) if isinstance(leaf, float) else leaf
        if leaf.dtype == np.float64 and leaf.dtype not in dtypes_given:
            return leaf.astype(np.float32)
        if leaf.dtype == np.int64 and leaf.dtype not in dtypes_given:
            return leaf.astype(np.int32)
        return leaf

    return map_in_order(narrow, out)


def unbox(tree: Tree) -> Tree:
    """Replace the tensors in a tree by arrays."""
    return map_in_order(lambda v: unboxed(v) if isinstance(v, TensorWrapper) else v, tree, is_box)
