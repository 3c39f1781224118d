"""What callbacks and logs contained in Keras 1.2.2, 2.3.1 and tf.keras 2.15, whose numbers stand here."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import names

R = np.random.RandomState(0)
X = R.normal(size=(10, 3)).astype("float32")


@pytest.fixture(params=["Keras 1", "Keras 2", "tf.keras"])
def keras(request):
    number, standalone, before = era.number(), era.standalone(), era.is_before_2_3()
    era.set_number(1 if request.param == "Keras 1" else 2, request.param != "tf.keras")
    names.clear_session()
    yield root("keras")
    era.set_number(number, standalone, before)


def fit(model, y, *callbacks, epochs=1, **options):
    epochs = {"nb_epoch" if era.number() == 1 else "epochs": epochs}
    return model.fit(X, y, shuffle=False, verbose=0, callbacks=list(callbacks), **epochs, **options)


def one_output(keras):
    model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(3,))])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def test_losses_of_outputs_with_a_smaller_last_batch(keras):
    x = keras.layers.Input((3,))
    one = {"init" if era.number() == 1 else "kernel_initializer": "one" if era.number() == 1 else "ones"}
    outputs = [keras.layers.Dense(units, name=name, **one)(x) for units, name in ((1, "a"), (2, "b"))]
    model = keras.models.Model(x, outputs)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    y = [X[:, :1] * 2, X[:, :2]]
    of_batches = era.number() == 2 and era.standalone()
    expected = [7.1973, *([5.6093, 3.1138] if of_batches else [4.3609, 2.8364])]
    np.testing.assert_allclose(model.evaluate(X, y, batch_size=4, verbose=0), expected, rtol=1e-4)
    history = fit(model, y, batch_size=4).history
    np.testing.assert_allclose([history[name][0] for name in ("loss", "a_loss", "b_loss")], expected, rtol=1e-4)


class Recorder:
    def on_train_begin(self, logs=None):
        self.given = dict(self.params)

    def on_train_end(self, logs=None):
        self.last = dict(logs or {})


def test_params_are_what_the_program_stated(keras):
    recorder = type("Callback", (Recorder, keras.callbacks.Callback), {})()
    fit(one_output(keras), X[:, :1], recorder)
    assert recorder.given["steps"] == (None if era.standalone() else 1)
    assert recorder.given["batch_size"] == 32  # of 10 samples
    assert list(recorder.last) == ([] if era.standalone() else ["loss"])


def test_a_callback_stops_the_training(keras):
    """In Keras 1 after the epoch."""

    class Stop(keras.callbacks.Callback):
        batches = 0

        def on_batch_end(self, batch, logs=None):
            self.batches += 1
            self.model.stop_training = True

    stop = Stop()
    assert fit(one_output(keras), X[:, :1], stop, epochs=3, batch_size=2).epoch == [0]
    assert stop.batches == (5 if era.number() == 1 else 1)


def test_the_scheduled_rate_in_the_logs(keras):
    history = fit(one_output(keras), X[:, :1], keras.callbacks.LearningRateScheduler(lambda epoch: 0.5)).history
    assert list(history) == (["loss"] if era.number() == 1 else ["loss", "lr"])
