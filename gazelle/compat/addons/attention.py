"""`tfa.seq2seq`: attention of a cell to a memory."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gazelle import initializers
from gazelle.compat import tensorflow
from gazelle.compat.namespaces import namespace
from gazelle.compat.types import DTypeLike, Nested, Option, ShapeLike, TensorResult
from gazelle.core.errors import ArgumentError, StateError, message

__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "LuongAttention",
    "LuongMonotonicAttention",
    "hardmax",
    "monotonic_attention",
    "safe_cumprod",
]
tf: Any = tensorflow.Facade("tensorflow")
layers: Any = namespace("gazelle.layers")
if TYPE_CHECKING:
    from gazelle.layers import Layer as Layer
else:
    Layer = layers.Layer  # the class that programs derive from, whose `call` receives tensors


def hardmax(logits: TensorResult, name: str | None = None) -> TensorResult:
    """Return 1 at the largest of each row, else 0."""
    logits = tf.convert_to_tensor(logits)
    return tf.one_hot(tf.argmax(logits, -1), logits.shape[-1], dtype=logits.dtype)


def safe_cumprod(x: TensorResult, *args: Option, **kwargs: Option) -> TensorResult:
    """Return the cumulative product of numbers in [0, 1], as exp(cumsum(log x))."""
    x = tf.convert_to_tensor(x)
    return tf.exp(
        tf.cumsum(tf.math.log(tf.clip_by_value(x, np.finfo(x.dtype.as_numpy_dtype).tiny, 1)), *args, **kwargs)
    )


def monotonic_attention(p_choose_i: TensorResult, previous_attention: TensorResult, mode: str) -> TensorResult:
    """Return the attention of Raffel et al. (2017):  a_j = p_j sum_{k <= j} a'_k prod_{k <= l < j} (1 - p_l)."""
    p, before = tf.convert_to_tensor(p_choose_i), tf.convert_to_tensor(previous_attention)
    if mode == "hard":
        p = p * tf.cumsum(before, axis=1)
        return p * tf.math.cumprod(1 - p, axis=1, exclusive=True)
    if mode == "parallel":
        kept = safe_cumprod(1 - p, axis=1, exclusive=True)
        return p * kept * tf.cumsum(before / tf.clip_by_value(kept, 1e-10, 1.0), axis=1)
    if mode != "recursive":
        raise ArgumentError(message("mode", expected="'recursive', 'parallel' or 'hard'", got=repr(mode)))
    total, found = tf.zeros_like(p[:, 0]), []
    for j in range(p.shape[1]):
        total = before[:, j] + (total * (1 - p[:, j - 1]) if j else total)
        found.append(p[:, j] * total)
    return tf.stack(found, 1)


def _probability(name: str) -> Callable[[Any, Any], Any]:
    known = {"softmax": tf.nn.softmax, "hardmax": hardmax}
    if name not in known:
        raise ArgumentError(message("probability_fn", expected="'softmax' or 'hardmax'", got=repr(name)))
    return lambda score, _: known[name](score)


def _monotonic(score: Any, before: Any, noise: float, mode: str, seed: Any) -> Any:
    if noise > 0:
        score = score + noise * tf.random.normal(tf.shape(score), dtype=score.dtype, seed=seed)
    p = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(p, before, mode)


