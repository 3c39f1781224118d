"""The module `pickle` (`cPickle`): files in text mode, and strings and arrays that Python 2 wrote."""

import pickle
from typing import Any

from gazelle.core.types import Foreign

__all__ = pickle.__all__


def load(file: Foreign) -> Foreign:
    """The object in a file."""
    return Unpickler(file).load()


def loads(data: str | bytes) -> Foreign:
    """The object in a string."""
    return pickle.loads(data.encode("latin1") if isinstance(data, str) else data, encoding="latin1")


def dump(obj: Foreign, file: Foreign, protocol: int | None = None) -> None:
    """Write an object to a file."""
    pickle.dump(obj, _binary(file), protocol)


class Unpickler(pickle.Unpickler):
    """Reads objects from a file."""

    def __init__(self, file: Foreign) -> None:
        self._file = file  # which closes its buffer at its end
        super().__init__(_binary(file), encoding="latin1")


class Pickler(pickle.Pickler):
    """Writes objects to a file."""

    def __init__(self, file: Foreign, protocol: int | None = None) -> None:
        self._file = file
        super().__init__(_binary(file), protocol)


def _binary(file: Any) -> Any:
    return getattr(file, "buffer", file)


def __getattr__(name: str) -> Foreign:
    return getattr(pickle, name)
