"""Hostile files are refused with one of two errors; no code runs, no other file is read, memory is limited."""

import base64
import contextlib
import gc
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyfive  # noqa: F401 - importing it inside a test would look like code from a file
import pytest

from gazelle.core.errors import DamagedFileError, ShapeError, UnsafeFileError
from gazelle.layers import Dense, Input
from gazelle.models import Sequential, load_model, model_from_json
from gazelle.saving import config as configs
from gazelle.saving import keras_v3

REFUSED = (UnsafeFileError, DamagedFileError)
#: what no load may do; the names are audit events of Python
FORBIDDEN = (
    "marshal.loads",
    "pickle.find_class",
    "exec",
    "subprocess.Popen",
    "os.system",
    "socket.connect",
    "os.exec",
    "os.posix_spawn",
    "ctypes.dlopen",
    "urllib.Request",
    "shutil.unpack_archive",
)
OURS = os.path.dirname(os.path.dirname(keras_v3.__file__))  # where errors show lines of source
_watch = {"on": False, "seen": [], "path": ""}


def _hook(event, arguments):
    if not _watch["on"]:
        return
    if event in FORBIDDEN:
        _watch["seen"].append((event, str(arguments)[:200]))
    name = str(arguments[0]) if event == "open" and isinstance(arguments[0], (str, bytes)) else _watch["path"]
    if name != _watch["path"] and not name.startswith(
        (sys.prefix, sys.base_prefix, "/proc", "/sys", OURS, os.path.dirname(__file__))
    ):
        _watch["seen"].append((event, name))


sys.addaudithook(_hook)


@pytest.fixture(autouse=True, scope="module")
def _still():
    """What was there before is no garbage; looking for some in it was most of the time that these tests took."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def refused(load, path, match=None):
    """`load(path)` raises one of the two errors, within the bounds, and the hook has seen nothing."""
    gc.collect()  # what earlier tests left is not the file's
    before, start = _begin_peak(), time.process_time()
    _watch.update(on=True, seen=[], path=str(path))
    try:
        with pytest.raises(REFUSED, match=match) as caught:
            load(path)
    finally:
        _watch["on"] = False
    assert _watch["seen"] == []
    assert time.process_time() - start < 5
    text = isinstance(path, (str, bytes)) and path[:1] in ("{", b"{")
    size = len(path) if text else os.path.getsize(path) if os.path.exists(path) else 0
    print(f"peak {(_peak() - before) / 2**20:.0f} MiB of {size / 2**20:.1f} MiB, {time.process_time() - start:.2f} s")
    assert _peak() - before <= 2 * size + 64 * 2**20, (_peak() - before) / 2**20
    return caught.value


def _begin_peak():
    """Bytes in use; the highest mark of this process starts from here, where the system can do that."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return _peak()


def _peak():
    """The most bytes in use since then."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The members of a sound file."""
    path = tmp_path_factory.mktemp("sound") / "m.keras"
    model = Sequential([Input((3,)), Dense(4, name="hidden"), Dense(2)])
    model.compile("adam", "mse")
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return path


def _config(sound, change):
    config = json.loads(sound["config.json"])
    change(config)
    return {**sound, "config.json": json.dumps(config)}


def _layer(entry):
    def change(config):
        config["config"]["layers"][1] = entry

    return change


def _argument(key, value):
    def change(config):
        config["config"]["layers"][1]["config"][key] = value

    return change


def _root(entry):
    def change(config):
        config.clear()
        config.update(entry)

    return change


def _compiled(key, value):
    def change(config):
        config["compile_config"][key] = value

    return change


CODE = base64.b64encode(b"\xe3\x00\x00\x00code").decode()
LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
CODED = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}


def _function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def _object(module, name, config=None, registered=None):
    return {"module": module, "class_name": name, "config": config or {}, "registered_name": registered}


