"""Sharded weights: exchange with Keras, unsafe indices are refused, all files are replaced together."""

import json
import os

import keras
import numpy as np
import pytest

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError
from gazelle.layers import BatchNormalization, Dense, Input
from gazelle.models import Sequential, load_model
from gazelle.saving import load_weights, save_weights

SIZE = 100 / 2**30  # GiB


def _ours():
    return Sequential([Input((3,)), Dense(4), BatchNormalization(), Dense(2)])


def _theirs():
    layers = keras.layers
    return keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)])


def _same(a, b):
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_to_keras_and_back(tmp_path):
    ours, theirs = _ours(), _theirs()
    save_weights(ours, tmp_path / "w.weights.json", max_shard_size=SIZE)
    assert len(os.listdir(tmp_path)) > 3
    theirs.load_weights(tmp_path / "w.weights.json")
    _same(ours, theirs)
    theirs.set_weights([w + 1 for w in theirs.get_weights()])
    theirs.save_weights(tmp_path / "w.weights.json", max_shard_size=SIZE)
    load_weights(ours, tmp_path / "w.weights.json")
    _same(ours, theirs)
    save_weights(ours, tmp_path / "w.weights.json", max_shard_size=SIZE)  # over the files of Keras
    ours.set_weights([w * 0 for w in ours.get_weights()])
    load_weights(ours, tmp_path / "w.weights.json")
    _same(ours, theirs)


def test_what_is_replaced_leaves_no_files(tmp_path):
    ours = _ours()
    for value in range(3):
        ours.set_weights([w * 0 + value for w in ours.get_weights()])
        save_weights(ours, tmp_path / "w.weights.json", max_shard_size=SIZE)
        names = json.loads((tmp_path / "w.weights.json").read_text())["weight_map"].values()
        named = {n for v in names for n in (v if isinstance(v, list) else [v])}
        assert set(os.listdir(tmp_path)) == {*named, "w.weights.json", "w_00000.weights.h5"}


def test_an_array_that_is_larger_is_named(tmp_path):
    with pytest.raises(ArgumentError, match=r"'layers/dense/vars/0' alone has 48 bytes: expected at most 21"):
        save_weights(_ours(), tmp_path / "w.weights.json", max_shard_size=21 / 2**30)


@pytest.mark.parametrize("name", ["../w.weights.h5", "/etc/passwd", "a/b_00001.weights.h5", "w.h5", 3, None])
def test_a_map_that_leads_elsewhere(tmp_path, name):
    save_weights(_ours(), tmp_path / "w.weights.json", max_shard_size=1)
    config = json.loads((tmp_path / "w.weights.json").read_text())
    config["weight_map"]["/layers/dense/vars"] = name
    (tmp_path / "w.weights.json").write_text(json.dumps(config))
    with pytest.raises(UnsafeFileError, match="expected names such as model_00001"):
        load_weights(_ours(), tmp_path / "w.weights.json")


def test_missing_changed_and_linked_files(tmp_path):
    save_weights(_ours(), tmp_path / "w.weights.json", max_shard_size=1)
    (shard,) = [n for n in os.listdir(tmp_path) if "_00001-" in n]
    data = (tmp_path / shard).read_bytes()
    (tmp_path / shard).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DamagedFileError, match="its checksum does not match"):
        load_weights(_ours(), tmp_path / "w.weights.json")
    (tmp_path / "other").write_bytes(data)
    os.remove(tmp_path / shard)
    with pytest.raises(DamagedFileError, match=f"its file '{shard}' is missing"):
        load_weights(_ours(), tmp_path / "w.weights.json")
    (tmp_path / shard).symlink_to("other")
    with pytest.raises(UnsafeFileError, match="expected a file, got a link"):
        load_weights(_ours(), tmp_path / "w.weights.json")


def test_the_old_whole_file_goes_to_keras_and_back(tmp_path):
    ours = _ours()
    ours.compile("adam", "mse")
    x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    ours.train_on_batch(x, y)
    ours.save(tmp_path / "m.h5")
    theirs = keras.models.load_model(tmp_path / "m.h5")
    _same(ours, theirs)
    again = load_model(tmp_path / "m.h5")
    again.train_on_batch(x, y)
    ours.train_on_batch(x, y)
    _same(ours, again)


def test_what_matches_nothing_is_an_error(tmp_path):
    ours = _ours()
    ours.save_weights(tmp_path / "w.weights.h5")
    other = Sequential([Input((7,)), Dense(5)])
    from gazelle.core.errors import ShapeError

    with pytest.warns(UserWarning, match="does not match"), pytest.raises(ShapeError, match=r"Nothing in .* matches"):
        other.load_weights(tmp_path / "w.weights.h5", skip_mismatch=True)
    with pytest.raises(ShapeError, match=r"Nothing in .* matches model"):
        Sequential([Input((3,)), Dense(4, name="unheard")]).load_weights(tmp_path / "w.weights.h5", by_name=True)