class AttentionMechanism(Layer, abstract=True):
    """Weights of the rows of a memory for a query:  `mechanism([query, state]) -> (alignments, next state)`.

    memory (batch, rows, features) · query (batch, depth) · state (batch, rows)  ->  alignments (batch, rows)

    A subclass defines `_calculate_attention(query, state)` with `self.keys`, the memory layer's outputs, and
    `self.probability_fn(score, state)`.
    """

    _monotonic_start = False

    def __init__(
        self,
        memory: TensorResult,
        probability_fn: Callable[..., TensorResult],
        query_layer: Option = None,
        memory_layer: Option = None,
        memory_sequence_length: TensorResult = None,
        **kwargs: Option,
    ) -> None:
        super().__init__(**kwargs)
        self.query_layer, self.memory_layer = query_layer, memory_layer
        self.probability_fn = self.default_probability_fn = probability_fn
        self.keys: TensorResult = None
        self.values: TensorResult = None
        self.batch_size: TensorResult = None
        if memory is not None:
            self.setup_memory(memory, memory_sequence_length)

    @property
    def memory_initialized(self) -> bool:
        """Whether there is a memory."""
        return self.values is not None

    def setup_memory(
        self, memory: TensorResult, memory_sequence_length: TensorResult = None, memory_mask: TensorResult = None
    ) -> None:
        """Set the memory, of which rows beyond the lengths or without a mask have weight 0."""
        if memory_sequence_length is not None and memory_mask is not None:
            raise ArgumentError(message("memory_sequence_length and memory_mask", expected="one of them"))
        values = tf.convert_to_tensor(memory)
        self.alignments_size, self.batch_size = values.shape[1], values.shape[0]
        if memory_sequence_length is not None:
            memory_mask = tf.sequence_mask(memory_sequence_length, maxlen=values.shape[1])
        if memory_mask is not None:
            seen = tf.cast(memory_mask, values.dtype)
            values = values * tf.reshape(seen, [*seen.shape, *[1] * (len(values.shape) - 2)])
            self.probability_fn = functools.partial(self._masked_probabilities, memory_mask)
        self.values = values
        self.keys = values if self.memory_layer is None else self.memory_layer(values)

    def _masked_probabilities(self, mask: Any, score: Any, state: Any) -> Any:
        lowest = tf.ones_like(score) * score.dtype.min
        return self.default_probability_fn(tf.where(mask, score, lowest), state)

    def __call__(self, *args: Option, **kwargs: Option) -> TensorResult:
        inputs, setup_memory = args[0] if args else kwargs.pop("inputs"), kwargs.pop("setup_memory", False)
        given: Any = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if setup_memory:
            self.setup_memory(*given, **({"memory_mask": kwargs["mask"]} if "mask" in kwargs else {}))
            return self.values
        if not self.memory_initialized:
            raise StateError(message(f"{self.name} has no memory", hint="Call setup_memory(memory) before."))
        return super().__call__(given[:2], **kwargs)

    def call(self, inputs: Sequence[TensorResult]) -> TensorResult:
        return self._calculate_attention(*inputs)

    def _calculate_attention(self, query: Any, state: Any) -> Any:
        raise NotImplementedError

    @property
    def state_size(self) -> int:
        return self.alignments_size

    def initial_alignments(self, batch_size: TensorResult, dtype: DTypeLike) -> TensorResult:
        """Return the alignments before the first step: zeros; 1 for the first row if attention is monotonic."""
        if self._monotonic_start:
            return tf.one_hot(tf.zeros([batch_size], "int32"), self.alignments_size, dtype=dtype)
        return tf.zeros([batch_size, self.alignments_size], dtype=dtype)

    def initial_state(self, batch_size: TensorResult, dtype: DTypeLike) -> TensorResult:
        """Return the state before the first step."""
        return self.initial_alignments(batch_size, dtype)

    def get_config(self) -> dict[str, Option]:
        config = {key: v for key, v in super().get_config().items() if key != "memory_sequence_length"}
        return {**config, "memory": None}


class _Scored(AttentionMechanism, abstract=True):
    """Attention by a score of query and keys: the product (Luong), or v tanh(keys + query) (Bahdanau)."""

    _additive = False

    def __init__(self, memory: Any, lengths: Any, probability: Any, kwargs: dict[str, Any]) -> None:
        made = {}
        for name in ("query_layer", "memory_layer") if self._additive else ("memory_layer",):
            made[name] = kwargs.pop(name, None) or layers.Dense(
                self.units, name=name, use_bias=False, dtype=kwargs.get("dtype")
            )
        super().__init__(memory, probability, memory_sequence_length=lengths, **made, **kwargs)

    def build(self, input_shape: ShapeLike) -> None:
        scaled = self.normalize if self._additive else self.scale
        start = math.sqrt(1.0 / self.units) if self._additive else 1.0
        if self._additive:
            self.attention_v = self.add_weight("attention_v", (self.units,), initializer=self.kernel_initializer)
        if self._monotonic_start:
            bias = initializers.Constant(self.score_bias_init)
            self.attention_score_bias = self.add_weight("attention_score_bias", (), initializer=bias)
        if scaled:
            self.attention_g = self.add_weight("attention_g", (), initializer=initializers.Constant(start))
            if self._additive:
                self.attention_b = self.add_weight("attention_b", (self.units,), initializer="zeros")

    def _calculate_attention(self, query: Any, state: Any) -> Any:
        score = self._score(query)
        if self._monotonic_start:
            score = score + self.attention_score_bias
        alignments = self.probability_fn(score, state)
        return alignments, alignments

    def _score(self, query: Any) -> Any:
        if not self._additive:
            if query.shape[-1] != self.keys.shape[-1]:
                what = f"Sizes of query and keys of {self.name}"
                got = f"{query.shape[-1]} and {self.keys.shape[-1]}"
                raise ArgumentError(message(what, expected="equal", got=got, hint="Set units to the query's size."))
            score = tf.squeeze(tf.matmul(tf.expand_dims(query, 1), self.keys, transpose_b=True), [1])
            return self.attention_g * score if self.scale else score
        v, total = self.attention_v, self.keys + tf.expand_dims(self.query_layer(query), 1)
        if self.normalize:
            v = self.attention_g * v * tf.math.rsqrt(tf.reduce_sum(tf.square(v)))
            total = total + self.attention_b
        return tf.reduce_sum(v * tf.tanh(total), [2])


