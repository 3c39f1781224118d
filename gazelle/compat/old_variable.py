"""Shapes and variables with their methods of earlier versions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.types import ArrayLike, AxisLike, NamedObject
from gazelle.core.errors import ArgumentError, ShapeError, message


def _of_sizes(name: str) -> Callable[[int, object], Any]:
    """A method of integers whose result is a `Dimension`."""
    compute = getattr(int, name)

    def computed(self: int, other: object) -> Any:
        result = compute(self, other)
        return result if result is NotImplemented else Dimension(result)

    return computed


class Dimension(int):
    """A size, which programs of TensorFlow 1 read as `shape[i].value`; also a product and so on of several.

    >>> (Dimension(3) * Dimension(4) + 1).value
    13
    """

    def __new__(cls, value: Any) -> Any:
        return UnknownSize() if getattr(value, "value", value) is None else super().__new__(cls, value)

    value = _value = property(int)
    __add__, __radd__, __sub__, __mul__, __rmul__, __floordiv__ = map(
        _of_sizes, ("__add__", "__radd__", "__sub__", "__mul__", "__rmul__", "__floordiv__")
    )

    def is_compatible_with(self, other: int | UnknownSize | None) -> bool:
        """Return whether the sizes are equal, or the other one is not known."""
        size = getattr(other, "value", other)
        return size is None or int(self) == size

    def assert_is_compatible_with(self, other: int | UnknownSize | None) -> None:
        """Raise an error if the sizes differ."""
        if not self.is_compatible_with(other):
            raise ShapeError(message("Sizes of an axis", expected=str(int(self)), got=str(other)))

    def merge_with(self, other: int | UnknownSize | None) -> Dimension:
        """Return the size, which the other one must not contradict."""
        self.assert_is_compatible_with(other)
        return self


class UnknownSize:
    """A size that is not known, as programs of TensorFlow 1 read it: `shape[i].value` is None."""

    value = _value = None

    @ignores("other")
    def is_compatible_with(self, other: object) -> bool:
        """Return True."""
        return True

    assert_is_compatible_with = is_compatible_with

    def merge_with(self, other: int | UnknownSize | None) -> Dimension | UnknownSize:
        """Return the other size."""
        return Dimension(other)

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "?"


class _Size(np.int64):
    """The product of sizes that NumPy computes."""

    value = property(int)


class TensorShape(tuple[Any, ...]):
    """A shape: a tuple of sizes, with None for unknown ones.

    >>> TensorShape([None, 3]).as_list(), TensorShape([2, 3]) == [2, 3]
    ([None, 3], True)
    """

    def __new__(cls, dims: Any = ()) -> TensorShape:
        sizes = [] if dims is None else [dims] if hasattr(dims, "__index__") else dims
        shape = super().__new__(cls, (None if getattr(n, "value", n) is None else Dimension(n) for n in sizes))
        shape._unknown = dims is None or getattr(dims, "_unknown", False)
        return shape

    unknown: UnknownSize | None = None  #: what `shape[i]` is; set while a graph of TensorFlow 1 is built
    _unknown = False  # also the number of axes

    def as_list(self) -> list[int | None]:
        if self._unknown:
            raise ArgumentError(message("as_list() of a shape", expected="a known number of axes", got="<unknown>"))
        return [None if n is None else int(n) for n in self]

    rank = property(lambda self: None if self._unknown else len(self))
    ndims = rank
    dims = property(lambda self: None if self._unknown else [UnknownSize() if n is None else n for n in self])

    @ignores("out")
    def prod(self, axis: AxisLike = None, **options: NamedObject) -> np.generic:
        """The value of `np.prod(shape)`, which passes its arguments."""
        return np.prod(tuple(self), axis, **options) if options else _Size(math.prod(self))

    def num_elements(self) -> int | None:
        return math.prod(self) if self.is_fully_defined() else None

    def is_fully_defined(self) -> bool:
        return not self._unknown and None not in tuple(self)

    def is_compatible_with(self, other: Sequence[int | None]) -> bool:
        if self._unknown or getattr(other, "_unknown", other is None):
            return True
        return len(self) == len(other) and all(a == b or None in (a, b) for a, b in zip(self, other, strict=True))

    def assert_has_rank(self, rank: int) -> None:
        if len(self) != rank:
            raise ShapeError(message("A shape", expected=f"{rank} axes", got=f"{len(self)}: {tuple(self)}"))

    def assert_same_rank(self, other: Sequence[int | None]) -> None:
        if not (self._unknown or getattr(other, "_unknown", other is None)):
            self.assert_has_rank(len(other))

    def assert_is_compatible_with(self, other: Sequence[int | None]) -> None:
        if not self.is_compatible_with(other):
            raise ShapeError(message("A shape", expected=tuple(other), got=tuple(self)))

    def with_rank(self, rank: int) -> TensorShape:
        """Return a shape with so many axes."""
        if self._unknown:
            return TensorShape([None] * rank)
        self.assert_has_rank(rank)
        return self

    def with_rank_at_least(self, rank: int) -> TensorShape:
        """Return the shape if it has so many axes or more."""
        return self if self._unknown else self.with_rank(max(rank, len(self)))

    def with_rank_at_most(self, rank: int) -> TensorShape:
        """Return the shape if it has so many axes or fewer."""
        return self if self._unknown else self.with_rank(min(rank, len(self)))

    def merge_with(self, other: Sequence[int | None]) -> TensorShape:
        """Return the shape with the sizes of both."""
        self.assert_is_compatible_with(other)
        if self._unknown or getattr(other, "_unknown", other is None):
            return TensorShape(None) if other is None else TensorShape(other) if self._unknown else self
        return TensorShape(b if a is None else a for a, b in zip(self, other, strict=True))

    def concatenate(self, other: int | Sequence[int | None]) -> TensorShape:
        return TensorShape(None if self._unknown else (*self, *TensorShape(other)))

    def __getitem__(self, index: Any) -> Any:
        out = None if self._unknown else super().__getitem__(index)
        if isinstance(index, slice):
            return TensorShape(out)
        return self.unknown if out is None else out

    def __add__(self, other: Any) -> TensorShape:
        return TensorShape((*self, *other))

    def __radd__(self, other: Sequence[int | None]) -> TensorShape:
        return TensorShape((*other, *self))

    def __eq__(self, other: object) -> bool:
        if self._unknown or other is None:
            return self._unknown and (other is None or getattr(other, "_unknown", False))
        sizes = (other,) if hasattr(other, "__index__") else other  # a number is a shape of one axis
        return isinstance(sizes, list | tuple) and tuple(self) == tuple(sizes)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"TensorShape({None if self._unknown else list(self)})"

    def __str__(self) -> str:
        text = "<unknown>" if self._unknown else str(tuple(self))
        return text if self.unknown is None else text.replace("None", str(self.unknown))


class Reference:
    """The result of `tensor.ref()`: hashable, and equal for the same tensor."""

    def __init__(self, target: object) -> None:
        self.target = target

    def deref(self) -> object:
        return self.target

    def __hash__(self) -> int:
        return id(self.target)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and other.target is self.target


def reference(target: object) -> Reference:
    """Return a key for dictionaries."""
    return Reference(target)


class OldVariable:
    """Methods of variables in earlier versions."""

    def get_value(self, borrow: bool = False) -> np.ndarray[Any, Any]:
        """Return the value as a NumPy array."""
        return self.numpy()

    def set_value(self, value: ArrayLike, borrow: bool = False) -> None:
        """Assign the value."""
        self.assign(value)

    def eval(self, session: object = None) -> np.ndarray[Any, Any]:
        """Return the value as a NumPy array."""
        return self.numpy()[()]

    def load(self, value: ArrayLike, session: object = None) -> None:
        """Assign the value."""
        self.assign(value)

    @property
    def initializer(self) -> object:
        """What a session runs to set the first value."""
        from gazelle.compat.backend.initialization import Initialization

        return Initialization(self)

    read_value = initialized_value = lambda self: self
    ref = experimental_ref = reference

    device = "/job:localhost/replica:0/task:0/device:CPU:0"

    @property
    def graph(self) -> NamedObject:
        """The default graph of TensorFlow 1."""
        from gazelle.compat.tensorflow.v1 import default_graphs

        return default_graphs.current()

    @property
    def op(self) -> NamedObject:
        """The operation of the graph: it has the name."""
        from gazelle.compat.backend.tensor_operations import TensorOperation
        from gazelle.compat.old_names import weight_name

        name, path = str(self.name), getattr(self, "path", None)  # a tensor has no path
        full = name if name.endswith(":0") or not path else weight_name(path)
        return TensorOperation(full.removesuffix(":0"), self)

    def get_shape(self) -> TensorShape:
        """Return the shape as TensorFlow returned it."""
        return TensorShape(self.shape)

    def _shape_tuple(self) -> tuple[int | None, ...]:
        return tuple(self.shape)

    @property
    def _keras_shape(self) -> Any:
        return self.shape
