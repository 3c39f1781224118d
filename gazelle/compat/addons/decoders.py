"""`tfa.seq2seq`: decoders, which call a cell step by step until all sequences are finished."""

from __future__ import annotations

from typing import Any, NamedTuple

from gazelle.compat.addons.attention import Layer, tf
from gazelle.compat.addons.samplers import Sampler
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.types import Nested, Option, TensorResult
from gazelle.core.errors import ArgumentError, message

__all__ = ["BaseDecoder", "BasicDecoder", "BasicDecoderOutput", "Decoder", "dynamic_decode"]


class _Steps:
    """What a layer and another object that `dynamic_decode` runs have in common."""

    tracks_own_finished = False

    def step(
        self, time: TensorResult, inputs: TensorResult, state: Option, training: bool | None = None
    ) -> TensorResult:
        """Return (outputs, next state, next inputs, finished)."""
        raise NotImplementedError

    def finalize(self, outputs: Option, final_state: Option, sequence_lengths: TensorResult) -> TensorResult:
        """Return (outputs, state) for the results of all steps."""
        return outputs, final_state


class Decoder(_Steps):
    """An object that `dynamic_decode` runs: `initialize()` and `step(time, inputs, state, training)`."""

    def initialize(self) -> TensorResult:
        """Return (finished, first inputs, first state)."""
        raise NotImplementedError


class BaseDecoder(_Steps, Layer, abstract=True):
    """A layer that decodes: `decoder(inputs, initial_state=state) -> (outputs, last state, lengths)`."""

    @ignores("parallel_iterations swap_memory")
    def __init__(
        self,
        output_time_major: bool = False,
        impute_finished: bool = False,
        maximum_iterations: TensorResult = None,
        **kwargs: Option,
    ) -> None:
        super().__init__(**kwargs)
        self.output_time_major, self.impute_finished = output_time_major, impute_finished
        self.maximum_iterations = maximum_iterations

    def initialize(self, inputs: TensorResult, initial_state: Option = None, **kwargs: Option) -> TensorResult:
        """Return (finished, first inputs, first state)."""
        raise NotImplementedError

    def call(
        self,
        inputs: Nested[TensorResult],
        initial_state: Nested[TensorResult] | None = None,
        training: bool | None = None,
        **kwargs: Option,
    ) -> TensorResult:
        return dynamic_decode(
            self,
            self.output_time_major,
            self.impute_finished,
            self.maximum_iterations,
            training=training,
            decoder_init_input=inputs,
            decoder_init_kwargs={"initial_state": initial_state, **kwargs},
        )


@ignores("parallel_iterations swap_memory scope enable_tflite_convertible=False")
def dynamic_decode(
    decoder: Option,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: TensorResult = None,
    training: bool | None = None,
    decoder_init_input: TensorResult = None,
    decoder_init_kwargs: dict[str, Option] | None = None,
) -> TensorResult:
    """Run the steps of a decoder; the number of steps is that of the longest sequence.

    Args:
        decoder: The decoder.
        output_time_major: Whether the outputs are (steps, batch, ...).
        impute_finished: Whether sequences that are finished keep their state and have the outputs 0.
        maximum_iterations: The most steps.
        training: Whether the cell is in training mode.
        decoder_init_input: First argument of `initialize` of a layer.
        decoder_init_kwargs: Further arguments of it.

    Returns:
        The outputs (batch, steps, ...), the last state, the lengths (batch,).
    """
    if maximum_iterations is not None and int(maximum_iterations) <= 0:
        raise ArgumentError(message("maximum_iterations", expected="more than 0", got=int(maximum_iterations)))
    start = (decoder_init_input,) if isinstance(decoder, BaseDecoder) else ()
    finished, inputs, state = decoder.initialize(*start, **(decoder_init_kwargs or {}))
    lengths, found, time = tf.zeros_like(finished, "int32"), [], 0
    keep = lambda old, new: tf.where(tf.reshape(finished, [-1, *[1] * (len(new.shape) - 1)]), old, new)  # noqa: E731
    if bool(tf.reduce_all(finished)):
        raise ArgumentError(message("Sequences of a decoder", expected="one that is not empty"))
    while not bool(tf.reduce_all(finished)) and time != maximum_iterations:
        outputs, new, inputs, now = decoder.step(tf.constant(time), inputs, state, training)
        if decoder.tracks_own_finished:
            counted = getattr(new, "lengths", None)
            after, lengths = now, lengths if counted is None else tf.cast(counted, "int32")
        else:
            after, lengths = tf.logical_or(now, finished), tf.where(finished, lengths, time + 1)
        if impute_finished:
            outputs = tf.nest.map_structure(lambda o: keep(tf.zeros_like(o), o), outputs)
            new = tf.nest.map_structure(_kept_tensors(keep), state, new)
        found.append(outputs)
        state, finished, time = new, after, time + 1
    outputs = tf.nest.map_structure(lambda *parts: tf.stack(parts), *found)
    outputs, state = decoder.finalize(outputs, state, lengths)
    if not output_time_major:
        outputs = tf.nest.map_structure(_batch_first, outputs)
    return outputs, state, lengths


def _kept_tensors(keep: Any) -> Any:
    return lambda old, new: keep(old, new) if len(getattr(new, "shape", ())) else new


def _prepend_batch(batch_size: Any, shape: Any) -> Any:
    return tf.concat([[batch_size], list(shape)], 0)


def _batch_first(x: Any) -> Any:
    return x if len(x.shape) < 2 else tf.transpose(x, [1, 0, *range(2, len(x.shape))])


_transpose_batch_time = _batch_first  # the name in tensorflow_addons, which packages import


class BasicDecoderOutput(NamedTuple):
    """The output of the cell or of the layer after it, and the ids that the sampler drew."""

    rnn_output: Any
    sample_id: Any


class BasicDecoder(BaseDecoder, abstract=True):
    """A cell, a sampler and a layer for the outputs of the cell."""

    def __init__(self, cell: Option, sampler: Sampler, output_layer: Option = None, **kwargs: Option) -> None:
        super().__init__(**kwargs)
        self.cell, self.sampler, self.output_layer = cell, sampler, output_layer

    @property
    def batch_size(self) -> TensorResult:
        return self.sampler.batch_size

    def initialize(self, inputs: TensorResult, initial_state: Option = None, **kwargs: Option) -> TensorResult:
        return *self.sampler.initialize(inputs, **kwargs), initial_state

    def step(
        self, time: TensorResult, inputs: TensorResult, state: Option, training: bool | None = None
    ) -> TensorResult:
        outputs, new = self.cell(inputs, state, training=training)
        new = tf.nest.pack_sequence_as(state, tf.nest.flatten(new))
        outputs = outputs if self.output_layer is None else self.output_layer(outputs)
        ids = self.sampler.sample(time=time, outputs=outputs, state=new)
        finished, inputs, new = self.sampler.next_inputs(time=time, outputs=outputs, state=new, sample_ids=ids)
        return BasicDecoderOutput(outputs, ids), new, inputs, finished
