"""What callbacks and logs contained in Keras 1.2.2, 2.3.1 and tf.keras 2.15, whose numbers stand here."""

import numpy as np
import pytest

from gazelle.compat import era
from tests.compat import small_models
from tests.compat.conftest import program
from tests.compat.test_summaries import values

R = np.random.RandomState(0)
X = R.normal(size=(10, 3)).astype("float32")


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


class Order:
    def __init__(self):
        self.seen = {}

    def on_batch_end(self, batch, logs=None):
        self.seen["batch"] = list(logs)

    def on_epoch_end(self, epoch, logs=None):
        self.seen["epoch"] = list(logs)


def orders_of_logs(keras):
    order = type("Callback", (Order, keras.callbacks.Callback), {})()
    model = one_output(keras)
    model.compile("sgd", "mse", metrics=["mape", "mae"])
    history = fit(model, X[:, :1], order, validation_data=(X, X[:, :1])).history
    assert list(history) == order.seen["epoch"]
    assert model.evaluate(X, X[:, :1], verbose=0)[0] == pytest.approx(
        history["val_loss"][0]
    )  # lists have the loss first
    return order.seen


def test_orders_of_logs(keras):
    """Programs read `history.values()` and the columns of a data frame by their positions."""
    seen = orders_of_logs(keras)
    short = "mape mae" if era.number() == 2 else "mean_absolute_percentage_error mean_absolute_error"
    names = ["loss", *short.split()]
    of_validation = [f"val_{name}" for name in names]
    assert seen["epoch"] == (of_validation + names if era.standalone() else names + of_validation)
    assert seen["batch"] == (["batch", "size"] if era.standalone() else []) + names


def test_logs_of_keras_3_are_in_alphabetical_order(installed):
    import keras

    names = ["loss", "mae", "mape"]
    assert orders_of_logs(keras) == {"epoch": names + [f"val_{name}" for name in names], "batch": names}


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


@pytest.mark.parametrize(("version", "rates"), [((2, 15), [0.1, 0.05, 0.0125]), (None, [0.1, 0.025, 0.00625])])
def test_the_rate_of_a_schedule_is_that_of_the_last_update_since_2_11(version, rates):
    for keras in program(2, False, version):
        optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
        seen = [float(optimizer.learning_rate)]
        model = keras.Sequential([keras.layers.Dense(1, input_shape=(3,))])
        model.compile(optimizer, "mse", metrics=[lambda y_true, y_pred, optimizer=optimizer: optimizer.learning_rate])
        for _ in range(2):
            model.fit(np.ones((4, 3)), np.ones((4, 1)), batch_size=2, verbose=0)
            seen.append(float(optimizer.lr))
        np.testing.assert_allclose(seen, rates, rtol=1e-5)


def test_logs_of_a_batch(keras):
    seen = []

    class Losses(keras.callbacks.Callback):
        def on_batch_begin(self, batch, logs=None):
            seen.append(dict(logs))

        def on_batch_end(self, batch, logs=None):
            seen.append(dict(logs))

    model = small_models.model_of(keras, optimizer=keras.optimizers.SGD(0.0))
    losses = [model.evaluate(small_models.X[i : i + 8], small_models.Y[i : i + 8], verbose=0) for i in (0, 8, 16)]
    small_models.fit(model, callbacks=[Losses()])
    if era.standalone():
        assert [logs["size"] for logs in seen] == [8, 8, 8, 8, 4, 4]
        assert [logs["batch"] for logs in seen] == [0, 0, 1, 1, 2, 2]
        np.testing.assert_allclose([logs["loss"] for logs in seen[1::2]], losses, rtol=1e-5)
    else:  # the mean so far
        assert [list(logs) for logs in seen] == [[], ["loss"]] * 3
        np.testing.assert_allclose(seen[3]["loss"], np.mean(losses[:2]), rtol=1e-5)


def test_the_learning_rate_in_logs(keras):
    callbacks = [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1), keras.callbacks.ReduceLROnPlateau("loss")]
    assert set(small_models.fit(small_models.model_of(keras), callbacks=callbacks).history) == {"loss", "lr"}


def test_callbacks_of_keras_1_get_the_samples_of_an_epoch(keras_1):
    class Samples(keras_1.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.found = self.params["nb_sample"]

    samples = Samples()
    model = small_models.model_of(keras_1)
    model.fit_generator(iter([(small_models.X[:5], small_models.Y[:5])] * 4), 20, 1, verbose=0, callbacks=[samples])
    assert samples.found == 20


@pytest.mark.parametrize("steps", [3, 5])
def test_epochs_continue_in_the_next_pass_over_a_sequence(keras_2, steps):
    class Batches(keras_2.utils.Sequence):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return np.full((2, 1), index + 1.0), np.zeros((2, 1))

    model = keras_2.models.Sequential([keras_2.layers.Activation("linear", input_shape=(1,))])
    model.compile(keras_2.optimizers.SGD(0.0), "mae")
    seen = []
    of_batches = keras_2.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(round(logs["loss"])))
    model.fit_generator(Batches(), steps, 2, verbose=0, shuffle=False, callbacks=[of_batches])
    assert seen == [1 + step % 4 for step in range(2 * steps)]
    assert model.evaluate_generator(Batches(), 6) == pytest.approx((1 + 2 + 3 + 4 + 1 + 2) / 6)
    assert model.predict_generator(Batches(), 6).shape == (12, 1)


