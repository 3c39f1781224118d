"""Small files that describe huge things. As a program: load each of them within limits, and write down what happened.

Every integer of every class is replaced by a huge one, in layers, initializers, losses, metrics, optimizers and
schedules; further builders attack the parsers of JSON and YAML, and the kinds of files.
"""

import contextlib
import importlib.util
import io
import json
import os
import resource
import socket
import sys
import time
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np

from gazelle import layers, saving
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize, serialize_object
from gazelle.models import Sequential, load_model, model_from_json
from gazelle.saving.h5_format import model_from_yaml
from gazelle.saving.safetensors import read_tensors

CONTRACTS = Path(__file__).parents[1] / "contracts"
HUGE = 10**8
MEMORY = 1 << 30  # bytes beyond which the child gets a MemoryError


def _module(name):
    spec = importlib.util.spec_from_file_location(name, CONTRACTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(name, config, module="layers"):
    return {"module": f"keras.{module}", "class_name": name, "config": config, "registered_name": None}


def sequential(entry, shape=(3,)):
    """The config of a model with one layer."""
    first = _entry("InputLayer", {"batch_shape": [None, *shape], "name": "i"})
    return {
        "module": "keras",
        "class_name": "Sequential",
        "registered_name": "Sequential",
        "config": {"name": "s", "layers": [first, entry]},
    }


def functional(entry, shapes, dtype="float32", separate=False):
    """The config of a model with one layer and several inputs."""
    names = [f"i{n}" for n in range(len(shapes))]
    inputs = [
        {**_entry("InputLayer", {"batch_shape": [None, *s[1:]], "dtype": dtype, "name": n}), "name": n}
        for n, s in zip(names, shapes, strict=True)
    ]
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None, *s[1:]], "dtype": dtype, "keras_history": [n, 0, 0]},
        }
        for n, s in zip(names, shapes, strict=True)
    ]
    args = tensors if separate else [tensors if len(tensors) > 1 else tensors[0]]
    config = {**entry["config"], "name": "x"}
    layer = {**entry, "name": "x", "config": config, "inbound_nodes": [{"args": args, "kwargs": {}}]}
    for one in inputs:
        one["inbound_nodes"] = []
    graph = {"name": "m", "layers": [*inputs, layer]}
    ends = {"input_layers": [[n, 0, 0] for n in names], "output_layers": [["x", 0, 0]]}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {**graph, **ends},
    }


