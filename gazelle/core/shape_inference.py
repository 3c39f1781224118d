"""Shapes and dtypes of outputs, inferred by tracing a function without computing."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays, dtypes, dynamic_loops, sparse, tracing
from gazelle.core.attachments import attached_to, with_attached
from gazelle.core.context_variables import assigned
from gazelle.core.errors import ArgumentError, GazelleError, ShapeError, message
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.symbolic import KerasTensor, Node, Op, any_symbolic, is_symbolic, leaves, map_tree, symbolic_leaves
from gazelle.core.tensor_wrapper import TensorWrapper, array_in
from gazelle.core.types import Shape, Symbolic

# Shapes are traced twice, with these values for unknown sizes; a size that differs between the results is unknown, too.
# Both have many divisors, so that reshapes succeed, and exceed the usual window sizes.
_SIZES = (5040, 10080)
_PLACEHOLDER = re.compile(rf"\b(?:{'|'.join(map(str, _SIZES))})\b")
_DIVISION = re.compile("reshape|equal division|divisible")  # errors of sizes that another size does not divide
_SHAPE = re.compile(r"\((\d+(?:, *\d+)*,?)\)")
_TYPE = re.compile(r"\w\[(\d+(?:, *\d+)*,?)\]")  # float32[2,3]


UNKNOWN_SIZE = "A size that is None is unknown until the model runs: compute with x.shape in the call of a layer."
_GIVEN_NONE = re.compile("NoneType|None is not a valid value")  # errors of JAX and Python for None in place of a number


def hint_of_none(error: Exception) -> str:
    """Return the hint for an error about None in place of an array or a size; "" for other errors."""
    return UNKNOWN_SIZE if _GIVEN_NONE.search(str(error)) else ""


def shown(shape: Shape) -> tuple[int | None, ...]:
    """Return a shape for messages: the placeholders of unknown sizes become None."""
    return tuple(None if n in _SIZES else n for n in shape)


def call_op(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Symbolic:
    """Add a call of an array function on symbolic tensors to the graph, or call it if they have values in this run."""
    scope = tracing.current()
    if scope is not None and scope.known:
        args, kwargs = map_tree(lambda leaf: scope.known.get(id(leaf), leaf), (args, dict(kwargs)))
        if not any_symbolic(args, kwargs):
            return function(*args, **kwargs)
    if function.__name__ in _INTEGERS:
        spec_args, spec_kwargs = _with_integers(function, args, kwargs)
    else:
        spec_args, spec_kwargs = args, dict(kwargs)
    operation = Op(function)
    try:
        if any(tensor.dtype == "string" for tensor in symbolic_leaves((args, kwargs))):
            operation.runs_on_host = True
            outputs = host_spec(function, args, kwargs, name=function.__name__)
        else:
            outputs = infer(function, spec_args, spec_kwargs, name=function.__name__)
    except (TypeError, ValueError) as error:
        if isinstance(error, GazelleError):
            raise
        shapes = ", ".join(str(tuple(v.shape)) for v in leaves((args, kwargs)) if hasattr(v, "shape"))
        reason = _PLACEHOLDER.sub("None", str(error).split("\n")[0])
        what = f"ops.{function.__name__} of shapes {shapes} cannot be computed: {reason.rstrip('.')}"
        raise ShapeError(message(what, hint=hint_of_none(error))) from error
    Node(operation, args, kwargs, outputs)
    return outputs


#: whether values are placeholders from which only shapes are inferred
infers_shapes: ContextVar[bool] = ContextVar("gazelle_infers_shapes", default=False)


def host_spec(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], name: str) -> Symbolic:
    """Infer the symbolic outputs of a function that JAX cannot trace, by calling it on values.

    Args:
        function: Function of strings, or one that needs the values of its arguments.
        args: Positional arguments, with symbolic tensors in them.
        kwargs: Keyword arguments.
        name: Name of the outputs.

    Returns:
        Symbolic tensors in the structure of the result.
    """

    def values(tensor: Any, size: int) -> Any:
        if not is_symbolic(tensor):
            return tensor
        shape = _filled(tensor.shape, size)
        if tensor.dtype == "string":
            return np.full(shape, "", object)
        # random, so that sizes that depend on values differ between the two calls
        drawn = np.random.default_rng(size).random(shape) * (1 if dtypes.is_float(tensor.dtype) else 2)
        return jnp.asarray(drawn.astype(dtypes.device_dtype(tensor.dtype)))

    def called(size: int) -> Any:
        given_args, given_kwargs = map_tree(lambda v: values(v, size), (args, dict(kwargs)))
        with assigned(infers_shapes, True):
            return jax.tree.map(np.asarray, map_tree(array_in, function(*given_args, **given_kwargs)))

    tensors = symbolic_leaves((args, dict(kwargs)))
    kind = (tensors[0] if tensors else KerasTensor).derived

    def spec(first: Any, second: Any) -> KerasTensor:
        sizes = zip(first.shape, second.shape, strict=True)
        dtype = "string" if first.dtype.kind in "OSU" else first.dtype.name
        return kind([n if n == m else None for n, m in sizes], dtype, name=name)

    return jax.tree.map(spec, called(60), called(120))


#: operation -> its parameters of integers; a symbolic tensor without a dtype, which is a float, may stand for them
_INTEGERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("scatter", "scatter_update", "take", "take_along_axis"), ("indices",)),
    **dict.fromkeys(("slice", "slice_update"), ("start_indices",)),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"), ("x", "y")),
    **dict.fromkeys(("bitwise_left_shift", "bitwise_right_shift", "bitwise_not", "bitwise_invert"), ("x", "y")),
    **dict.fromkeys(("gcd", "lcm"), ("x1", "x2")),
    "in_top_k": ("targets",),
    "ldexp": ("x2",),
}


def _with_integers(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments of a call, with symbolic integers where the operation takes nothing else."""
    names, of_integers = list(inspect.signature(function).parameters), _INTEGERS[function.__name__]

    def integer(name: str, value: Any) -> Any:
        if name not in of_integers or not is_symbolic(value) or not dtypes.is_float(value.dtype):
            return value
        return KerasTensor(value.shape, "int32", name=value.name)

    given = tuple(integer(name, value) for name, value in zip(names, args, strict=False))
    return (*given, *args[len(given) :]), {name: integer(name, value) for name, value in kwargs.items()}