CONFIGS = {
    "Lambda with code": _layer({**LAMBDA, "config": {"name": "l", "function": CODED}}),
    "Lambda of a gadget": _layer({**LAMBDA, "config": {"name": "l", "function": _function("keras.utils", "get_file")}}),
    "Lambda of os.system": _layer({**LAMBDA, "config": {"name": "l", "function": _function("os", "system")}}),
    "Lambda of our function": _layer({**LAMBDA, "config": {"name": "l", "function": _function("builtins", "relu")}}),
    "Lambda of a word": _layer({**LAMBDA, "config": {"name": "l", "function": "relu"}}),
    "code as an argument": _argument("activation", CODED),
    "os.system as a layer": _layer(_object("os", "system", {"command": "true"})),
    "subprocess.Popen as a layer": _layer(_object("subprocess", "Popen", {"args": ["true"]})),
    "builtins.eval as a layer": _layer(_object("builtins", "eval", {"name": "1"})),
    "os.system as an activation": _argument("activation", _function("os", "system")),
    "os.system as an activation's name": _argument("activation", "os.system"),
    "eval as an initializer": _argument("kernel_initializer", _object("builtins", "eval", {"x": "1"})),
    "Popen as a regularizer": _argument("kernel_regularizer", _object("subprocess", "Popen", {"args": ["true"]})),
    "eval as the loss": _compiled("loss", _function("builtins", "eval")),
    "exec as a metric": _compiled("metrics", [_function("builtins", "exec")]),
    "Popen as the optimizer": _compiled("optimizer", _object("subprocess", "Popen", {"args": ["true"]})),
    "safe mode switched off": _layer(_object("keras.config", "enable_unsafe_deserialization")),
    "a global attribute": _layer(_object("keras.src.backend.common.global_state", "set_global_attribute")),
    "an operation that is none": _layer(_object("keras.src.ops.numpy", "Loadtxt")),
    "a torch module": _layer(_object("keras.layers", "TorchModuleWrapper", {"module": _object("a", "b", CODE)})),
    "a foreign SavedModel": _layer(_object("keras.layers", "TFSMLayer", {"filepath": "/etc", "name": "t"})),
    "a data set": _layer(_object("keras.datasets.mnist", "load_data")),
    "an application": _layer(_object("keras.applications", "VGG16", {"weights": "/etc/passwd"})),
    "a words file": _layer(_object("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"})),
    "a words address": _argument("vocabulary", "http://127.0.0.1:9/x"),
    "another registered name": _layer(_object("keras.layers", "Dense", {"units": 4, "name": "d"}, "mine>Dense")),
    "a loss as a layer": _layer(_object("keras.losses", "MeanSquaredError")),
    "a function as a layer": _layer(_function("keras.activations", "relu")),
    "a registered name of a list": _layer(_object("keras.layers", "Dense", {"units": 4}, ["Dense"])),
    "a layer of no class": _layer({"class_name": 3, "config": {}}),
    "a loss as the root": _root(_object("keras.losses", "MeanSquaredError")),
    "a layer as the root": _root(_object("keras.layers", "Dense", {"units": 3})),
    "a function as the root": _root(_function("builtins", "eval")),
    "nothing as the root": _root({}),
    "a huge layer": _argument("units", 2**36),
    "a huge layer as a text": _argument("units", "9" * 30),
    "an unknown argument": _argument("hook", "os.system"),
    "units of none": _argument("units", None),
    "layers of none": lambda config: config["config"].update(layers=None),
    "a list for a config": lambda config: config.update(config=[]),
    "a dtype of code": _argument("dtype", {"class_name": "DTypePolicy", "config": {"name": CODED}}),
    "20,001 objects": lambda c: c["config"].update(layers=c["config"]["layers"][1:2] * 20_001),
    "5,001 layers": lambda c: c["config"].update(layers=[{"class_name": "X", "config": {}}] * 5_001),
    "layers that multiply": lambda c: [layer["config"].update(units=2**20) for layer in c["config"]["layers"][1:]],
    "200 nested models": lambda config: _deepen(config, 200),
}


def _deepen(config, times):
    inner = config["config"]["layers"]
    for _ in range(times):
        inner = [{"module": "keras", "class_name": "Sequential", "config": {"name": "n", "layers": inner}}]
    config["config"]["layers"] = inner


@pytest.mark.parametrize("name", CONFIGS)
def test_configs(tmp_path, sound, name):
    path = _write(tmp_path / "m.keras", _config(sound, CONFIGS[name]))
    refused(load_model, path)
    assert os.listdir(tmp_path) == ["m.keras"]


