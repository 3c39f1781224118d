"""A failure at any moment of a save, in any format: the old or the new file exists, complete."""

import itertools
import os
import random
import shutil

import numpy as np
import pytest

from gazelle.core.errors import DamagedFileError
from gazelle.layers import Dense, Input
from gazelle.models import Sequential, load_model
from gazelle.saving import shards, write_state
from gazelle.saving.rotation import CheckpointRotation, newest_intact
from gazelle.saving.state_file import read_state

X = np.ones((1, 3), "float32")


@pytest.fixture(scope="module")
def model():
    model = Sequential([Input((3,)), Dense(2)])
    model.compile("sgd", "mse")
    return model


def _set(model, value):
    model.set_weights([np.full(w.shape, value, "float32") for w in model.get_weights()])


def _state(path, value):
    write_state(path, {"params/w": np.full(700, value, "float32")}, {"value": value})


def _weights(model, path):
    other = Sequential([Input((3,)), Dense(2)])
    other.load_weights(path)
    return other.get_weights()[0]


#: format -> (name of the file, save(model, path, value), load(model, path) -> array)
FORMATS = {
    "keras": ("m.keras", lambda m, p, v: m.save(p), lambda m, p: load_model(p, compile=False).get_weights()[0]),
    "h5": ("m.h5", lambda m, p, v: m.save(p), lambda m, p: load_model(p, compile=False).get_weights()[0]),
    "weights": ("m.weights.h5", lambda m, p, v: m.save_weights(p), _weights),
    "safetensors": ("m.safetensors", lambda m, p, v: m.save_weights(p), _weights),
    "sharded": ("m.weights.json", lambda m, p, v: shards.save(m, p, 36 / 2**30), _weights),
    "state": ("m.state", lambda m, p, v: _state(p, v), lambda m, p: read_state(p)[0]["params/w"]),
}


