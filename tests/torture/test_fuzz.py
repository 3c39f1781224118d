"""Files and configs modified at random, thousands in one process: one of two errors, or a model."""

import contextlib
import copy
import json
import random
import zipfile

import pytest

from gazelle.core.errors import DamagedFileError, ShapeError, UnsafeFileError
from gazelle.layers import LSTM, Conv1D, Dense, Embedding, Flatten, Input
from gazelle.models import Sequential, load_model, model_from_json
from gazelle.saving.h5_format import model_from_yaml

from ..compat.test_text import FIRST
from .conftest import LONG

REFUSED = (DamagedFileError, UnsafeFileError)
WORDS = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**70,
    0.5,
    1e308,
    float("inf"),
    "",
    "relu",
    "os.system",
    "a/../b",
    [],
    [1],
    {},
    [[]],
    {"class_name": "Dense", "config": {}},
    {"class_name": "__lambda__", "config": {"code": "x"}},
    {"class_name": "__numpy__", "config": {"value": [1], "dtype": "O"}},
    {"class_name": "__slice__", "config": 3},
    {"class_name": "function", "module": "builtins", "config": "eval"},
    "x" * 1000,
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["a", 9, 9]}},
]

YAML = [
    "2001-01-01",
    "!!binary aGk=",
    "!!set {a}",
    "!!python/name:os.system",
    "!!python/object/apply:os.getcwd []",
    "!!int x",
    "!!python/tuple 3",
    "&a [*a]",
    "*b",
    "9" * 5000,
    "[[[",
    "1e999",
    ".nan",
    "!!bool x",
    "~",
    "{a: {b: c}}",
    "!!python/object/apply:numpy.core.multiarray.scalar [f4, x]",
]


def _models():
    return [
        Sequential([Input((3,)), Dense(2, activation="relu", kernel_regularizer="l2")]),
        Sequential([Input((4,), dtype="int32"), Embedding(5, 3), LSTM(2), Dense(1)]),
        Sequential([Input((6, 2)), Conv1D(2, 3, padding="same"), Flatten(), Dense(2)]),
    ]


def _places(value, path=()):
    """The paths of all values within a config."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _mutate(config, rng):
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        paths = list(_places(config))
        path = rng.choice(paths)
        owner = config
        for key in path[:-1]:
            owner = owner[key]
        action = rng.random()
        if action < 0.6:
            owner[path[-1]] = copy.deepcopy(rng.choice(WORDS))
        elif action < 0.75:
            del owner[path[-1]]
        elif isinstance(owner, dict):
            owner[rng.choice(("hook", "units", "module", "class_name", "dtype", "name"))] = copy.deepcopy(
                rng.choice(WORDS)
            )
        else:
            owner.append(copy.deepcopy(rng.choice(WORDS)))
    return config


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(100 if LONG else 1))
def test_configs(part):
    rng = random.Random(part)
    texts = [model.to_json() for model in _models()]
    seen = {"model": 0, "refused": 0}
    for _ in range(1_000):
        text = json.dumps(_mutate(json.loads(rng.choice(texts)), rng))
        try:
            model_from_json(text)
            seen["model"] += 1
        except REFUSED:
            seen["refused"] += 1
    assert seen["refused"] > 0.3 * sum(seen.values())


@pytest.mark.filterwarnings("ignore")
def test_yaml():
    """Texts of the first eras, characters and lines changed."""
    rng, seen = random.Random(0), {"model": 0, "refused": 0}
    lines = FIRST.splitlines()
    for _ in range(10_000 if LONG else 150):
        changed = list(lines)
        for _ in range(rng.choice((1, 1, 2, 5))):
            place = rng.randrange(len(changed))
            line, action = changed[place], rng.random()
            if action < 0.4:
                cut = rng.randrange(len(line) + 1)
                changed[place] = line[:cut] + rng.choice("[]{}:,&*!|>'\"%@`#?-~ 0.\t") + line[cut + 1 :]
            elif action < 0.7:
                changed[place] = line.partition(":")[0] + ": " + rng.choice(YAML)
            else:
                changed.insert(rng.randrange(len(changed)), changed.pop(place))
        try:
            model_from_yaml("\n".join(changed))
            seen["model"] += 1
        except REFUSED:
            seen["refused"] += 1
    assert seen["refused"] > 0.3 * sum(seen.values())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(100 if LONG else 1))
def test_bytes(tmp_path, part):
    """Bytes of weight files and of whole files, changed, cut, doubled, mixed with each other."""
    rng = random.Random(1000 + part)
    model = _models()[0]
    files = []
    for name in ("m.weights.h5", "m.safetensors", "m.keras", "m.h5"):
        (model.save if name in ("m.keras", "m.h5") else model.save_weights)(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        files.append(data[:-40] if name.endswith("h5") else data)  # without the checksum, so that readers see the rest
    for _ in range(1_000):
        data = bytearray(rng.choice(files))
        for _ in range(rng.choice((1, 2, 8, 30))):
            place = rng.randrange(len(data) or 1)
            action = rng.random()
            if action < 0.5:
                data[place : place + 1] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))).to_bytes(1)
            elif action < 0.7:
                data[place : place + 8] = rng.choice((0, 1, 2**31, 2**63 - 1, 2**64 - 1, len(data))).to_bytes(
                    8, "little"
                )
            elif action < 0.8:
                del data[place : place + rng.randrange(64)]
            elif action < 0.9:
                other = rng.choice(files)
                start = rng.randrange(len(other))
                data[place:place] = other[start : start + rng.randrange(200)]
            else:
                data = data[: max(place, 10)]
        path = tmp_path / "fuzzed"
        path.write_bytes(data)
        for load in (model.load_weights, load_model) if rng.random() < 0.1 else (model.load_weights,):
            with contextlib.suppress(*REFUSED, *([ShapeError] if load is not load_model else [])):
                load(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(100 if LONG else 1))
def test_members(tmp_path, part):
    """Zips whose members are sound in form: the config changed, the weights of another model."""
    rng = random.Random(2000 + part)
    for number, model in enumerate(_models()):
        model.compile("adam", "mse", metrics=["mae"])
        model.save(tmp_path / f"{number}.keras")
    contents = []
    for number in range(3):
        with zipfile.ZipFile(tmp_path / f"{number}.keras") as archive:
            contents.append({name: archive.read(name) for name in archive.namelist()})
    for _ in range(60):
        members = dict(rng.choice(contents))
        if rng.random() < 0.7:
            members["config.json"] = json.dumps(_mutate(json.loads(members["config.json"]), rng)).encode()
        else:
            members["model.weights.h5"] = rng.choice(contents)["model.weights.h5"]
        with zipfile.ZipFile(tmp_path / "fuzzed", "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        with contextlib.suppress(*REFUSED):
            load_model(tmp_path / "fuzzed")
