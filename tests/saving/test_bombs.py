"""Small files that declare huge sizes are refused or harmless: limited memory and time, no blocking."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core import budget
from gazelle.core.errors import ArgumentError, DamagedFileError, ShapeError, UnsafeFileError
from gazelle.models import Sequential, load_model, model_from_json
from gazelle.saving.regular_file import open_file

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory of a load is read from /proc")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What happened to each file, in a process of its own whose memory is limited: {name: (error, text, bytes, s)}."""
    folder = tmp_path_factory.mktemp("bombs")
    program = Path(__file__).with_name("bombs.py")
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "GAZELLE_COMPILE_CACHE": "0"}
    environment["PYTHONPATH"] = str(Path(gazelle.__file__).parents[1])
    command = [sys.executable, str(program), str(folder), str(folder / "results.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text())


def test_there_are_many(results):
    assert len(results) >= 300
    assert sum(error == "UnsafeFileError" for error, *_ in results.values()) >= 100


def test_each_is_refused_or_harmless(results):
    known = ("", "UnsafeFileError", "DamagedFileError", "ShapeError")
    assert {name: (error, text) for name, (error, text, *_) in results.items() if error not in known} == {}


def test_none_takes_much_memory(results):
    assert {name: size // MIB for name, (_, _, size, _) in results.items() if size > 40 * MIB} == {}


def test_none_takes_long(results):
    assert {name: seconds for name, (*_, seconds) in results.items() if seconds > 5} == {}


@pytest.mark.parametrize(
    "name",
    [
        "MelSpectrogram(2**24, 500)",
        "AUC(10**8)",
        "MeanIoU(30000)",
        "AdaptiveAveragePooling2D ('output_size',)",
        "HDF5 of AUC",
        "IntegerLookup ('num_oov_indices',)",
    ],
)
def test_sizes_of_layers_and_metrics_are_limited(results, name):
    """Every integer counts, whatever its name: these have no weights, or belong to the arguments of compile."""
    matching = [found for key, found in results.items() if key.startswith(name)] or [results.get(name)]
    error, text, *_ = matching[0]
    assert error == "UnsafeFileError"
    assert "arrays of at most" in text


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "socket", "/dev/zero", "/dev/null", "/dev/random"])
def test_only_regular_files_are_opened(results, kind):
    found = {name: value for name, value in results.items() if name.split(" of ")[-1].removeprefix("a ") == kind}
    assert len(found) == 4
    assert {value[0] for value in found.values()} == {"DamagedFileError"}
    assert all("expected a file, got a " in value[1] for value in found.values())


def test_no_text_of_an_error_contains_control_characters(results):
    assert [name for name, (_, text, *_) in results.items() if not text.replace("\n", "").isprintable()] == []


@pytest.mark.parametrize("make", [lambda p: os.mkfifo(p), lambda p: p.mkdir(), lambda p: p.symlink_to("/dev/zero")])
def test_open_file_opens_files_only(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(DamagedFileError, match=r"expected a file, got a (FIFO|folder|device)\."):
        open_file(tmp_path / "x")
    (tmp_path / "y").write_bytes(b"text")
    with open_file(tmp_path / "y") as file:
        assert file.read() == b"text"
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "z")


def test_ordinary_sizes_load_from_small_files(tmp_path):
    """The allowance covers what is not stored: filters, thresholds, totals of metrics, states."""
    model = Sequential([layers.Input((4000,)), layers.MelSpectrogram(fft_length=2048, num_mel_bins=128)])
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").output_shape == model.output_shape
    model = Sequential([layers.Input((3,)), layers.Dense(4)])
    metrics = [gazelle.metrics.AUC(num_thresholds=10_000), gazelle.metrics.MeanIoU(num_classes=1000)]
    model.compile("adam", "mse", metrics=metrics)
    model.save(tmp_path / "m.keras", include_optimizer=False)
    loaded = load_model(tmp_path / "m.keras")
    loaded.fit(np.ones((4, 3)), np.ones((4, 4)), verbose=0, keep=False)
    wide = Sequential([layers.Input((2000,)), layers.Dense(1500)])
    wide.compile("adam", "mse")
    wide.save(tmp_path / "w.keras", include_optimizer=False)  # Adam's slots are more than the stored weights
    load_model(tmp_path / "w.keras").train_on_batch(np.ones((1, 2000)), np.ones((1, 1500)))
    pools = Sequential([layers.Input((300, 300, 1)), layers.AveragePooling2D(padding="same"), layers.Flatten()])
    assert model_from_json(pools.to_json()).output_shape == pools.output_shape


def test_configs_of_single_objects_are_limited():
    with pytest.raises(UnsafeFileError, match="arrays of at most"):
        gazelle.saving.deserialize_keras_object(
            {"module": "keras.metrics", "class_name": "AUC", "config": {"num_thresholds": 10**12}}
        )


def test_a_budget_counts_what_is_kept_and_checks_what_is_not():
    def error(shape):
        return ShapeError(f"too large: {shape}")

    with budget.Budget(10, error):
        budget.check((5,), weight=2)
        budget.check((5,), weight=2)
        budget.spend((6,))
        with pytest.raises(ShapeError, match=r"too large: \(5,\)"):
            budget.check((5,))
        with pytest.raises(ShapeError, match=r"too large: \(5, 1\)"):
            budget.spend((5, 1))
        with pytest.raises(ShapeError, match=r"too large: \(100000,\)"):
            budget.check_repetitions(100_000)
        budget.spend((4,))
    budget.spend((10**9,))  # outside, the program decides
    budget.check_repetitions(10**9)


NAMES = ["a\x1b[31mb", "a\rb", "a\x9b2Jb", "a\u202eb", "a\x08b", "a\x00b", "a\u2028b", "a\x7fb"]


def _shown(model, capsys):
    """Everything that shows the names of layers and metrics."""
    model.summary()
    model.fit(np.ones((4, 3)), np.ones((4, 4)), verbose=2, keep=False)
    model.fit(np.ones((4, 3)), np.ones((4, 4)), verbose=1, keep=False)
    texts = [
        *capsys.readouterr(),
        model._repr_html_(),
        repr(model),
        *map(repr, model.layers),
        *map(repr, model.weights),
    ]
    texts += [
        gazelle.utils.model_to_dot(model, show_shapes=True, expand_nested=True, subgraph=nested) for nested in (0, 1)
    ]
    for wrong in (
        lambda: model.predict(np.ones((4, 9)), verbose=0),
        lambda: model.get_layer("none"),
        lambda: model.load_weights("none.h5"),
    ):
        with pytest.raises((ShapeError, ArgumentError, FileNotFoundError)) as caught:
            wrong()
        texts.append(str(caught.value))
    return texts


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_without_control_characters(name, capsys):
    inner = Sequential([layers.Input((4,)), layers.Dense(4, name=name)], name=f"{name}_inner")
    model = Sequential([layers.Input((3,)), layers.Dense(4, name=f"{name}_first"), inner], name=f"{name}_model")
    metric = gazelle.metrics.MeanAbsoluteError(name=f"{name}_metric")
    model.compile("sgd", "mse", metrics=[metric])
    escaped = ascii(name)[1:-1]
    texts = _shown(model, capsys)
    assert any(escaped in text or escaped.replace("\\", "\\\\") in text for text in texts)
    for text in texts:
        assert name not in text
        assert text.replace("\n", "").isprintable()