class NeedsGraphError(ArgumentError):
    """A layer's call uses the graph of its input, not the input's values."""


def output_spec(
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    name: str = "tensor",
    pins: int = 2,
    sizes: tuple[int, int] = _SIZES,
) -> Symbolic:
    """Infer the symbolic outputs of a function by tracing it with arrays of the arguments' shapes.

    Args:
        fn: Function of arrays.
        args: Positional arguments, with symbolic tensors in them.
        kwargs: Keyword arguments.
        name: Name in error messages.
        pins: How many unknown sizes may be replaced by known ones that they must equal.
        sizes: What stands for unknown sizes in the two traces.

    Returns:
        Symbolic tensors in the structure of the result.
    """
    arguments = (args, dict(kwargs))
    tensors = symbolic_leaves(arguments)
    unknown = any(None in tensor.shape for tensor in tensors)
    traces = []
    for size in sizes if unknown else sizes[:1]:
        try:
            traces.append(_trace(fn, arguments, size, name))
        except (TypeError, ValueError) as error:
            if unknown and sizes is _SIZES and (multiples := _multiples(arguments, str(error), size)):
                with contextlib.suppress(TypeError, ValueError):
                    return output_spec(fn, args, kwargs, name, 0, multiples)
            candidates = _mismatched_sizes(str(error), size) if unknown and pins else []
            for left, fixed in itertools.product(range(pins), candidates):  # fewest replacements first
                for pinned_args, pinned_kwargs in _pinned(arguments, fixed):
                    with contextlib.suppress(TypeError, ValueError):
                        return output_spec(fn, pinned_args, pinned_kwargs, name, left)
            if not isinstance(error, GazelleError):
                raise
            error.args = tuple(str(arg).replace(str(size), "None") if unknown else arg for arg in error.args)
            raise
    if unknown:
        dynamic_loops.warn_if_unrolled(name, traces[0].program, traces[1].program, sizes[1] - sizes[0])
    kind = (tensors[0] if tensors else KerasTensor).derived
    outputs = jax.tree.map(
        lambda *found: kind(_common_shape([f.shape for f in found], name), found[0].dtype, name=name),
        *(trace.outputs for trace in traces),
    )
    flat = jax.tree.leaves(outputs, is_leaf=is_symbolic)
    for tensor, shapes in zip(flat, zip(*(trace.masks for trace in traces), strict=True), strict=True):
        tensor.mask = None if None in shapes else _common_shape(shapes, name)
    for tensor, is_sparse in zip(flat, traces[-1].sparse, strict=True):
        tensor.sparse = is_sparse
    for tensor, *found in zip(flat, *(trace.attached for trace in traces), strict=True):
        tensor.attached = jax.tree.map(functools.partial(_common, name), *found)
    return outputs


