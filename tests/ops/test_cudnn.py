"""LSTM by cuDNN, without a GPU: JAX's reference stands for cuDNN, and programs are lowered for CUDA."""

import jax
import jax.experimental.rnn
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import Input, Sequential, layers, utils
from gazelle.core.errors import ArgumentError
from gazelle.layers import GRU, LSTM
from gazelle.ops.native import cudnn

x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 5, 4)), jnp.float32)


def reference(x, h, c, weights, lengths, *sizes):
    features, units, layers, dropout, both, _ = sizes
    parts = jax.experimental.rnn.unpack_lstm_weights(weights, features, units, layers, both)
    return jax.experimental.rnn.lstm_ref(x, h, c, *parts, lengths, features, units, layers, dropout, both)


def forward(x, h, c, weights, lengths, *sizes):
    y, h_n, c_n = reference(x, h, c, weights, lengths, *sizes)
    return (y, h_n, c_n), (x, h, c, weights, lengths, y, jnp.ones(7))


def backward(*arguments):
    *sizes, (x, h, c, weights, lengths, _, reserved), gradients = arguments
    assert reserved.shape == (7,)
    pull = jax.vjp(lambda *arrays: reference(*arrays, lengths, *sizes), x, h, c, weights)[1]
    return (*pull(gradients), jnp.zeros_like(lengths))


@pytest.fixture
def by_reference(monkeypatch):
    """cuDNN "runs" on the CPU."""
    calls = []
    monkeypatch.setattr(jax.experimental.rnn, "lstm_fwd", lambda *a: (calls.append("forward"), forward(*a))[1])
    monkeypatch.setattr(jax.experimental.rnn, "lstm_bwd", lambda *a: (calls.append("backward"), backward(*a))[1])
    monkeypatch.setattr(cudnn, "refusal", lambda operands: "")
    monkeypatch.setattr(cudnn, "PLATFORM", "cpu")
    return calls


def pair(**options):
    """The same layer with cuDNN and without."""
    made = []
    for use_cudnn in ("auto", False):
        utils.set_random_seed(1)
        made.append(LSTM(6, bias_initializer="normal", use_cudnn=use_cudnn, **options))
        made[-1].build(x.shape)
    return made


def close(one, two):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), one, two)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_values_and_gradients_are_those_of_the_loop(by_reference, go_backwards, return_sequences):
    options = {"go_backwards": go_backwards, "return_sequences": return_sequences, "return_state": True}

    def score(layer):
        others = [v.value for v in layer.non_trainable_variables]

        def total(weights, x, h, c):
            y, _ = layer.stateless_call(weights, others, x, initial_state=[h, c])
            return sum(jnp.sum(jnp.sin(part * n)) for n, part in enumerate(y, 1)), y

        states = jnp.full((3, 6), 0.3), jnp.full((3, 6), -0.2)
        return jax.value_and_grad(total, (0, 1, 2, 3), has_aux=True)(
            [v.value for v in layer.trainable_variables], x, *states
        )

    close(*map(score, pair(**options)))
    assert set(by_reference) == {"forward", "backward"}


def test_dropout_of_the_input(by_reference):
    outputs = []
    for layer in pair(dropout=0.5, seed=3):
        outputs.append(layer(x, training=True))
    close(*outputs)
    assert by_reference


def test_second_derivatives_and_vmap(by_reference):
    with_cudnn, without = pair(return_sequences=True)

    def penalty(layer):
        slope = jax.grad(lambda x: jnp.sum(layer(x) ** 3))

        def both(x):
            return jax.grad(lambda x: jnp.sum(slope(x) ** 2))(x), jax.vmap(slope)(jnp.stack([x, x + 1]))

        return jax.jit(both)(x)

    close(penalty(with_cudnn), penalty(without))


def test_a_model_trains(by_reference):
    weights = []
    for use_cudnn in ("auto", False):
        utils.set_random_seed(1)
        both = layers.Bidirectional(LSTM(4, use_cudnn=use_cudnn))
        model = Sequential([Input((5, 4)), both, layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.asarray(x), np.ones((3, 1)), epochs=2, verbose=0, keep=False)
        weights.append(model.get_weights())
    close(*weights)
    assert set(by_reference) == {"forward", "backward"}


def test_the_platform_is_chosen_at_lowering(monkeypatch):
    def call(x, h, c, weights, lengths, features, units, *_):
        shapes = [(*x.shape[:2], units), h.shape, c.shape, (7,)]
        y, h_n, c_n, reserved = jax.ffi.ffi_call(
            "stands_for_cudnn", [jax.ShapeDtypeStruct(s, x.dtype) for s in shapes]
        )(x, h, c, weights, lengths)
        return (y, h_n, c_n), (x, h, c, weights, lengths, y, reserved)

    monkeypatch.setattr(jax.experimental.rnn, "lstm_fwd", call)
    monkeypatch.setattr(cudnn, "refusal", lambda operands: "")
    layer, without = pair()
    traced = jax.jit(layer).trace(x)
    assert "stablehlo.while" not in (text := traced.lower(lowering_platforms=("cuda",)).as_text())
    assert "stands_for_cudnn" in text
    assert "stands_for_cudnn" not in traced.lower(lowering_platforms=("cpu",)).as_text()
    close(jax.jit(layer)(x), without(x))


REFUSED = {
    "a mask": (LSTM, {}, {"mask": np.ones((3, 5), bool)}),
    "recurrent_dropout": (LSTM, {"recurrent_dropout": 0.5}, {"training": True}),
    "dropout with implementation=1": (LSTM, {"dropout": 0.5, "implementation": 1}, {"training": True}),
    "unroll=True": (LSTM, {"unroll": True}, {}),
    "other activations than tanh and sigmoid": (LSTM, {"activation": "relu"}, {}),
    "use_bias=False": (LSTM, {"use_bias": False}, {}),
    "the device .*": (LSTM, {}, {}),
    "GRUCell: JAX offers cuDNN for LSTM only": (GRU, {}, {}),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cudnn_cannot_compute_is_refused_only_if_it_must_be_used(reason):
    cls, options, call = REFUSED[reason]
    assert cls(6, **options)(x, **call).shape == (3, 6)
    with pytest.raises(ArgumentError, match=rf"use_cudnn=True: .*cuDNN computes, got {reason}\.\nuse_cudnn='auto'"):
        cls(6, use_cudnn=True, **options)(x, **call)


def test_jax_without_cudnn_is_a_reason(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with pytest.raises(ArgumentError, match=r"got an error of JAX \("):
        LSTM(6, use_cudnn=True)(x)
    assert LSTM(6)(x).shape == (3, 6)


def test_the_config_holds_what_does_not_depend_on_the_machine():
    assert "use_cudnn" not in LSTM(6).get_config()
    assert "use_cudnn" not in LSTM(6, use_cudnn=True).get_config()
    assert LSTM.from_config(LSTM(6, use_cudnn=False).get_config()).use_cudnn is False
    with pytest.raises(ArgumentError, match="use_cudnn: expected 'auto', True or False, got 'yes'"):
        GRU(6, use_cudnn="yes")
