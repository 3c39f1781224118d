"""Training with floats of 8 bits against Keras: outputs, updates, scales, histories, files."""

import deviations
import jax
import keras
import numpy as np
import pytest

import gazelle
from gazelle.core import tracing

BOTH = (gazelle, keras)
X = np.random.default_rng(0).normal(size=(6, 5, 4)).astype("float32") * 3
Y = np.random.default_rng(1).normal(size=(6, 5, 3)).astype("float32")


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch):
    monkeypatch.setattr("gc.collect", lambda generation=2: 0)


def small(k, dtype="float32"):
    x = k.Input((5, 4))
    y = k.layers.EinsumDense(
        "abc,cde->abde", (None, 2, 4), bias_axes="de", activation="tanh", dtype=dtype, name="sums"
    )(x)
    y = k.layers.Dense(6, activation="relu", dtype=dtype, name="hidden")(k.layers.Reshape((5, 8))(y))
    return k.Model(x, k.layers.Dense(3, use_bias=False, dtype=dtype, name="scores")(y))


OPTIMIZERS = {
    "sgd": lambda k: k.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.5, weight_decay=0.01),
    "accumulated": lambda k: k.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    "scaled": lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.SGD(0.1), initial_scale=64.0),
}


def pair(dtype="float32", policy=True):
    """The model of both libraries with the same weights, quantized by its policy or by `quantize`."""
    models = [small(k, f"float8_from_{dtype}" if policy else dtype) for k in BOTH]
    for kernel in [w for w in models[1].weights if w.name in ("kernel", "bias")]:
        kernel.assign(np.random.default_rng(2).normal(size=kernel.shape))
    for mine, theirs in zip(*(m.layers for m in models)):
        named = {w.name: w for w in theirs.weights}
        for w in mine.weights:
            w.assign(np.asarray(named[w.name]))
        assert [w.name for w in mine.weights] == [w.name for w in theirs.weights]
    if not policy:
        for model in models:
            model.quantize("float8", **({} if model is models[0] else {"filters": "sums|hidden|scores"}))
    return models


def named(model):
    return {f"{layer.name}/{w.name}": np.asarray(w, "float32") for layer in model.layers for w in layer.weights}


def compare(models, tolerance):
    mine, theirs = map(named, models)
    assert mine.keys() == theirs.keys()
    for name, array in mine.items():
        deviations.same(array, theirs[name], tolerance, "values")
    deviations.same(*(np.asarray(m.predict(X, verbose=0), "float32") for m in models), tolerance, "values")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training(optimizer):
    models = pair(policy=optimizer == "accumulated")
    compare(models, 1e-5)
    for k, model in zip(BOTH, models):
        model.compile(OPTIMIZERS[optimizer](k), "mse")
        kwargs = {"keep": False} if k is gazelle else {}
        model.fit(X, Y, batch_size=2, epochs=2, shuffle=False, verbose=0, **kwargs)
    compare(models, 1e-4)
    shapes = [[tuple(v.shape) for v in m.optimizer.variables] for m in models]
    assert shapes[0] == shapes[1]
    scales = named(models[0])
    assert all(np.any(a != 1) for name, a in scales.items() if name.endswith("scale"))


def test_mixed_precision():
    models = pair("mixed_bfloat16", policy=False)
    for k, model in zip(BOTH, models):
        model.compile(k.optimizers.SGD(0.1), "mse")
        model.fit(X, Y, batch_size=6, epochs=2, verbose=0, **({"keep": False} if k is gazelle else {}))
    mine, theirs = map(named, models)
    for name, array in mine.items():
        deviations.same(array, theirs[name], 5e-2, "values")
    outputs = [np.asarray(m.predict(X, verbose=0), "float32") for m in models]  # some are rounded to the next float
    assert np.mean(np.abs(outputs[0] - outputs[1])) < 0.02


def test_files_go_both_ways(tmp_path):
    for writer, reader in (BOTH, BOTH[::-1]):
        model = small(writer)
        model.quantize("float8", filters="sums|hidden|scores")
        model.compile(writer.optimizers.Adam(0.1), "mse")
        kwargs = [{"keep": False} if k is gazelle else {} for k in (writer, reader)]
        model.fit(X, Y, verbose=0, **kwargs[0])
        path = tmp_path / f"{writer.__name__}.keras"
        model.save(path)
        other = reader.saving.load_model(path)
        assert other.get_layer("hidden").dtype_policy.name == "float8_from_float32"
        for one, given in zip((model, other), kwargs):
            one.fit(X, Y, verbose=0, **given)
        compare((model, other), 1e-4)
        model.save_weights(tmp_path / "again.weights.h5")
        fresh = small(reader)
        fresh.quantize("float8", filters="sums|hidden|scores")
        fresh.load_weights(tmp_path / "again.weights.h5")
        compare((model, fresh), 1e-5)


def test_variables_that_their_gradients_replace():
    results = []
    for k in BOTH:
        variables = [k.Variable([1.0, 2.0]), k.Variable([1.0, 2.0])]
        variables[0].overwrite_with_gradient = True
        optimizer = k.optimizers.Adam(0.5, gradient_accumulation_steps=2, clipnorm=0.1)
        optimizer.build(variables)
        seen = []
        for gradient in ([3.0, 1.0], [2.0, 4.0], [5.0, 5.0]):
            optimizer.apply([np.asarray(gradient, "float32")] * 2, variables)
            seen += [np.asarray(v.value).copy() for v in variables]
        results.append([*seen, *(np.asarray(v.value) for v in optimizer.variables)])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_a_call_outside_of_training_keeps_scales():
    layer = gazelle.layers.Dense(3)
    layer.build((None, 4))
    layer.quantize("float8")
    np.testing.assert_array_equal(layer(X, training=False), layer(X, training=True))
    paths = {v.name: v for v in layer.trainable_variables}

    def total(values, training):
        return tracing.functionalize(layer, paths)(values, X, training=training)[0].sum()

    grads = jax.jit(jax.grad(total), static_argnums=1)({name: v.value for name, v in paths.items()}, False)
    assert grads["inputs_scale"] == grads["kernel_scale"] == 1
    assert np.all(np.asarray(grads["inputs_amax_history"]) == 0)


def test_averages_leave_scales_out():
    model = gazelle.Sequential([gazelle.Input((5, 4)), gazelle.layers.Dense(3)])
    model.quantize("float8")
    model.compile(gazelle.optimizers.SGD(0.01, use_ema=True, ema_overwrite_frequency=2), "mse")
    model.fit(X, Y, batch_size=2, verbose=0, keep=False)
    assert not any("scale" in path or "history" in path for path in model.optimizer.state["average"])
    assert np.all(np.isfinite(model.predict(X, verbose=0)))
