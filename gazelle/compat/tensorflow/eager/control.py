"""Control flow: runs as plain Python if values are known, and is compiled if they are traced."""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.backend.execution_order import depending
from gazelle.compat.backend.phase import LearningPhase
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow.calls import boxed, call
from gazelle.compat.tensorflow.dtypes import as_dtype, name_on_device
from gazelle.compat.tensorflow.eager.captured import recorded
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.errors import InvalidArgumentError, OutOfRangeError
from gazelle.compat.tensorflow.names import NAMES, array_of_list, named
from gazelle.compat.tensorflow.ops.arrays import concat, convert, stack
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.ops.strings import shown
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1 import loops, subgraphs
from gazelle.compat.types import DTypeLike, Function, Nested, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core import prng, tracing
from gazelle.core.errors import message
from gazelle.core.symbolic import KerasTensor


def _traced(value: Any) -> bool:
    return isinstance(unboxed(value), jax.core.Tracer)


def _is_symbolic(tree: Any) -> bool:
    """Whether there is a tensor of a graph; the phase of `keras.backend` is a Python condition."""
    return any(
        isinstance(leaf, KerasTensor) and not isinstance(leaf, LearningPhase)
        for leaf in jax.tree.leaves(tree, is_leaf=is_box)
    )


@named("cond")
def cond(
    pred: TensorLike,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    *,
    fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> TensorResult:
    """`tf.cond`; `strict`, `fn1` and `fn2` are of TensorFlow 1."""
    true_fn, false_fn = true_fn or fn1, false_fn or fn2
    if true_fn is None or false_fn is None:
        raise TypeError("tf.cond: expected two functions, true_fn and false_fn.")
    if _is_symbolic(pred):
        return subgraphs.symbolic_cond(pred, true_fn, false_fn)
    if not _traced(pred):
        return true_fn() if bool(unboxed(pred)) else false_fn()
    condition = unboxed(pred)  # both are computed, since tapes record them
    (yes, assigned), (no, others) = tracing.isolated(true_fn), tracing.isolated(false_fn)
    for variable in {**assigned, **others}:
        values = [branch.get(variable, variable._full()) for branch in (assigned, others)]
        variable.assign(jnp.where(condition, *values))
    if any(isinstance(out, Operations) or out is None for out in (yes, no)):
        return None
    return jax.tree.map(lambda a, b: call(jnp.where, (condition, a, b), {}), yes, no, is_leaf=is_box)


@named("case")
def case(
    pred_fn_pairs: Sequence[tuple[TensorLike, Callable[[], Any]]] | Mapping[Any, Callable[[], Any]],
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
) -> TensorResult:
    """`tf.case`: the function of the first true predicate."""
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, Mapping) else pred_fn_pairs)
    if not pairs:
        return None if default is None else default()
    (pred, function), *others = pairs
    if default is None and not others:
        return function()
    return cond(pred, function, lambda: case(others, default))


@named("switch_case")
def switch_case(
    branch_index: TensorLike,
    branch_fns: Sequence[Any] | Mapping[int, Callable[[], Any]],
    default: Callable[[], Any] | None = None,
) -> TensorResult:
    given = list(branch_fns.items() if isinstance(branch_fns, Mapping) else branch_fns)
    table = dict(given if all(isinstance(one, tuple) for one in given) else enumerate(given))
    index = unboxed(branch_index)
    return case([(index == key, function) for key, function in table.items()], default or table[max(table)])


#: loops of at most so many iterations have gradients, which JAX computes for loops of known length only
_MOST_WITH_GRADIENTS = 1000


