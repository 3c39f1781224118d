"""Positions in streams: a source that can save its position is restored on resuming instead of being read again."""

from __future__ import annotations

import base64
import copy
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from gazelle.core.types import Foreign, Serialized

#: names of the methods by which iterators and loaders save and restore a position
_METHODS = (("get_state", "set_state"), ("state_dict", "load_state_dict"))


class Position(Protocol):
    """Interface of a source that can save its position.

    `state()` returns the position after the last batch; after `restore(state)`, the next iteration continues there.
    """

    def __iter__(self) -> Iterator[Any]: ...

    def state(self) -> Serialized:
        """The position."""
        ...

    def restore(self, state: Serialized) -> None:
        """Continue at a position."""
        ...


def position_of(x: Foreign) -> Position | None:
    """The object that saves the position of a source: the source itself, an adapter, or None.

    Args:
        x: a source: with `state` and `restore`, with `state_dict` and `load_state_dict` (torchdata, Hugging Face), or
            whose iterator has them, or `get_state` and `set_state` (grain).
    """
    if has_position(x):
        own: Position = x
        return own
    if _methods(x) != _METHODS[1]:
        return IteratorPosition(x)
    return None if _has_shuffle_buffer(x) else LoaderPosition(x)


def has_position(x: object) -> bool:
    """Whether the source itself has `state()` and `restore(state)`."""
    return callable(getattr(x, "state", None)) and callable(getattr(x, "restore", None))


def _methods(x: Any) -> tuple[str, str] | None:
    return next((pair for pair in _METHODS if all(callable(getattr(x, name, None)) for name in pair)), None)


def _has_shuffle_buffer(x: Any) -> bool:
    """Whether a Hugging Face dataset draws from a shuffle buffer, whose content is not part of its state."""
    if isinstance(x, (list, tuple)):
        return any(map(_has_shuffle_buffer, x))
    if type(x).__module__.split(".")[0] != "datasets" or not hasattr(x, "__iter__"):
        return False
    return "BufferShuffled" in type(x).__name__ or any(map(_has_shuffle_buffer, vars(x).values()))


class Stateful(Protocol):
    """Interface of the loaders and datasets of torchdata and Hugging Face."""

    def __iter__(self) -> Iterator[Any]: ...

    def state_dict(self) -> Serialized:
        """The position."""
        ...

    def load_state_dict(self, state: Serialized, /) -> None:
        """Continue at a position."""
        ...


class LoaderPosition:
    """Position of a loader or dataset with `state_dict` and `load_state_dict`.

    Args:
        loader: the loader.
    """

    def __init__(self, loader: Stateful) -> None:
        self._loader = loader
        # A restored Hugging Face dataset starts every pass at the restored position, not only the next one.
        sticky = type(loader).__module__.split(".")[0] == "datasets"
        self._begin = copy.deepcopy(loader.state_dict()) if sticky else None
        self._restored: bool | None = None

    def __iter__(self) -> Iterator[Any]:
        if self._restored is False and self._begin is not None:
            self._loader.load_state_dict(copy.deepcopy(self._begin))
        if self._restored:
            self._restored = False
        return iter(self._loader)

    def state(self) -> Serialized:
        return copy.deepcopy(self._loader.state_dict())

    def restore(self, state: Serialized) -> None:
        self._loader.load_state_dict(state)
        self._restored = True


class IteratorPosition:
    """Position of an iterator that saves its own.

    Args:
        data: an iterable; only its iterator shows whether it has a position.

    Attributes:
        known: whether the last iterator saves its position.
    """

    def __init__(self, data: Iterable[Any]) -> None:
        self._data, self._iterator, self._start = data, None, None
        self.known = False

    def __iter__(self) -> Iterator[Any]:
        iterator: Any = iter(self._data)
        methods = _methods(iterator)
        self.known, self._iterator = methods is not None, iterator
        if methods is not None and self._start is not None:
            getattr(iterator, methods[1])(self._start)
        self._start = None
        return iterator

    def state(self) -> Serialized:
        """The position in the pass; None before a pass."""
        methods = _methods(self._iterator)
        return {"in_pass": None if methods is None else copy.deepcopy(getattr(self._iterator, methods[0])())}

    def restore(self, state: Serialized) -> None:
        self._start, self._iterator = state["in_pass"], None

    def ended(self) -> None:
        """The pass has ended: the next one starts at the beginning."""
        self._iterator = None


# Text ----------------------------------------------------------------------------------------------------------------


class UnknownValue(Exception):  # noqa: N818 - caught by the caller, which names the source
    """A value of a type that a checkpoint cannot hold."""


def encode(value: object) -> Serialized:
    """Encode a state as values that JSON can hold.

    Args:
        value: numbers, text, bytes, arrays, tensors of torch, and lists, tuples and dicts of these.

    Raises:
        UnknownValue: there is a value of another type.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (bytes, bytearray)):
        return _text_of(value)
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, dict):
        return {"items": [[encode(key), encode(item)] for key, item in value.items()]}
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        return {"tensor": encode(value.detach().cpu().numpy())}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        content = np.ascontiguousarray(value).tobytes()
        return {"dtype": value.dtype.str, "shape": list(value.shape), **_text_of(content)}
    raise UnknownValue(type(value).__name__)


def _text_of(content: bytes | bytearray) -> dict[str, str]:
    return {"bytes": base64.b64encode(content).decode("ascii")}


def decode(value: Serialized) -> object:
    """Decode the result of `encode`.

    Args:
        value: what it returned.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "items" in value:
        return {decode(key): decode(item) for key, item in value["items"]}
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "tensor" in value:
        array = decode(value["tensor"])
        return sys.modules["torch"].from_numpy(array) if "torch" in sys.modules else array
    if "bytes" not in value:  # as earlier versions wrote them
        return value
    content = base64.b64decode(value["bytes"])
    if "dtype" not in value:
        return content
    return np.frombuffer(content, np.dtype(value["dtype"])).reshape(value["shape"]).copy()
