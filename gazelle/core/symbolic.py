"""Symbolic tensors: shape and dtype without values, and the graph of calls that made them."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays, dtypes, dynamic_loops, tracing
from gazelle.core import sparse as sparse_arrays
from gazelle.core.errors import ArgumentError, GazelleError, ShapeError, StateError, SymbolicError, message
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.printable import printable
from gazelle.core.tensor_wrapper import TensorWrapper, array_in
from gazelle.core.types import DTypeLike, Shape

#: operations that symbolic tensors have as operators and methods; filled by gazelle.ops.
OPS: dict[str, Callable[..., Any]] = {}

# Shapes are traced twice, with these values for unknown sizes; a size that differs between the results is unknown, too.
# Both have many divisors, so that reshapes succeed, and exceed the usual window sizes.
_SIZES = (5040, 10080)


class KerasTensor:
    """A symbolic tensor: a shape (None for unknown sizes) and a dtype without values.

    Created by `Input` and by calling layers and ops on other symbolic tensors; `Model(inputs, outputs)` turns the
    graph between them into a model.

    Args:
        shape: Sizes along the axes; None is an unknown size.
        dtype: Dtype; None is the default float type.
        sparse: Whether its values are sparse arrays.
        ragged: Must be False: arrays of JAX are rectangular.
        record_history: Accepted for compatibility and ignored.
        name: Name; None is "keras_tensor".
    """

    __array_priority__ = 100
    accepts_other_sizes = False  # as the input of a model: data of other sizes is a warning
    accepts_any_rank = False  # as the input of a model: data of other shapes reaches the layers, which check it
    derived: type[KerasTensor]  # the class of results of operations on this tensor

    def __init__(
        self,
        shape: Shape,
        dtype: DTypeLike | None = None,
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> None:
        if ragged:
            hint = "Pad the rows to equal lengths, with a Masking layer or mask_zero=True."
            raise ArgumentError(message("ragged of a symbolic tensor", expected="False", got="True", hint=hint))
        self.sparse, self.ragged = bool(sparse), False
        self.shape: tuple[int | None, ...] = tuple(None if n is None else int(n) for n in shape)
        self.dtype = dtypes.standardize(dtype)
        self.name = name or "keras_tensor"
        self.node: Node | None = None  # the call that made it
        self.index = 0  # which of the call's outputs it is
        self.mask: tuple[int | None, ...] | None = None  # the shape of its mask
        self.sequential: Any = None  # the Sequential whose output it is

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def _keras_history(self) -> tuple[Any, int, int]:
        assert self.node is not None
        return self.node.operation, self.node.operation.nodes.index(self.node), self.index

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={printable(self.name)}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise self._no_values("NumPy function")

    @property
    def __jax_array__(self) -> Any:
        if "_op" in sys._getframe(1).f_code.co_name:  # lets operators of JAX arrays defer to those of this class
            raise AttributeError("__jax_array__")
        raise StateError(str(self._no_values("jax.numpy function")))  # JAX would replace the text of a TypeError

    def __bool__(self) -> bool:
        raise self._no_values("Python condition")

    def __float__(self) -> float:
        raise self._no_values("float()")

    def __int__(self) -> int:
        raise self._no_values("int()")

    def __iter__(self) -> Any:
        if not self.shape or self.shape[0] is None:
            raise self._no_values("loop")
        return (self[i] for i in range(self.shape[0]))

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise self._no_values("len()")
        return self.shape[0]

    def _no_values(self, where: str) -> SymbolicError:
        return SymbolicError(
            message(
                f"A symbolic tensor of shape {self.shape} was given to a {where}",
                expected="an array with values",
                got="a tensor of the graph, which has no values before the model runs",
                hint="Use gazelle.ops, or put the computation into a Lambda layer or a Layer's call.",
            )
        )

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS and name in OPS:
            if sys._getframe(1).f_globals.get("__name__", "").endswith(".fromnumeric"):  # np.mean(tensor)
                raise self._no_values("NumPy function")
            return lambda *args, **kwargs: OPS[name](self, *args, **kwargs)
        raise AttributeError(f"A symbolic tensor has no attribute {name!r}.")

    @property
    def T(self) -> KerasTensor:  # noqa: N802 - NumPy's name
        """The tensor with reversed axes."""
        return OPS["transpose"](self)

    def __getitem__(self, index: Any) -> Any:
        return OPS["get_item"](self, index)


KerasTensor.derived = KerasTensor
_METHODS = ("reshape", "astype", "squeeze", "sum", "mean", "max", "min", "transpose", "flatten")
_OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
}
_ONE_SIDED = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "ne": "not_equal",
    "neg": "negative",
    "abs": "absolute",
    "invert": "logical_not",
}

for _python, _op in _OPERATORS.items():
    setattr(KerasTensor, f"__{_python}__", lambda self, other, op=_op: OPS[op](self, other))
    setattr(KerasTensor, f"__r{_python}__", lambda self, other, op=_op: OPS[op](other, self))
for _python, _op in _ONE_SIDED.items():
    setattr(KerasTensor, f"__{_python}__", lambda self, *other, op=_op: OPS[op](self, *other))


def shown(shape: Any) -> tuple[int | None, ...]:
    """Return a shape for messages: the placeholders of unknown sizes become None."""
    return tuple(None if n in _SIZES else n for n in shape)


class Node:
    """One call in the graph: `operation(*args, **kwargs) -> outputs`.

    Args:
        operation: The layer or op that was called.
        args: Positional arguments, with symbolic tensors in them.
        kwargs: Keyword arguments.
        outputs: The symbolic results.
        closure_inputs: Symbolic tensors that the operation uses from outside of its arguments.
    """

    def __init__(
        self, operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], outputs: Any, closure_inputs: Any = ()
    ) -> None:
        self.operation, self.args, self.kwargs, self.outputs = operation, args, dict(kwargs), outputs
        self.closure_inputs: list[KerasTensor] = list(closure_inputs)  # used in a closure
        operation.nodes.append(self)
        for index, tensor in enumerate(symbolic_leaves(outputs)):
            tensor.node, tensor.index = self, index

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors among the arguments, in order, then those used in a closure."""
        return symbolic_leaves((self.args, self.kwargs)) + self.closure_inputs