IN_COMPILE = ("eval as the loss", "exec as a metric", "Popen as the optimizer")  # model_from_json does not compile


@pytest.mark.parametrize("name", [name for name in CONFIGS if name not in IN_COMPILE])
def test_configs_as_json(sound, name):
    refused(model_from_json, _config(sound, CONFIGS[name])["config.json"])


def test_every_refusal_names_the_thing_and_the_mend(tmp_path, sound):
    path = _write(tmp_path / "m.keras", _config(sound, CONFIGS["Lambda with code"]))
    text = str(refused(load_model, path))
    assert text.startswith("Lambda layer 'l' in '")
    assert "custom_objects={'l': your_function}" in text
    assert "load_weights" in text
    path = _write(tmp_path / "m.keras", _config(sound, CONFIGS["os.system as a layer"]))
    assert "refers to os.system (in layer 'sequential" in str(refused(load_model, path))
    path = _write(tmp_path / "m.keras", _config(sound, CONFIGS["an unknown argument"]))
    assert "Dense 'hidden' in" in str(refused(load_model, path, "has the argument 'hook'"))


def test_safe_mode_has_no_off(tmp_path, sound):
    path = _write(tmp_path / "m.keras", _config(sound, CONFIGS["Lambda with code"]))
    refused(lambda p: load_model(p, safe_mode=False), path)
    refused(lambda p: load_model(p, safe_mode=None), path)


def test_a_lambda_takes_the_function_that_is_given(tmp_path, sound):
    def change(config):
        config["config"]["layers"].insert(
            2, {**LAMBDA, "config": {"name": "twice", "function": CODED, "arguments": {}}}
        )

    path = _write(tmp_path / "m.keras", _config(sound, change))
    model = load_model(path, custom_objects={"twice": lambda x: 2 * x})
    plain = load_model(_write(tmp_path / "p.keras", sound))
    x = np.ones((1, 3), "float32")
    kernel, bias = plain.layers[1].get_weights()
    np.testing.assert_allclose(model.predict(x, verbose=0), 2 * plain.layers[0](x) @ kernel + bias, rtol=1e-6)


ZIPS = {
    "two configs": lambda s: [*s.items(), ("config.json", s["config.json"])],
    "a foreign member": lambda s: {**s, "code.py": "import os"},
    "a member above": lambda s: {**s, "assets/../../X": "x"},
    "an absolute member": lambda s: {**s, "/tmp/X": "x"},
    "no weights": lambda s: {k: v for k, v in s.items() if k != "model.weights.h5"},
    "no config": lambda s: {k: v for k, v in s.items() if k != "config.json"},
    "a config of spaces": lambda s: {**s, "config.json": b" " * (40 * 2**20)},
    "a deep config": lambda s: {**s, "config.json": b"[" * 100_000 + b"]" * 100_000},
    "a config that is no JSON": lambda s: {**s, "config.json": b"\xff\xfe{"},
    "a config with a key twice": lambda s: {**s, "config.json": b'{"module": "os",' + s["config.json"][1:]},
    "a config of a list": lambda s: {**s, "config.json": b"[]"},
    "weights of zeros": lambda s: {**s, "model.weights.h5": b"\0" * 10_000},
    "a weights bomb": lambda s: {**s, "model.weights.h5": b"\0" * (100 * 2**20)},
    "files of no layer": lambda s: {**s, "assets/layers/dense/vocabulary.txt": "a"},
    "a file in a file": lambda s: {**s, "assets/a": "x", "assets/a/b": "x"},
    "an asset of a backslash": lambda s: {**s, "assets\\..\\X": "x"},
    "another's weights": lambda s: {**s, "config.json": s["config.json"].replace(b'"units": 4', b'"units": 5')},
    "metadata of spaces": lambda s: {**s, "metadata.json": b" " * (4 * 2**20)},
    "metadata that are no JSON": lambda s: {**s, "metadata.json": b"{"},
}


