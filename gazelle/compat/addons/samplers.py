"""`tfa.seq2seq`: samplers, which choose the next inputs of a decoder."""

from __future__ import annotations

from typing import Any

from gazelle.compat.addons.attention import tf
from gazelle.compat.types import DTypeLike, Function, Option, ShapeLike, TensorResult
from gazelle.core.errors import ArgumentError, StateError, message

__all__ = [
    "CustomSampler",
    "GreedyEmbeddingSampler",
    "InferenceSampler",
    "SampleEmbeddingSampler",
    "Sampler",
    "ScheduledEmbeddingTrainingSampler",
    "ScheduledOutputTrainingSampler",
    "TrainingSampler",
]


class Sampler:
    """Samples from the outputs of a step and makes the inputs of the next one.

    A subclass defines `initialize(inputs, ...) -> (finished, inputs)`, `sample(time, outputs, state) -> ids` and
    `next_inputs(time, outputs, state, sample_ids) -> (finished, inputs, state)`.
    """

    _batch_size: Any = None
    sample_ids_shape: Any = ()
    sample_ids_dtype: Any = "int32"

    @property
    def batch_size(self) -> TensorResult:
        if self._batch_size is None:
            raise StateError(message(f"batch_size of {type(self).__name__}", hint="Call initialize before."))
        return self._batch_size

    def initialize(self, *args: Option, **kwargs: Option) -> TensorResult:
        """Return (finished, first inputs)."""
        raise NotImplementedError

    def sample(self, time: TensorResult, outputs: TensorResult, state: Option) -> TensorResult:
        """Return a sample of the outputs."""
        raise NotImplementedError

    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        """Return (finished, next inputs, state)."""
        raise NotImplementedError


class CustomSampler(Sampler):
    """A sampler of three functions."""

    def __init__(
        self,
        initialize_fn: Function,
        sample_fn: Function,
        next_inputs_fn: Function,
        sample_ids_shape: ShapeLike | None = None,
        sample_ids_dtype: DTypeLike = None,
    ) -> None:
        self._initialize, self.sample, self.next_inputs = initialize_fn, sample_fn, next_inputs_fn  # type: ignore[method-assign]
        self.sample_ids_shape, self.sample_ids_dtype = sample_ids_shape or (), sample_ids_dtype or "int32"

    def initialize(self, inputs: TensorResult, **kwargs: Option) -> TensorResult:
        finished, first = self._initialize(inputs, **kwargs)
        self._batch_size = finished.shape[0]
        return finished, first