#: how the outputs of an operation are inferred; compat replaces it for tensors of unknown rank
infer: Callable[..., Symbolic] = output_spec


class _Trace(NamedTuple):
    """What tracing a function with one value for the unknown sizes showed."""

    program: Any  # its jaxpr
    outputs: Any  # shapes and dtypes in the structure of the result
    masks: list[Any]  # shape of the mask of each output; None without
    sparse: list[bool]  # whether each output is sparse
    attached: list[list[Any]]  # what is attached to each output


def _trace(fn: Callable[..., Any], arguments: Any, size: int, name: str) -> _Trace:
    """Trace a function of `arguments`, (args, kwargs), with `size` for the unknown sizes of the symbolic tensors."""
    flat, structure = jax.tree.flatten(arguments, is_leaf=is_symbolic)
    tensors = [leaf for leaf in flat if is_symbolic(leaf)]
    masks: list[Any] = []
    is_sparse: list[bool] = []
    attached: list[Any] = []

    def traced(*arrays: Any) -> Any:
        given = iter(arrays)
        filled = [_as_argument(leaf, next(given), size) if is_symbolic(leaf) else leaf for leaf in flat]
        args, kwargs = jax.tree.unflatten(structure, filled)
        result = fn(*args, **kwargs)
        if result is None or isinstance(result, (str, bytes)):
            hint = "Does it end without `return`?" if result is None else ""
            raise ArgumentError(message(f"The call of '{name}'", expected="tensors", got=repr(result), hint=hint))
        result = jax.tree.map(array_in, result, is_leaf=lambda leaf: isinstance(leaf, TensorWrapper))
        leaves, tree = jax.tree.flatten(result, is_leaf=sparse.is_sparse)
        is_sparse[:] = map(sparse.is_sparse, leaves)
        result = jax.tree.unflatten(tree, map(sparse.to_dense, leaves)) if any(is_sparse) else result
        attached[:] = attached_to(result, only_inferred=True)
        masks[:] = [None if mask is None else mask.shape for mask in map(get_mask, jax.tree.leaves(result))]
        return result

    specs = [jax.ShapeDtypeStruct(_filled(t.shape, size), dtypes.device_dtype(t.dtype)) for t in tensors]
    outer = tracing.current()
    scope = tracing.TraceContext(
        values={},
        key=arrays.key(0),
        training=False if outer is None else outer.training,
        guesses=any(None in tensor.shape[1:] for tensor in tensors),
        closed=True,  # the call is not run
    )
    with tracing.entered(scope), assigned(infers_shapes, True):
        program, outputs = jax.make_jaxpr(traced, return_shape=True)(*specs)
    return _Trace(program, outputs, masks, is_sparse, attached)