class LuongAttention(_Scored, abstract=True):
    """Attention of Luong et al. (2015): softmax(keys query), with a trained factor on request."""

    def __init__(
        self,
        units: int,
        memory: TensorResult = None,
        memory_sequence_length: TensorResult = None,
        scale: bool = False,
        probability_fn: str = "softmax",
        dtype: DTypeLike = None,
        name: str = "LuongAttention",
        **kwargs: Option,
    ) -> None:
        probability = _probability(probability_fn)
        super().__init__(memory, memory_sequence_length, probability, {"dtype": dtype, "name": name, **kwargs})


class BahdanauAttention(_Scored, abstract=True):
    """Attention of Bahdanau et al. (2015): softmax(v tanh(keys + query W)), with a normalized v on request."""

    _additive = True

    def __init__(
        self,
        units: int,
        memory: TensorResult = None,
        memory_sequence_length: TensorResult = None,
        normalize: bool = False,
        probability_fn: str = "softmax",
        kernel_initializer: Option = "glorot_uniform",
        dtype: DTypeLike = None,
        name: str = "BahdanauAttention",
        **kwargs: Option,
    ) -> None:
        probability = _probability(probability_fn)
        super().__init__(memory, memory_sequence_length, probability, {"dtype": dtype, "name": name, **kwargs})


class LuongMonotonicAttention(_Scored, abstract=True):
    """Monotonic attention with the score of `LuongAttention` and a bias."""

    _monotonic_start = True

    def __init__(
        self,
        units: int,
        memory: TensorResult = None,
        memory_sequence_length: TensorResult = None,
        scale: bool = False,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: DTypeLike = None,
        name: str = "LuongMonotonicAttention",
        **kwargs: Option,
    ) -> None:
        probability = functools.partial(_monotonic, noise=sigmoid_noise, mode=mode, seed=sigmoid_noise_seed)
        super().__init__(memory, memory_sequence_length, probability, {"dtype": dtype, "name": name, **kwargs})


class BahdanauMonotonicAttention(_Scored, abstract=True):
    """Monotonic attention with the score of `BahdanauAttention` and a bias."""

    _additive = _monotonic_start = True

    def __init__(
        self,
        units: int,
        memory: TensorResult = None,
        memory_sequence_length: TensorResult = None,
        normalize: bool = False,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        kernel_initializer: Option = "glorot_uniform",
        dtype: DTypeLike = None,
        name: str = "BahdanauMonotonicAttention",
        **kwargs: Option,
    ) -> None:
        probability = functools.partial(_monotonic, noise=sigmoid_noise, mode=mode, seed=sigmoid_noise_seed)
        super().__init__(memory, memory_sequence_length, probability, {"dtype": dtype, "name": name, **kwargs})


class AttentionWrapperState(NamedTuple):
    """The state of `AttentionWrapper`."""

    cell_state: Any
    attention: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any

    def clone(self, **kwargs: Option) -> AttentionWrapperState:
        """Return the state with other parts, which must have the shapes of those that they replace."""
        for name, new in kwargs.items():
            old = [getattr(one, "shape", None) for one in tf.nest.flatten(getattr(self, name))]
            given = [getattr(one, "shape", None) for one in tf.nest.flatten(new)]
            if old != given:
                raise ArgumentError(message(f"{name} of AttentionWrapperState.clone", expected=old, got=given))
        return self._replace(**kwargs)


