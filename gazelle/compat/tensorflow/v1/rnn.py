"""`tf.nn.dynamic_rnn`, `static_rnn` and their bidirectional forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.eager.tensor_array import TensorArray
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import scopes, subgraphs
from gazelle.compat.tensorflow.v1.graphs import build_graphs, eager
from gazelle.compat.types import DTypeLike, Function, Nested, Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.layers.recurrence import select


def _first_state(cell: Any, initial_state: Any, batch: Any, dtype: Any, where: str) -> Any:
    if initial_state is not None:
        return initial_state
    if dtype is None:
        raise ArgumentError(message(where, expected="initial_state or dtype", hint="Pass dtype=tf.float32."))
    if hasattr(cell, "zero_state"):
        return cell.zero_state(batch, dtype)
    return cell.get_initial_state(batch_size=batch, dtype=dtype)


@named("nn.dynamic_rnn")
@ignores("parallel_iterations@5 swap_memory@6")
def dynamic_rnn(
    cell: Option,
    inputs: TensorLike,
    sequence_length: TensorLike = None,
    initial_state: Nested[TensorLike] | None = None,
    dtype: DTypeLike = None,
    time_major: bool = False,
    scope: Option = None,
) -> TensorResult:
    """`tf.nn.dynamic_rnn`: (outputs, last state); after the end of a sequence outputs are 0, and the state is kept."""
    build_graphs()
    with scopes.variable_scope(scope or "rnn"):
        inputs = NAMES["convert_to_tensor"](inputs)
        batch = NAMES["shape"](inputs)[1 if time_major else 0]
        state = _first_state(cell, initial_state, batch, dtype, "tf.nn.dynamic_rnn")
        rows = inputs if time_major else NAMES["transpose"](inputs, [1, 0, *range(2, len(inputs.shape))])
        elems: Any = rows
        if sequence_length is not None:
            lengths = NAMES["convert_to_tensor"](sequence_length)
            steps = call(lambda rows: jnp.arange(rows.shape[0]), (rows,), {})
            elems = (rows, NAMES["less"](steps[:, None], NAMES["cast"](lengths, "int32")[None]))

        def step(state: Any, row: Any) -> Any:
            x, goes_on = row if sequence_length is not None else (row, None)
            output, new = cell(x, state)
            if goes_on is None:
                return new, output
            kept = jax.tree.map(lambda *pair: call(select, (goes_on, *pair), {}), new, state, is_leaf=is_box)
            return kept, jax.tree.map(lambda o: call(select, (goes_on, o, o * 0), {}), output, is_leaf=is_box)

        scan = _scan_at_once if eager() else subgraphs.symbolic_scan
        last, outputs = scan(step, elems, state)
    if not time_major:
        swap = lambda o: NAMES["transpose"](o, [1, 0, *range(2, len(o.shape))])  # noqa: E731
        outputs = jax.tree.map(swap, outputs, is_leaf=is_box)
    return outputs, last


def _scan_at_once(step: Any, elems: Any, state: Any) -> Any:
    """(last state, outputs) of the steps in eager code."""
    made = []
    for row in range(jax.tree.leaves(elems, is_leaf=is_box)[0].shape[0]):
        state, output = step(state, jax.tree.map(lambda e, row=row: e[row], elems, is_leaf=is_box))
        made.append(output)
    return state, jax.tree.map(lambda *outputs: NAMES["stack"](list(outputs)), *made, is_leaf=is_box)


@named("nn.bidirectional_dynamic_rnn")
@ignores("parallel_iterations@7 swap_memory@8")
def bidirectional_dynamic_rnn(
    cell_fw: Option,
    cell_bw: Option,
    inputs: TensorLike,
    sequence_length: TensorLike = None,
    initial_state_fw: Nested[TensorLike] | None = None,
    initial_state_bw: Nested[TensorLike] | None = None,
    dtype: DTypeLike = None,
    time_major: bool = False,
    scope: Option = None,
) -> TensorResult:
    """`tf.nn.bidirectional_dynamic_rnn`: ((outputs forward, backward), (states))."""
    inputs = NAMES["convert_to_tensor"](inputs)
    options: dict[str, Any] = {"dtype": dtype, "time_major": time_major, "sequence_length": sequence_length}
    axis = 0 if time_major else 1

    def turned(x: Any) -> Any:
        if sequence_length is None:
            return NAMES["reverse"](x, [axis])
        return NAMES["reverse_sequence"](x, sequence_length, axis, 1 - axis)

    with scopes.variable_scope(scope or "bidirectional_rnn"):
        with scopes.variable_scope("fw") as inner:
            forward, of_forward = dynamic_rnn(cell_fw, inputs, initial_state=initial_state_fw, scope=inner, **options)
        with scopes.variable_scope("bw") as inner:
            backward, of_backward = dynamic_rnn(
                cell_bw, turned(inputs), initial_state=initial_state_bw, scope=inner, **options
            )
    return (forward, turned(backward)), (of_forward, of_backward)


@named("nn.static_rnn", "contrib.rnn.static_rnn", "nn.rnn")
def static_rnn(
    cell: Option,
    inputs: Sequence[TensorLike],
    initial_state: Nested[TensorLike] | None = None,
    dtype: DTypeLike = None,
    sequence_length: TensorLike = None,
    scope: Option = None,
) -> TensorResult:
    """`tf.nn.static_rnn`: ([output of each step], last state)."""
    build_graphs()
    rows = [NAMES["convert_to_tensor"](x) for x in inputs]
    with scopes.variable_scope(scope or "rnn"):
        state = _first_state(cell, initial_state, NAMES["shape"](rows[0])[0], dtype, "tf.nn.static_rnn")
        if sequence_length is not None:
            stacked = NAMES["stack"](rows, 0)
            outputs, last = dynamic_rnn(cell, stacked, sequence_length, state, time_major=True, scope=scopes.current())
            return [outputs[i] for i in range(len(rows))], last
        outputs = []
        for number, row in enumerate(rows):
            if number:  # cells of programs call get_variable at each step
                scopes.current().reuse_variables()
            output, state = cell(row, state)
            outputs.append(output)
    return outputs, state


@named("nn.static_bidirectional_rnn", "contrib.rnn.static_bidirectional_rnn", "nn.bidirectional_rnn")
def static_bidirectional_rnn(
    cell_fw: Option,
    cell_bw: Option,
    inputs: Sequence[TensorLike],
    initial_state_fw: Nested[TensorLike] | None = None,
    initial_state_bw: Nested[TensorLike] | None = None,
    dtype: DTypeLike = None,
    sequence_length: TensorLike = None,
    scope: Option = None,
) -> TensorResult:
    """`tf.nn.static_bidirectional_rnn`: (outputs side by side, state forward, state backward)."""
    (forward, backward), states = bidirectional_dynamic_rnn(
        cell_fw,
        cell_bw,
        NAMES["stack"](list(inputs), 0),
        sequence_length,
        initial_state_fw,
        initial_state_bw,
        dtype,
        time_major=True,
        scope=scope,
    )
    both = NAMES["concat"]([forward, backward], 2)
    return [both[i] for i in range(len(inputs))], *states


@named("contrib.rnn.stack_bidirectional_dynamic_rnn")
@ignores("parallel_iterations@7 swap_memory")
def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence[Option],
    cells_bw: Sequence[Option],
    inputs: TensorLike,
    initial_states_fw: Sequence[Nested[TensorLike]] | None = None,
    initial_states_bw: Sequence[Nested[TensorLike]] | None = None,
    dtype: DTypeLike = None,
    sequence_length: TensorLike = None,
    time_major: bool = False,
    scope: Option = None,
) -> TensorResult:
    """`tf.contrib.rnn.stack_bidirectional_dynamic_rnn`: (outputs side by side, states forward, states backward)."""
    firsts = [given or [None] * len(cells_fw) for given in (initial_states_fw, initial_states_bw)]
    options = {"dtype": dtype, "sequence_length": sequence_length, "time_major": time_major}
    states = []
    with scopes.variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (forward, backward, *given) in enumerate(zip(cells_fw, cells_bw, *firsts, strict=True)):
            given = dict(zip(("initial_state_fw", "initial_state_bw"), given, strict=True))
            with scopes.variable_scope(f"cell_{number}"):
                both, last = bidirectional_dynamic_rnn(forward, backward, inputs, **given, **options)
            inputs = NAMES["concat"](list(both), 2)
            states.append(last)
    return inputs, *zip(*states, strict=True)


@named("nn.raw_rnn")
@ignores("parallel_iterations@2 swap_memory@3")
def raw_rnn(cell: Option, loop_fn: Function, scope: Option = None) -> TensorResult:
    """`tf.nn.raw_rnn`: steps until all sequences are finished; (arrays of what they emit, last state, loop state).

    `loop_fn(time, cell_output, cell_state, loop_state)` returns (finished, next input, next state, what is emitted,
    loop state) and is called without outputs before the first step.
    """
    build_graphs()
    with scopes.variable_scope(scope or "rnn"):
        time = NAMES["constant"](0)
        finished, inputs, state, emitted, of_loop = loop_fn(time, None, None, None)
        kinds = jax.tree.map(lambda v: v.dtype, emitted, is_leaf=is_box)
        if emitted is None:
            like = jax.tree.leaves(state, is_leaf=is_box)[0].dtype
            kinds = jax.tree.map(lambda _: like, cell.output_size)
        arrays = jax.tree.map(lambda kind: TensorArray(kind, 0, True), kinds)

        def body(time: Any, finished: Any, inputs: Any, arrays: Any, state: Any, of_loop: Any) -> Any:
            output, new = cell(inputs, state)
            ends, inputs, new, emitted, after = loop_fn(time + 1, output, new, of_loop)
            goes_on = NAMES["logical_not"](finished)
            kept = lambda new, old: call(select, (goes_on, new, old), {}) if len(new.shape) else new  # noqa: E731
            emitted = jax.tree.map(lambda v: kept(v, v * 0), output if emitted is None else emitted, is_leaf=is_box)
            arrays = jax.tree.map(lambda v, ta: ta.write(time, v), emitted, arrays, is_leaf=is_box)
            state = jax.tree.map(kept, new, state, is_leaf=is_box)
            ends = NAMES["logical_or"](finished, ends)
            return time + 1, ends, inputs, arrays, state, of_loop if after is None else after

        more = lambda *values: NAMES["logical_not"](NAMES["reduce_all"](values[1]))  # noqa: E731
        start = time, finished, inputs, arrays, state, of_loop
        *_, arrays, state, of_loop = NAMES["while_loop"](more, body, start)
    return arrays, state, of_loop
