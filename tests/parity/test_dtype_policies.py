"""Dtype policies and mixed precision against Keras: names, configs, layers in half precision, loss scaling."""

import itertools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import gazelle
from gazelle.layers import weight_tree

NAMES = ["float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "int32", "uint8", "bool"]
BOTH = (gazelle, keras)


@pytest.fixture(autouse=True)
def _policies():
    yield
    for k in BOTH:
        k.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", NAMES)
def test_policy(name):
    mine, theirs = (k.dtype_policies.get(name) for k in BOTH)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert repr(mine) == repr(theirs)
    assert gazelle.dtype_policies.serialize(mine) == keras.dtype_policies.serialize(theirs)
    assert gazelle.dtype_policies.deserialize(keras.dtype_policies.serialize(theirs)) == mine


@pytest.mark.parametrize("name", ["int8_from_float32", "int8_from_mixed_bfloat16", "int4_from_float32"])
def test_quantized_policy(name):
    mine, theirs = (k.dtype_policies.get(name) for k in BOTH)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert gazelle.dtype_policies.serialize(mine) == keras.dtype_policies.serialize(theirs)


def test_int4_policy():
    mine, theirs = (k.dtype_policies.Int4DTypePolicy("int4/128", "float32") for k in BOTH)
    assert (mine.name, mine.block_size, mine.get_config()) == (theirs.name, theirs.block_size, theirs.get_config())


def test_policy_map_in_a_layer():
    policies = {}
    for k in BOTH:
        policies[k] = k.dtype_policies.DTypePolicyMap(k.DTypePolicy("float32"))
        policies[k]["attend/.*"] = k.DTypePolicy("mixed_bfloat16")
    layers = [k.layers.MultiHeadAttention(2, 3, name="attend", dtype=policies[k]) for k in BOTH]
    for layer in layers:
        layer(np.ones((1, 4, 3), "float32"), np.ones((1, 4, 3), "float32"))
    for found in (weight_tree.sublayers(layers[0]), layers[1]._flatten_layers(include_self=False)):
        inside = {layer.name: layer.compute_dtype for layer in found}
        assert inside["query"] == inside["attention_output"] == "bfloat16"
    assert layers[0].compute_dtype == layers[1].compute_dtype == "float32"
    mine, theirs = (layer.get_config()["dtype"] for layer in layers)
    assert mine == theirs
    assert gazelle.dtype_policies.get(theirs) == policies[gazelle]


DTYPES = ["bool", "uint8", "uint32", "int8", "int16", "int32", "int64", "bfloat16", "float16", "float32", "float64"]


@pytest.mark.parametrize("first", [*DTYPES, int, float])
def test_result_type(first):
    for second in (*DTYPES, int, float):
        mine, theirs = (k.backend.result_type(first, second) for k in BOTH)
        assert mine == theirs, (first, second)


def _pair(make, policy, shape):
    layers = []
    for k in BOTH:
        k.config.set_dtype_policy(policy)
        layers.append(make(k.layers))
        k.config.set_dtype_policy("float32")
        layers[-1].build(shape)
    layers[0].set_weights(layers[1].get_weights())
    return layers


STEPS, IMAGE = (2, 5, 4), (2, 6, 6, 3)
LAYERS = {
    "Dense": (lambda L: L.Dense(5, activation="gelu"), STEPS),
    "Dense softmax": (lambda L: L.Dense(5, activation="softmax"), (2, 4)),
    "EinsumDense": (lambda L: L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"), STEPS),
    "Embedding": (lambda L: L.Embedding(9, 3), (2, 5)),
    "Conv2D": (lambda L: L.Conv2D(4, 3, activation="relu"), IMAGE),
    "DepthwiseConv2D": (lambda L: L.DepthwiseConv2D(3), IMAGE),
    "Conv1DTranspose": (lambda L: L.Conv1DTranspose(3, 2), STEPS),
    "BatchNormalization": (lambda L: L.BatchNormalization(), IMAGE),
    "LayerNormalization": (lambda L: L.LayerNormalization(), STEPS),
    "GroupNormalization": (lambda L: L.GroupNormalization(3), IMAGE),
    "RMSNormalization": (lambda L: L.RMSNormalization(), STEPS),
    "UnitNormalization": (lambda L: L.UnitNormalization(), STEPS),
    "Softmax": (lambda L: L.Softmax(), (2, 4)),
    "PReLU": (lambda L: L.PReLU(), (2, 4)),
    "AveragePooling2D": (lambda L: L.AveragePooling2D(2), IMAGE),
    "GlobalMaxPooling1D": (lambda L: L.GlobalMaxPooling1D(), STEPS),
    "LSTM": (lambda L: L.LSTM(3, return_sequences=True), STEPS),
    "GRU": (lambda L: L.GRU(3), STEPS),
    "Bidirectional": (lambda L: L.Bidirectional(L.SimpleRNN(3)), STEPS),
    "TimeDistributed": (lambda L: L.TimeDistributed(L.Dense(3)), STEPS),
    "float32 inside": (lambda L: L.Dense(3, dtype="float32"), STEPS),
    "Rescaled": (lambda L: L.ZeroPadding1D(2), STEPS),
}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("case", LAYERS)
def test_layer_in_half_precision(case, policy):
    make, shape = LAYERS[case]
    mine, theirs = _pair(make, policy, shape)
    random = np.random.default_rng(1)
    x = random.integers(0, 9, shape) if case == "Embedding" else random.normal(size=shape).astype("float32")
    out, wanted = mine(x), theirs(x)
    assert out.dtype == wanted.dtype
    assert [str(v.dtype) for v in mine.weights] == [str(v.dtype) for v in theirs.weights]
    digits = 2**-7 if policy == "mixed_bfloat16" else 2**-10
    wanted = np.asarray(wanted, "float32")
    units = 8 if case in ("GRU", "LSTM", "Bidirectional") else 4  # the state is rounded at every step
    np.testing.assert_allclose(np.asarray(out, "float32"), wanted, rtol=0, atol=units * digits * np.abs(wanted).max())
    assert mine.get_config()["dtype"] == theirs.get_config()["dtype"]


def _network(k):
    return k.Sequential(
        [
            k.Input((8, 8, 1)),
            k.layers.Conv2D(4, 3, activation="relu"),
            k.layers.BatchNormalization(),
            k.layers.Flatten(),
            k.layers.LayerNormalization(),
            k.layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(("policy", "optimizer"), [("mixed_bfloat16", "adam"), ("mixed_float16", "sgd")])
def test_training_twenty_steps(policy, optimizer):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 8, 8, 1)).astype("float32"), random.integers(0, 3, 40).astype("int32")
    models = []
    for k in BOTH:
        k.config.set_dtype_policy(policy)
        models.append(_network(k))
        k.config.set_dtype_policy("float32")
    mine, theirs = models
    mine.set_weights(theirs.get_weights())
    kwargs = {"batch_size": 8, "epochs": 4, "shuffle": False, "verbose": 0}
    for model in models:
        model.compile(optimizer, "sparse_categorical_crossentropy")
    got, wanted = mine.fit(x, y, keep=False, **kwargs).history["loss"], theirs.fit(x, y, **kwargs).history["loss"]
    np.testing.assert_allclose(got, wanted, rtol=5e-3)  # one rounding to half precision is up to 4e-3
    assert {str(v.dtype) for v in mine.weights} == {"float32"}
    assert int(mine.optimizer.iterations) == int(np.asarray(theirs.optimizer.iterations))
    if policy == "mixed_float16":
        assert type(mine.optimizer).__name__ == type(theirs.optimizer).__name__ == "LossScaleOptimizer"
        assert float(mine.optimizer.dynamic_scale) == float(np.asarray(theirs.optimizer.dynamic_scale))
        assert len(mine.optimizer.variables) == len(theirs.optimizer.variables)


INNER = {
    "sgd": lambda o: o.SGD(0.1, momentum=0.9),
    "adam": lambda o: o.Adam(0.1, clipnorm=1.0),
    "schedule": lambda o: o.SGD(o.schedules.ExponentialDecay(0.5, 1, 0.5)),
    "ema": lambda o: o.SGD(0.1, use_ema=True, ema_momentum=0.5),
}
GRADS = [[1.0, -2.0], [np.inf, 1.0], [0.5, 0.5], [np.nan, 0.0], [3.0, 1.0], [1.0, 1.0], [2.0, -1.0]]


@pytest.mark.parametrize(("inner", "growth"), list(itertools.product(INNER, [2, 3])))
def test_loss_scale_like_keras(inner, growth):
    optimizers, variables = [], []
    for k in BOTH:
        made = INNER[inner](k.optimizers)
        optimizers.append(k.optimizers.LossScaleOptimizer(made, initial_scale=8.0, dynamic_growth_steps=growth))
        variables.append(k.Variable(np.array([1.0, 2.0], "float32"), name="w"))
        optimizers[-1].build([variables[-1]])
    for grad in GRADS:
        mine, theirs = optimizers
        scaled = [jnp.asarray(grad) * float(mine.dynamic_scale)]
        mine.apply(scaled, [variables[0]])
        values = [v.value for v in theirs.variables]
        (weight,), state = theirs.stateless_apply(values, scaled, [variables[1].value])  # its `apply` leaks tracers
        for variable, value in zip([variables[1], *theirs.variables], [weight, *state], strict=True):
            variable.assign(value)
        np.testing.assert_allclose(np.asarray(variables[0]), np.asarray(variables[1]), rtol=1e-5)
        for name in ("dynamic_scale", "step_counter", "iterations", "learning_rate"):
            np.testing.assert_allclose(np.asarray(getattr(mine, name)), np.asarray(getattr(theirs, name)), rtol=1e-6)
    assert mine.get_config().keys() == theirs.get_config().keys()
    assert [v.shape for v in mine.variables] == [tuple(v.shape) for v in theirs.variables]


def test_pure_update_is_left_out_inside_jit():
    scaled = gazelle.optimizers.LossScaleOptimizer(gazelle.optimizers.SGD(1.0), initial_scale=4.0)
    params = {"w": jnp.ones(2)}
    step = jax.jit(scaled.update)
    after, slots = step(params, {"w": jnp.array([4.0, jnp.nan])}, scaled.init(params), scaled.hyper(), 0)
    assert after["w"].tolist() == [1.0, 1.0]
    after, slots = step(params, {"w": jnp.array([2.0, 4.0])}, slots, scaled.hyper(), 1)
    assert after["w"].tolist() == [0.0, -1.0]
    assert float(slots["dynamic_scale"][""]) == 2.0


def test_files_with_a_scaled_loss_are_exchanged(tmp_path):
    x, y = np.ones((8, 4), "float32"), np.zeros(8, "int32")
    for source, target in (BOTH, BOTH[::-1]):
        source.config.set_dtype_policy("mixed_float16")
        target.config.set_dtype_policy("mixed_float16")
        model = source.Sequential([source.Input((4,)), source.layers.Dense(3, activation="softmax", dtype="float32")])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, verbose=0, **({"keep": False} if source is gazelle else {}))
        model.save(tmp_path / "model.keras")
        if target is keras:  # it looks for the inner optimizer's numbers in a second place too
            with pytest.warns(UserWarning, match="Skipping variable loading"):
                again = target.models.load_model(tmp_path / "model.keras")
        else:
            again = target.models.load_model(tmp_path / "model.keras")
        for old, new in zip(model.optimizer.variables[2:], again.optimizer.variables[2:], strict=True):
            np.testing.assert_array_equal(np.asarray(old), np.asarray(new))


def test_the_policy_of_a_layer_with_a_map_is_replaced_in_the_map():
    for k in (gazelle, keras):
        layer = k.layers.Dense(2, dtype=k.dtype_policies.DTypePolicyMap())
        layer.build((None, 1))
        for name, compute in (("mixed_bfloat16", "bfloat16"), ("mixed_float16", "float16")):
            layer.dtype_policy = name
            assert layer.compute_dtype == compute