@named("while_loop")
@ignores("parallel_iterations back_prop swap_memory name return_same_structure=True")
def while_loop(
    cond: Function,
    body: Function,
    loop_vars: Nested[TensorLike],
    shape_invariants: Sequence[ShapeLike] | None = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: TensorLike = None,
) -> TensorResult:
    is_leaf = lambda leaf: is_box(leaf) or isinstance(leaf, TensorArray)  # noqa: E731
    plain = (int, TensorArray)  # a Python number stays one: it may index a TensorArray
    values = jax.tree.map(lambda v: v if isinstance(v, plain) else convert(v), list(loop_vars), is_leaf=is_leaf)
    iterations = 0
    if _is_symbolic(values) or _is_symbolic(first := cond(*values)):
        limit = None if maximum_iterations is None else int(maximum_iterations)
        return subgraphs.symbolic_while(cond, body, values, limit, shape_invariants)
    if _traced(first):
        limit = np.iinfo(np.int32).max if maximum_iterations is None else int(maximum_iterations)
        key = prng.loop_key()

        def step(state: Any) -> Any:
            count, inner = state
            with tracing.at_step(key, count):
                out = body(*boxed(inner))
            out = list(out) if isinstance(out, list | tuple) else [out]
            return count + 1, [jnp.asarray(unboxed(v), i.dtype) for v, i in zip(out, inner, strict=True)]

        def continues(state: Any) -> Any:
            return jnp.logical_and(jnp.asarray(unboxed(cond(*boxed(state[1])))), state[0] < limit)

        start = 0, [jnp.asarray(unboxed(v)) for v in values]
        if limit > _MOST_WITH_GRADIENTS:
            return boxed(recorded(lambda start: loops.while_loop(continues, step, start)[1], start))
        once = lambda state, _: (jax.lax.cond(continues(state), step, lambda same: same, state), None)  # noqa: E731
        return boxed(recorded(lambda start: jax.lax.scan(once, start, length=limit)[0][1], start))
    while bool(cond(*values)) and (maximum_iterations is None or iterations < int(maximum_iterations)):
        out = body(*values)
        values, iterations = list(out) if isinstance(out, list | tuple) else [out], iterations + 1
    return jax.tree.map(lambda v: v if isinstance(v, TensorArray) else convert(v), values, is_leaf=is_leaf)


def _rows(elems: Any) -> list[Any]:
    """The rows of tensors in a structure, or of nested lists of numbers."""
    elems = array_of_list(elems) if isinstance(elems, list | tuple) else elems
    leaves, structure = jax.tree.flatten(elems, is_leaf=lambda leaf: is_box(leaf) or isinstance(leaf, RaggedTensor))
    columns = [leaf if isinstance(leaf, RaggedTensor) else convert(leaf) for leaf in leaves]
    count = len(unboxed(columns[0]))
    return [structure.unflatten([column[i] for column in columns]) for i in range(count)]


def _stacked(rows: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *parts: stack([convert(p) for p in parts]), *rows, is_leaf=is_box)


_HINTS = "parallel_iterations back_prop swap_memory infer_shape"  # in TensorFlow 2 `back_prop` has no effect, either


@named("vectorized_map")
@ignores("fallback_to_while_loop warn")
def vectorized_map(fn: Callable[[Any], Any], elems: TensorLike) -> TensorResult:
    """`tf.vectorized_map`: `fn` applied to each row, stacked."""
    return map_fn(fn, elems)


@named("map_fn")
@ignores(f"dtype {_HINTS} name fn_output_signature")
def map_fn(fn: Callable[[Any], Any], elems: TensorLike) -> TensorResult:
    """`tf.map_fn`: `fn` applied to each row, stacked; rows of different lengths become a ragged tensor."""
    if _is_symbolic(elems):
        return subgraphs.symbolic_scan(lambda state, row: (state, fn(row)), elems, np.float32(0))[1]
    rows = [fn(row) for row in _rows(elems)]
    if (
        all(is_box(row) or isinstance(row, RaggedTensor) for row in rows)
        and len({tuple(row.shape) for row in rows}) > 1
    ):
        return RaggedTensor.of_rows(rows)
    return _stacked(rows)


@named("scan")
@ignores(_HINTS)
def scan(
    fn: Callable[[Any, Any], Any],
    elems: TensorLike,
    initializer: Nested[TensorLike] | None = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
) -> TensorResult:
    if _is_symbolic((elems, initializer)):
        if initializer is None:
            start, stop = (-1, slice(None, -1)) if reverse else (0, slice(1, None))
            first = jax.tree.map(lambda e: e[start], elems, is_leaf=is_box)
            rest = scan(fn, jax.tree.map(lambda e: e[stop], elems, is_leaf=is_box), first, reverse=reverse)
            parts = lambda a, b: concat([b, a[None]] if reverse else [a[None], b], 0)  # noqa: E731
            return jax.tree.map(parts, first, rest, is_leaf=is_box)
        twice = lambda state, row: (new := fn(state, row), new)  # noqa: E731
        return subgraphs.symbolic_scan(twice, elems, initializer, reverse)[1]
    order = -1 if reverse else 1
    states = list(itertools.accumulate(_rows(elems)[::order], fn, initial=initializer))
    return _stacked((states if initializer is None else states[1:])[::order])


