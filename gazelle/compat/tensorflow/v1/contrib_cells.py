"""Recurrent cells that only `tf.contrib.rnn` of TensorFlow 1 had."""

from __future__ import annotations

from typing import Any

import gazelle
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.rnn_cells import CellOfUnits, LSTMStateTuple, concatenated, zeros_initializer
from gazelle.compat.types import Nested, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core.symbolic import OPS


@named("contrib.rnn.UGRNNCell")
class UGRNNCell(CellOfUnits):
    """g, c = W [x, h] + b; h' = sigmoid(g + forget_bias) h + (1 - sigmoid(g + forget_bias)) tanh(c)."""

    def __init__(
        self,
        num_units: int,
        initializer: Option = None,
        forget_bias: float = 1.0,
        activation: Option = None,
        reuse: Option = None,
    ) -> None:
        super().__init__(num_units, activation, reuse)
        self._initializer, self._forget_bias = initializer, forget_bias

    def build(self, inputs_shape: ShapeLike) -> None:
        units = self._num_units
        self._dense("", inputs_shape[-1] + units, 2 * units, self._initializer, zeros_initializer)

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        gate, candidate = NAMES["split"](self._product(concatenated(inputs, state)), 2, 1)
        gate = OPS["sigmoid"](gate + self._forget_bias)
        new = gate * state + (1 - gate) * self._activation(candidate)
        return new, new


@named("contrib.rnn.LayerNormBasicLSTMCell")
class LayerNormBasicLSTMCell(CellOfUnits):
    """An LSTM whose gates and memory are normalized, with dropout of what it adds to the memory."""

    @ignores("input_size@3=None")
    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        activation: Option = None,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: TensorLike = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: Option = None,
    ) -> None:
        super().__init__(num_units, activation, reuse)
        self._forget_bias, self._has_norms, self._norm = forget_bias, layer_norm, (norm_gain, norm_shift)
        self._dropout = dropout_keep_prob, dropout_prob_seed
        self._norms: dict[str, list[Any]] = {}

    state_size = property(lambda self: LSTMStateTuple(self._num_units, self._num_units))

    def build(self, inputs_shape: ShapeLike) -> None:
        size: Any = inputs_shape[-1] + self._num_units
        units = 4 * self._num_units
        self._kernel = self.add_variable("kernel", [size, units])
        if not self._has_norms:
            self._bias = self.add_variable("bias", [units], zeros_initializer)
            return
        gain, shift = (gazelle.initializers.Constant(value) for value in self._norm)
        for name in ("input", "transform", "forget", "output", "state"):
            with scopes.variable_scope(name):
                shape = [self._num_units]
                made = self.add_variable("gamma", shape, gain), self.add_variable("beta", shape, shift)
            self._norms[name] = list(made)

    def _normalized(self, x: Any, name: str) -> Any:
        if not self._has_norms:
            return x
        gamma, beta = self._norms[name]
        return NAMES["nn.batch_normalization"](x, *NAMES["nn.moments"](x, [1], keepdims=True), beta, gamma, 1e-12)

    def call(self, inputs: TensorLike, state: Nested[TensorLike]) -> TensorResult:
        c, h = state[0], state[1]
        sigmoid = OPS["sigmoid"]
        gates = NAMES["matmul"](concatenated(inputs, h), self._kernel)
        gates = NAMES["split"](gates if self._has_norms else gates + self._bias, 4, 1)
        i, j, f, o = map(self._normalized, gates, ("input", "transform", "forget", "output"))
        added, (keep, seed) = self._activation(j), self._dropout
        if not isinstance(keep, int | float) or keep < 1:
            added = NAMES["nn.dropout"](added, keep_prob=keep, seed=seed)
        c = self._normalized(c * sigmoid(f + self._forget_bias) + sigmoid(i) * added, "state")
        h = self._activation(c) * sigmoid(o)
        return h, LSTMStateTuple(c, h)
