"""tf.keras of TensorFlow before 1.14, whose release a project requires; the numbers are those of 1.10 and 1.13."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.source import detect
from tests.compat.conftest import program

X = np.random.RandomState(0).rand(6, 3).astype("float32")
Y, WEIGHTS = np.eye(3)[[0, 1, 2, 0, 1, 2]], np.arange(6.0)
OF_1_10, OF_1_12, OF_1_13, LATER = (1, 10), (1, 12), (1, 13), (2, 2)


@pytest.fixture
def keras():
    """The module `tensorflow.keras`, whose release a test sets."""
    yield from program(2, standalone=False)


def classifier(keras, **options):
    model = keras.models.Sequential([keras.layers.Dense(3, input_shape=(3,), activation="softmax")])
    model.set_weights([np.arange(9.0).reshape(3, 3) / 9, np.zeros(3)])
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy", metrics=["mse"], **options)
    return model


@pytest.mark.parametrize(
    ("requirement", "version"),
    [("1.10.1", OF_1_10), ("1.12", OF_1_12), ("1.13.1", OF_1_13), ("1.14.0", LATER), ("1.15", LATER)],
)
def test_the_release_that_a_project_requires(tmp_path, requirement, version):
    (tmp_path / "requirements.txt").write_text(f"tensorflow-gpu=={requirement}\n")
    text = "import tensorflow as tf\ntf.keras.layers.Dense(2)\n"
    (tmp_path / "p.py").write_text(text)
    assert detect.detect(str(tmp_path / "p.py")).version == version


@pytest.mark.parametrize("version", [OF_1_10, OF_1_13, LATER])
def test_rates_of_optimizers_are_those_of_keras_2_2_before_1_14(keras, version):
    era.set_release(era.Release(2, False, version))
    before = version < LATER
    rates = {"Adadelta": 1.0, "Adagrad": 0.01, "Nadam": 0.002, "Adamax": 0.002, "SGD": 0.01, "Adam": 0.001}
    for name, rate in rates.items():
        later = 0.01 if name == "SGD" else 0.001
        config = getattr(keras.optimizers, name)().get_config()
        assert config["lr" if before else "learning_rate"] == pytest.approx(rate if before else later), name
    assert keras.optimizers.Adagrad().initial_accumulator_value == (0 if before else 0.1)


@pytest.mark.parametrize(
    ("version", "loss", "weighted"),
    [(OF_1_10, 3.23266, 1.31297), (OF_1_12, 1.07755, 0.43766), (OF_1_13, 1.07755, 0.43766), (LATER, 2.69388, 0.43766)],
)
def test_weighted_means(keras, version, loss, weighted):
    """They divide by the number of weights that are not 0, since 1.12 by their sum, since 1.14 by that of all."""
    era.set_release(era.Release(2, False, version))
    model = classifier(keras, weighted_metrics=["mae"])
    scores = model.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0)
    assert scores == pytest.approx([loss, 0.22610, weighted], rel=1e-4)
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert next(iter(history)) == ("val_loss" if version < OF_1_13 else "loss")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (OF_1_10, [3.493, 10.4107, 1.6985, 4.9105]),
        (OF_1_12, [3.493, 4.1643, 1.6985, 1.9642]),
        (OF_1_13, [2.3287, 6.9405, 1.6985, 1.9642]),
        (LATER, [2.3287, 6.9405, 1.1323, 3.2737]),
    ],
)
def test_means_over_masked_steps(keras, version, expected):
    """In 1.13 those of squared errors are as in 1.14."""
    era.set_release(era.Release(2, False, version))
    x, y = np.ones((2, 3, 2)), np.ones((2, 3, 1))
    x[0, 1:], y[1] = 0, 3
    found = []
    for loss in ("mse", "mae"):
        ones = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}
        layers = [keras.layers.Masking(input_shape=(3, 2)), keras.layers.LSTM(1, return_sequences=True, **ones)]
        model = keras.models.Sequential(layers)
        model.compile("sgd", loss)
        found += [model.evaluate(x, y, sample_weight=w, verbose=0) for w in (None, np.array([1.0, 3.0]))]
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("version", "loss"), [(OF_1_12, 4.36), (OF_1_13, 4.18), (LATER, 4.18)])
def test_activity_penalties_are_not_divided_before_1_13(keras, version, loss):
    era.set_release(era.Release(2, False, version))
    penalty = keras.regularizers.l2(0.01)
    for layers in (
        [keras.layers.Dense(2, input_shape=(3,), kernel_initializer="ones", activity_regularizer=penalty)],
        [
            keras.layers.Dense(2, input_shape=(3,), kernel_initializer="ones"),
            keras.layers.ActivityRegularization(l2=0.01),
        ],
    ):
        model = keras.models.Sequential(layers)
        model.compile("sgd", "mse")
        ones = np.ones((4, 3))
        assert model.evaluate(ones, ones[:, :2], batch_size=2, verbose=0) == pytest.approx(loss)


@pytest.mark.parametrize(("version", "loss"), [(OF_1_10, 1.0), (OF_1_13, 1.0), (LATER, 1.5)])
def test_hinge_takes_labels_of_0_as_they_are_before_1_14(keras, version, loss):
    era.set_release(era.Release(2, False, version))
    model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])
    model.compile("sgd", "hinge")
    assert model.evaluate(np.full((2, 1), 0.5), np.zeros((2, 1)), verbose=0) == pytest.approx(loss)


@pytest.mark.parametrize(("version", "last"), [(OF_1_10, 12.0), (OF_1_13, 8.0), (LATER, 8.0)])
def test_metrics_in_logs_of_batches_are_of_the_batch_before_1_13(keras, version, last):
    era.set_release(era.Release(2, False, version))
    model, found = classifier(keras), []
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=[lambda y_true, y_pred: 12 * y_true])
    callback = keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: found.append(list(logs.values())[-1]))
    model.fit(X, np.repeat([[0.0], [1.0], [1.0]], 2, 0) * np.ones(3), 2, 1, 0, [callback], shuffle=False)
    assert found == pytest.approx([0, 12 if version == OF_1_10 else 6, last])
