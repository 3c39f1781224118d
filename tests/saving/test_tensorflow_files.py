"""SavedModels and checkpoints of tf.keras: equal predictions, and an equal next step; damaged ones are refused.

`tensorflow_files/record.py` wrote them with tf.keras.
"""

import pathlib
import shutil
import zipfile

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.compat import tensorflow
from gazelle.core.errors import ArgumentError, DamagedFileError, ShapeError, StateError, UnsafeFileError
from gazelle.models import load_model
from gazelle.saving.tensorflow_format import read
from gazelle.saving.tensorflow_format.protobuf import fields

ARCHIVE = pathlib.Path(__file__).parent / "tensorflow_files" / "models.zip"
NAMES = ["sequential", "functional", "subclassed", "earlier_optimizer"]


class Blocks(gazelle.Model):
    """As in record.py."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units, activation="relu")
        self.blocks = [layers.Dense(units) for _ in range(2)]
        self.heads = {"last": layers.Dense(1)}

    def call(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.heads["last"](x)

    def get_config(self):
        return {"units": self.units}


CUSTOM = {"Blocks": Blocks}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("tensorflow")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(target)
    return target


def recorded(folder, name, kind):
    with np.load(folder / f"{name}.npz") as data:
        found = [data[key] for key in sorted(data) if key.rstrip("0123456789") == kind]
    return found[0] if kind in ("x", "y") and len(found) == 1 else found


def check(model, folder, name, kind):
    out = model.predict(recorded(folder, name, "x"), verbose=0)
    for found, right in zip(out if isinstance(out, list) else [out], recorded(folder, name, kind), strict=True):
        np.testing.assert_allclose(found, right, atol=2e-6)


def untrained(folder, name):
    """A model of the same structure with other weights."""
    model = load_model(folder / name, CUSTOM)
    model.set_weights([np.full_like(array, 0.1) for array in model.get_weights()])
    return model


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model(folder, name):
    model = load_model(folder / name, CUSTOM)
    check(model, folder, name, "before")
    model.train_on_batch(recorded(folder, name, "x"), recorded(folder, name, "y"))
    check(model, folder, name, "after")


@pytest.mark.parametrize("kind", ["weights/cp.ckpt", "training/ckpt-1", ""])
@pytest.mark.parametrize("name", NAMES)
def test_weights(folder, name, kind):
    model = untrained(folder, name)
    rate = float(model.optimizer.learning_rate)
    model.optimizer.learning_rate = 0.5
    matched = model.load_weights(folder / (f"{name}_{kind}" if kind else name))
    assert len(matched) == len(model.weights)
    assert float(model.optimizer.learning_rate) == rate
    check(model, folder, name, "before")
    model.train_on_batch(recorded(folder, name, "x"), recorded(folder, name, "y"))
    check(model, folder, name, "after")


class Net(gazelle.Model):
    """As in record_without_config.py."""

    def __init__(self):
        super().__init__()
        self.hidden, self.out = layers.Dense(4, activation="tanh"), layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))


def test_a_subclassed_model_without_a_config(tmp_path, monkeypatch):
    """Before TensorFlow 2.5 that of a subclassed model has no input shape either, but a signature."""
    with zipfile.ZipFile(ARCHIVE.with_name("without_config.zip")) as archive:
        archive.extractall(tmp_path)
    x = np.arange(12, dtype="float32").reshape(4, 3)
    found = load_model(tmp_path, {"Net": Net}).predict(x, verbose=0)
    np.testing.assert_allclose(found, np.load(tmp_path / "predictions.npy"), rtol=1e-6)
    monkeypatch.setattr(read.SavedModel, "input_shape", lambda self: None)
    with pytest.raises(StateError, match=r"has weights of a Net without an input shape\.\nCreate the model, call it"):
        load_model(tmp_path, {"Net": Net})


def test_without_the_optimizer(folder):
    model = load_model(folder / "sequential", compile=False)
    assert model.optimizer is None
    check(model, folder, "sequential", "before")


@pytest.fixture
def tf():
    yield tensorflow.module("tensorflow")
    tensorflow.close()


@pytest.mark.parametrize("name", ["sequential", "earlier_optimizer"])
def test_a_training_of_tensorflow(folder, name, tf):
    model = untrained(folder, name)
    checkpoint = tf.train.Checkpoint(net=model, optimizer=model.optimizer, step=tf.Variable(0))
    path = tf.train.latest_checkpoint(folder / f"{name}_training")
    assert path.endswith("ckpt-1")
    checkpoint.restore(path).assert_existing_objects_matched()
    assert int(checkpoint.step) == 3
    assert int(checkpoint.save_counter) == 1
    assert ("step/.ATTRIBUTES/VARIABLE_VALUE", []) in tf.train.list_variables(path)
    model.train_on_batch(recorded(folder, name, "x"), recorded(folder, name, "y"))
    check(model, folder, name, "after")


TEXT = np.array([["the cat"]])


@pytest.mark.parametrize("file", ["given", "given.h5", "given.keras"])
def test_a_vocabulary_in_the_config(folder, file):
    model = load_model(folder / file)
    np.testing.assert_allclose(model.predict(TEXT, verbose=0), np.load(folder / "given.npy"), rtol=1e-6)


@pytest.mark.parametrize("file", ["adapted", "adapted.keras"])
def test_a_vocabulary_from_data(folder, file):
    model = load_model(folder / file)
    x = [TEXT, np.array([[3]]), np.array([["a"]])]
    if file == "adapted":  # saved_model.pb, which has it, is empty here
        with pytest.raises(
            StateError, match=r"has no vocabulary\.\nCall .*set_vocabulary\(\[...\]\) with the 8 entries"
        ):
            model.predict(x, verbose=0)
        model.get_layer("text_vectorization").set_vocabulary(["the", "sat", "ran", "dog", "cat", "away"])
        model.get_layer("integer_lookup").set_vocabulary([3, 5])
    np.testing.assert_allclose(model.predict(x, verbose=0), np.load(folder / "adapted.npy"), rtol=1e-5)


@pytest.mark.parametrize("version", ["tensorflow_2_4", "tensorflow_2_15"])
def test_a_vocabulary_in_a_saved_model(version, tmp_path):
    """It is in the checkpoint, since TensorFlow 2.8 in saved_model.pb; so is the config before TensorFlow 2.5."""
    with zipfile.ZipFile(ARCHIVE.with_name("vocabularies.zip")) as archive:
        archive.extractall(tmp_path)
    model = load_model(tmp_path / version)
    x = [np.array([["a"], ["z"], ["c"]]), np.array([["a z"], ["d c"], ["b"]]), np.array([[3], [1], [7]])]
    with np.load(tmp_path / version / "predictions.npz") as data:
        for found, right in zip(model.predict(x, verbose=0), data.values(), strict=True):
            np.testing.assert_array_equal(found, right)
    path = tmp_path / version / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedFileError, match=r"expected a SavedModel"):
        load_model(tmp_path / version)


def test_an_unknown_class(folder):
    with pytest.raises(UnsafeFileError, match=r"refers to Blocks.*\n.*custom_objects=\{'Blocks': \.\.\.\}"):
        load_model(folder / "subclassed")


def test_other_weights(folder):
    model = load_model(folder / "earlier_optimizer")
    before = model.get_weights()
    with pytest.raises(ShapeError, match=r"dense/kernel: expected shape \(3, 4\), got none of this name"):
        model.load_weights(folder / "subclassed_weights" / "cp.ckpt")
    wider = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(5), layers.Dense(1)])
    with pytest.raises(ShapeError, match=r"dense/kernel: expected shape \(3, 5\), got shape \(3, 4\)"):
        wider.load_weights(folder / "earlier_optimizer")
    with pytest.warns(UserWarning, match="mismatches"):
        assert wider.load_weights(folder / "earlier_optimizer", skip_mismatch=True) == ["dense_1/bias"]
    with pytest.raises(ArgumentError, match="by_name=False"):
        model.load_weights(folder / "earlier_optimizer", by_name=True)
    for array, same in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, same)


def test_a_saved_model_without_a_config(folder, tmp_path):
    shutil.copytree(folder / "sequential", tmp_path / "m")
    (tmp_path / "m" / "keras_metadata.pb").unlink()
    with pytest.raises(DamagedFileError, match=r"contains no config of Keras.*\n.*load_weights"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "file", ["keras_metadata.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
@pytest.mark.parametrize("change", ["cut", "flip", "empty", "missing"])
def test_damage_is_found(folder, tmp_path, file, change):
    shutil.copytree(folder / "earlier_optimizer", tmp_path / "m")
    path = tmp_path / "m" / file
    data = path.read_bytes()
    rng = np.random.RandomState(0)
    for number in range(40 if change in ("cut", "flip") else 1):
        place = rng.randint(len(data))
        if change == "missing":
            path.unlink()
        else:
            changed = bytes([data[place] ^ (1 << number % 8)])
            path.write_bytes(
                {"cut": data[:place], "flip": data[:place] + changed + data[place + 1 :], "empty": b""}[change]
            )
        try:
            model = load_model(tmp_path / "m")
        except (DamagedFileError, UnsafeFileError, FileNotFoundError):
            continue
        assert change == "flip"  # of bits in names, such as those of metrics, or in unused parts
        if file != "keras_metadata.pb":
            check(model, folder, "earlier_optimizer", "before")


@pytest.mark.parametrize("data", [b"\x08", b"\x12\x05abc", b"\x0b", b"\x80" * 11, b"\x0d\x00"])
def test_messages_that_end_early(data):
    with pytest.raises(ValueError, match=r"field|integer"):
        fields(data)
