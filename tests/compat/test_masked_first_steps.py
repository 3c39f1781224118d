"""Outputs of recurrent layers before the first step that is not masked: zeros, or the initial state."""

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.compat import era

RELEASES = {  # as measured with each release
    "keras 1.2.2": (era.Release(1), False),
    "keras 2.2.4": (era.Release(2, True, (2, 2)), False),
    "keras 2.3.1": (era.Release(2, True), True),
    "tf.keras 2.15": (era.Release(2, False), True),
    "keras 3.15 on JAX": (era.Release(3), False),
}


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "stack"])
def test_first_steps(keras_2, name, backwards, kind):
    release, zeros = RELEASES[name]
    era.set_release(release)
    layers = keras_2.layers
    options = {"return_sequences": True, "go_backwards": backwards}
    if kind == "stack":
        layer = layers.RNN([layers.SimpleRNNCell(3), layers.SimpleRNNCell(2)], **options)
        states = [jnp.full((3, 3), 0.5), jnp.full((3, 2), 0.5)]
    else:
        layer = getattr(layers, kind)(2, **options)
        states = [jnp.full((3, 2), 0.5)] * (2 if kind == "LSTM" else 1)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 2)), "float32")
    steps = np.array([[0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]], bool)
    outputs = np.asarray(layer(x, initial_state=states, mask=jnp.asarray(steps[:, ::-1] if backwards else steps)))
    before = ~np.logical_or.accumulate(steps, axis=1)  # in the order of the outputs
    np.testing.assert_array_equal(outputs[before], 0.0 if zeros else 0.5)
    assert (np.abs(outputs[~before] - 0.5) > 1e-3).any(axis=-1).all()
    assert (np.abs(outputs[~before]) > 1e-3).any(axis=-1).all()
    np.testing.assert_array_equal(outputs[0, 3], outputs[0, 2])  # later masked steps repeat the last output
