"""`train_function` of Keras 1 and 2 in which programs change a step; numbers of Keras 1.2.2 and 2.2.4."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import names

_RANDOM = np.random.RandomState(3)
X, Y = _RANDOM.randint(0, 9, (8, 5)), np.eye(3)[_RANDOM.randint(0, 3, 8)]
POINTS = np.random.RandomState(3).normal(size=(8, 4)).astype("float32")
SIGNS = (POINTS.sum(1, keepdims=True) > 0).astype("float32")


@pytest.fixture
def keras():
    """The module `keras` of a program for Keras 2.2."""
    before = era.release()
    era.set_release(era.Release(2, version=(2, 2)))
    names.clear_session()
    yield root("keras")
    era.set_release(before)


def _set_weights(model):
    draw = np.random.RandomState(1).uniform
    model.set_weights(
        [draw(-0.5, 0.5, w.shape) if w.ndim > 1 else draw(0.1, 0.5, w.shape) for w in model.get_weights()]
    )


def _sums(model):
    return [float(np.abs(weight).sum()) for weight in model.get_weights()]


def _words(keras, sizes, **optimizer):
    inputs = keras.layers.Input((5,))
    hidden = keras.layers.Embedding(9, 4, name="words")(inputs)
    for layer in sizes:
        hidden = layer(hidden)
    model = keras.models.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    _set_weights(model)
    model.compile(keras.optimizers.SGD(**optimizer), "categorical_crossentropy", metrics=["accuracy"])
    return model


def _fit(model, x, y, epochs=3, **options):
    return model.fit(x, y, epochs=epochs, batch_size=3, shuffle=False, verbose=0, **options).history


def test_a_step_around_which_weights_are_changed(keras):
    K = keras.backend
    layers = [keras.layers.GlobalAveragePooling1D(), keras.layers.BatchNormalization(momentum=0.9)]
    model = _words(keras, layers, lr=0.5)
    assert model.train_function is None
    model._make_train_function()
    step, words = model.train_function, model.get_layer("words").embeddings
    gradients = K.zeros_like(words) + K.gradients(model.total_loss, [words])[0]
    function = K.function(model._feed_inputs + model._feed_targets + model._feed_sample_weights, [gradients])

    def adversarial(inputs):
        (found,) = function(inputs)
        change = 0.5 * found / (np.sqrt((found**2).sum()) + 1e-8)
        K.set_value(words, K.eval(words) + change)
        out = step(inputs)
        K.set_value(words, K.eval(words) - change)
        return out

    model.train_function = adversarial
    history = _fit(model, X, Y)
    np.testing.assert_allclose(history["loss"], [1.1910332, 1.0562031, 1.0075621], rtol=1e-5)
    np.testing.assert_allclose(history["acc"], [0.25, 0.625, 0.625])
    np.testing.assert_allclose(_sums(model)[:3], [10.2340, 0.7827, 1.4572], atol=1e-4)
    np.testing.assert_allclose(model.train_on_batch(X, Y), [0.878016, 0.625], rtol=1e-5)
    weights = np.linspace(0.5, 2, 8)
    history = _fit(model, X, Y, 2, sample_weight=weights, validation_data=(X, Y))
    np.testing.assert_allclose(history["loss"], [0.9682583, 0.9393505], rtol=1e-5)
    np.testing.assert_allclose(history["val_loss"], [0.8039125, 0.7626656], rtol=1e-5)
    model.compile(keras.optimizers.SGD(0.5), "categorical_crossentropy")  # without the function
    np.testing.assert_allclose(_fit(model, X, Y, 2)["loss"], [0.9200457, 0.7426308], rtol=1e-5)


def test_a_function_that_counts_steps_and_updates_other_variables(keras):
    K = keras.backend
    model = _words(keras, [keras.layers.Flatten()], lr=0.3, momentum=0.9)
    fast = model._collected_trainable_weights
    updates = model.optimizer.get_updates(params=fast, loss=model.total_loss)
    slow = [K.variable(K.get_value(p)) for p in fast]
    back = [K.update(q, q + 0.5 * (p - q)) for p, q in zip(fast, slow, strict=True)]
    copies = [K.update(p, q) for p, q in zip(fast, slow, strict=True)]
    inputs = model._feed_inputs + model._feed_targets + model._feed_sample_weights
    step = K.function(inputs, [model.total_loss, *model.metrics_tensors], updates=model.updates + updates)
    count = [0]

    def lookahead(values):
        count[0] += 1
        out = step(values)
        if count[0] % 2 == 0:
            K.batch_get_value(back)
            K.batch_get_value(copies)
        return out

    model.train_function = lookahead
    batches = []

    class Batches(keras.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            batches.append((logs["size"], round(float(logs["loss"]), 4)))

    history = _fit(model, X, Y, callbacks=[Batches()])
    np.testing.assert_allclose(history["loss"], [1.3529925, 0.8019001, 0.5193509], rtol=1e-5)
    np.testing.assert_allclose(history["acc"], [0.25, 0.625, 0.625])
    np.testing.assert_allclose(_sums(model), [11.1797, 16.9328, 1.7742], atol=1e-4)
    np.testing.assert_allclose([np.abs(K.get_value(q)).sum() for q in slow], [9.622919, 15.517029, 1.375152], rtol=1e-5)
    assert count == [9]
    assert len(batches) == 9
    assert batches[0] == (3, 1.1433)


@pytest.mark.parametrize("number", [1, 2])
def test_a_method_with_an_optimizer_for_each_weight(keras, number):
    era.set_release(era.Release(number, version=(2, 2)))
    keras = root("keras")

    class Players(keras.models.Model):
        def compile(self, *args, **kwargs):
            super().compile(*args, **kwargs)
            self.train_function = None

        def _make_train_function(self):
            if self.train_function is None:
                updates, weights = [], self._collected_trainable_weights
                for optimizer, own in (
                    (keras.optimizers.SGD(0.1), weights[:1]),
                    (keras.optimizers.SGD(0.01), weights[1:]),
                ):
                    updates += optimizer.get_updates(own, {}, self.total_loss)
                inputs = [*self.inputs, *self.targets, *self.sample_weights]
                self.train_function = keras.backend.function(inputs, [self.total_loss], updates=updates)

    inputs = keras.layers.Input((4,))
    model = Players(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))
    _set_weights(model)
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
    epochs = {"nb_epoch" if number == 1 else "epochs": 3}
    history = model.fit(POINTS, SIGNS, batch_size=4, shuffle=False, verbose=0, **epochs).history
    np.testing.assert_allclose(history["loss"], [0.7502808, 0.7258482, 0.7027191], rtol=1e-5)
    assert model.train_on_batch(POINTS, SIGNS) == pytest.approx(0.6770646, rel=1e-5)
    np.testing.assert_allclose(_sums(model), [0.8919, 0.1590], atol=1e-4)


def test_methods_that_wrap_a_function(keras):
    calls = []

    class Counted(keras.models.Model):
        def _make_test_function(self):
            super()._make_test_function()
            calls.append("test")

        def _make_train_function(self):
            super()._make_train_function()
            own = self.train_function
            self.train_function = lambda inputs: calls.append([np.shape(one) for one in inputs]) or own(inputs)

    inputs = keras.layers.Input((4,))
    model = Counted(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))
    _set_weights(model)
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
    losses = [_fit(model, POINTS, SIGNS, 1)["loss"][0], model.evaluate(POINTS, SIGNS, verbose=0)]
    assert calls == [[(3, 4), (3, 1), (3,)], [(3, 4), (3, 1), (3,)], [(2, 4), (2, 1), (2,)], "test"]
    assert losses[1] < losses[0]
    assert "train_step" not in vars(type(model))


def test_functions_of_lists_return_lists(keras):
    model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(3,), kernel_initializer="ones")])
    model.compile("sgd", "mse")
    for make in (model._make_train_function, model._make_test_function, model._make_predict_function):
        make()
    x, y = np.ones((2, 3)), np.zeros((2, 1))
    (outputs,) = model.predict_function([x])
    np.testing.assert_allclose(outputs, [[3], [3]])
    assert model.test_function([x, y, np.ones(2)]) == model.train_function([x, y, np.ones(2)]) == [9]
