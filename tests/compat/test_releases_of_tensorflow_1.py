"""tf.keras of TensorFlow before 1.14, whose release a project requires; the numbers are those of 1.10 and 1.13."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.source import detect
from tests.compat.conftest import program

X = np.random.RandomState(0).rand(6, 3).astype("float32")
Y, WEIGHTS = np.eye(3)[[0, 1, 2, 0, 1, 2]], np.arange(6.0)
BEFORE_1_12, BEFORE_1_14, LATER = (2, 0), (2, 1), (2, 2)


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
    [("1.10.1", BEFORE_1_12), ("1.12", BEFORE_1_14), ("1.13.1", BEFORE_1_14), ("1.14.0", LATER), ("1.15", LATER)],
)
def test_the_release_that_a_project_requires(tmp_path, requirement, version):
    (tmp_path / "requirements.txt").write_text(f"tensorflow-gpu=={requirement}\n")
    text = "import tensorflow as tf\ntf.keras.layers.Dense(2)\n"
    (tmp_path / "p.py").write_text(text)
    assert detect.detect(str(tmp_path / "p.py")).version == version


@pytest.mark.parametrize("version", [BEFORE_1_12, BEFORE_1_14, LATER])
def test_rates_of_optimizers_are_those_of_keras_2_2_before_1_14(keras, version):
    era.set_release(era.Release(2, False, version))
    before = version < LATER
    rates = {"Adadelta": 1.0, "Adagrad": 0.01, "Nadam": 0.002, "Adamax": 0.002, "SGD": 0.01, "Adam": 0.001}
    for name, rate in rates.items():
        later = 0.01 if name == "SGD" else 0.001
        config = getattr(keras.optimizers, name)().get_config()
        assert config["lr" if before else "learning_rate"] == pytest.approx(rate if before else later), name
    assert keras.optimizers.Adagrad().initial_accumulator_value == (0 if before else 0.1)


@pytest.mark.parametrize(("version", "loss"), [(BEFORE_1_12, 3.23266), (LATER, 2.69388)])
def test_weighted_means_are_those_of_keras_2_2_before_1_12(keras, version, loss):
    era.set_release(era.Release(2, False, version))
    model = classifier(keras, weighted_metrics=["mae"])
    scores = model.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0)
    assert scores == pytest.approx([loss, 0.22610, 1.31297 if version == BEFORE_1_12 else 0.43766], rel=1e-4)
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert next(iter(history)) == ("val_loss" if version == BEFORE_1_12 else "loss")


@pytest.mark.parametrize(("version", "loss"), [(BEFORE_1_12, 4.36), (LATER, 4.18)])
def test_activity_penalties_are_not_divided_before_1_12(keras, version, loss):
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


@pytest.mark.parametrize(("version", "loss"), [(BEFORE_1_12, 1.0), (BEFORE_1_14, 1.0), (LATER, 1.5)])
def test_hinge_takes_labels_of_0_as_they_are_before_1_14(keras, version, loss):
    era.set_release(era.Release(2, False, version))
    model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])
    model.compile("sgd", "hinge")
    assert model.evaluate(np.full((2, 1), 0.5), np.zeros((2, 1)), verbose=0) == pytest.approx(loss)
