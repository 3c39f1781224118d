"""Methods that a program replaces, on an object or in a class, before or after a program was compiled."""

import unittest.mock
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import layers, losses, metrics, optimizers
from gazelle.core.errors import DataError, StateError

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = X[:, :1] * 2


def _model(*more, loss="mse", metric="mae", optimizer="sgd"):
    model = gazelle.Sequential([gazelle.Input((4,)), layers.Dense(1, kernel_initializer="ones"), *more])
    model.compile(optimizer, loss, metrics=metric if isinstance(metric, list) else [metric])
    return model


def _fit(model):
    return {name: values[0] for name, values in model.fit(X, Y, verbose=0, keep=False, shuffle=False).history.items()}


def test_call_of_a_layer_counts_from_then_on_and_until_it_is_removed():
    model, equal = _model(), _model()
    before = model.predict(X, verbose=0)
    assert equal.predict(X, verbose=0).tolist() == before.tolist()  # the two share their programs
    layer = model.layers[0]
    old = layer.call
    layer.call = lambda x, *args, **kwargs: old(x) * 100
    for predict in (lambda: model.predict(X, verbose=0), lambda: model.predict_on_batch(X), lambda: model(X)):
        np.testing.assert_allclose(predict(), before * 100, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0)[0], np.mean((before * 100 - Y) ** 2), rtol=1e-5)
    assert equal.predict(X, verbose=0).tolist() == before.tolist()
    layer.call = lambda x: old(x) * 10
    np.testing.assert_allclose(model.predict(X, verbose=0), before * 10, rtol=1e-5)
    del layer.call
    assert model.predict(X, verbose=0).tolist() == before.tolist()
    assert model._trainer.structure == equal._trainer.structure


def test_a_shared_program_is_traced_from_a_model_without_replaced_methods():
    model, equal = _model(), _model()
    before = equal.predict(X[:3], verbose=0)
    model.predict(X[:3], verbose=0)
    model.layers[0].call = jnp.zeros_like  # of the wrong shape, too: it would not even be traced
    np.testing.assert_allclose(equal.predict(X[:9], verbose=0)[:3], before, rtol=1e-6)