def test_reduce_on_plateau_with_a_schedule_is_a_warning(tf_keras):
    model = tf_keras.models.Sequential([tf_keras.layers.Dense(1, input_shape=(3,))])
    model.compile(tf_keras.optimizers.SGD(tf_keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)), "mse")
    callback = tf_keras.callbacks.ReduceLROnPlateau("loss", patience=0, mode="max")
    with pytest.warns(UserWarning, match=r"got one with the schedule ExponentialDecay.\n.*\nThe schedule is used."):
        history = fit(model, X[:, :1], callback, epochs=3, batch_size=10).history
    assert history["lr"] == [0.25, 0.125, 0.0625]


@pytest.mark.parametrize(("number", "names"), [(2, ["c1", "r1"]), (3, ["cls", "reg"])])
def test_a_dict_of_outputs_has_the_names_of_its_layers_in_tf_keras_2(tf_keras, number, names):
    era.set_release(era.Release(number))
    inputs = tf_keras.Input((3,))
    outputs = {"reg": tf_keras.layers.Dense(1, name="r1"), "cls": tf_keras.layers.Dense(2, name="c1")}
    model = tf_keras.Model(inputs, {key: layer(inputs) for key, layer in outputs.items()})
    model.compile("sgd", dict.fromkeys(outputs, "mse"), metrics={"reg": ["mae"]})
    labels = {"reg": np.ones((4, 1)), "cls": np.ones((4, 2))}
    history = model.fit(np.ones((4, 3)), labels, validation_data=(np.ones((4, 3)), labels), verbose=0).history
    logs = {"loss", f"{names[0]}_loss", f"{names[1]}_loss", f"{names[1]}_mae"}
    assert set(history) == logs | {f"val_{name}" for name in logs}
    assert model.output_names == names


def test_losses_have_the_methods_of_numpy_numbers_before_tensorflow_2(keras):
    """`TrainValTensorBoard` and others call `item()` of a loss in the logs of an epoch."""
    before = era.is_before_tf_keras_2()
    model, seen = one_output(keras), {}
    of_epoch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.update(logs))
    history = fit(model, X[:, :1], of_epoch, validation_data=(X, X[:, :1])).history
    numbers = [seen["loss"], seen["val_loss"], history["loss"][0], model.evaluate(X, X[:, :1], verbose=0)]
    for number in [*numbers, model.train_on_batch(X, X[:, :1]), model.test_on_batch(X, X[:, :1])]:
        assert isinstance(number, float)
        assert hasattr(number, "item") == before
        assert not before or (type(number.item()), number.shape, repr(number)) == (float, (), repr(float(number)))


@pytest.mark.parametrize("names_first", [True, False])
def test_names_and_tensors_of_metrics_are_appended_in_either_order(keras_2, names_first):
    backend, inputs = keras_2.backend, keras_2.Input((3,))
    output = keras_2.layers.Dense(1, kernel_initializer="ones")(inputs)
    model = keras_2.Model(inputs, output)
    model.compile(keras_2.optimizers.SGD(0.0), "mse")
    for name, tensor in {"square": backend.mean(backend.square(output)), "size": backend.mean(output)}.items():
        if names_first:
            model.metrics_names.append(name)
            model.metrics_tensors.append(tensor)
        else:
            model.metrics_tensors.append(tensor)
            model.metrics_names.append(name)
    history = fit(model, X[:, :1], batch_size=10).history
    sums = X.sum(1)
    assert list(history) == ["loss", "square", "size"]
    assert (history["square"][0], history["size"][0]) == pytest.approx(((sums**2).mean(), sums.mean()), rel=1e-4)


@pytest.mark.parametrize(
    ("standalone", "expected"),
    [
        (True, {"keras", "loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"}),
        (False, {"keras", "epoch_loss", "epoch_val_loss"} | {f"epoch_{v}mean_absolute_error" for v in ("", "val_")}),
    ],
)
def test_tensorboard_before_tensorflow_2_writes_into_its_folder(keras_2, tmp_path, standalone, expected):
    """The tags of Keras 2.2.4 and of TensorFlow 1.14."""
    era.set_release(era.Release(2, standalone, (2, 2)))
    model = one_output(keras_2)
    model.compile("sgd", "mse", metrics=["mae"])
    fit(model, X[:, :1], keras_2.callbacks.TensorBoard(str(tmp_path)), validation_data=(X, X[:, :1]), epochs=2)
    assert all(path.is_file() for path in tmp_path.iterdir())
    assert {value.tag for _, value in values(tmp_path)} == expected


@pytest.mark.parametrize(("version", "columns"), [((2, 2), "epoch,loss"), ((2, 9), "epoch,loss"), ((2, 11), None)])
def test_columns_of_a_file_without_validation(tf_keras, tmp_path, version, columns):
    """Since TensorFlow 2.11 there are those of a validation, too, which may begin later."""
    era.set_release(era.Release(2, False, version))
    path = tmp_path / "log.csv"
    fit(one_output(tf_keras), X[:, :1], tf_keras.callbacks.CSVLogger(str(path)))
    assert path.read_text().splitlines()[0] == (columns or "epoch,loss,val_loss")
