"""Weights of a checkpoint that a model loads before it is built, as tf.keras does."""

import pathlib
import zipfile

import numpy as np
import pytest

from gazelle.compat.namespaces import root
from gazelle.core.errors import MissingFileError, ShapeError

keras = root("keras")
layers = keras.layers
ARCHIVE = pathlib.Path(__file__).parents[1] / "saving" / "tensorflow_files" / "models.zip"


class Blocks(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(4, activation="relu")
        self.blocks = [layers.Dense(4) for _ in range(2)]
        self.heads = {"last": layers.Dense(1)}

    def call(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.heads["last"](x)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("checkpoint")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(target, [name for name in archive.namelist() if name.startswith("subclassed")])
    return target


@pytest.fixture(scope="module")
def recorded(folder):
    with np.load(folder / "subclassed.npz") as data:
        return dict(data)


def waiting(folder):
    model = Blocks()
    model.compile("rmsprop", "mse")
    model.load_weights(folder / "subclassed_weights" / "cp.ckpt").expect_partial()
    return model


USES = {
    "call": lambda model, x: model(x),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "build": lambda model, x: [model.build((None, 3)), model.predict(x, verbose=0)][1],
}


@pytest.mark.parametrize("use", USES)
def test_they_are_there_at_the_first_use(folder, recorded, use):
    out = USES[use](waiting(folder), recorded["x0"])
    np.testing.assert_allclose(np.asarray(out), recorded["before0"], atol=1e-6)


@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
def test_a_training_goes_on_with_the_state_of_the_optimizer(folder, recorded, method):
    model = waiting(folder)
    options = {"verbose": 0, "batch_size": 8, "shuffle": False} if method == "fit" else {}
    getattr(model, method)(recorded["x0"], recorded["y0"], **options)
    np.testing.assert_allclose(model.predict(recorded["x0"], verbose=0), recorded["after0"], atol=1e-6)


def test_a_file_of_gazelle(folder, recorded, tmp_path):
    model = waiting(folder)
    model(recorded["x0"])
    model.save_weights(tmp_path / "weights")
    copy = Blocks()
    copy.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(copy(recorded["x0"]), model(recorded["x0"]))


def test_errors(folder, recorded, tmp_path):
    with pytest.raises(MissingFileError):
        Blocks().load_weights(tmp_path / "none")
    model = keras.Sequential([layers.Dense(5), layers.Dense(1)])
    model.load_weights(folder / "subclassed_weights" / "cp.ckpt")
    with pytest.raises(ShapeError, match="does not match the model"):
        model(recorded["x0"])


def test_a_checkpoint_may_be_only_a_folder(tmp_path, tensorflow_1):
    model, x = Blocks(), np.ones((2, 3), "float32")
    y = model.predict(x, verbose=0)
    for _ in range(2):  # the second time, the folder is there
        model.save_weights(f"{tmp_path}/saved/")
    model.save_weights(filepath=f"{tmp_path}/saved/")
    again = Blocks()
    again.load_weights(filepath=f"{tmp_path}/saved/")
    np.testing.assert_allclose(again.predict(x, verbose=0), y, rtol=1e-6)


class OfTwo(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x, other, training, mask=None):
        return self.dense(x) + self.dense(other)


def test_weights_that_wait_for_a_model_of_several_arguments(tf_keras_2, tmp_path):
    model, loaded = OfTwo(), OfTwo()
    data = tf_keras_2.ones((3, 4)), tf_keras_2.zeros((3, 4))
    wanted = model(*data, False)
    model.save_weights(str(tmp_path / "new" / "weights"), save_format="tf")
    loaded.load_weights(str(tmp_path / "new" / "weights"))
    np.testing.assert_allclose(loaded(*data, False), wanted, rtol=1e-6)