def test_call_of_a_model_and_of_a_layer_inside():
    inner = gazelle.Sequential([layers.Dense(2, use_bias=False)])
    inputs = gazelle.Input((4,))
    model = gazelle.Model(inputs, layers.Dense(1, use_bias=False)(inner(inputs)))
    before = model.predict(X, verbose=0)
    dense = inner.layers[0]
    dense.call = lambda x, old=dense.call: old(x) * 3
    np.testing.assert_allclose(model.predict(X, verbose=0), before * 3, rtol=1e-5)
    model.call = lambda x, old=model.call: old(x) + 1
    np.testing.assert_allclose(model.predict(X, verbose=0), before * 3 + 1, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", [layers.LSTMCell, layers.GRUCell, layers.SimpleRNNCell])
def test_call_of_a_cell(cell):
    model = gazelle.Sequential([gazelle.Input((3, 4)), layers.RNN(cell(2))])
    x = np.ones((2, 3, 4), np.float32)
    assert model.predict(x, verbose=0).any()
    used = model.layers[0].cell
    used.call = lambda inputs, states, old=used.call: (jnp.zeros((2, 2)), old(inputs, states)[1])
    assert not model.predict(x, verbose=0).any()


def test_a_function_receives_training_if_it_asks_for_it():
    seen = []

    def call(x, training=None):
        seen.append(training)
        return x

    model = _model(layers.Dropout(0.5))
    model.layers[1].call = call
    _fit(model)
    assert True in seen
    seen.clear()
    model.predict(X, verbose=0)
    assert seen == [False]
    model.layers[1].call = lambda x: x  # asks for none
    _fit(model)


def test_calls_that_mix_samples_are_not_padded():
    model = _model()
    model.predict(X[:3], verbose=0)
    model.layers[0].call = lambda x: x - x.mean(axis=0)
    np.testing.assert_allclose(model.predict(X[:3], verbose=0), X[:3] - X[:3].mean(axis=0), atol=1e-6)


def test_loss_and_metric():
    loss, metric = losses.MeanSquaredError(), metrics.MeanAbsoluteError(name="mae")
    model = _model(loss=loss, metric=metric)
    _fit(model)
    loss.call = lambda y, p: jnp.full(y.shape[:1], 5.0)
    metric.update_state = lambda y, p, sample_weight=None: metric.total.assign_add(7.0)
    metric.result = lambda: metric.total + 1
    assert _fit(model) == {"loss": 5.0, "mae": 8.0}
    assert model.evaluate(X, Y, verbose=0) == [5.0, 8.0]
    del metric.update_state, metric.result
    metric.reset_state = lambda: (metric.total.assign(100.0), metric.count.assign(0.0))
    assert _fit(model)["mae"] > 100 / 16
    sparse = losses.SparseCategoricalCrossentropy()
    model = _model(layers.Dense(3, activation="softmax"), loss=sparse, metric=[])
    with pytest.raises(DataError, match="integers from 0 to 2"):
        model.train_on_batch(X, np.full(16, 9))
    sparse.call = lambda y, p: jnp.mean(p, axis=-1)  # takes any labels
    model.train_on_batch(X, np.full(16, 9))


def test_a_metric_that_was_used_starts_anew():
    metric = metrics.MeanAbsoluteError(name="mae")
    model = _model(metric=metric)
    expected = model.evaluate(X, Y, verbose=0)
    model.compile("sgd", "mse", metrics=metric if isinstance(metric, list) else [metric])
    assert model.evaluate(X, Y, verbose=0) == expected


@pytest.mark.parametrize("name", ["update_step", "rule", "update", "apply", "apply_gradients"])
def test_optimizer(name):
    optimizer = optimizers.Adam()
    model = _model(optimizer=optimizer)
    _fit(model)
    before, steps = model.get_weights(), int(optimizer.iterations)
    nothing = {
        "update_step": lambda gradient, variable, rate: None,
        "rule": lambda w, g, m, v, **scalars: (w, m, v),
        "update": lambda params, grads, slots, *args, **kwargs: (params, slots),
        "apply": lambda grads, variables=None: None,
        "apply_gradients": lambda pairs: None,
    }
    setattr(optimizer, name, nothing[name])
    _fit(model)
    assert all(map(np.array_equal, before, model.get_weights()))
    delattr(optimizer, name)
    _fit(model)
    assert not all(map(np.array_equal, before, model.get_weights()))
    assert int(optimizer.iterations) == steps + (1 if name.startswith("apply") else 2)


def test_update_step_may_call_the_one_it_replaces():
    one, other = _model(optimizer=optimizers.Adam(0.1)), _model(optimizer=optimizers.Adam(0.2))
    old = one.optimizer.update_step
    one.optimizer.update_step = lambda gradient, variable, rate: old(gradient, variable, rate * 2)
    assert _fit(one) == pytest.approx(_fit(other))
    for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5)


def test_own_apply_gradients_of_a_class():
    class Halved(optimizers.SGD):
        def apply_gradients(self, grads_and_vars):
            return super().apply_gradients([(g / 2, v) for g, v in grads_and_vars])

    one, other = _model(optimizer=Halved(0.2)), _model(optimizer=optimizers.SGD(0.1))
    _fit(one), _fit(other)
    for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5)


def test_steps_of_a_model_and_training_goes_on():
    model = _model()
    _fit(model)
    model.train_step = lambda data: {"loss": jnp.float32(7)}
    model.test_step = lambda data: {"loss": jnp.float32(8)}
    model.predict_step = lambda data: data * 0
    assert _fit(model) == {"loss": 7.0}
    assert model.evaluate(X, Y, verbose=0) == 8.0
    assert not model.predict(X, verbose=0).any()
    del model.train_step, model.test_step, model.predict_step
    model.compute_loss = lambda x=None, y=None, y_pred=None, sample_weight=None: jnp.mean(y_pred) * 0 + 3
    assert _fit(model)["loss"] == 3.0
    del model.compute_loss
    assert set(_fit(model)) == {"loss", "mae"}
    assert int(model.optimizer.iterations) == 3