class AttentionWrapper(Layer, abstract=True):
    """A cell that attends to memories; its output is a(y, context), where context = alignments memory.

    x (batch, features)  ->  attention (batch, attention_layer_size), or y with `output_attention=False`, and the state
    """

    def __init__(
        self,
        cell: Option,
        attention_mechanism: Option,
        attention_layer_size: int | Sequence[int] | None = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[..., TensorResult] | None = None,
        output_attention: bool = True,
        initial_cell_state: Nested[TensorResult] | None = None,
        name: str | None = None,
        attention_layer: Option = None,
        attention_fn: Callable[..., TensorResult] | None = None,
        **kwargs: Option,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._is_multi = isinstance(attention_mechanism, list | tuple)
        self.mechanisms = list(attention_mechanism) if self._is_multi else [attention_mechanism]
        if attention_layer_size is not None and attention_layer is not None:
            raise ArgumentError(message("attention_layer_size and attention_layer", expected="one of them"))
        given = attention_layer_size if attention_layer is None else attention_layer
        given = list(given) if isinstance(given, list | tuple) else [given] * (given is not None)
        if given and len(given) != len(self.mechanisms):
            raise ArgumentError(message("attention_layer_size", expected=f"{len(self.mechanisms)} sizes", got=given))
        make = lambda size: layers.Dense(size, name="attention_layer", use_bias=False)  # noqa: E731
        self.attention_layers = [make(one) if isinstance(one, int) else one for one in given]
        self.cell, self._initial_cell_state = cell, initial_cell_state
        self._joined = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))
        self._attention_fn = attention_fn or _attention

    def _attention_size(self) -> int:
        sizes = [mechanism.values.shape[-1] for mechanism in self.mechanisms]
        if not self.attention_layers:
            return sum(sizes)
        shapes = [(None, self.cell.output_size + size) for size in sizes]
        pairs = zip(self.attention_layers, shapes, strict=True)
        return sum(layer.compute_output_shape(shape)[-1] for layer, shape in pairs)

    @property
    def output_size(self) -> int:
        return self._attention_size() if self.output_attention else self.cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        sizes = [mechanism.alignments_size for mechanism in self.mechanisms]
        one = self._one_or_all
        history = one(sizes if self.alignment_history else [()] * len(sizes))
        return AttentionWrapperState(self.cell.state_size, self._attention_size(), one(sizes), history, one(sizes))

    def _one_or_all(self, values: Sequence[Any]) -> Any:
        return tuple(values) if self._is_multi else values[0]

    def _check_batch(self, batch: Any) -> None:
        known = [mechanism.batch_size for mechanism in self.mechanisms]
        if any(isinstance(one, int) and isinstance(batch, int) and one != batch for one in known):
            hint = "For beam search, repeat the memory and the state by tile_batch(..., multiplier=beam_width)."
            raise ArgumentError(message(f"Batch size of {self.name}", expected=known, got=batch, hint=hint))

    def get_initial_state(
        self, inputs: TensorResult = None, batch_size: TensorResult = None, dtype: DTypeLike = None
    ) -> AttentionWrapperState:
        """Return the state before the first step: zeros, and `initial_cell_state` if it was given."""
        if inputs is not None:
            batch_size, dtype = inputs.shape[0], inputs.dtype
        batch_size = int(batch_size)
        self._check_batch(batch_size)
        state = self._initial_cell_state
        if state is None:
            state = self.cell.get_initial_state(batch_size=batch_size, dtype=dtype)
        alignments = [mechanism.initial_alignments(batch_size, dtype) for mechanism in self.mechanisms]
        history = [tf.TensorArray(dtype, 0, True) if self.alignment_history else () for _ in self.mechanisms]
        states = [mechanism.initial_state(batch_size, dtype) for mechanism in self.mechanisms]
        attention, one = tf.zeros([batch_size, self._attention_size()], dtype=dtype), self._one_or_all
        return AttentionWrapperState(state, attention, one(alignments), one(history), one(states))

    def call(self, inputs: TensorResult, state: Nested[TensorResult], **kwargs: Option) -> TensorResult:
        state = state if isinstance(state, AttentionWrapperState) else AttentionWrapperState(*state)
        output, new = self.cell(self._joined(inputs, state.attention), state.cell_state, **kwargs)
        new = tf.nest.pack_sequence_as(state.cell_state, tf.nest.flatten(new))
        self._check_batch(output.shape[0])
        split = lambda part: list(part) if self._is_multi else [part]  # noqa: E731
        before, history = split(state.attention_state), split(state.alignment_history)
        all_layers = self.attention_layers or [None] * len(self.mechanisms)
        found = [
            self._attention_fn(mechanism, output, one, layer)
            for mechanism, one, layer in zip(self.mechanisms, before, all_layers, strict=True)
        ]
        attentions, alignments, states = (list(part) for part in zip(*found, strict=True))
        if self.alignment_history:
            history = [h.write(h.size(), a) for h, a in zip(history, alignments, strict=True)]
        attention, one = tf.concat(attentions, 1), self._one_or_all
        new = AttentionWrapperState(new, attention, one(alignments), one(history), one(states))
        return (attention if self.output_attention else output), new


def _attention(mechanism: Any, output: Any, state: Any, layer: Any) -> Any:
    alignments, state = mechanism([output, state])
    context = tf.squeeze(tf.matmul(tf.expand_dims(alignments, 1), mechanism.values), [1])
    attention = context if layer is None else layer(tf.concat([output, context], 1))
    return attention, alignments, state
