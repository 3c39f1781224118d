"""`.keras` files exchanged with Keras 3.15 in both directions, with equal predictions."""

import jax
import keras
import numpy as np
import pytest
from deviations import same

import gazelle

ROW, STEPS, IMAGE, VOLUME = (6,), (5, 4), (8, 8, 3), (4, 4, 4, 2)


def chain(shape, *makers, dtype="float32"):
    """A Sequential of what each of `makers` makes of the library's layers."""
    return lambda k: k.Sequential([k.Input(shape, dtype=dtype), *(make(k.layers) for make in makers)])


def graph(build, *shapes):
    """A Functional model of what `build` makes of the library and an input for each shape."""

    def made(k):
        inputs = [k.Input(shape) for shape in shapes]
        return k.Model(inputs if len(inputs) > 1 else inputs[0], build(k, *inputs))

    return made


def residual(k, x):
    h = k.layers.BatchNormalization()(k.layers.Conv2D(3, 3, padding="same", use_bias=False)(x))
    return k.layers.GlobalAveragePooling2D()(k.layers.ReLU()(k.layers.Add()([x, h])))


def attending(k, x):
    h = k.layers.LayerNormalization()(x + k.layers.MultiHeadAttention(2, 3, name="heads")(x, x))
    return k.layers.LayerNormalization()(h + k.layers.Dense(4)(k.layers.Dense(8, activation="gelu")(h)))


def squeezed(k, x):
    gate = k.layers.Dense(3, activation="sigmoid")(k.layers.GlobalMaxPooling2D(keepdims=True)(x))
    return k.layers.Multiply()([x, gate])


def shared(k, a, b):
    tower = k.layers.Dense(4, activation="tanh", name="tower")
    return k.layers.Dot(axes=-1, normalize=True)([tower(a), tower(b)])


def two_ends(k, a, b):
    both = k.layers.Concatenate()([k.layers.Dense(3)(a), k.layers.Flatten()(b)])
    return [k.layers.Dense(2, activation="softmax", name="kind")(both), k.layers.Dense(1, name="size")(both)]


def operations(k, x):
    h = k.ops.concatenate([k.ops.relu(x), k.ops.exp(-(x**2))], axis=-1)
    return k.ops.where(h > 0.5, h, 2 * h) / (1 + k.ops.mean(h, axis=-1, keepdims=True))


def nested(k, x):
    inner = k.Sequential([k.Input(ROW), k.layers.Dense(6, activation="elu"), k.layers.BatchNormalization()])
    y = k.Input(ROW)
    deep = k.Model(y, k.layers.Dense(6)(inner(y)), name="deep")
    return k.layers.Average()([deep(x), x])


def shared_within(k):
    """A model inside another and beside it: Keras 3.15 writes this file but cannot read it."""
    x, y = k.Input(ROW), k.Input(ROW)
    inner = k.Sequential([k.Input(ROW), k.layers.Dense(6, activation="elu"), k.layers.BatchNormalization()])
    deep = k.Model(y, k.layers.Dense(6)(inner(y)), name="deep")
    return k.Model(x, k.layers.Average()([deep(x), inner(x)]))