def test_methods_of_classes(monkeypatch):
    class Mine(layers.Layer):
        def call(self, x):
            return self.helper(x)

        def helper(self, x):
            return x + 1

    model = _model(Mine())
    before = model.predict(X, verbose=0)
    with monkeypatch.context() as patch:
        patch.setattr(Mine, "helper", lambda self, x: x + 2)
        np.testing.assert_allclose(model.predict(X, verbose=0), before + 1, rtol=1e-5)
    np.testing.assert_allclose(model.predict(X, verbose=0), before, rtol=1e-6)
    builtin, equal = _model(), _model()
    before = builtin.predict(X, verbose=0)
    with monkeypatch.context() as patch:
        patch.setattr(layers.Dense, "call", lambda self, x: x[:, :1])
        assert builtin.predict(X, verbose=0).tolist() == X[:, :1].tolist()
        assert builtin._trainer.structure is None
    assert equal.predict(X, verbose=0).tolist() == builtin.predict(X, verbose=0).tolist() == before.tolist()
    _fit(builtin)
    with monkeypatch.context() as patch:  # chosen by the name "mae"
        patch.setattr(metrics.MeanMetricWrapper, "result", lambda self: jnp.float32(9))
        assert _fit(builtin)["mae"] == 9.0
        assert _fit(_model())["mae"] == 9.0


def test_mocks_are_functions_too():
    model = _model()
    model.predict(X, verbose=0)
    with unittest.mock.patch.object(model.layers[0], "call", side_effect=lambda x, **_: x[:, :1]) as call:
        assert model.predict(X, verbose=0).tolist() == X[:, :1].tolist()
    assert call.called
    with unittest.mock.patch.object(layers.Dense, "call", return_value=jnp.zeros((16, 1))):
        assert not model.predict(X, verbose=0).any()
    assert model.predict(X, verbose=0).any()


def test_what_nothing_calls_is_refused():
    model = _model()
    model.layers[0].stateless_call = lambda *args: None
    with pytest.raises(StateError, match=r"stateless_call of Dense 'dense.*' was replaced.*\nReplace .* calls: call"):
        model.predict(X, verbose=0)
    model = _model()
    model.make_train_function = lambda: None
    with pytest.raises(StateError, match="make_train_function is not called by gazelle"):
        _fit(model)


@pytest.mark.parametrize(
    "save", [lambda m, p: m.save(p / "m.keras"), lambda m, p: m.save(p / "m.h5"), lambda m, p: m.to_json()]
)
def test_saving_warns_of_methods_that_a_file_does_not_contain(save, tmp_path):
    model = _model(loss=losses.MeanSquaredError())
    model.layers[0].get_config = model.layers[0].get_config  # writes the file: it counts
    save(model, tmp_path)
    model.layers[0].call = lambda x: x
    model._compile_state.arguments["loss"].call = lambda y, p: p
    match = r"got MeanSquaredError 'mean_squared_error'\.call, Dense 'dense.*'\.call set on the object"
    with pytest.warns(UserWarning, match=match):
        save(model, tmp_path)


def test_what_a_class_sets_on_its_objects_itself_is_saved(tmp_path):
    class Scaled(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.call = self.scaled

        def scaled(self, x):
            return x * 3

        def call(self, x):
            return x

    model = _model(Scaled())
    expected = model.predict(X, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save(tmp_path / "m.keras")
    again = gazelle.models.load_model(tmp_path / "m.keras", custom_objects={"Scaled": Scaled})
    np.testing.assert_allclose(again.predict(X, verbose=0), expected, rtol=1e-6)
