"""Keras' datasets, read from small files in place of the originals."""

import gzip
import hashlib
import io
import json
import pickle
import tarfile

import keras
import numpy as np
import pytest

from gazelle import datasets
from gazelle.core import settings
from gazelle.datasets import sources

R = np.random.default_rng(0)
LISTS = np.empty(9, dtype=object)
LISTS[:] = [R.integers(1, 40, R.integers(2, 8)).tolist() for _ in range(9)]


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def archive(folder, files):
    """A .tar.gz with pickles whose keys are bytes, as Python 2 wrote them."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in files.items():
            data = pickle.dumps({key.encode(): value for key, value in content.items()}, 4)
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A function that puts a file where `FILES` says, in a folder instead of the net."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))

    def serve(name, data, hashed=True):
        where = tmp_path / f"served_{name}"
        where.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest() if hashed else None
        monkeypatch.setitem(sources.FILES, name, (where.as_uri(), digest, sources.FILES[name][2]))
        return where

    return serve


def images(n):
    return R.integers(0, 256, (n, 28, 28)).astype("uint8"), R.integers(0, 10, n).astype("uint8")


def test_mnist_is_kept_in_the_cache(served, tmp_path):
    (x, y), (x2, y2) = images(5), images(3)
    where = served("mnist.npz", npz(x_train=x, y_train=y, x_test=x2, y_test=y2))
    got = datasets.mnist.load_data()
    where.unlink()
    for again in (got, datasets.mnist.load_data()):
        np.testing.assert_array_equal(again[0][0], x)
        np.testing.assert_array_equal(again[1][1], y2)
    assert (tmp_path / "home" / "datasets" / "mnist.npz").is_file()


def test_fashion_mnist(served):
    wanted = {}
    for part, n in (("train", 4), ("t10k", 2)):
        x, y = wanted[part] = images(n)
        served(f"{part}-images-idx3-ubyte.gz", gzip.compress(bytes(16) + x.tobytes()), hashed=False)
        served(f"{part}-labels-idx1-ubyte.gz", gzip.compress(bytes(8) + y.tobytes()), hashed=False)
    got = datasets.fashion_mnist.load_data()
    for (x, y), part in zip(got, ("train", "t10k")):
        np.testing.assert_array_equal(x, wanted[part][0])
        np.testing.assert_array_equal(y, wanted[part][1])


def test_cifar(served, monkeypatch):
    rows = R.integers(0, 256, (4, 3072)).astype("uint8")
    files = {f"data_batch_{i}": {"data": rows + i, "labels": [i, 1, 2, 3]} for i in range(1, 6)}
    files["test_batch"] = {"data": rows, "labels": [0, 1, 2, 3]}
    served("cifar-10-batches-py-target", archive("cifar-10-batches-py", files))
    (x, y), (x2, y2) = datasets.cifar10.load_data()
    assert (x.shape, y.shape, y.dtype) == ((20, 32, 32, 3), (20, 1), np.uint8)
    np.testing.assert_array_equal(x2[0, :, :, 1].ravel(), rows[0, 1024:2048])
    assert y2.ravel().tolist() == [0, 1, 2, 3]
    monkeypatch.setattr(settings, "image_data_format", lambda: "channels_first")
    np.testing.assert_array_equal(datasets.cifar10.load_data()[1][0].reshape(4, -1), rows)
    files = {
        part: {"data": rows, "fine_labels": [9, 8, 7, 6], "coarse_labels": [1, 1, 2, 2]} for part in ("train", "test")
    }
    served("cifar-100-python-target", archive("cifar-100-python", files))
    assert datasets.cifar100.load_data()[0][1].ravel().tolist() == [9, 8, 7, 6]
    assert datasets.cifar100.load_data("coarse")[1][1].ravel().tolist() == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="Unknown label_mode 'rough'"):
        datasets.cifar100.load_data("rough")


def result_of_keras(monkeypatch, module, path, **arguments):
    monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(path))
    return module.load_data(**arguments)


def equal(ours, theirs):
    for a, b in zip([*ours[0], *ours[1]], [*theirs[0], *theirs[1]], strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


WORDS = [
    {},
    {"num_words": 20},
    {"skip_top": 3, "num_words": 30, "oov_char": None},
    {"start_char": None},
    {"maxlen": 7},
    {"index_from": 0, "seed": 4},
    {"start_char": None, "index_from": None, "oov_char": 0, "skip_top": 5},
]


@pytest.mark.parametrize("arguments", WORDS)
def test_texts_as_in_keras(served, monkeypatch, arguments):
    from keras.src.datasets import imdb, reuters

    y = R.integers(0, 2, 9)
    where = served("imdb.npz", npz(x_train=LISTS, y_train=y, x_test=LISTS[::-1], y_test=y))
    equal(datasets.imdb.load_data(**arguments), result_of_keras(monkeypatch, imdb, where, **arguments))
    if arguments.get("index_from", 3) is None:
        return  # Keras' reuters leaves words as they are then
    where = served("reuters.npz", npz(x=LISTS, y=y))
    more = {"test_split": 0.4, **arguments}
    if arguments.get("start_char", 1) is not None:
        equal(datasets.reuters.load_data(**more), result_of_keras(monkeypatch, reuters, where, **more))


@pytest.mark.parametrize("split", [0.2, 0.5, 0.0])
def test_houses_as_in_keras(served, monkeypatch, split):
    from keras.src.datasets import boston_housing, california_housing

    data = npz(x=R.normal(size=(700, 4)), y=R.normal(size=700))
    for ours, theirs in ((datasets.boston_housing, boston_housing), (datasets.california_housing, california_housing)):
        where = served(f"{theirs.__name__.split('.')[-1]}.npz", data)
        arguments = {"test_split": split, "seed": 3}
        equal(ours.load_data(**arguments), result_of_keras(monkeypatch, theirs, where, **arguments))
    assert len(datasets.california_housing.load_data("small", test_split=0.5)[0][0]) == 300
    with pytest.raises(ValueError, match="Unknown version 'tiny'"):
        datasets.california_housing.load_data("tiny")
    with pytest.raises(ValueError, match="test_split: expected a fraction >= 0 and < 1, got 1"):
        datasets.boston_housing.load_data(test_split=1)


def test_words_and_topics(served):
    for module, name in ((datasets.imdb, "imdb"), (datasets.reuters, "reuters")):
        served(f"{name}_word_index.json", json.dumps({"the": 1}).encode())
        assert module.get_word_index() == {"the": 1}
    assert datasets.reuters.get_label_names() == tuple(keras.datasets.reuters.get_label_names())
    assert len(datasets.reuters.get_label_names()) == 46


def test_addresses_and_hashes_are_keras():
    import inspect

    from keras.src import datasets as theirs

    text = "".join(
        inspect.getsource(getattr(theirs, name))
        for name in (
            "boston_housing",
            "california_housing",
            "cifar10",
            "cifar100",
            "fashion_mnist",
            "imdb",
            "mnist",
            "reuters",
        )
    )
    text = text.replace('"\n        "', "")
    for name, (address, digest, _) in sources.FILES.items():
        assert name in text
        assert address.replace(sources.BASE, "") in text
        assert digest is None or digest in text


def test_without_a_network_the_error_says_where_to_put_the_file(served, tmp_path, monkeypatch):
    for name in ("mnist.npz", "cifar-10-batches-py-target"):
        address = (tmp_path / "gone.npz").as_uri()
        monkeypatch.setitem(sources.FILES, name, (address, "0" * 64, "datasets"))
    home = tmp_path / "home" / "datasets"
    with pytest.raises(ValueError, match=r"mnist\.npz cannot be downloaded from file://") as error:
        datasets.mnist.load_data()
    assert f"save it as {home / 'mnist.npz'}" in str(error.value)
    with pytest.raises(ValueError, match="cannot be downloaded") as error:
        datasets.cifar10.load_data()
    assert f"save it as {home / 'cifar-10-batches-py-target_archive'}" in str(error.value)
    with pytest.raises(ValueError, match="got no such file"):
        datasets.mnist.load_data(str(tmp_path / "mine.npz"))


def test_what_the_error_says_works(served, tmp_path, monkeypatch):
    """A file put there by hand is taken, and unpacked if it is an archive."""
    rows = np.zeros((1, 3072), "uint8")
    files = {f"data_batch_{i}": {"data": rows, "labels": [i]} for i in range(1, 6)}
    data = archive("cifar-10-batches-py", {**files, "test_batch": {"data": rows, "labels": [0]}})
    home = tmp_path / "home" / "datasets"
    home.mkdir(parents=True)
    (home / "cifar-10-batches-py-target_archive").write_bytes(data)
    gone = (tmp_path / "gone.tar.gz").as_uri()
    digest = hashlib.sha256(data).hexdigest()
    monkeypatch.setitem(sources.FILES, "cifar-10-batches-py-target", (gone, digest, "datasets"))
    assert datasets.cifar10.load_data()[0][1].ravel().tolist() == [1, 2, 3, 4, 5]


class Hostile:
    def __reduce__(self):
        return print, ("run",)


def test_nothing_in_a_file_is_run(served, capsys):
    evil = np.empty(1, dtype=object)
    evil[0] = Hostile()
    served("imdb.npz", npz(x_train=evil, y_train=evil, x_test=evil, y_test=evil))
    with pytest.raises(ValueError, match=r"expected lists, numbers and arrays, got builtins\.print"):
        datasets.imdb.load_data()
    assert "run" not in capsys.readouterr().out
    served("reuters.npz", b"no zip at all")
    with pytest.raises(ValueError, match=r"is not a .npz file"):
        datasets.reuters.load_data()