class Op:
    """A function of `gazelle.ops` as an operation of the graph.

    Args:
        function: The function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.name, self.nodes = function, function.__name__, list[Node]()
        self.runs_on_host = False  # whether it takes strings

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def is_symbolic(x: object) -> bool:
    """Return whether a value is a symbolic tensor.

    Args:
        x: Any value.

    Returns:
        A boolean.
    """
    return isinstance(x, KerasTensor)


def leaves(tree: Any) -> list[Any]:
    """The leaves of lists, tuples and dicts, symbolic tensors and sparse arrays among them."""
    return jax.tree.leaves(tree, is_leaf=_is_tensor)


def map_tree(fn: Callable[[Any], Any], tree: Any) -> Any:
    """Apply `fn` to every leaf."""
    return jax.tree.map(fn, tree, is_leaf=_is_tensor)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, KerasTensor) or sparse_arrays.is_sparse(value)


def symbolic_leaves(tree: Any) -> list[KerasTensor]:
    return [leaf for leaf in jax.tree.leaves(tree, is_leaf=is_symbolic) if is_symbolic(leaf)]


def any_symbolic(*trees: Any) -> bool:
    return bool(symbolic_leaves(trees))


def call_op(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
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
            outputs = output_spec(function, spec_args, spec_kwargs, name=function.__name__)
    except (TypeError, ValueError) as error:
        if isinstance(error, GazelleError):
            raise
        shapes = ", ".join(str(tuple(v.shape)) for v in leaves((args, kwargs)) if hasattr(v, "shape"))
        reason = str(error).split("\n")[0]
        raise ShapeError(message(f"ops.{function.__name__} of shapes {shapes} cannot be computed: {reason}")) from error
    Node(operation, args, kwargs, outputs)
    return outputs


def host_spec(function: Callable[..., Any], args: Any, kwargs: Any, name: str) -> Any:
    """Infer the symbolic outputs of a function that JAX cannot trace, by calling it on values.

    Args:
        function: Function of strings, or one that needs the values of its arguments.
        args: Positional arguments, with symbolic tensors in them.
        kwargs: Keyword arguments.
        name: Name of the outputs.

    Returns:
        Symbolic tensors in the structure of the result.
    """

    def filled(tensor: Any, size: int) -> Any:
        if not is_symbolic(tensor):
            return tensor
        shape = [size if n is None else n for n in tensor.shape]
        if tensor.dtype == "string":
            return np.full(shape, "", object)
        # random, so that sizes that depend on values differ between the two calls
        values = np.random.default_rng(size).random(shape) * (1 if dtypes.is_float(tensor.dtype) else 2)
        return jnp.asarray(values.astype(dtypes.device_dtype(tensor.dtype)))

    def called(size: int) -> Any:
        given_args, given_kwargs = map_tree(lambda v: filled(v, size), (args, dict(kwargs)))
        return jax.tree.map(np.asarray, map_tree(array_in, function(*given_args, **given_kwargs)))

    def spec(first: Any, second: Any) -> KerasTensor:
        sizes = zip(first.shape, second.shape, strict=True)
        dtype = "string" if first.dtype.kind in "OSU" else first.dtype.name
        return KerasTensor([n if n == m else None for n, m in sizes], dtype, name=name)

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
    fn: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], name: str = "tensor", pins: int = 2
) -> Any:
    """Infer the symbolic outputs of a function by tracing it with arrays of the arguments' shapes.

    Args:
        fn: Function of arrays.
        args: Positional arguments, with symbolic tensors in them.
        kwargs: Keyword arguments.
        name: Name in error messages.
        pins: How many unknown sizes may be replaced by known ones that they must equal.

    Returns:
        Symbolic tensors in the structure of the result.
    """
    flat, structure = jax.tree.flatten((args, dict(kwargs)), is_leaf=is_symbolic)
    positions = [i for i, leaf in enumerate(flat) if is_symbolic(leaf)]

    def traced(*arrays: Any) -> Any:
        filled = list(flat)
        for position, array in zip(positions, arrays, strict=True):
            filled[position] = sparse_arrays.to_sparse(array) if flat[position].sparse else array
            if flat[position].mask is not None:  # only its presence matters here
                set_mask(array, jnp.ones([size if n is None else n for n in flat[position].mask], bool))
        inner_args, inner_kwargs = jax.tree.unflatten(structure, filled)
        result = fn(*inner_args, **inner_kwargs)
        if result is None or isinstance(result, (str, bytes)):
            hint = "Does it end without `return`?" if result is None else ""
            raise ArgumentError(message(f"The call of '{name}'", expected="tensors", got=repr(result), hint=hint))
        result = jax.tree.map(array_in, result, is_leaf=lambda leaf: isinstance(leaf, TensorWrapper))
        leaves, tree = jax.tree.flatten(result, is_leaf=sparse_arrays.is_sparse)
        if any(map(sparse_arrays.is_sparse, leaves)):
            sparse[:] = map(sparse_arrays.is_sparse, leaves)
            result = jax.tree.unflatten(tree, map(sparse_arrays.to_dense, leaves))
        masks.append([None if mask is None else mask.shape for mask in map(get_mask, jax.tree.leaves(result))])
        return result

    unknown = any(None in flat[i].shape for i in positions)
    results, programs = [], []
    masks: list[list[Any]] = []
    sparse: list[bool] = []  # of each result, if one is sparse
    for size in _SIZES if unknown else _SIZES[:1]:
        specs = [
            jax.ShapeDtypeStruct([size if n is None else n for n in flat[i].shape], dtypes.device_dtype(flat[i].dtype))
            for i in positions
        ]
        outer = tracing.current()
        scope = tracing.TraceContext(
            values={},
            key=arrays.key(0),
            training=False if outer is None else outer.training,
            guesses=any(None in flat[i].shape[1:] for i in positions),
        )
        try:
            with tracing.entered(scope):
                program, result = jax.make_jaxpr(traced, return_shape=True)(*specs)
            programs.append(program)
            results.append(result)
        except (TypeError, ValueError) as error:
            candidates = _mismatched_sizes(str(error), size) if unknown and pins else []
            for left, fixed in itertools.product(range(pins), candidates):  # fewest replacements first
                for pinned_args, pinned_kwargs in _pinned((args, dict(kwargs)), fixed):
                    with contextlib.suppress(TypeError, ValueError):
                        return output_spec(fn, pinned_args, pinned_kwargs, name, left)
            if not isinstance(error, GazelleError):
                raise
            error.args = tuple(str(arg).replace(str(size), "None") if unknown else arg for arg in error.args)
            raise

    if unknown:
        dynamic_loops.warn_if_unrolled(name, programs[0], programs[1], _SIZES[1] - _SIZES[0])

    def known(first: Any, *others: Any) -> tuple[int | None, ...]:
        if any(len(other) != len(first) for other in others):
            raise ArgumentError(message(f"The rank of the output of {name!r} depends on an unknown size"))
        return tuple(n if all(o[i] == n for o in others) else None for i, n in enumerate(first))

    kind = flat[positions[0]].derived if positions else KerasTensor
    outputs = jax.tree.map(lambda *found: kind(known(*(f.shape for f in found)), found[0].dtype, name=name), *results)
    for tensor, shapes in zip(jax.tree.leaves(outputs, is_leaf=is_symbolic), zip(*masks, strict=True), strict=True):
        tensor.mask = None if None in shapes else known(*shapes)
    for tensor, is_sparse in zip(jax.tree.leaves(outputs, is_leaf=is_symbolic), sparse, strict=False):
        tensor.sparse = is_sparse
    return outputs


def _mismatched_sizes(text: str, size: int) -> list[int]:
    """The sizes in shapes that JAX reports as mismatched, other than the placeholder `size`."""
    shapes = [tuple(map(int, found.replace(" ", "").rstrip(",").split(","))) for found in _SHAPE.findall(text)]
    if not any(size in shape for shape in shapes):
        return []
    return sorted({n for shape in shapes for n in shape} - {size, 1})


_SHAPE = re.compile(r"\((\d+(?:, *\d+)*,?)\)")


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