def _common(name: str, *found: Any) -> Any:
    """A symbolic tensor for an array of several traces; other values unchanged."""
    first = found[0]
    return (
        KerasTensor(_common_shape([f.shape for f in found], name), first.dtype)
        if isinstance(first, jax.Array)
        else first
    )


def _as_argument(tensor: KerasTensor, array: Any, size: int) -> Any:
    """The array that stands for a symbolic tensor: sparse or with a mask, as the tensor is."""
    array = sparse.to_sparse(array) if tensor.sparse else array
    if tensor.mask is not None:
        set_mask(array, jnp.ones(_filled(tensor.mask, size), bool))  # only its presence matters here
    if any(tensor.attached):
        ones = lambda v: jnp.ones(_filled(v.shape, size), v.dtype) if is_symbolic(v) else v  # noqa: E731
        with_attached(array, [map_tree(ones, tensor.attached)], only_inferred=True)
    return array


def _filled(shape: Shape, size: int) -> list[int]:
    """A shape with `size` for unknown sizes."""
    return [size if n is None else n for n in shape]


def _common_shape(shapes: Sequence[Sequence[int]], name: str) -> tuple[int | None, ...]:
    """The shape whose sizes are None where those of several traces differ."""
    if any(len(shape) != len(shapes[0]) for shape in shapes):
        raise ArgumentError(message(f"The rank of the output of {name!r} depends on an unknown size"))
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))


def _multiples(arguments: Any, text: str, size: int) -> tuple[int, int] | None:
    """Two multiples of the numbers in a call and in the error that a size is too small, or not divisible by one."""
    if "a larger size" in text:  # than what is cut off
        factor = sum(map(int, re.findall(r"\d+", text))) // size + 1
        return _SIZES[0] * factor, _SIZES[1] * factor
    if not _DIVISION.search(text):
        return None
    numbers = {leaf for leaf in jax.tree.leaves(arguments, is_leaf=is_symbolic) if type(leaf) is int}
    found = numbers | set(map(int, re.findall(r"\d+", text)))
    factor = math.lcm(*(n for n in found if n > 1 and n % size))
    return (_SIZES[0] * factor, _SIZES[1] * factor) if 1 < factor < 10**6 else None


def _mismatched_sizes(text: str, size: int) -> list[int]:
    """The sizes in shapes, and batch sizes, that an error reports as mismatched, other than the placeholder `size`."""
    counts = set(map(int, re.findall(r"batch size (\d+)", text)))
    if size in counts:
        return sorted(counts - {size})
    stated = (_TYPE if "types for broadcasting" in text else _SHAPE).findall(text)
    shapes = [tuple(map(int, found.replace(" ", "").rstrip(",").split(","))) for found in stated]
    if not any(size in shape for shape in shapes):
        return []
    found = {n for shape in shapes for n in shape} - {size}
    return sorted(found - {1}) + sorted(found & {1})  # 1 is seldom the reason


def _pinned(tree: Any, size: int) -> Iterator[Any]:
    """Yield trees with `size` for unknown sizes: of one axis of one tensor, or of the batch axis of all."""
    for leaf in symbolic_leaves(tree):
        for axis in reversed(range(len(leaf.shape))):
            if leaf.shape[axis] is None:
                yield map_tree(functools.partial(_with_size, other=leaf, axis=axis, size=size), tree)
    yield map_tree(functools.partial(_of_samples, count=size), tree)


def _with_size(leaf: Any, other: Any, axis: int, size: int) -> Any:
    if leaf is not other:
        return leaf
    return KerasTensor((*leaf.shape[:axis], size, *leaf.shape[axis + 1 :]), leaf.dtype, leaf.sparse, name=leaf.name)


def _of_samples(leaf: Any, count: int) -> Any:
    if not is_symbolic(leaf) or not leaf.shape or leaf.shape[0] is not None:
        return leaf
    return KerasTensor((count, *leaf.shape[1:]), leaf.dtype, leaf.sparse, name=leaf.name)
