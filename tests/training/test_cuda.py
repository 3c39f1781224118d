"""Steps lowered for CUDA on this machine. What a program contains is counted; nothing is run on a GPU."""

import functools
import re
from collections import OrderedDict

import jax
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.ops import convolution_forms, platforms, pooling
from gazelle.training import programs

x = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No programs of other tests."""
    monkeypatch.setattr(programs, "_shared", OrderedDict())


def elsewhere(on_cpu, other, *arrays):
    """Replaces `by_platform`: the form of the other platforms."""
    return other(*arrays)


def lowered(trainer, *data):
    """The text of the program that `fit` runs, for CUDA."""
    batches = jax.tree.map(lambda array: array[None], (*data, None))
    arguments = trainer.live.take(), np.bool_(False), batches, np.int32(0), np.int32(1)
    return trainer.programs.train.trace(*arguments).lower(lowering_platforms=("cuda",)).as_text()


def _custom():
    class Own(gazelle.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            return super().train_step(data)

    return Own()


@pytest.mark.parametrize("kind", ["step of the library", "custom step", "loss scale"])
def test_a_step_on_an_accelerator_has_no_branch(kind, monkeypatch):
    """XLA for GPUs waits on the host for each condition; that of the loop is left."""
    data, bad = (x, x[:, :4]), np.full_like(x, np.nan)

    def train_and_lower():
        monkeypatch.setattr(programs, "_shared", OrderedDict())
        gazelle.utils.set_random_seed(0)
        net = _custom() if kind == "custom step" else gazelle.Sequential([gazelle.Input((8,)), layers.Dense(4)])
        adam = gazelle.optimizers.Adam()
        net.compile(gazelle.optimizers.LossScaleOptimizer(adam) if kind == "loss scale" else adam, "mse")
        net.fit(*data, verbose=0, keep=False)
        trainer = net._trainer
        before = {path: np.array(array) for path, array in trainer.live.take().params.items()}
        text = lowered(trainer, *data)
        batches = bad[None], data[1][None], None
        arguments = trainer.live.take(), np.bool_(False), batches, np.int32(0), np.int32(1)
        state, logs, end = trainer.programs.train(*arguments)
        assert np.isnan(logs["loss"])
        assert end == state.step - 1 == 0  # not counted, as the update was not applied
        jax.tree.map(np.testing.assert_array_equal, before, state.params)
        return text.count("stablehlo.while"), text.count("stablehlo.case"), before

    loops, branches, expected = train_and_lower()
    assert (loops, branches) == (1, 2 if kind == "loss scale" else 1)
    monkeypatch.setattr(platforms, "by_platform", elsewhere)
    loops, branches, weights = train_and_lower()
    assert (loops, branches) == (1, 0)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), weights, expected)


def test_products_have_the_precision_that_jax_is_set_to(monkeypatch):
    for module in (convolution_forms, pooling, platforms):
        monkeypatch.setattr(module, "by_platform", elsewhere)
    inputs = gazelle.Input((8, 8, 3))
    y = layers.MaxPooling2D()(layers.DepthwiseConv2D(3)(layers.Conv2D(4, 3, padding="same")(inputs)))
    y = layers.Conv2DTranspose(4, 2)(layers.SpectralNormalization(layers.Conv2D(4, 1))(y))
    y = layers.GRU(4, return_sequences=True)(layers.LSTM(4, return_sequences=True)(layers.Reshape((-1, 4))(y)))
    y = layers.Flatten()(layers.MultiHeadAttention(2, 2)(y, y))
    net = gazelle.Model(inputs, layers.Dense(4)(layers.EinsumDense("ab,bc->ac", 4)(y)))
    weights, others = ([v.value for v in kind] for kind in (net.trainable_variables, net.non_trainable_variables))
    images = jax.ShapeDtypeStruct((4, 8, 8, 3), "float32")

    def gradients(weights, images):
        return jax.grad(lambda weights: net.stateless_call(weights, others, images, training=True)[0].sum())(weights)

    def precisions():
        text = jax.jit(gradients).trace(weights, images).lower(lowering_platforms=("cuda",)).as_text()
        products = re.findall(r"stablehlo\.(?:convolution|dot_general).*", text)
        assert len(products) > 40
        return {tuple(re.findall(r"DEFAULT|HIGHEST|HIGH", line)) for line in products}

    assert precisions() <= {(), ("DEFAULT", "DEFAULT")}
    with jax.default_matmul_precision("highest"):
        assert precisions() == {("HIGHEST", "HIGHEST")}