@pytest.mark.parametrize("name", ZIPS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zips(tmp_path, sound, name):
    path = _write(tmp_path / "m.keras", ZIPS[name](sound), compression=zipfile.ZIP_DEFLATED)
    refused(load_model, path)
    assert os.listdir(tmp_path) == ["m.keras"]


def test_a_link_in_the_zip(tmp_path, sound):
    link = zipfile.ZipInfo("metadata.json")
    link.external_attr = 0xA1FF << 16
    members = [(link, "/etc/passwd"), *((n, d) for n, d in sound.items() if n != "metadata.json")]
    refused(load_model, _write(tmp_path / "m.keras", members))


def test_cut_zips(tmp_path, sound):
    data = _write(tmp_path / "m.keras", sound).read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "m.keras").write_bytes(data[:length])
        with pytest.raises(DamagedFileError, match="is damaged"):
            keras_v3.members(tmp_path / "m.keras")


def test_flipped_bits_in_zips(tmp_path, sound):
    """What is read is what was written: a flip is refused, or stands where nothing is read (dates, versions)."""
    path = _write(tmp_path / "m.keras", sound)
    data, whole = path.read_bytes(), (sound["config.json"], sound["model.weights.h5"])
    found = 0
    for bit in range(0, 8 * len(data), 61):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        try:
            assert keras_v3.members(path) == whole
        except REFUSED:
            found += 1
    assert found > 0.9 * 8 * len(data) / 61


def _h5(write):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def _sound_h5(file):
    for n, shape in enumerate([(3, 4), (4, 2)]):
        group = file.create_group(f"layers/dense{'_1' if n else ''}/vars")
        group["0"], group["1"] = np.zeros(shape, "float32"), np.zeros(shape[1:], "float32")


def _replaced(make):
    """A sound file but for its first kernel, or for what `make` does to it."""

    def write(file):
        _sound_h5(file)
        del file["layers/dense/vars/0"]
        make(file["layers/dense/vars"])

    return write


def _external(group):
    group.create_dataset("0", (3, 4), "float32", external=[("/etc/passwd", 0, 48)])


def _virtual(group):
    layout = h5py.VirtualLayout((3, 4), "float32")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "d", (3, 4))
    group.create_virtual_dataset("0", layout)


def _set(value):
    def make(group):
        group["0"] = value

    return make


def _linked_group(link):
    def write(file):
        _sound_h5(file)
        del file["layers/dense"]
        file["layers"]["dense"] = link

    return write


def _loop(file):
    _sound_h5(file)
    file["layers/dense/again"] = file["layers"]


def _deep(file):
    _sound_h5(file)
    file.create_group("/".join("a" * 100))


H5 = {
    "external storage": _replaced(_external),
    "a virtual dataset": _replaced(_virtual),
    "an external link": _replaced(_set(h5py.ExternalLink("/tmp/other.h5", "/d"))),
    "a soft link": _replaced(_set(h5py.SoftLink("/layers/dense_1/vars/0"))),
    "an external link for a group": _linked_group(h5py.ExternalLink("/tmp/other.h5", "/d")),
    "a soft link for a group": _linked_group(h5py.SoftLink("/layers/dense_1")),
    "a loop": _loop,
    "one dataset twice": _replaced(lambda g: g.__setitem__("0", g["1"])),
    "deep groups": _deep,
    "a shape bomb": _replaced(lambda g: g.create_dataset("0", (2**38,), "float32", chunks=(2**20,), compression=1)),
    "a chunk bomb": _replaced(
        lambda g: g.create_dataset("0", (3, 4), "float32", maxshape=(None, None), chunks=(2**14,) * 2, compression=1)
    ),
    "storage that is not there": _replaced(lambda g: g.create_dataset("0", (3, 4), "float32")),
    "a foreign filter": _replaced(lambda g: g.create_dataset("0", data=np.zeros((3, 4)), compression="lzf")),
    "texts": _replaced(lambda g: g.create_dataset("0", data=np.array([[b"abc"] * 4] * 3))),
    "texts of any length": _replaced(lambda g: g.create_dataset("0", (3, 4), h5py.string_dtype())),
    "objects": _replaced(lambda g: g.create_dataset("0", (3, 4), h5py.ref_dtype)),
    "records": _replaced(lambda g: g.create_dataset("0", (3, 4), [("a", "f4")])),
    "whole numbers": _replaced(_set(np.zeros((3, 4), "int32"))),
    "a nameless place": lambda file: (_sound_h5(file), file.create_dataset("layers/dense/vars/x", data=1.0)),
    "nothing declared": _replaced(lambda g: g.create_dataset("0", dtype="float32", shape=None)),
}


