"""Categories by hash: Hashing of one value, HashedCrossing of several."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.layers.categories import MODES, check_mode, encode, encoded_shape
from gazelle.layers.fingerprint import buckets, chained, farmhash64
from gazelle.layers.numpy_layer import NumpyLayer, texts

_CROSSING_KEY = 0xDECAFCAFFE  # TensorFlow's


def checked_salt(owner: str, salt: Any) -> list[int] | None:
    """Two numbers; one stands for both."""
    if salt is None:
        return None
    pair = [salt, salt] if isinstance(salt, int) else list(salt) if isinstance(salt, (list, tuple)) else []
    if len(pair) != 2:
        raise ArgumentError(message(f"salt of {owner}", expected="a whole number or two", got=repr(salt)))
    return pair


def check_bins(owner: str, num_bins: Any) -> None:
    if not isinstance(num_bins, int) or num_bins <= 0:
        raise ArgumentError(message(f"num_bins of {owner}", expected="a whole number from 1 on", got=repr(num_bins)))


class Hashing(NumpyLayer):
    """The bin of a string or whole number:  y = hash(x) mod num_bins.

    The hash is FarmHash64, or SipHash64 with a `salt` as its key; numbers are hashed as decimal digits. Nothing is
    learned, and different values may share a bin.

    Args:
        num_bins: number of bins, the one of `mask_value` included.
        mask_value: a value that goes to bin 0 alone.
        salt: one or two whole numbers; other salts mix other values.
        output_mode: 'int', or as in `CategoryEncoding`.

    >>> Hashing(num_bins=3)(np.array([["A"], ["B"], ["C"]]))
    Array([[1],
           [0],
           [1]], dtype=int32)
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else dtypes.floatx()
        super().__init__(**kwargs)
        check_bins("Hashing", num_bins)
        self.output_mode = check_mode("Hashing", output_mode, MODES, sparse)
        if self.output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise ArgumentError(
                message("dtype of Hashing", expected="'int32' or 'int64' with output_mode='int'", got=repr(self.dtype))
            )
        self.salt = checked_salt("Hashing", salt)

    def spec(self, *shapes: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
        return encoded_shape(shapes[0], self.output_mode, self.num_bins), self.compute_dtype

    def encode(self, *inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        values = inputs[0].astype(np.int64) if inputs[0].dtype.kind in "fb" else inputs[0]
        if values.dtype.kind in "SO":
            values = texts(values)
        masked = self.mask_value is not None and self.num_bins > 1
        bins = buckets(values, self.num_bins - masked, self.salt)
        if masked:
            bins = np.where(values == self.mask_value, 0, bins + 1)
        return encode(bins, self.output_mode, self.num_bins, np.int64, xp=np)


class HashedCrossing(NumpyLayer):
    """The bin of several values together:  y = hash(x_1, x_2, ...) mod num_bins.

    Called on a list of strings or whole numbers of shape (), (batch,) or (batch, 1). The fingerprints (FarmHash64 of
    strings, numbers as they are) are chained one after the other.

    Args:
        num_bins: number of bins.
        output_mode: 'int' or 'one_hot'.

    >>> HashedCrossing(num_bins=5)([np.array(["A", "B", "A"]), np.array([101, 101, 102])])
    Array([1, 4, 3], dtype=int32)
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        output_mode = check_mode("HashedCrossing", output_mode, MODES[:2], sparse)
        super().__init__(name=name, dtype=dtype or ("int64" if output_mode == "int" else None), **kwargs)
        check_bins("HashedCrossing", num_bins)
        self.output_mode = output_mode

    def prepared(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ArgumentError(
                message(f"Input of {self._label}", expected="a list of at least two arrays", got=type(inputs).__name__)
            )
        return [x if hasattr(x, "shape") else np.asarray(x) for x in inputs]

    def spec(self, *shapes: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1) or any(s != first for s in shapes):
            raise ShapeError(
                message(
                    self._label, expected="equal shapes (), (batch,) or (batch, 1)", got=", ".join(map(str, shapes))
                )
            )
        return encoded_shape(first, self.output_mode, self.num_bins), self.compute_dtype

    def encode(self, *inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        columns = [(texts(x) if x.dtype.kind in "USO" else x).ravel().tolist() for x in inputs]
        if any(x.dtype.kind == "f" for x in inputs):
            raise ArgumentError(message(f"Input of {self._label}", expected="strings or whole numbers", got="floats"))
        bins = []
        for row in zip(*columns, strict=True):
            mark = _CROSSING_KEY
            for value in row:
                mark = chained(mark, farmhash64(value.encode()) if isinstance(value, str) else int(value) % 2**64)
            bins.append(mark % self.num_bins)
        return encode(np.asarray(bins).reshape(inputs[0].shape), self.output_mode, self.num_bins, np.int64, xp=np)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "dtype": self.dtype}
        del config["trainable"]  # no argument of this class
        return config