def _fold(order: int) -> Any:
    @ignores(_HINTS)
    def fold(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None) -> Any:
        if _is_symbolic((elems, initializer)):
            return jax.tree.map(
                lambda e: e[-order // 2], scan(fn, elems, initializer, reverse=order < 0), is_leaf=is_box
            )
        rows = _rows(elems)[::order]
        return functools.reduce(fn, rows if initializer is None else [initializer, *rows])

    return fold


named("foldl")(_fold(1))
named("foldr")(_fold(-1))
named("recompute_grad", "grad_pass_through")(lambda f: f)  # tapes recompute values anyway


@named("TensorArray")
@methods_ignore("name")
class TensorArray:
    """`tf.TensorArray`: a list of tensors."""

    @ignores("clear_after_read tensor_array_name handle flow infer_shape element_shape colocate_with_first_write_call")
    def __init__(
        self,
        dtype: DTypeLike,
        size: TensorLike = None,
        dynamic_size: bool | None = None,
    ) -> None:
        self.dtype, self._items = as_dtype(dtype), [None] * int(size or 0)
        self._grows = bool(dynamic_size) or size is None

    def write(self, index: TensorLike, value: TensorLike) -> TensorArray:
        position = int(index)
        if position >= len(self._items) and not self._grows:
            hint = "tf.TensorArray(dtype, size, dynamic_size=True)"
            raise OutOfRangeError(
                message("Index of a tf.TensorArray", expected=f"less than {len(self._items)}", got=position, hint=hint)
            )
        self._items.extend([None] * (position + 1 - len(self._items)))
        self._items[position] = convert(value, None if hasattr(value, "dtype") else self.dtype)
        return self

    def read(self, index: TensorLike) -> TensorResult:
        value = self._items[int(index)]
        if value is None:
            raise InvalidArgumentError(
                message("tf.TensorArray.read", expected="an element that was written", got=index)
            )
        return value

    def stack(self) -> TensorResult:
        return stack(items) if (items := self._filled()) else NAMES["zeros"]([0], self.dtype)

    def _filled(self) -> list[Any]:
        """The elements, with zeros for those that were not written."""
        first = next((v for v in self._items if v is not None), None)
        return [NAMES["zeros_like"](first) if v is None else v for v in self._items] if first is not None else []

    def concat(self) -> TensorResult:
        return concat(self._filled(), 0)

    def unstack(self, value: TensorLike) -> TensorArray:
        self._items = list(convert(value))
        return self

    def split(self, value: TensorLike, lengths: TensorLike) -> TensorArray:
        """Write the parts of these lengths."""
        self._items = NAMES["split"](convert(value), lengths)
        return self

    def identity(self) -> TensorArray:
        return self

    def gather(self, indices: Sequence[TensorLike] | TensorLike) -> TensorResult:
        """Return a stack of the elements with these indices."""
        return stack([self.read(index) for index in indices])

    def scatter(self, indices: Sequence[TensorLike] | TensorLike, value: TensorLike) -> TensorArray:
        """Write each row at one of the indices."""
        for index, row in zip(indices, convert(value), strict=True):
            self.write(index, row)
        return self

    def size(self) -> TensorResult:
        return Tensor(np.asarray(len(self._items), "int32"))

    def close(self) -> None:
        self._items = []

    def mark_used(self) -> None:
        """Nothing warns of results that are not used."""


@named("TensorSpec", "TypeSpec")
class TensorSpec:
    #: the class of the values, below `tf`
    value_type = property(lambda self: NAMES[type(self).__name__.removesuffix("Spec")])

    def __init__(self, shape: ShapeLike | None = None, dtype: DTypeLike = "float32", name: str | None = None) -> None:
        self.shape, self.dtype, self.name = TensorShape(shape), as_dtype(dtype), name
        self.shape_is_unknown = shape is None

    @classmethod
    def from_tensor(cls, tensor: TensorLike, name: str | None = None) -> TensorSpec:
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, value: TensorLike) -> bool:
        """Return whether a tensor or a spec has this dtype and fits this shape."""
        expected_dtype, given = name_on_device(self.dtype), name_on_device(value.dtype)
        return expected_dtype == given and (self.shape_is_unknown or self.shape.is_compatible_with(tuple(value.shape)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


@named("SparseTensorSpec")
class SparseTensorSpec(TensorSpec):
    """`tf.SparseTensorSpec`: the shape and the dtype of a sparse tensor."""

    def __repr__(self) -> str:
        return f"SparseTensorSpec({self.shape!r}, {self.dtype!r})"


@named("RaggedTensorSpec")
class RaggedTensorSpec(TensorSpec):
    """`tf.RaggedTensorSpec`: rows of different lengths along the first `ragged_rank` axes after the samples."""

    @ignores("row_splits_dtype flat_values_spec")
    def __init__(
        self, shape: ShapeLike | None = None, dtype: DTypeLike = "float32", ragged_rank: int | None = None
    ) -> None:
        super().__init__(shape, dtype)
        self.ragged_rank = self.shape.ndims - 1 if ragged_rank is None and shape is not None else ragged_rank

    @classmethod
    def from_value(cls, value: TensorLike) -> RaggedTensorSpec:
        return cls(value.shape, value.dtype, value.ragged_rank)

    def __repr__(self) -> str:
        return f"RaggedTensorSpec({self.shape!r}, {self.dtype!r}, {self.ragged_rank}, tf.int64)"


@named("type_spec_from_value", "data.experimental.type_spec_from_value")
def type_spec_from_value(value: TensorLike) -> TensorSpec:
    """`tf.type_spec_from_value`: the spec that describes a tensor."""
    if isinstance(value, NAMES["RaggedTensor"]):
        return RaggedTensorSpec.from_value(value)
    array = value if hasattr(value, "dtype") else NAMES["convert_to_tensor"](value)
    kind = SparseTensorSpec if isinstance(value, NAMES["SparseTensor"]) else TensorSpec
    return kind(array.shape, array.dtype)


named("device", "colocate_with", "container")(lambda *_: contextlib.nullcontext())  # JAX chooses the device


@named("tuple")
@ignores("name")
def gated(tensors: Sequence[TensorLike], control_inputs: Option = None) -> list[TensorResult]:
    """`tf.tuple`: the tensors, after all of them and other operations have run."""
    with depending([*tensors, *(control_inputs or ())]):
        return [NAMES["identity"](tensor) for tensor in tensors]


class _Shown(str):
    __slots__ = ()
    __repr__ = str.__str__  # in a list or a dict


@named("print")
def print_(*inputs: Any, output_stream: Option = None, summarize: int = 3, sep: str = " ", end: str = "\n") -> None:
    """`tf.print`, to the standard error by default; a compiled function prints whenever it runs."""
    leaves, structure = jax.tree.flatten(inputs, is_leaf=lambda v: is_box(v) or hasattr(v, "to_list"))
    arrays = [unboxed(v) for v in leaves]
    traced = [i for i, a in enumerate(arrays) if isinstance(a, jax.core.Tracer)]

    def show(*values: Any) -> None:
        known = [*arrays]
        for i, value in zip(traced, values, strict=True):
            known[i] = value
        texts = [v if isinstance(v, str) else _Shown(shown(v, summarize)) for v in known]
        line = sep.join(map(str, jax.tree.unflatten(structure, texts)))
        if isinstance(output_stream, str) and output_stream.startswith("file://"):
            with open(output_stream.removeprefix("file://"), "a", encoding="utf-8") as file:
                file.write(line + end)
        elif callable(output_stream):  # tf.logging.info
            output_stream(line)
        else:
            print(line, end=end, file=output_stream or sys.stderr)

    if traced:
        jax.debug.callback(show, *(arrays[i] for i in traced))
    else:
        show()


@named("Print")
@ignores("first_n summarize name")
def print_1(input_: TensorLike, data: Sequence[Any], message: str = "") -> TensorLike:
    """`tf.Print` of TensorFlow 1: returns its first argument."""
    if not any(isinstance(one, KerasTensor) for one in data):
        print_(message, *data, sep="")
    return input_