def _integers(value, path=()):
    """The paths of all integers, and of lists of them, in a config."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        is_list = isinstance(inner, list) and inner and all(type(n) is int for n in inner)
        if is_list or (type(inner) is int and key not in ("shared_object_id", "axis", "seed")):
            yield (*path, key), [HUGE] * len(inner) if is_list else HUGE
        elif key not in ("build_config", "dtype"):
            yield from _integers(inner, (*path, key))


def _changed(value, path, new):
    out = json.loads(json.dumps(value))
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return out


def of_layers():
    """A huge integer at each place of each layer."""
    rows = _module("rows")
    for name, (arguments, shapes) in rows.LAYERS.items():
        if name not in REGISTRY["layers"]:
            continue  # of another test
        given = {k: deserialize(v) if isinstance(v, dict) else v for k, v in arguments.items()}
        entry = json.loads(json.dumps(serialize_object(REGISTRY["layers"][name](**given))))
        dtype = "int64" if name in rows.WHOLE else "float32"
        for path, huge in _integers(entry["config"]):
            changed = {**entry, "config": _changed(entry["config"], path, huge)}
            yield f"{name} {path}", {"config": functional(changed, shapes, dtype, name in rows.SEPARATE)}


def of_parts():
    """A huge integer at each place of each initializer, loss, metric, optimizer and schedule."""
    registry = _module("test_registry")
    dense = _entry("Dense", {"name": "d", "units": 4})
    for parameter in registry._classes():
        kind, cls = parameter.values
        entry = json.loads(json.dumps(serialize_object(cls(**registry.NEEDED.get(cls.__name__, {})))))
        for path, huge in _integers(entry["config"]):
            part = {**entry, "config": _changed(entry["config"], path, huge)}
            compiled = {"optimizer": "sgd", "loss": "mse"}
            model = sequential(dense)
            if kind in ("initializers", "regularizers", "constraints"):
                model = sequential(_entry("Dense", {"name": "d", "units": 4, f"kernel_{kind[:-1]}": part}))
            elif kind == "optimizers.schedules":
                compiled["optimizer"] = _entry("SGD", {"learning_rate": part}, "optimizers")
            else:
                key = {"losses": "loss", "metrics": "metrics", "optimizers": "optimizer"}[kind]
                compiled[key] = [part] if key == "metrics" else part
            yield f"{kind}.{cls.__name__} {path}", {"config": {**model, "compile_config": compiled}}


def _metric(name, **config):
    compiled = {"optimizer": "sgd", "loss": "mse", "metrics": [_entry(name, config, "metrics")]}
    return {"config": {**sequential(_entry("Dense", {"name": "d", "units": 4})), "compile_config": compiled}}


def of_products():
    """Arguments that are large only together, and values of other types."""
    sizes = {"fft_length": 2**24, "num_mel_bins": 500}
    yield "MelSpectrogram(2**24, 500)", {"config": sequential(_entry("MelSpectrogram", sizes), (2**24,))}
    yield (
        "MelSpectrogram(2**17, 200)",
        {"config": sequential(_entry("MelSpectrogram", {"fft_length": 2**17, "num_mel_bins": 200}), (2**17,))},
    )
    yield (
        "STFTSpectrogram(20000)",
        {"config": sequential(_entry("STFTSpectrogram", {"frame_length": 20_000}), (30_000, 1))},
    )
    yield "AUC(10**8)", _metric("AUC", num_thresholds=HUGE)
    yield "AUC(10**6)", _metric("AUC", num_thresholds=10**6)
    yield "AUC(10**5, 10**5)", _metric("AUC", num_thresholds=10**5, multi_label=True, num_labels=10**5)
    yield "MeanIoU(30000)", _metric("MeanIoU", num_classes=30_000)
    yield "OneHotIoU(30000)", _metric("OneHotIoU", num_classes=30_000, target_class_ids=[1])
    yield (
        "1000 times AUC",
        {
            "config": {
                **_metric("AUC")["config"],
                "compile_config": {
                    "optimizer": "sgd",
                    "metrics": [_entry("AUC", {"num_thresholds": 20_000}, "metrics")] * 1000,
                },
            }
        },
    )
    for name, size in (
        ("Dense", {"units": 2**20}),
        ("LSTM", {"units": 2000}),
        ("Embedding", {"output_dim": 9, "input_dim": 2**20}),
    ):
        shape = (3, 3) if name == "LSTM" else (2**10,)
        yield f"{name}({size})", {"config": sequential(_entry(name, {**size, "name": "x"}), shape)}
    for value in ("9" * 30, 1e300, -HUGE, [HUGE], {"a": HUGE}, True, 2**70):
        yield f"units={str(value)[:20]}", {"config": sequential(_entry("Dense", {"units": value, "name": "x"}))}
    for shape in ((HUGE,), (2**40,), (2**20, 2**20), (-HUGE,), ("a",)):
        yield f"inputs {shape}", {"config": sequential(_entry("Dense", {"units": 4, "name": "x"}), shape)}
        yield f"images {shape}", {"config": sequential(_entry("AveragePooling2D", {"padding": "same"}), (*shape, 5, 3))}
    deep = _entry("Dense", {"units": 4})
    for _ in range(30):
        deep = _entry("TimeDistributed", {"layer": deep})
    yield "30 wrappers", {"config": sequential(deep, (2,) * 40)}
    many = [_entry("BatchNormalization", {"name": f"b{n}"}) for n in range(6000)]
    yield "6000 layers", {"config": {**sequential(deep), "config": {"name": "s", "layers": many}}}


def of_operations():
    """Operations of a graph: loops of Python over an axis of an input, or as often as an argument states."""
    cases = (
        ("Diff", 1, {"n": HUGE}, (8,)),
        ("Split", 1, {"indices_or_sections": HUGE, "axis": 1}, (HUGE,)),
        ("Unstack", 1, {"axis": 1}, (HUGE,)),
        ("Pad", 1, {"pad_width": HUGE, "mode": "reflect"}, (8,)),
        ("Pad", 1, {"pad_width": HUGE}, (8,)),
        ("Repeat", 1, {"repeats": HUGE, "axis": 1}, (8,)),
        ("Tile", 1, {"repeats": [1, HUGE]}, (8,)),
        ("OneHot", 1, {"num_classes": HUGE}, (8,)),
        ("Scatter", 2, {"shape": [HUGE]}, (HUGE,)),
        ("ScatterUpdate", 3, {}, (HUGE,)),
        ("Select", 2, {}, (HUGE,)),
        ("CtcDecode", 2, {}, (HUGE, 4)),
        ("SeparableConv", 3, {}, (HUGE,)),
        ("AdaptiveAveragePool", 1, {"output_size": HUGE}, (8, 3)),
        ("Stft", 1, {"sequence_length": 8, "sequence_stride": 4, "fft_length": HUGE}, (100,)),
        ("Unfold", 1, {"kernel_size": 10_000}, (3, 20_000, 20_000)),
        ("AveragePool", 1, {"pool_size": 2, "padding": "same"}, (20_000, 20_000, 3)),
    )
    for number, (name, count, arguments, shape) in enumerate(cases):
        graph = functional(_entry(name, {}), [(None, *shape)])
        layer = graph["config"]["layers"][-1]
        tensor = layer["inbound_nodes"][0]["args"][0]
        layer |= {"module": "keras.src.ops.numpy", "inbound_nodes": [{"args": [tensor] * count, "kwargs": arguments}]}
        yield f"operation {number} {name}", {"config": graph}


def of_strings():
    """One long string among short ones: arrays of NumPy give each the space of the longest."""
    words = ["a" * 10**5, *(f"b{n}" for n in range(10**4))]
    yield "a long word", {"config": sequential(_entry("StringLookup", {"vocabulary": words, "name": "x"}), (1,))}
    nested = [["a" * 10**5], *([f"b{n}"] for n in range(10**4))]
    yield (
        "a long nested word",
        {"config": sequential(_entry("StringLookup", {"vocabulary": nested, "name": "x"}), (1,))},
    )
    yield (
        "a long word in a text layer",
        {"config": sequential(_entry("TextVectorization", {"vocabulary": words, "name": "x"}), (1,))},
    )
    for dtype in ("<U1000000", "S1000000", "V1000000", "O", "i4,i4", "(1000000,)i4", "float32", "none"):
        array = {"class_name": "__numpy__", "config": {"value": list(range(1000)), "dtype": dtype}}
        yield f"an array of {dtype}", {"config": sequential(_entry("Discretization", {"bin_boundaries": array}))}
    lookup = _entry("StringLookup", {"name": "x", "max_tokens": None})
    name = "assets/layers/string_lookup/vocabulary.txt"
    for kind, text in (
        ("many lines", "".join(f"{n:x}\n" for n in range(10**5))),
        ("a long line", "\n".join(["", *words])),
        ("one line", "a" * 2**24),
        ("line ends", "\n" * 2**24),
    ):
        yield f"assets of {kind}", {"config": sequential(lookup, (1,)), "assets": {name: text}}


def of_json():
    """Texts whose parsed form is much larger, in a .keras file and as text."""
    repeated = {
        "lists": ("[", "[],", "]"),
        "tables": ("[", '{"":0},', "]"),
        "numbers": ("[", "0,", "]"),
        "long numbers": ("[", "1e9,", "]"),
        "texts": ("[", '"",', "]"),
        "pairs": ("[", "[[]],", "]"),
        "members": ("{", '"a%d":[],', "}"),
    }
    for name, (start, part, end) in repeated.items():
        text = start + "".join(part % n if "%d" in part else part for n in range(300_000)).rstrip(",") + end
        text = '{"class_name":"Sequential","config":{"layers":[]},"x":' + text + "}"
        yield f"JSON of {name}", {"json": text}
        yield f"config of {name}", {"config": text}
    for name, text in {
        "open lists": "[" * 500_000,
        "open tables": '{"a":' * 100_000,
        "closed lists": "[" * 100_000 + "]" * 100_000,
        "digits": '{"a":' + "9" * 10**6 + "}",
        "a long text": '{"a":"' + "\\u0000" * 10**5 + '"}',
        "a long name": json.dumps(sequential(_entry("x" * 10**6, {}))),
        "nothing": "",
        "NaN": '{"class_name":NaN,"config":Infinity}',
        "a surrogate": json.dumps(sequential(_entry("\ud800", {}))),
        "an escape": json.dumps(sequential(_entry("Dense\x1b[2J", {"units": 3}))),
    }.items():
        yield f"JSON: {name}", {"json": text}


def of_yaml():
    """Texts that make parsers slow, or that stand for more than they contain."""
    names = range(1, 40)
    for name, text in {
        "open lists": "[" * 20_000,
        "lists after names": "[a, " * 20_000,
        "dashes": "- " * 20_000 + "a",
        "keys": "? " * 20_000 + "a",
        "indented lines": "".join(" " * n + "a:\n" for n in range(1000)),
        "items": "[" + "a," * 50_000 + "]",
        "more items": "[" + "a," * 1_000_000 + "]",
        "tables": "[" + "{a: b}," * 25_000 + "]",
        "sixties": "a: 1" + ":1" * 500_000,
        "sixties with a point": "a: 1" + ":1" * 500_000 + ".5",
        "digits": "a: " + "9" * 100_000,
        "hexadecimal digits": "a: 0x" + "f" * 100_000,
        "tables in tables": "a0: &a0 {k: v}\n"
        + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in names),
        "references": "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in names),
        "itself": "a: &a [*a]",
        "directives": "%TAG !a! tag:x\n" * 20_000,
        "spaces": " " * 2_000_000,
        "lines": "\n" * 2_000_000,
        "comments": "#\n" * 100_000,
        "documents": "---\n" * 20_000,
        "code": "!!python/object/apply:os.system ['true']",
        "bytes": "a: !!binary " + "A" * 1_000_000,
        "a set": "!!set {" + "? a," * 20_000 + "}",
        "a date": "a: 2001-12-14t21:59:43.10-05:00",
        "a quotation": "'" + "[" * 5000 + "'",
        "a layer": json.dumps(sequential(_entry("Dense", {"units": HUGE})), indent=1).replace("{", " {", 1),
    }.items():
        yield f"YAML: {name}", {"yaml": text}


def of_kinds(folder):
    """What is no file, for everything that reads one."""
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to(folder / "fifo")
    with contextlib.suppress(OSError):  # the path may be too long
        socket.socket(socket.AF_UNIX).bind(str(folder / "socket"))
    model = Sequential([layers.Input((3,)), layers.Dense(4)])
    readers = {
        "load_model": load_model,
        "load_weights": model.load_weights,
        "read_state": saving.read_state,
        "read_tensors": read_tensors,
    }
    for name in ("fifo", "folder", "link", "socket"):
        for reader in readers:
            yield f"{reader} of a {name}", {"read": readers[reader], "path": folder / name}
    for device in ("/dev/zero", "/dev/null", "/dev/random"):
        for reader in readers:
            yield f"{reader} of {device}", {"read": readers[reader], "path": device}


def of_hdf5():
    """Files of Keras 2."""
    sizes = (
        ("Dense", "units"),
        ("Conv2D", "filters"),
        ("LSTM", "units"),
        ("Embedding", "input_dim"),
        ("RepeatVector", "n"),
    )
    for name, key in sizes:
        config = {"name": "x", key: HUGE, **({"output_dim": 3} if name == "Embedding" else {})}
        config |= {"batch_input_shape": [None, 5, 5, 3][: {"Conv2D": 4, "LSTM": 3}.get(name, 2)]}
        config |= {"kernel_size": 3} if name == "Conv2D" else {}
        inner = [{"class_name": name, "config": config}]
        yield f"HDF5 of {name}", {"h5": {"class_name": "Sequential", "config": {"name": "s", "layers": inner}}}
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 4, "batch_input_shape": [None, 3]}}
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense]}}
    for name, config in (("AUC", {"num_thresholds": HUGE}), ("MeanIoU", {"num_classes": 30_000})):
        metric = {"class_name": name, "config": {"name": "m", "dtype": "float32", **config}}
        training = {"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": "mse", "metrics": [[metric]]}
        yield f"HDF5 of {name}", {"h5": model, "training": training}


BUILDERS = (of_layers, of_parts, of_products, of_operations, of_strings, of_json, of_yaml, of_hdf5)


def _write(folder, files, weights):
    """Write one file; returns the function that loads it and the function's argument."""
    if "read" in files:
        return files["read"], files["path"]
    if "json" in files:
        return model_from_json, files["json"]
    if "yaml" in files:
        return model_from_yaml, files["yaml"]
    path = folder / "m.keras"
    if "h5" in files:
        with h5py.File(path, "w") as file:
            file.attrs["keras_version"] = "2.3.1"
            file.attrs["model_config"] = json.dumps(files["h5"])
            if "training" in files:
                file.attrs["training_config"] = json.dumps(files["training"])
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [b"d"]
            group.create_group("d").attrs["weight_names"] = [b"k", b"b"]
            group["d/k"], group["d/b"] = np.zeros((3, 4), "float32"), np.zeros(4, "float32")
        return load_model, path
    config = files["config"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
        for name, text in files.get("assets", {}).items():
            archive.writestr(name, text)
    return load_model, path


def _status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))


