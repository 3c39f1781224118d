"""Results of Keras, computed once and stored in `recorded/`: a test run computes only gazelle's results.

make test            compares with the recorded results; what is not recorded is computed by Keras
make record-oracle   computes all of them with the installed Keras 3.15 and writes them
GAZELLE_ORACLE=live  computes instead of reading, and compares nothing with the files
"""

import hashlib
import json
import os
import pathlib
import zipfile

import jax
import ml_dtypes  # noqa: F401 - NumPy learns 'bfloat16'
import numpy as np

MODE = os.environ.get("GAZELLE_ORACLE", "recorded")
FOLDER = pathlib.Path(__file__).parent / "recorded"

#: modules whose tests use the layer or optimizer of Keras after its results: always computed
LIVE = {"test_layers_recurrent", "test_layers_embedding", "test_optimizers"}

_test, _number = None, 0
_archives = {}  # module -> {member: bytes}
_new = {}  # module -> {member: bytes}, to be written


def begin(item):
    """Assign the following calls of `expected` to this test."""
    global _test, _number
    _test, _number = item, 0


def expected(compute, *inputs):
    """What `compute()` returns: arrays, numbers and strings in lists, tuples and dicts.

    Args:
        compute: Function of no arguments that runs Keras.
        *inputs: What the result depends on besides the name of the test. A record of other inputs is refused.

    Returns:
        The same tree, with NumPy arrays in place of those of JAX.
    """
    global _number
    module, test = _test.path.stem, _test.nodeid.partition("::")[2]
    member = hashlib.sha256(f"{test}#{_number}".encode()).hexdigest()[:20]
    _number += 1
    digest = _digest(inputs)
    if MODE == "recorded" and member in _archive(module):
        found = _decoded(_archive(module)[member])
        assert found[0] == digest, "recorded for other inputs: run `make record-oracle`"
        return found[1]
    result = compute()
    if MODE == "record" and module not in LIVE:
        _new.setdefault(module, {})[member] = _encoded((digest, result))
    return _decoded(_encoded((digest, result)))[1]


def write():
    """Write what was computed in this process. The file of a module is replaced: record whole modules."""
    for module, members in _new.items():
        FOLDER.mkdir(exist_ok=True)
        with zipfile.ZipFile(FOLDER / f"{module}.zip", "w", zipfile.ZIP_LZMA) as archive:
            everything = [[name, len(content)] for name, content in sorted(members.items())]
            entry = zipfile.ZipInfo("index.json", (2020, 1, 1, 0, 0, 0))
            archive.writestr(entry, json.dumps(everything), zipfile.ZIP_LZMA)
            entry = zipfile.ZipInfo("results", (2020, 1, 1, 0, 0, 0))
            archive.writestr(entry, b"".join(members[name] for name, _ in everything), zipfile.ZIP_LZMA)


def _archive(module):
    if module not in _archives:
        _archives[module] = {}
        path = FOLDER / f"{module}.zip"
        if path.exists():
            with zipfile.ZipFile(path) as archive:
                content, start = archive.read("results"), 0
                for name, size in json.loads(archive.read("index.json")):
                    _archives[module][name] = content[start : start + size]
                    start += size
    return _archives[module]


def _digest(inputs):
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(inputs, is_leaf=lambda value: value is None):
        array = hasattr(leaf, "dtype")
        digest.update(np.asarray(leaf).tobytes() if array else repr(leaf).encode())
        digest.update(f"{np.shape(leaf)}{leaf.dtype}".encode() if array else b";")
    return digest.hexdigest()[:16]


def _encoded(tree):
    arrays = []

    def encode(value):
        if isinstance(value, dict):
            return {"dict": [[key, encode(entry)] for key, entry in value.items()]}
        if isinstance(value, (list, tuple)):
            return {type(value).__name__: [encode(entry) for entry in value]}
        if value is None or isinstance(value, (bool, int, float, str)):
            return {"value": value}
        array = np.asarray(value)
        arrays.append(array.tobytes())
        return {"array": [array.dtype.name, array.shape]}

    header = json.dumps(encode(tree)).encode()
    return len(header).to_bytes(4, "little") + header + b"".join(arrays)


def _decoded(content):
    size = 4 + int.from_bytes(content[:4], "little")
    place = size

    def decode(node):
        nonlocal place
        ((kind, value),) = node.items()
        if kind == "dict":
            return {key: decode(entry) for key, entry in value}
        if kind in ("list", "tuple"):
            entries = [decode(entry) for entry in value]
            return entries if kind == "list" else tuple(entries)
        if kind == "value":
            return value
        dtype, shape = np.dtype(value[0]), tuple(value[1])
        length = int(np.prod(shape)) * dtype.itemsize
        array = np.frombuffer(content, dtype, int(np.prod(shape)), place) if length else np.zeros(0, dtype)
        place += length
        return array.reshape(shape).copy()

    return decode(json.loads(content[4:size]))
