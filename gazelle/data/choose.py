"""Which source fits what was given as x."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.data.arrays import as_arrays
from gazelle.data.source import ArraySource
from gazelle.data.stream import StreamSource
from gazelle.data.weights import class_weights


def make_source(
    x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int | None = None, shuffle: Any = False,
    seed: int = 0, class_weight: Any = None, steps: int | None = None, what: str = "",
) -> ArraySource | StreamSource:  # fmt: skip
    """The source for whatever was given as x (and y)."""
    for name, value in (("batch_size", batch_size), ("steps", steps)):
        if value is not None and (not hasattr(value, "__index__") or value <= 0):
            raise ArgumentError(message(name, expected="a whole number from 1 on", got=repr(value)))

    def cast(batch: Any) -> Any:
        if isinstance(batch, list) and len(batch) in (2, 3):
            batch = tuple(batch)
        parts = batch if isinstance(batch, tuple) else (batch,)
        if len(parts) > 3 or not parts:
            raise DataError(message("A batch", expected="(x,), (x, y) or (x, y, weight)", got=f"{len(parts)} parts"))
        bx, by, bw = (*parts, None, None)[:3]
        bx, by, bw = as_arrays(f"{what}x", bx), as_arrays(f"{what}y", by), as_arrays("sample_weight", bw)
        return bx, by, class_weights(class_weight, by, bw) if class_weight else bw

    if is_stream(x):
        if y is not None or sample_weight is not None:
            raise ArgumentError(
                message("y", expected="nothing where x is a generator or dataset", got=type(y).__name__,
                        mend="Let it yield (x, y).")
            )  # fmt: skip
        return _stream(x, shuffle, steps, cast)
    data = cast((x, y, sample_weight))
    return ArraySource(data, batch_size, shuffle, seed, steps)


def is_stream(x: Any) -> bool:
    if isinstance(x, (np.ndarray, jax.Array, dict, list, tuple, str)) or hasattr(x, "__array__"):
        return False
    if type(x).__module__.split(".")[0] in ("pandas", "polars", "pyarrow"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def _stream(x: Any, shuffle: Any, steps: int | None, cast: Any) -> StreamSource:
    if hasattr(x, "__next__"):
        return StreamSource(lambda seed, epoch: iter(x), steps, True, cast, owner=x)
    if hasattr(x, "__getitem__") and hasattr(x, "__len__") and not hasattr(x, "collate_fn"):  # indexed batches

        def batches(seed: int, epoch: int) -> Iterator[Any]:
            order: Any = range(len(x))
            if shuffle:
                order = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(len(x))
            getattr(x, "on_epoch_begin", lambda: None)()
            return x.fetch(order) if hasattr(x, "fetch") else (x[int(i)] for i in order)

        if not len(x):
            raise DataError(message("The data", expected="at least one batch", got="none"))
        ended = getattr(x, "on_epoch_end", lambda: None)
        direct = steps is None or steps == len(x)
        return StreamSource(batches, steps or len(x), False, cast, x[0], ended, direct, owner=x)
    length = len(x) if hasattr(x, "__len__") else None
    return StreamSource(lambda seed, epoch: iter(x), steps or length, False, cast, owner=x)
