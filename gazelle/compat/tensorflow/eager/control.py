"""Control flow: runs as plain Python if values are known, and is compiled if they are traced."""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import depending
from gazelle.compat.backend.phase import LearningPhase
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.calls import boxed, call
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.captured import recorded
from gazelle.compat.tensorflow.eager.recording import is_box, register_structures, unboxed
from gazelle.compat.tensorflow.eager.tensor_array import TensorArray
from gazelle.compat.tensorflow.names import NAMES, array_of_list, named
from gazelle.compat.tensorflow.ops.arrays import concat, convert, stack
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.tensor_specs import RaggedTensorSpec
from gazelle.compat.tensorflow.v1 import loops, subgraphs, while_loops
from gazelle.compat.tensorflow.v1.graph_variables import read_in_graph
from gazelle.compat.types import Function, Nested, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core import prng, tracing
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
    pred = read_in_graph(pred)
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
    index = unboxed(read_in_graph(branch_index))
    is_key: Any = NAMES["equal"] if _is_symbolic(index) else operator.eq
    return case([(is_key(index, key), function) for key, function in table.items()], default or table[max(table)])


#: loops of at most so many iterations have gradients, which JAX computes for loops of known length only
_MOST_WITH_GRADIENTS = 1000


@named("while_loop")
@ignores("parallel_iterations@4 back_prop@5 swap_memory@6")
def while_loop(
    cond: Function,
    body: Function,
    loop_vars: Nested[TensorLike],
    shape_invariants: Sequence[ShapeLike] | None = None,
    maximum_iterations: TensorLike = None,
    return_same_structure: bool = False,
) -> TensorResult:
    """`tf.while_loop`; in TensorFlow 1 a single value is not in a list."""
    values = _while_loop(cond, body, loop_vars, shape_invariants, maximum_iterations)
    return values[0] if names_of_1.active() and len(values) == 1 and not return_same_structure else values


def _while_loop(cond: Function, body: Function, loop_vars: Any, shape_invariants: Any, maximum_iterations: Any) -> Any:
    is_leaf = lambda leaf: is_box(leaf) or isinstance(leaf, TensorArray)  # noqa: E731
    register_structures(loop_vars)
    plain = (int, TensorArray)  # a Python number stays one: it may index a TensorArray
    values = jax.tree.map(lambda v: v if isinstance(v, plain) else convert(v), list(loop_vars), is_leaf=is_leaf)
    iterations, limit = 0, None if maximum_iterations is None else int(maximum_iterations)
    if _is_symbolic(values) or _is_symbolic(first := cond(*values)):
        return while_loops.symbolic_while(cond, body, values, limit, shape_invariants)
    if _traced(first):
        most = np.iinfo(np.int32).max if limit is None else limit
        key = prng.loop_key()

        def step(state: Any) -> Any:
            count, inner = state
            with tracing.at_step(key, count):
                out = body(*boxed(inner))
            out = list(out) if isinstance(out, list | tuple) else [out]
            as_before = lambda before, v: jnp.asarray(unboxed(v), before.dtype)  # noqa: E731
            return count + 1, jax.tree.map(as_before, inner, out)

        def continues(state: Any) -> Any:
            return jnp.logical_and(jnp.asarray(unboxed(cond(*boxed(state[1])))), state[0] < most)

        as_array = lambda v: jnp.asarray(unboxed(v), "int32" if type(v) is int else None)  # noqa: E731
        start = 0, jax.tree.map(as_array, values, is_leaf=is_leaf)
        if most > _MOST_WITH_GRADIENTS:
            return boxed(recorded(lambda start: loops.while_loop(continues, step, start)[1], start))
        return boxed(recorded(lambda start: loops.at_most(most, continues, step, start)[1], start))
    while iterations != limit:
        more = cond(*values)
        if _is_symbolic(more):  # what follows depends on tensors of a graph that an iteration brought in
            rest = None if limit is None else limit - iterations
            return while_loops.symbolic_while(cond, body, values, rest, shape_invariants)
        if not bool(more):
            break
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


#: `map_fn` over at most so many traced rows is written out
_MOST_WRITTEN_OUT = 16


def _is_long(elems: Any) -> bool:
    """Whether there are so many traced rows that they are mapped by a loop of JAX."""
    leaves = jax.tree.leaves(elems, is_leaf=is_box)
    traced = [leaf for leaf in leaves if is_box(leaf) and _traced(leaf)]
    return bool(traced) and len(traced) == len(leaves) and unboxed(traced[0]).shape[0] > _MOST_WRITTEN_OUT


