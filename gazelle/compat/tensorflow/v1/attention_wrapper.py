"""`tf.contrib.seq2seq`: attention of a cell to a memory, with the scores of `tfa.seq2seq` and variables of a graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gazelle import initializers
from gazelle.compat.addons import attention
from gazelle.compat.addons.attention import tf
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.graph_variables import get_variable
from gazelle.compat.tensorflow.v1.rnn_cells import RNNCell, zero_tensor
from gazelle.compat.types import DTypeLike, Function, Nested, Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import snake


class _Linear:
    """A product with the variable `kernel`, which the first call makes in its variable scope."""

    def __init__(self, units: int, name: str) -> None:
        self.units, self._name, self._kernel = units, name, None

    def __call__(self, x: Any) -> Any:
        if self._kernel is None:
            with scopes.variable_scope(None, self._name):
                self._kernel = get_variable("kernel", [x.shape[-1], self.units])
        return call(jnp.matmul, (x, self._kernel), {})


class LuongAttention:
    """Attention of Luong et al. (2015): softmax(keys query), with a trained factor on request."""

    _additive = False
    _score = attention.LuongAttention._score
    query_layer: Any = None

    @ignores("dtype custom_key_value_fn=None")
    def __init__(
        self,
        num_units: int,
        memory: TensorLike,
        memory_sequence_length: TensorLike = None,
        scale: bool = False,
        probability_fn: Function | None = None,
        score_mask_value: float = -math.inf,
        *,
        name: str | None = None,
    ) -> None:
        self.units, self.name = num_units, name or type(self).__name__
        self.scale = self.normalize = scale
        self._probabilities, self._lowest = probability_fn or tf.nn.softmax, score_mask_value
        self._variables: dict[str, dict[str, Any]] = {}
        self.memory_layer = _Linear(num_units, "memory_layer")
        self.values, self._seen = tf.convert_to_tensor(memory), None
        if memory_sequence_length is not None:
            mask = lambda memory, lengths: jnp.arange(memory.shape[1]) < lengths[:, None]  # noqa: E731
            self._seen = call(mask, (self.values, tf.convert_to_tensor(memory_sequence_length)), {})
            self.values = self.values * tf.cast(self._seen, self.values.dtype)[..., None]
        self.keys = self.memory_layer(self.values)

    @ignores("state")
    def __call__(self, query: TensorLike) -> TensorResult:
        """Return the alignments, and the next state, which is the same."""
        with scopes.variable_scope(None, snake(self.name)) as scope:
            if scope.name not in self._variables:
                self._variables[scope.name] = self._weights(query)
            vars(self).update(self._variables[scope.name])
            score = self._score(query)
        if self._seen is not None:
            score = tf.where(self._seen, score, tf.ones_like(score) * self._lowest)
        alignments = self._probabilities(score)
        return alignments, alignments

    def _weights(self, _: Any) -> dict[str, Any]:
        return {"attention_g": get_variable("attention_g", initializer=1.0)} if self.scale else {}


class BahdanauAttention(LuongAttention):
    """Attention of Bahdanau et al. (2015): softmax(v tanh(keys + query W)), with a normalized v on request."""

    _additive = True

    def __init__(
        self,
        num_units: int,
        memory: TensorLike,
        memory_sequence_length: TensorLike = None,
        normalize: bool = False,
        *args: Option,
        **options: Option,
    ) -> None:
        super().__init__(num_units, memory, memory_sequence_length, normalize, *args, **options)
        self.query_layer = _Linear(num_units, "query_layer")

    def _weights(self, query: Any) -> dict[str, Any]:
        self.query_layer(query)  # its variable is the first
        made = {"attention_v": get_variable("attention_v", [self.units])}
        if self.normalize:
            made["attention_g"] = get_variable("attention_g", initializer=math.sqrt(1.0 / self.units))
            made["attention_b"] = get_variable("attention_b", [self.units], initializer=initializers.Zeros())
        return made


class History(NamedTuple):
    """The alignments of all steps (steps, batch, rows)."""

    rows: TensorResult

    def stack(self, name: str | None = None) -> TensorResult:
        return self.rows


class AttentionWrapperState(NamedTuple):
    """The state of `AttentionWrapper`; its `alignment_history` is () before a step, and after it the alignments."""

    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any

    def clone(self, **kwargs: Option) -> AttentionWrapperState:
        """Return the state with other parts, which must have the structure of those that they replace."""
        for name, new in kwargs.items():
            old, given = (jax.tree.structure(v, is_leaf=is_box) for v in (getattr(self, name), new))
            if old != given:
                raise ArgumentError(message(f"{name} of AttentionWrapperState.clone", expected=old, got=given))
        return self._replace(**kwargs)


class AttentionWrapper(RNNCell):
    """A cell that attends to a memory; its output is a(y, context), where context = alignments memory.

    x (batch, features)  ->  attention (batch, attention_layer_size), or y with `output_attention=False`, and the state
    """

    def __init__(
        self,
        cell: Option,
        attention_mechanism: Option,
        attention_layer_size: int | None = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[..., Any] | None = None,
        output_attention: bool = True,
        initial_cell_state: Nested[TensorLike] | None = None,
        name: str | None = None,
        attention_layer: Option = None,
    ) -> None:
        super().__init__(name=name)
        if any(isinstance(one, list | tuple) for one in (attention_mechanism, attention_layer_size, attention_layer)):
            raise ArgumentError(message("attention_mechanism of AttentionWrapper", expected="one", got="a list"))
        self._cell, self._mechanism = cell, attention_mechanism
        self._layer = attention_layer
        if attention_layer_size is not None:
            self._layer = _Linear(int(attention_layer_size), "attention_layer")
        self._has_history, self._attention_is_output = alignment_history, output_attention
        self._initial_cell_state = initial_cell_state
        self._joined = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))

    def _attention_size(self) -> int:
        return self._mechanism.values.shape[-1] if self._layer is None else self._layer.units

    @property
    def output_size(self) -> int:
        return self._attention_size() if self._attention_is_output else self._cell.output_size

    def zero_state(self, batch_size: TensorLike, dtype: DTypeLike = "float32") -> AttentionWrapperState:
        """Return the state before the first step: zeros, and `initial_cell_state` if it was given."""
        given = self._initial_cell_state
        state = self._cell.zero_state(batch_size, dtype) if given is None else given
        nothing = zero_tensor(batch_size, self._attention_size(), dtype)
        alignments = tf.zeros_like(self._mechanism.values[:, :, 0])
        return AttentionWrapperState(state, nothing, tf.constant(0), alignments, (), alignments)

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        if not isinstance(state, AttentionWrapperState):
            hint = "Pass cell.zero_state(batch_size, tf.float32).clone(cell_state=state)."
            got = type(state).__name__
            raise ArgumentError(message("State of a cell", expected="AttentionWrapperState", got=got, hint=hint))
        output, new = self._cell(self._joined(inputs, state.attention), state.cell_state)
        alignments, after = self._mechanism(output, state=state.attention_state)
        context = tf.squeeze(tf.matmul(tf.expand_dims(alignments, 1), self._mechanism.values), [1])
        attended = context if self._layer is None else self._layer(tf.concat([output, context], 1))
        history = alignments if self._has_history else ()
        new = AttentionWrapperState(new, attended, state.time + 1, alignments, history, after)
        return (attended if self._attention_is_output else output), new