MODELS = {
    "mlp": chain(ROW, lambda L: L.Dense(5, activation="relu"), lambda L: L.Dropout(0.3), lambda L: L.Dense(2)),
    "regularized": chain(ROW, lambda L: L.Dense(5, kernel_regularizer="L1L2", kernel_constraint="max_norm")),
    "activations": chain(ROW, lambda L: L.PReLU(), lambda L: L.LeakyReLU(0.2), lambda L: L.Softmax()),
    "cnn": chain(IMAGE, lambda L: L.Conv2D(4, 3, activation="relu"), lambda L: L.MaxPooling2D(), lambda L: L.Flatten()),
    "apart": chain(IMAGE, lambda L: L.SeparableConv2D(4, 3), lambda L: L.DepthwiseConv2D(2, depth_multiplier=2)),
    "autoencoder": chain(IMAGE, lambda L: L.Conv2D(2, 3, 2, "same"), lambda L: L.Conv2DTranspose(3, 3, 2, "same")),
    "sizes": chain(IMAGE, lambda L: L.ZeroPadding2D(1), lambda L: L.Cropping2D((1, 2)), lambda L: L.UpSampling2D(2)),
    "pictures": chain(IMAGE, lambda L: L.Rescaling(0.1), lambda L: L.Resizing(5, 4), lambda L: L.CenterCrop(3, 3)),
    "groups": chain(IMAGE, lambda L: L.Conv2D(6, 3, groups=3), lambda L: L.GroupNormalization(2)),
    "volume": chain(VOLUME, lambda L: L.Conv3D(3, 2), lambda L: L.GlobalAveragePooling3D()),
    "causal": chain(
        STEPS, lambda L: L.Conv1D(4, 3, padding="causal", dilation_rate=2), lambda L: L.AveragePooling1D(2)
    ),
    "words": chain((5,), lambda L: L.Embedding(9, 4, mask_zero=True), lambda L: L.LSTM(3), dtype="int32"),
    "gru": chain(STEPS, lambda L: L.GRU(3, return_sequences=True, reset_after=False), lambda L: L.SimpleRNN(2)),
    "both ways": chain(STEPS, lambda L: L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="mul")),
    "cells": chain(STEPS, lambda L: L.RNN([L.GRUCell(3), L.LSTMCell(2)], return_sequences=True)),
    "each step": chain(STEPS, lambda L: L.TimeDistributed(L.Dense(3, activation="selu")), lambda L: L.Permute((2, 1))),
    "films": chain((3, 4, 4, 2), lambda L: L.ConvLSTM2D(2, 2, padding="same")),
    "einsum": chain(STEPS, lambda L: L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")),
    "norms": chain(ROW, lambda L: L.RMSNormalization(), lambda L: L.UnitNormalization(), lambda L: L.GaussianNoise(1)),
    "spectral": chain(ROW, lambda L: L.SpectralNormalization(L.Dense(3)), lambda L: L.Reshape((3, 1))),
    "residual": graph(residual, IMAGE),
    "squeezed": graph(squeezed, IMAGE),
    "transformer": graph(attending, STEPS),
    "attention": graph(lambda k, q, v: k.layers.Attention(use_scale=True)([q, v]), STEPS, (7, 4)),
    "shared": graph(shared, ROW, ROW),
    "two ends": graph(two_ends, ROW, STEPS),
    "operations": graph(operations, ROW),
    "nested": graph(nested, ROW),
}


def outputs(model, x):
    return jax.tree.leaves(jax.jit(model)(x))


@pytest.mark.parametrize("name", MODELS)
def test_files_go_both_ways(name, tmp_path):
    theirs = MODELS[name](keras)
    rng = np.random.default_rng(1)
    shapes = [(2, *t.shape[1:]) for t in theirs.inputs]
    x = [rng.integers(0, 9, s) if name == "words" else rng.normal(size=s).astype("float32") for s in shapes]
    x = x if len(x) > 1 else x[0]
    theirs.save(tmp_path / "theirs.keras")
    ours = gazelle.models.load_model(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")
    again = keras.models.load_model(tmp_path / "ours.keras")
    wanted = outputs(theirs, x)
    for mine, back, other in zip(outputs(ours, x), outputs(again, x), wanted, strict=True):
        same(mine, other)
        np.testing.assert_array_equal(back, other)


@pytest.mark.parametrize("namespace", [gazelle, keras], ids=["ours", "theirs"])
def test_a_model_at_two_places_stays_one(namespace, tmp_path):
    model = shared_within(namespace)
    model.save(tmp_path / "model.keras")
    back = gazelle.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(1).normal(size=(2, *ROW)).astype("float32")
    same(outputs(back, x)[0], outputs(model, x)[0])
    assert len(back.weights) == len(model.weights) == 8
    assert back.layers[1].layers[1] is back.layers[2]