@pytest.mark.parametrize("form", ["weights", "keras"])
@pytest.mark.parametrize("name", H5)
def test_hdf5(tmp_path, sound, name, form):
    path, data = tmp_path / "m", _h5(H5[name])
    if form == "weights":
        path.write_bytes(data)
        model = Sequential([Input((3,)), Dense(4), Dense(2)])
        before = model.get_weights()
        _refused_or_misfit(model.load_weights, path)
        assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    else:
        _write(path, {**sound, "model.weights.h5": data})
        _refused_or_misfit(lambda p: load_model(p, compile=False), path)
    assert os.listdir(tmp_path) == ["m"]


def _refused_or_misfit(load, path):
    """Another shape or kind of number is no attack: it may also be told as a misfit of the model."""
    with contextlib.suppress(ShapeError):
        refused(load, path)
    with pytest.raises((*REFUSED, ShapeError)):
        load(path)


def test_a_sound_hdf5_is_read(tmp_path):
    (tmp_path / "m").write_bytes(_h5(_sound_h5))
    model = Sequential([Input((3,)), Dense(4), Dense(2)])
    model.load_weights(tmp_path / "m")
    assert all((w == 0).all() for w in model.get_weights())


def test_cut_and_flipped_hdf5(tmp_path):
    """Refused, or (a flip in the numbers, which have no checksum) loaded; never another error."""
    model = Sequential([Input((3,)), Dense(4), Dense(2)])
    data, path = _h5(_sound_h5), tmp_path / "m"
    generator = np.random.default_rng(0)
    for length in range(0, len(data), 199):
        path.write_bytes(data[:length])
        with pytest.raises(REFUSED):
            model.load_weights(path)
    for bit in generator.integers(0, 8 * len(data), 300):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with contextlib.suppress(*REFUSED, ShapeError):
            model.load_weights(path)


def test_no_module_executes_code_of_files():
    """The source of the reader has no call that turns text of a file into code."""
    words = (
        "importlib",
        "__import__",
        "marshal",
        "pickle",
        "eval(",
        "exec(",
        "getattr(sys",
        "yaml.unsafe",
        "yaml.full",
        "yaml.Loader",
        "UnsafeLoader",
        "FullLoader",
    )
    sources = list(Path(keras_v3.__file__).parent.rglob("*.py"))
    assert len(sources) > 25
    for source in sources:
        assert not [w for w in words if w in source.read_text()], source


def test_a_container_has_the_memory_that_it_was_given(tmp_path, monkeypatch):
    """A config alone says what is to be allocated; the limit is that of the container where there is one."""
    (tmp_path / "limit").write_text(str(2**20))
    monkeypatch.setattr(configs, "_LIMITS", (tmp_path / "limit", tmp_path / "none"))
    text = Sequential([Input((100,)), Dense(200)]).to_json()
    with pytest.raises(UnsafeFileError, match=r"arrays of at most 16384 values, got more with \(100, 200\)"):
        model_from_json(text)
    (tmp_path / "limit").write_text("max\n")
    assert model_from_json(text).built


def test_a_fresh_process_loads_no_foreign_module(tmp_path, sound):
    """An audit of imports: loading a file brings in nothing but h5py and parts of the standard library."""
    path = _write(tmp_path / "m.keras", sound)
    script = f"""
import sys, gazelle, gazelle.models, h5py
before = set(sys.modules)
gazelle.models.load_model({str(path)!r})
new = {{m.split(".")[0] for m in set(sys.modules) - before}} - set(sys.stdlib_module_names)
readers = {{"pyfive", "fsspec", "numcodecs", "msgpack", "typing_extensions", "_cython_3_3_0", "__mp_main__"}}
readers.add("google_crc32c")
assert new <= {{"gazelle", "jax", "jaxlib", "numpy", "h5py", "ml_dtypes", *readers}}, new
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=os.getcwd())
    assert run.returncode == 0, run.stderr
