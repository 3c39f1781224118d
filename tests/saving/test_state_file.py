"""Checkpoint files: they are read as written, and damaged ones are detected."""

import hashlib
import json

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from gazelle.core.errors import DamagedFileError
from gazelle.saving import read_state, write_state
from gazelle.saving.safetensors import DTYPES, header_of, raw, read_tensors
from gazelle.saving.state_file import check_state

META = {
    "epoch": 3,
    "batch": 7,
    "history": {"loss": [0.5, 0.25]},
    "seed": 2**40,
    "model": [["dense/kernel", [2, 3], "float32"]],
}


def _tensors():
    return {
        "params/dense/kernel": np.arange(6, dtype="float32").reshape(2, 3),
        "buffers/half": np.asarray(jnp.arange(4), jnp.bfloat16),
        "key": np.array([1, 2**32 - 1], "uint32"),
        "step": np.asarray(4, "int32"),
        "empty": np.zeros((0, 3)),
        "flags": np.array([True, False]),
    }


def test_round_trip(tmp_path):
    write_state(tmp_path / "s", _tensors(), META)
    tensors, meta = read_state(tmp_path / "s")
    assert meta == META
    assert list(tensors) == list(_tensors())
    for name, array in _tensors().items():
        assert tensors[name].dtype == array.dtype
        np.testing.assert_array_equal(tensors[name], array)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_every_dtype(tmp_path, dtype):
    array = np.asarray([[0, 1], [1, 0]]).astype(dtype)
    write_state(tmp_path / "s", {"a": array}, {})
    back = read_state(tmp_path / "s")[0]["a"]
    assert back.dtype == dtype
    assert (back == array).all()


def test_the_library_safetensors_reads_it_and_we_read_its_files(tmp_path):
    write_state(tmp_path / "s", _tensors(), META)
    theirs = safetensors.numpy.load_file(tmp_path / "s")
    for name, array in _tensors().items():
        np.testing.assert_array_equal(theirs[name], array)
    safetensors.numpy.save_file({"b": np.ones((2, 2), "float32"), "a": np.arange(3)}, tmp_path / "t", {"who": "they"})
    ours, metadata = read_tensors(tmp_path / "t")
    assert metadata == {"who": "they"}
    np.testing.assert_array_equal(ours["a"], np.arange(3))
    np.testing.assert_array_equal(ours["b"], np.ones((2, 2)))


def test_numpys_and_jaxs_numbers_are_words_too(tmp_path):
    write_state(tmp_path / "s", {}, {"loss": np.float32(0.5), "lr": jnp.float32(0.25), "best": np.arange(2)})
    assert read_state(tmp_path / "s")[1] == {"loss": 0.5, "lr": 0.25, "best": [0, 1]}
    with pytest.raises(TypeError, match="cannot be saved in a checkpoint"):
        write_state(tmp_path / "s", {}, {"model": object()})


def test_strided_arrays_and_numbers(tmp_path):
    array = np.arange(12, dtype="float32").reshape(3, 4).T[::2]
    write_state(tmp_path / "s", {"a": array, "n": 3.5}, {})
    tensors, _ = read_state(tmp_path / "s")
    np.testing.assert_array_equal(tensors["a"], array)
    assert tensors["n"] == 3.5


def test_a_flipped_bit_in_every_byte_is_found(tmp_path):
    path = tmp_path / "s"
    write_state(path, {"w": np.arange(3, dtype="float32")}, {"epoch": 1})
    data = path.read_bytes()
    for place in range(len(data)):  # any bit of any byte: tests/torture/test_damage.py
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(DamagedFileError):
            read_state(path)


def test_every_cut_is_found(tmp_path):
    path = tmp_path / "s"
    write_state(path, {"w": np.arange(3, dtype="float32")}, {"epoch": 1})
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(DamagedFileError, match="is damaged"):
            read_state(path)
    path.write_bytes(data + b"more")
    with pytest.raises(DamagedFileError, match="declares 12 bytes of data, the file contains 16"):
        read_state(path)


def test_the_checksum_of_earlier_files_is_read(tmp_path):
    """Files of the first version bear a SHA-256 instead."""
    header = header_of(
        {"w": np.zeros(2)}, {"format": "gazelle-state", "version": "1", "meta": "{}", "sha256": "0" * 64}
    )
    content = header + bytes(16)
    path = tmp_path / "s"
    path.write_bytes(content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode()))
    assert check_state(path)["version"] == "1"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(DamagedFileError, match="its checksum does not match"):
        check_state(path)


DATA = b"12345678"


def _with_header(entries, data=b""):
    text = json.dumps(entries).encode() if isinstance(entries, dict) else entries
    return len(text).to_bytes(8, "little") + text + data


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        (2**62).to_bytes(8, "little") + b"{}",
        _with_header(b"[" * 100_000),
        _with_header(b"[]"),
        _with_header(b'{"a":1}'),
        _with_header({"a": F32 | {"shape": [2**40]}}),
        _with_header({"a": F32}, b"1234567"),
        _with_header({"a": F32 | {"shape": [-2]}}, DATA),
        _with_header({"a": F32 | {"dtype": "PICKLE"}}, DATA),
        _with_header({"a": F32, "b": F32}, DATA),
        _with_header({"a": F32 | {"data_offsets": [0.0, 8]}}, DATA),
        _with_header(b'{"a":' + json.dumps(F32).encode() + b',"a":' + json.dumps(F32).encode() + b"}", DATA),
        _with_header({"__metadata__": {"a": 1}}),
        _with_header({"__metadata__": 3}),
        _with_header({"a": F32 | {"shape": "2"}}),
    ],
    ids=range(16),
)
def test_hostile_headers(tmp_path, content):
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(DamagedFileError):
        read_tensors(tmp_path / "s")


def test_another_format_and_another_version(tmp_path):
    path, tensors = tmp_path / "s", {"a": np.ones(2)}
    path.write_bytes(header_of(tensors, {}) + raw(tensors["a"]))
    with pytest.raises(
        DamagedFileError, match="is not a checkpoint: expected the format 'gazelle-state', got another one"
    ):
        read_state(path)
    metadata = {"format": "gazelle-state", "version": "99", "sha256": "", "meta": "{}"}
    path.write_bytes(header_of(tensors, metadata) + raw(tensors["a"]))
    with pytest.raises(DamagedFileError, match="another version: expected 1, got 99"):
        read_state(path)


def test_dtypes_that_the_format_has_not(tmp_path):
    with pytest.raises(TypeError, match="Tensor 'names'"):
        write_state(tmp_path / "s", {"names": np.array(["a"])}, {})
    assert not (tmp_path / "s").exists()