@pytest.mark.parametrize("how", ["error", "short", "kill"])
@pytest.mark.parametrize("first", [True, False], ids=["first", "overwrite"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_at_every_call(tmp_path, machine, model, form, first, how):
    name, save, load = FORMATS[form]
    if not first:
        _set(model, 1.0)
        (tmp_path / "old").mkdir()
        save(model, tmp_path / "old" / name, 1.0)
    _set(model, 2.0)
    points = 0
    for at in range(1, 200):
        folder = tmp_path / "work"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "old", folder) if not first else folder.mkdir()
        done = False
        with machine(at=at, how=how) as broken:
            try:
                save(model, folder / name, 2.0)
                done = True
            except OSError:
                pass
        reached = broken.count >= at
        if (folder / name).exists():
            found = load(model, folder / name)
            assert (found == 2.0).all() if done or first else set(np.unique(found)) in ({1.0}, {2.0}), (form, at)
        else:
            assert first, (form, at)
            assert not done
        save(model, folder / name, 2.0)  # and it can be saved again, over whatever was left
        assert (load(model, folder / name) == 2.0).all()
        assert not [entry for entry in os.listdir(folder) if ".tmp." in entry and how != "kill"]
        if not reached:
            break
        points += 1
    assert points >= 7  # create, write, flush, fsync, close, replace, folder


def _states_after_a_crash(trace, most, rng):
    """Crash states of a recorded trace: {name: bytes}, with any of what was not synced lost, torn or out of order."""
    for _ in range(most):
        cut = rng.randrange(len(trace) + 1)
        files, pending, names, moves = {}, {}, {}, []
        for number, (kind, *rest) in enumerate(trace[:cut]):
            if kind == "create":
                files[number], pending[number] = b"", []
                names[rest[0]] = number
                moves.append(("create", rest[0], number))
            elif kind == "write":
                pending[names[rest[0]]].append((rest[1], rest[2]))
            elif kind == "fsync":
                node = names[rest[0]]
                files[node], pending[node] = _written(files[node], pending[node]), []
            elif kind == "replace":
                names[rest[1]] = names.pop(rest[0])
                moves.append(("replace", rest[0], rest[1]))
            elif kind == "remove":
                names.pop(rest[0], None)
                moves.append(("remove", rest[0]))
            else:
                moves.append(("synced",))
        last = max((n for n, m in enumerate(moves) if m[0] == "synced"), default=-1)
        folder = {}
        for number, (kind, *rest) in enumerate(moves):
            if kind == "synced" or (number > last and rng.random() < 0.5):
                continue
            if kind == "create":
                folder[rest[0]] = rest[1]
            elif kind == "replace" and rest[0] in folder:
                folder[rest[1]] = folder.pop(rest[0])
            elif kind == "remove":
                folder.pop(rest[0], None)
        out = {}
        for name, node in folder.items():
            chosen = [w for w in pending[node] if rng.random() < 0.6]
            rng.shuffle(chosen)
            torn = [(place, data[: rng.randrange(0, len(data) + 512, 512)]) for place, data in chosen]
            out[name] = _written(files[node], torn)
        yield cut, out


def _written(content, writes):
    content = bytearray(content)
    for place, data in writes:
        content.extend(b"\0" * (place + len(data) - len(content)))
        content[place : place + len(data)] = data
    return bytes(content)


def test_power_cuts_between_generations(tmp_path, machine, long):
    """Four states are kept one after the other. Whatever of the unsynced rest is lost: a whole one is found, not older
    than the last that was finished."""
    folder, finished = tmp_path / "kept", []
    folder.mkdir()
    with machine() as recorder:
        kept = CheckpointRotation(str(folder / "m"))
        for value in range(4):
            kept.write({"params/w": np.full(2000, value, "float32")}, {"value": value})
            finished.append(len(recorder.trace))
    rng, seen = random.Random(0), 0
    place = tmp_path / "after"
    for cut, files in _states_after_a_crash(recorder.trace, 60_000 if long else 2_500, rng):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name, data in files.items():
            (place / os.path.basename(name)).write_bytes(data)
        whole = sum(end <= cut for end in finished)
        paths = CheckpointRotation(str(place / "m")).paths
        try:
            (tensors, meta), _ = newest_intact(paths, read_state)
        except FileNotFoundError:
            assert whole == 0
        else:
            assert meta["value"] >= whole - 1
            assert (tensors["params/w"] == meta["value"]).all()
        seen += 1
    assert seen >= 2_000


@pytest.mark.parametrize("form", ["keras", "weights", "sharded"])
def test_power_cuts_while_a_file_is_replaced(tmp_path, machine, model, form, long):
    name, save, load = FORMATS[form]
    folder = tmp_path / "kept"
    folder.mkdir()
    _set(model, 1.0)
    with machine() as recorder:
        save(model, folder / name, 1.0)
        first = len(recorder.trace)
        _set(model, 2.0)
        save(model, folder / name, 2.0)
    place, rng = tmp_path / "after", random.Random(1)
    for cut, files in itertools.islice(_states_after_a_crash(recorder.trace, 100_000, rng), 3_000 if long else 60):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for path, data in files.items():
            (place / os.path.basename(path)).write_bytes(data)
        if (place / name).exists():
            assert set(np.unique(load(model, place / name))) in ({1.0}, {2.0})
        else:
            assert cut < first


@pytest.mark.parametrize("fraction", range(0, 100, 2))
def test_a_disk_that_is_full_at_any_level(tmp_path, machine, fraction):
    """The previous state stays, the error names the bytes, and the next save with enough space succeeds."""
    kept = CheckpointRotation(str(tmp_path / "m"))
    kept.write({"params/w": np.zeros(2000, "float32")}, {"value": 0})
    size = os.path.getsize(kept.newest)
    with (
        machine(namespace=size * fraction // 100),
        pytest.raises(OSError, match=r"No space left on device after .* bytes"),
    ):
        kept.write({"params/w": np.ones(2000, "float32")}, {"value": 1})
    assert newest_intact(kept.paths, read_state)[0][1] == {"value": 0}
    kept.write({"params/w": np.ones(2000, "float32")}, {"value": 2})
    assert newest_intact(kept.paths, read_state)[0][1] == {"value": 2}
    assert len(os.listdir(tmp_path)) == 2


def test_a_real_full_disk(tmp_path, long):
    """A small file system in memory, where the system lets us make one."""
    if not long or os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only in the long run, as root")
    if os.system(f"mount -t tmpfs -o size=512k none {tmp_path} 2>/dev/null"):
        pytest.skip("no file system can be mounted here")
    try:
        kept = CheckpointRotation(str(tmp_path / "m"))
        for level in range(100):
            kept.write({"params/w": np.zeros(20_000, "float32")}, {"value": 0})
            kept.write({"params/w": np.zeros(20_000, "float32")}, {"value": 1})
            (tmp_path / "fill").write_bytes(b"x" * (290_000 + level * 600))
            with pytest.raises(OSError, match="No space left"):
                kept.write({"params/w": np.ones(20_000, "float32")}, {"value": 2})
            assert newest_intact(kept.paths, read_state)[0][1] == {"value": 1}
            (tmp_path / "fill").unlink()
    finally:
        os.system(f"umount {tmp_path}")


def test_none_whole_is_an_error_that_names_each(tmp_path):
    kept = CheckpointRotation(str(tmp_path / "m"))
    for value in range(2):
        kept.write({"params/w": np.zeros(3)}, {"value": value})
    for path in kept.paths:
        with open(path, "r+b") as file:
            file.truncate(50)
    with pytest.raises(DamagedFileError, match=r"(?s)All checkpoints are damaged.*m\.[ab]\.state.*m\.[ab]\.state"):
        newest_intact(kept.paths, read_state)
