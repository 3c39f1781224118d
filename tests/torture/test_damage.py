"""Truncated and modified files are always detected; the previous checkpoint is used instead."""

import random
import warnings

import numpy as np
import pytest

from gazelle.core.errors import DamagedFileError, ShapeError, UnsafeFileError
from gazelle.layers import Dense, Input
from gazelle.models import Sequential, load_model
from gazelle.saving.rotation import CheckpointRotation, newest_intact
from gazelle.saving.state_file import read_state


def _damages(data, count, rng):
    """(name, bytes): cut at any place, or with any bit turned over."""
    for _ in range(count):
        yield "cut", data[: rng.randrange(len(data))]
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield "flip", bytes(changed)


def test_states(tmp_path, long):
    kept = CheckpointRotation(str(tmp_path / "m"))
    for value in range(2):
        kept.write({"params/w": np.full((7, 5), value, "float32")}, {"value": value, "history": {"loss": [0.5]}})
    with open(kept.newest, "rb") as file:
        data = file.read()
    found = 0
    for _, bad in _damages(data, 10_000 if long else 1_000, random.Random(0)):
        with open(kept.newest, "wb") as file:
            file.write(bad)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            (_, meta), path = newest_intact(kept.paths, read_state)
        assert meta["value"] == 0
        assert path != kept.newest
        assert "The previous checkpoint is intact and is used" in str(told[0].message)
        found += 1
    assert found >= 2_000


@pytest.mark.parametrize("form", ["weights.h5", "keras", "h5", "safetensors"])
def test_models_and_weights(tmp_path, form, long):
    """Refused, or what is loaded is what was saved, bit for bit: a flip may stand where nothing is read."""
    model = Sequential([Input((3,)), Dense(2)])
    path = tmp_path / f"m.{form}"
    whole = form in ("keras", "h5")
    (model.save if whole else model.save_weights)(path)
    data, right = path.read_bytes(), model.get_weights()
    refused = 0
    count = (1_000 if long else 40) if whole else (5_000 if long else 250)
    for _, bad in _damages(data, count, random.Random(1)):
        path.write_bytes(bad)
        try:
            if whole:
                found = load_model(path).get_weights()
            else:
                model.set_weights([np.zeros_like(w) for w in right])
                model.load_weights(path)
                found = model.get_weights()
        except (DamagedFileError, UnsafeFileError, ShapeError):
            refused += 1
            continue
        for a, b in zip(found, right, strict=True):
            np.testing.assert_array_equal(a, b)
    assert refused > 1.8 * count
