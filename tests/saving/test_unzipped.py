"""Models as folders, which `save(zipped=False)` of Keras 3 writes, and files in folders that do not exist."""

import json
import os
import sys

import keras
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.saving import load_model, unzipped

X = np.random.default_rng(0).random((4, 3))


def model_of(k):
    model = k.Sequential([k.Input((3,)), k.layers.Dense(2, activation="relu"), k.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    return model


def test_a_folder_of_gazelle_is_read_by_keras_and_by_gazelle(tmp_path):
    path, model = str(tmp_path / "new" / "model"), model_of(gazelle)
    model.save(path, zipped=False)
    assert sorted(os.listdir(path)) == ["assets", "config.json", "metadata.json", "model.weights.h5"]
    wanted = model.predict(X, verbose=0)
    for read in (load_model, keras.saving.load_model):
        same = read(path)
        np.testing.assert_allclose(same.predict(X, verbose=0), wanted, rtol=1e-6)
        assert int(same.optimizer.iterations) == 2


def test_a_folder_of_keras(tmp_path):
    path, model = str(tmp_path / "model"), model_of(keras)
    model.save(path, zipped=False)
    same = load_model(path)
    np.testing.assert_allclose(same.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    assert int(same.optimizer.iterations) == 2


def test_vocabularies_are_files_in_the_folder(tmp_path):
    lookup = layers.StringLookup()
    lookup.adapt(np.array(["a", "b", "a"]))
    model = gazelle.Sequential([gazelle.Input((1,), dtype="string"), lookup, layers.Embedding(4, 2)])
    gazelle.saving.save_model(model, tmp_path / "model", zipped=False)
    assert any(files for _, _, files in os.walk(tmp_path / "model" / "assets"))
    assert load_model(tmp_path / "model").layers[0].get_vocabulary() == ["[UNK]", "a", "b"]


def test_other_files_of_the_folder_stay_and_members_are_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for start in ("zeros", "ones"):
        model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1, kernel_initializer=start)])
        model.save(tmp_path, zipped=False)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert load_model(tmp_path).predict(np.ones((1, 3)), verbose=0) == 3.0
    with pytest.raises(ValueError, match="exists"):
        model.save(tmp_path, zipped=False, overwrite=False)


@pytest.mark.parametrize("members", [0, 1, 2, 3])
def test_a_crash_between_members_leaves_a_complete_model(tmp_path, monkeypatch, members):
    written, replace = [], unzipped.replace_file

    def replace_until_crash(path, write):
        if len(written) == members:
            raise KeyboardInterrupt
        replace(path, write)
        written.append(path)

    old, new = (gazelle.Sequential([gazelle.Input((3,)), layers.Dense(units)]) for units in (2, 3))
    old.save(tmp_path / "model", zipped=False)
    monkeypatch.setattr(unzipped, "replace_file", replace_until_crash)
    with pytest.raises(KeyboardInterrupt):
        new.save(tmp_path / "model", zipped=False)
    assert load_model(tmp_path / "model").output_shape == (None, 3 if members else 2)
    monkeypatch.undo()
    new.save(tmp_path / "model", zipped=False)
    assert sorted(os.listdir(tmp_path / "model")) == ["assets", "config.json", "metadata.json", "model.weights.h5"]


def test_the_name_of_a_file(tmp_path):
    with pytest.raises(ValueError, match=r"save\(zipped=False\): expected the path of a folder, got '.*m\.keras'"):
        model_of(gazelle).save(tmp_path / "m.keras", zipped=False)


@pytest.mark.skipif(sys.platform == "win32", reason="FIFOs")
def test_fifos_and_foreign_configs_are_refused(tmp_path):
    model_of(gazelle).save(tmp_path / "model", zipped=False)
    config = tmp_path / "model" / "config.json"
    parsed = json.loads(config.read_text())
    config.write_text(json.dumps({**parsed, "module": "os", "class_name": "system", "registered_name": None}))
    with pytest.raises(gazelle.errors.UnsafeFileError):
        load_model(tmp_path / "model")
    weights = tmp_path / "model" / "model.weights.h5"
    weights.unlink()
    os.mkfifo(weights)
    with pytest.raises(gazelle.errors.GazelleError):
        load_model(tmp_path / "model")


def test_folders_of_hdf5_files_are_created_as_in_keras(tmp_path):
    model = model_of(gazelle)
    model.save(tmp_path / "a" / "b" / "model.h5")
    assert load_model(tmp_path / "a" / "b" / "model.h5").count_params() == model.count_params()
    with pytest.raises(FileNotFoundError, match="expected an existing folder"):
        model.save(tmp_path / "c" / "model.keras")


@pytest.mark.filterwarnings("ignore:save writes the .keras format")
def test_weights_of_a_folder(tmp_path):
    path, model, same = str(tmp_path / "model"), model_of(gazelle), model_of(gazelle)
    model.save(path)
    same.load_weights(path)
    np.testing.assert_array_equal(same.get_weights()[0], model.get_weights()[0])