def _warm(folder, weights):
    """What the first load imports and compiles is not the files'."""
    import scipy.signal  # noqa: F401 - the windows of spectrograms

    for name in ("LSTM", "GRU", "Dense"):
        model_from_json(json.dumps(sequential(_entry(name, {"name": "d", "units": 4}), (2, 3))))
    load, path = _write(folder, {"config": sequential(_entry("Dense", {"name": "d", "units": 4}))}, weights)
    load(path)
    model_from_yaml("class_name: Sequential\nconfig: []\n")


def run(folder):
    """{name: (error, text, bytes, seconds)} of all files."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.zeros((3, 4), "float32"), np.zeros(4, "float32")
    weights = buffer.getvalue()
    _warm(folder, weights)
    results = {}
    for name, files in (case for build in (*BUILDERS, lambda: of_kinds(folder)) for case in build()):
        load, argument = _write(folder, files, weights)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
        before, begun = _status("VmHWM"), time.process_time()
        resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + MEMORY, resource.RLIM_INFINITY))
        try:
            load(argument)
            error, text = "", ""
        except Exception as caught:
            error, text = type(caught).__name__, str(caught)[:300]
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert name not in results
        results[name] = error, text, _status("VmHWM") - before, time.process_time() - begun
    return results


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    Path(sys.argv[2]).write_text(json.dumps(run(Path(sys.argv[1]))))