def _scanned(fn: Callable[[Any], Any], elems: Any) -> Any:
    """`map_fn` as one loop, whose compiled program does not grow with the number of rows."""
    arrays = jax.tree.map(unboxed, elems, is_leaf=is_box)
    fn(boxed(jax.tree.map(lambda array: array[0], arrays)))  # layers in `fn` create their weights outside of the loop
    key = prng.loop_key()

    def step(count: Any, row: Any) -> Any:
        with tracing.at_step(key, count):
            out = fn(boxed(row))
        return count + 1, jax.tree.map(lambda v: jnp.asarray(unboxed(convert(v))), out, is_leaf=is_box)

    return boxed(recorded(lambda rows: jax.lax.scan(step, jnp.zeros((), "int32"), rows)[1], arrays))


_HINTS = "parallel_iterations back_prop swap_memory infer_shape"  # in TensorFlow 2 `back_prop` has no effect, either


@named("vectorized_map")
@ignores("fallback_to_while_loop warn")
def vectorized_map(fn: Callable[[Any], Any], elems: TensorLike) -> TensorResult:
    """`tf.vectorized_map`: `fn` applied to each row, stacked."""
    return map_fn(fn, elems)


def _is_row(value: Any) -> bool:
    return is_box(value) or isinstance(value, RaggedTensor | RaggedTensorSpec)


def _empty(kind: Any) -> Any:
    """The output of `map_fn` over no rows."""
    values = convert(np.zeros(0, name_of(getattr(kind, "dtype", kind))))
    ragged = isinstance(kind, RaggedTensor | RaggedTensorSpec)
    return RaggedTensor.from_row_lengths(values, np.zeros(0, "int64")) if ragged else values


def _of_rows(rows: Sequence[Any], signature: Any) -> Any:
    """The outputs of `map_fn`, each ragged where the signature is or where the rows have different lengths."""
    if not rows:
        return jax.tree.map(_empty, signature, is_leaf=_is_row)
    kinds = jax.tree.leaves(signature, is_leaf=_is_row)
    columns = list(zip(*(jax.tree.leaves(row, is_leaf=_is_row) for row in rows), strict=True))
    if len(kinds) != len(columns):
        kinds = [None] * len(columns)

    def output(parts: Sequence[Any], kind: Any) -> Any:
        parts = [part if _is_row(part) else convert(part) for part in parts]
        ragged = isinstance(kind, RaggedTensor | RaggedTensorSpec) or len({tuple(part.shape) for part in parts}) > 1
        return (RaggedTensor.of_rows if ragged or isinstance(parts[0], RaggedTensor) else stack)(parts)

    structure = jax.tree.structure(rows[0], is_leaf=_is_row)
    return structure.unflatten([output(parts, kind) for parts, kind in zip(columns, kinds, strict=True)])


@named("map_fn")
@ignores("parallel_iterations@3 back_prop@4 swap_memory@5 infer_shape@6 name@7")
def map_fn(
    fn: Callable[[Any], Any], elems: TensorLike, dtype: Nested[Any] = None, fn_output_signature: Nested[Any] = None
) -> TensorResult:
    """`tf.map_fn`: `fn` applied to each row, stacked.

    An output is ragged if its signature is, which is by default that of `elems`, or if its rows have different lengths.
    """
    if _is_symbolic(elems):
        return subgraphs.symbolic_scan(lambda state, row: (state, fn(row)), elems, np.float32(0))[1]
    if _is_long(elems):
        return _scanned(fn, elems)
    given = dtype if fn_output_signature is None else fn_output_signature
    rows = [fn(row) for row in _rows(elems)]
    return _of_rows(rows, elems if given is None else given)


@named("scan")
@ignores("parallel_iterations@3 back_prop@4 swap_memory@5 infer_shape@6")
def scan(
    fn: Callable[[Any, Any], Any],
    elems: TensorLike,
    initializer: Nested[TensorLike] | None = None,
    reverse: bool = False,
) -> TensorResult:
    if _is_symbolic((elems, initializer)):
        initializer = jax.tree.map(lambda v: v if is_box(v) else convert(v), initializer, is_leaf=is_box)
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


named("device", "colocate_with", "container")(lambda *_: contextlib.nullcontext())  # JAX chooses the device


@named("tuple")
def gated(tensors: Sequence[TensorLike], control_inputs: Option = None) -> list[TensorResult]:
    """`tf.tuple`: the tensors, after all of them and other operations have run."""
    with depending([*tensors, *(control_inputs or ())]):
        return [NAMES["identity"](tensor) for tensor in tensors]