class TrainingSampler(Sampler):
    """Reads the inputs of each step from a sequence; samples are the largest outputs."""

    def __init__(self, time_major: bool = False) -> None:
        self.time_major = time_major

    def initialize(
        self, inputs: TensorResult, sequence_length: TensorResult = None, mask: TensorResult = None
    ) -> TensorResult:
        if sequence_length is not None and mask is not None:
            raise ArgumentError(message("sequence_length and mask", expected="one of them"))
        self.inputs = tf.nest.map_structure(self._steps_first, inputs)
        first = tf.nest.flatten(self.inputs)[0]
        self.steps, self._batch_size = first.shape[0], first.shape[1]
        if mask is not None:
            mask = tf.cast(self._steps_first(mask), "int32")
            if not bool(tf.reduce_all(mask[1:] <= mask[:-1])):
                raise ArgumentError(message("mask of TrainingSampler", expected="False at the end of sequences only"))
            sequence_length = tf.reduce_sum(mask, 0)
        if sequence_length is None:
            sequence_length = tf.fill([self._batch_size], self.steps)
        self.sequence_length = tf.convert_to_tensor(sequence_length)
        return tf.equal(0, self.sequence_length), self._read(0)

    def _steps_first(self, x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        return x if self.time_major else tf.transpose(x, [1, 0, *range(2, len(x.shape))])

    def _read(self, time: int) -> Any:
        return tf.nest.map_structure(lambda x: x[time] if time < self.steps else tf.zeros_like(x[0]), self.inputs)

    def sample(self, time: TensorResult, outputs: TensorResult, state: Option) -> TensorResult:
        return tf.cast(tf.argmax(outputs, axis=-1), "int32")

    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        after = int(time) + 1
        return after >= self.sequence_length, self._read(after), state


def _bernoulli(probability: Any, count: Any, seed: Any) -> Any:
    return tf.less(tf.random.uniform([count], seed=seed), tf.convert_to_tensor(probability))


def _categorical(logits: Any, seed: Any) -> Any:
    return tf.cast(tf.random.categorical(logits, 1, seed=seed)[:, 0], "int32")


class ScheduledEmbeddingTrainingSampler(TrainingSampler):
    """Replaces an input, with some probability, by the embedding of an id that is drawn from the outputs."""

    def __init__(
        self,
        sampling_probability: TensorResult,
        embedding_fn: Function | None = None,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
    ) -> None:
        super().__init__(time_major)
        self.sampling_probability = sampling_probability
        self.embedding_fn: Option = embedding_fn
        self.seed, self.scheduling_seed = seed, scheduling_seed

    def initialize(
        self,
        inputs: TensorResult,
        sequence_length: TensorResult = None,
        mask: TensorResult = None,
        embedding: TensorResult = None,
    ) -> TensorResult:
        self.embedding_fn = self.embedding_fn or lookup(embedding)
        return super().initialize(inputs, sequence_length, mask)

    def sample(self, time: TensorResult, outputs: TensorResult, state: Option) -> TensorResult:
        drawn = _bernoulli(self.sampling_probability, self.batch_size, self.scheduling_seed)
        return tf.where(drawn, _categorical(outputs, self.seed), -1)

    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        finished, inputs, state = super().next_inputs(time, outputs, state, sample_ids)
        drawn = tf.cast(self.embedding_fn(tf.maximum(sample_ids, 0)), inputs.dtype)
        return finished, tf.where(tf.expand_dims(tf.greater(sample_ids, -1), -1), drawn, inputs), state


class ScheduledOutputTrainingSampler(TrainingSampler):
    """Replaces an input, with some probability, by the outputs of the last step or a function of them."""

    def __init__(
        self,
        sampling_probability: TensorResult,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Function | None = None,
    ) -> None:
        super().__init__(time_major)
        self.sampling_probability, self.seed, self.next_inputs_fn = sampling_probability, seed, next_inputs_fn

    def initialize(
        self,
        inputs: TensorResult,
        sequence_length: TensorResult = None,
        mask: TensorResult = None,
        auxiliary_inputs: TensorResult = None,
    ) -> TensorResult:
        self._auxiliary = None if auxiliary_inputs is None else self._steps_first(auxiliary_inputs)
        if auxiliary_inputs is not None:
            inputs = tf.concat([inputs, auxiliary_inputs], -1)
        return super().initialize(inputs, sequence_length, mask)

    def sample(self, time: TensorResult, outputs: TensorResult, state: Option) -> TensorResult:
        return tf.cast(_bernoulli(self.sampling_probability, self.batch_size, self.seed), "int32")

    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        finished, inputs, state = super().next_inputs(time, outputs, state, sample_ids)
        after, new = int(time) + 1, outputs if self.next_inputs_fn is None else self.next_inputs_fn(outputs)
        if after >= self.steps:
            return finished, inputs, state
        if self._auxiliary is not None:
            new = tf.concat([new, self._auxiliary[after]], -1)
        return finished, tf.where(tf.expand_dims(tf.cast(sample_ids, "bool"), -1), new, inputs), state


def lookup(embedding: TensorResult) -> Function:
    """Return the function that looks up rows of a matrix."""
    if embedding is None:
        hint = "Pass embedding_fn to the constructor, or the matrix of embeddings as the decoder's first argument."
        raise ArgumentError(message("A sampler without embeddings", hint=hint))
    return lambda ids: tf.nn.embedding_lookup(embedding, ids)


def start_and_end(start_tokens: TensorResult, end_token: TensorResult) -> TensorResult:
    """Return both as tensors: a vector and a number."""
    starts, end = tf.convert_to_tensor(start_tokens, "int32"), tf.convert_to_tensor(end_token, "int32")
    if len(starts.shape) != 1 or len(end.shape):
        got = f"shapes {tuple(starts.shape)} and {tuple(end.shape)}"
        raise ArgumentError(message("start_tokens and end_token", expected="a vector and a number", got=got))
    return starts, end


class GreedyEmbeddingSampler(Sampler):
    """The next input is the embedding of the most probable id, until that is the end token."""

    def __init__(self, embedding_fn: Function | None = None) -> None:
        self.embedding_fn: Option = embedding_fn

    def initialize(
        self, embedding: TensorResult, start_tokens: TensorResult = None, end_token: TensorResult = None
    ) -> TensorResult:
        self.embedding_fn = self.embedding_fn or lookup(embedding)
        self.start_tokens, self.end_token = start_and_end(start_tokens, end_token)
        self._batch_size = self.start_tokens.shape[0]
        return tf.zeros([self._batch_size], "bool"), self.embedding_fn(self.start_tokens)

    def sample(self, time: TensorResult, outputs: TensorResult, state: Option) -> TensorResult:
        return tf.cast(tf.argmax(outputs, axis=-1), "int32")

    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        return tf.equal(sample_ids, self.end_token), self.embedding_fn(sample_ids), state


class SampleEmbeddingSampler(GreedyEmbeddingSampler):
    """The next input is the embedding of an id that is drawn from the softmax of the outputs."""

    def __init__(
        self, embedding_fn: Function | None = None, softmax_temperature: TensorResult = None, seed: int | None = None
    ) -> None:
        super().__init__(embedding_fn)
        self.softmax_temperature, self.seed = softmax_temperature, seed

    def sample(self, time: TensorResult, outputs: TensorResult, state: Option) -> TensorResult:
        scale = 1.0 if self.softmax_temperature is None else self.softmax_temperature
        return _categorical(outputs / scale, self.seed)


class InferenceSampler(Sampler):
    """A sampler whose samples are the next inputs, until a function of them returns True."""

    def __init__(
        self,
        sample_fn: Function,
        sample_shape: ShapeLike,
        sample_dtype: DTypeLike,
        end_fn: Function,
        next_inputs_fn: Function | None = None,
    ) -> None:
        self.sample_fn, self.end_fn, self.next_inputs_fn = sample_fn, end_fn, next_inputs_fn
        self.sample_ids_shape, self.sample_ids_dtype = sample_shape, sample_dtype

    def initialize(self, start_inputs: TensorResult) -> TensorResult:
        first = tf.convert_to_tensor(start_inputs)
        self._batch_size = first.shape[0]
        return tf.zeros([self._batch_size], "bool"), first

    def sample(self, time: TensorResult, outputs: TensorResult, state: Option) -> TensorResult:
        return self.sample_fn(outputs)

    def next_inputs(
        self, time: TensorResult, outputs: TensorResult, state: Option, sample_ids: TensorResult
    ) -> TensorResult:
        inputs = sample_ids if self.next_inputs_fn is None else self.next_inputs_fn(sample_ids)
        return self.end_fn(sample_ids), inputs, state
