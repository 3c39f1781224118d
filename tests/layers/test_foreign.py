"""JaxLayer, FlaxLayer, EquinoxLayer, and the layer that is not supported."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, ShapeError
from gazelle.layers import EquinoxLayer, FlaxLayer, JaxLayer, weight_tree

X = np.random.default_rng(2).normal(size=(4, 3)).astype("float32")
W = np.random.default_rng(3).normal(size=(3, 2)).astype("float32")


def dense(params, inputs):
    return inputs @ params["w"] + params["b"]


def counting(params, state, inputs, training):
    return inputs @ params, {"calls": state["calls"] + (1 if training else 0)}


def drawn(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 2)), "b": jnp.zeros(2)}


def test_a_function_with_parameters_as_in_keras():
    params = {"w": W, "b": np.ones(2, "float32")}
    theirs, ours = keras.layers.JaxLayer(dense, params=params), JaxLayer(dense, params=params)
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-6)
    assert [w.shape for w in ours.trainable_weights] == [tuple(w.shape) for w in theirs.trainable_weights]
    np.testing.assert_array_equal(ours.params["w"], W)
    wanted = theirs.get_config().keys()
    assert ours.get_config().keys() == wanted


def test_parameters_are_made_for_the_shape_of_the_input():
    layer = JaxLayer(dense, init_fn=drawn)
    assert layer(layers.Input((5,))).shape == (None, 2)
    assert layer.params["w"].shape == (5, 2)


def test_state_goes_from_call_to_call():
    layer = JaxLayer(counting, params=W, state={"calls": 0})
    layer(X), layer(X, training=True), layer(X, training=True)
    assert int(layer.state["calls"]) == 2
    assert [w.trainable for w in layer.weights] == [True, False]
    call = tracing.functionalize(layer, weight_tree.named_variables(layer))
    values = {path: v.value for path, v in weight_tree.named_variables(layer).items()}
    _, after, _ = jax.jit(lambda values, x: call(values, x, training=True))(values, X)
    assert sorted(int(v) for v in after.values() if v.ndim == 0) == [3]
    assert int(layer.state["calls"]) == 2


def test_a_model_of_a_function_trains():
    gazelle.utils.set_random_seed(0)
    model = gazelle.Sequential([layers.Input((3,)), JaxLayer(dense, init_fn=drawn)])
    model.compile("sgd", "mse")
    before = model.evaluate(X, X @ W, verbose=0)
    model.fit(X, X @ W, epochs=30, verbose=0)
    assert model.evaluate(X, X @ W, verbose=0) < before / 2


def test_keys_come_in_training_alone():
    def noisy(rng, inputs):
        return inputs if rng is None else inputs + jax.random.normal(rng, inputs.shape)

    layer = JaxLayer(noisy)
    np.testing.assert_array_equal(layer(X), X)
    assert not np.allclose(layer(X, training=True), layer(X, training=True))


def test_errors_of_functions():
    with pytest.raises(
        ArgumentError, match=r"expected arguments among params, state, rng, inputs, training, and inputs"
    ):
        JaxLayer(lambda x: x)
    with pytest.raises(ArgumentError, match="expected init_fn, params or state, which call_fn takes"):
        JaxLayer(dense)
    layer = JaxLayer(lambda params, state, inputs: (inputs, {}), params=W, state={"n": 0})
    with pytest.raises(ShapeError, match="The state that call_fn of JaxLayer"):
        layer(X)


# Flax -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def linen():
    return pytest.importorskip("flax.linen")


@pytest.fixture
def network(linen):
    class Network(linen.Module):
        @linen.compact
        def __call__(self, x, training):
            x = linen.BatchNorm(use_running_average=not training)(linen.Dense(4)(x))
            return linen.Dense(2)(linen.Dropout(0.5, deterministic=not training)(x))

    return Network()


@pytest.mark.parametrize("size", [2, 5])
def test_linen_as_in_keras(linen, size):
    module = linen.Dense(size)
    variables = module.init(jax.random.key(0), X)
    theirs = keras.layers.FlaxLayer(module, variables=variables)
    np.testing.assert_allclose(FlaxLayer(module, variables=variables)(X), theirs(X), rtol=1e-6)


def test_linen_with_state_and_dropout_as_in_keras(network):
    variables = network.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, X, training=False)
    theirs, ours = keras.layers.FlaxLayer(network, variables=variables), FlaxLayer(network, variables=variables)
    np.testing.assert_allclose(ours(X), theirs(X, training=False), rtol=1e-5, atol=1e-6)
    theirs(X, training=True), ours(X, training=True)  # moves the statistics of BatchNorm
    np.testing.assert_allclose(ours(X), theirs(X, training=False), rtol=1e-5, atol=1e-6)
    assert len(ours.trainable_weights) == len(theirs.trainable_weights) == 6
    assert len(ours.non_trainable_weights) == 2


def test_linen_makes_its_own_weights_and_trains(network):
    model = gazelle.Sequential([layers.Input((3,)), FlaxLayer(network)])
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(X, X @ W, epochs=2, verbose=0)
    assert model.predict(X, verbose=0).shape == (4, 2)
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_nnx_keeps_its_module_and_trains():
    nnx = pytest.importorskip("flax.nnx")

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(3, 4, rngs=rngs)
            self.norm = nnx.BatchNorm(4, rngs=rngs)
            self.drop = nnx.Dropout(0.5, rngs=rngs)
            self.last = nnx.Linear(4, 2, rngs=rngs)

        def __call__(self, x):
            return self.last(self.drop(self.norm(self.first(x))))

    module = Network(nnx.Rngs(0))
    layer = FlaxLayer(module)
    kernel = np.asarray(module.first.kernel[...])
    module.eval()
    np.testing.assert_allclose(layer(X), module(X), rtol=1e-5, atol=1e-6)
    assert not np.allclose(layer(X, training=True), layer(X, training=True))
    model = gazelle.Sequential([layers.Input((3,)), layer])
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(X, X @ W, epochs=2, verbose=0)
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    np.testing.assert_array_equal(module.first.kernel[...], kernel)
    assert len(layer.trainable_weights) == 6


# Equinox --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def eqx():
    return pytest.importorskip("equinox")


def test_equinox_maps_over_the_batch(eqx):
    module = eqx.nn.MLP(3, 2, 4, 1, key=jax.random.key(0))
    layer = EquinoxLayer(module)
    np.testing.assert_allclose(layer(X), jax.vmap(module)(X), rtol=1e-5)
    assert len(layer.trainable_weights) == 4
    model = gazelle.Sequential([layers.Input((3,)), layer])
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(X, X @ W, epochs=2, verbose=0)
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_equinox_draws_in_training_alone(eqx):
    layer = EquinoxLayer(eqx.nn.Dropout(0.5), seed=1)
    np.testing.assert_array_equal(layer(X), X)
    assert not np.array_equal(layer(X, training=True), X)


def test_equinox_with_state(eqx):
    module, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(3, axis_name="batch", mode="ema")
    layer = EquinoxLayer(module, state=state)
    before = layer.state
    layer(X, training=True)
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), jax.tree.leaves(before), jax.tree.leaves(layer.state))
    assert any(moved)


def test_a_module_of_pytorch_is_refused():
    with pytest.raises(ArgumentError, match=r"TorchModuleWrapper needs a program .* that sets KERAS_BACKEND=torch"):
        layers.TorchModuleWrapper("module")


def test_methods_of_flax_modules_in_configs():
    linen = pytest.importorskip("flax.linen")

    @gazelle.saving.register_keras_serializable()
    class Module(linen.Module):
        @linen.compact
        def twice(self, x):
            return 2 * linen.Dense(2)(x)

        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config):
            return cls()

    @gazelle.saving.register_keras_serializable()
    def outside(module, x):
        return module.twice(x)

    for method in ("twice", Module.twice, outside):
        layer = FlaxLayer(Module(), method=method)
        again = FlaxLayer.from_config(layer.get_config())
        assert again.method == (outside if method is outside else "twice") or again.method is Module.twice
        assert again(X).shape == (4, 2)
