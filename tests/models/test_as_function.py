"""A model as a pure JAX function: derivatives, compilation, and optimizers of other libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import gazelle
from gazelle import layers

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


def test_optax_trains_the_function():
    model = gazelle.Sequential(
        [
            gazelle.Input((4,)),
            layers.Dense(8, "tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Dense(1),
        ]
    )
    function, values = model.as_function()
    before = model.get_weights()
    np.testing.assert_allclose(function(values, X)[0], model(X), atol=1e-6)
    trained = {v.key for v in model.trainable_weights}
    rule = optax.adam(0.05)

    @jax.jit
    def step(params, rest, state, key):
        def loss(params):
            out, after = function({**params, **rest}, X, training=True, key=key)
            return jnp.mean((out - X[:, :1]) ** 2), after

        (value, after), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, state = rule.update(grads, state)
        return optax.apply_updates(params, updates), {p: after[p] for p in rest}, state, value

    params = {p: v for p, v in values.items() if p in trained}
    rest = {p: v for p, v in values.items() if p not in trained}
    state, losses = rule.init(params), []
    for number in range(40):
        params, rest, state, value = step(params, rest, state, jax.random.key(number))
        losses.append(float(value))
    assert losses[-1] < 0.3 * losses[0]
    assert not np.array_equal(rest["batch_normalization/moving_mean"], values["batch_normalization/moving_mean"])
    for old, now in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, now)  # the model itself is as it was
    for variable in model.weights:
        variable.assign({**params, **rest}[variable.key])
    np.testing.assert_allclose(function({**params, **rest}, X)[0], model(X), atol=1e-5)
