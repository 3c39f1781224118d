"""Cells around other cells in `tf.nn.rnn_cell` and `tf.contrib.rnn`: dropout, residuals, projections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.graphs import build_graphs
from gazelle.compat.tensorflow.v1.rnn_cells import LSTMStateTuple, RNNCell, cell_names, zeros_initializer
from gazelle.compat.types import Nested, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


class _Wrapper(RNNCell):
    @ignores("device")
    def __init__(self, cell: Any) -> None:
        super().__init__()
        self._cell = cell

    state_size = property(lambda self: self._cell.state_size)
    output_size = property(lambda self: self._cell.output_size)
    variables = trainable_variables = trainable_weights = property(lambda self: list(self._cell.weights))

    def __call__(self, inputs: Any, state: Any, scope: Any = None, **options: Any) -> Any:
        return self.call(inputs, state, **({} if scope is None else {"scope": scope}), **options)

    def call(self, inputs: TensorLike, state: Nested[TensorLike], **options: Any) -> TensorResult:
        return self._cell(inputs, state, **options)


named("nn.rnn_cell.DeviceWrapper", "contrib.rnn.DeviceWrapper")(_Wrapper)


@cell_names("ResidualWrapper")
class ResidualWrapper(_Wrapper):
    """Adds the inputs of a cell to its output."""

    def __init__(self, cell: Option, residual_fn: Option = None) -> None:
        super().__init__(cell)
        self._residual = residual_fn or (lambda inputs, outputs: inputs + outputs)

    def call(self, inputs: TensorLike, state: Nested[TensorLike], **options: Any) -> TensorResult:
        output, new = self._cell(inputs, state, **options)
        return self._residual(inputs, output), new


@cell_names("DropoutWrapper")
class DropoutWrapper(_Wrapper):
    """Drops parts of the inputs, the outputs and the state of a cell."""

    def __init__(
        self,
        cell: Option,
        input_keep_prob: TensorLike = 1.0,
        output_keep_prob: TensorLike = 1.0,
        state_keep_prob: TensorLike = 1.0,
        variational_recurrent: bool = False,
        input_size: object = None,
        dtype: object = None,
        seed: int | None = None,
        dropout_state_filter_visitor: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(cell)
        if dropout_state_filter_visitor is not None:
            raise ArgumentError(message("dropout_state_filter_visitor of DropoutWrapper", expected="None"))
        if variational_recurrent and input_size is None and (is_box(input_keep_prob) or input_keep_prob < 1):
            raise ArgumentError(message("input_size of DropoutWrapper", expected="the size of the inputs", got=None))
        self._keep = input_keep_prob, output_keep_prob, state_keep_prob
        self._seed = seed
        build_graphs()  # each run draws the masks
        sizes = (input_size, cell.output_size, cell.state_size) if variational_recurrent else (None, None, None)
        self._noise = jax.tree.map(lambda size: NAMES["random_uniform"]([1, int(size)], seed=seed), sizes)

    def _dropped(self, x: Any, keep: Any, noise: Any) -> Any:
        if not is_box(keep) and float(keep) >= 1:
            return x
        if noise is not None:  # of all steps and samples
            return x / keep * NAMES["floor"](noise + keep)
        return NAMES["compat.v1.nn.dropout"](x, keep_prob=keep, seed=self._seed)

    def call(self, inputs: TensorLike, state: Nested[TensorLike], **options: Any) -> TensorResult:
        of_input, of_output, of_state = zip(self._keep, self._noise, strict=True)
        output, new = self._cell(self._dropped(inputs, *of_input), state, **options)
        return self._dropped(output, *of_output), self._state(new, *of_state)

    def _state(self, state: Any, keep: Any, noise: Any) -> Any:
        if isinstance(state, LSTMStateTuple):  # the memory is kept
            return LSTMStateTuple(state.c, self._dropped(state.h, keep, noise and noise.h))
        if isinstance(state, list | tuple):
            each = noise or [None] * len(state)
            return type(state)(self._state(one, keep, part) for one, part in zip(state, each, strict=True))
        return self._dropped(state, keep, noise)


class _Projection(_Wrapper):
    """A linear layer with the variables `kernel` and `bias` next to a cell."""

    def __init__(self, cell: Any, size: int, activation: Any = None) -> None:
        super().__init__(cell)
        self._size, self._activation = size, (lambda x: x) if activation is None else activation

    variables = trainable_variables = trainable_weights = property(lambda self: [*self._cell.weights, *self.weights])
    __call__ = RNNCell.__call__  # in a variable scope

    def _projected(self, x: Any) -> Any:
        if not self.weights:
            self.add_variable("kernel", [x.shape[-1], self._size])
            self.add_variable("bias", [self._size], zeros_initializer)
        return self._activation(NAMES["matmul"](x, self.weights[0]) + self.weights[1])


@named("contrib.rnn.OutputProjectionWrapper")
class OutputProjectionWrapper(_Projection):
    """A linear layer after a cell."""

    output_size = property(lambda self: self._size)

    def __init__(self, cell: Option, output_size: int, activation: Option = None, reuse: Option = None) -> None:
        super().__init__(cell, output_size, activation)

    def call(self, inputs: TensorLike, state: Nested[TensorLike], **options: Any) -> TensorResult:
        output, new = self._cell(inputs, state, **options)
        return self._projected(output), new


@named("contrib.rnn.InputProjectionWrapper")
class InputProjectionWrapper(_Projection):
    """A linear layer before a cell."""

    def __init__(
        self, cell: Option, num_proj: int, activation: Option = None, input_size: object = None, reuse: Option = None
    ) -> None:
        super().__init__(cell, num_proj, activation)

    def call(self, inputs: TensorLike, state: Nested[TensorLike], **options: Any) -> TensorResult:
        return self._cell(self._projected(inputs), state, **options)


@named("contrib.rnn.EmbeddingWrapper")
class EmbeddingWrapper(_Wrapper):
    """A table before a cell, whose inputs are integers."""

    variables = trainable_variables = trainable_weights = _Projection.variables
    __call__ = RNNCell.__call__  # in a variable scope

    def __init__(
        self,
        cell: Option,
        embedding_classes: int,
        embedding_size: int,
        initializer: Option = None,
        reuse: Option = None,
    ) -> None:
        super().__init__(cell)
        self._shape, self._initializer = [embedding_classes, embedding_size], initializer

    def build(self, inputs_shape: ShapeLike) -> None:
        """Make the table."""
        uniform = NAMES["random_uniform_initializer"](-(3**0.5), 3**0.5)
        self.add_variable("embedding", self._shape, self._initializer or scopes.current().initializer or uniform)

    def call(self, inputs: TensorLike, state: Nested[TensorLike], **options: Any) -> TensorResult:
        return self._cell(NAMES["gather"](self.weights[0], NAMES["reshape"](inputs, [-1])), state, **options)
