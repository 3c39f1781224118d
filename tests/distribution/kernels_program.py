"""Trains a network on 2 devices with the kernels; prints which are called, and a checksum of the weights."""

import re
import zlib

import jax
import numpy as np

import gazelle
from gazelle import distribution, engine, layers
from gazelle.ops import native

rng = np.random.default_rng(0)
x, y = rng.normal(size=(32, 12, 12, 3)).astype("float32"), rng.integers(0, 4, 32)


def trained(strategy):
    distribution.set_distribution(strategy)
    gazelle.utils.set_random_seed(0)
    parts = layers.Conv2D(16, 3), layers.Reshape((10, 160)), layers.LSTM(8, return_sequences=True), layers.GRU(8)
    model = gazelle.Sequential([gazelle.Input((12, 12, 3)), *parts, layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, keep=False)
    return model


def called(model):
    """The kernels in the program of a step, with the shapes that each device computes."""
    data = engine.shard_batches(jax.tree.map(lambda array: array[None], (x[:16], y[:16], None)))
    state = model._trainer.live.take()
    program = model._trainer.programs.train.lower(state, np.bool_(False), data, np.int32(0), np.int32(1))
    found = re.findall(r"custom_call @(gazelle_\w+)\(.*-> \(?tensor<([\dx]*)xf32>", program.as_text())
    return sorted(f"{name}:{shape}" for name, shape in set(found))


model = trained(distribution.FSDP(devices=jax.devices()[:2]))
weights = np.concatenate([weight.ravel() for weight in model.get_weights()])
print("kernels", *called(model), zlib.crc32(weights.tobytes()))
if jax.process_count() == 1:
    with native.switched_off():
        alone = trained(None)
    assert not called(alone)
    np.testing.assert_allclose(weights, np.concatenate([weight.ravel() for weight in alone.get_weights()]), atol=1e-5)
