"""Batches as arrays (steps, batch, ...): gathering, stacking and padding of samples, and the size of chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import engine
from gazelle.core.errors import DataError, message
from gazelle.data.rows import LazyRows, narrow, rows_of_array
from gazelle.data.source import Block

if TYPE_CHECKING:
    from gazelle.core.types import Tree

MAX_CHUNK = 32 * 2**20  # bytes of a chunk, unless a single batch is larger
_STREAM = ((64 * 2**10, 16), (2**20, 4))  # maximum bytes of a batch -> batches in a chunk, where they arrive one by one


def block(rows: Tree, steps: int = 1, fill: int = 0) -> Block:
    """Samples as `steps` batches.

    Args:
        rows: a structure of arrays.
        steps: number of batches.
        fill: pad a single batch up to this number of samples at most; 0 for no padding.
    """
    part = jax.tree.map(lambda array: np.asarray(array, narrow(array.dtype)), rows)
    count = jax.tree.leaves(part)[0].shape[0]
    part = pad_batch(part, fill) if fill else part
    return Block(jax.tree.map(lambda array: _split(array, steps), part), steps, count)


def _split(rows: np.ndarray, steps: int) -> np.ndarray:
    """Rows as (steps, batch, ...); the batch is counted, because samples may have no values."""
    return rows.reshape(steps, len(rows) // steps, *rows.shape[1:])


def rows_of(batches: np.ndarray) -> np.ndarray:
    """Batches (steps, batch, ...) as rows."""
    steps, batch = batches.shape[:2]
    return batches.reshape(steps * batch, *batches.shape[2:])


def steps_of_chunk(batch_bytes: int, count: int) -> int:
    """The number of steps in a chunk: a power of 4, so that there are few sizes, at least `count` if memory allows."""
    steps = 1
    while steps < count and steps * 4 * batch_bytes <= MAX_CHUNK:
        steps *= 4
    return steps


def steps_of_stream(batch_bytes: int) -> int:
    """The maximum number of stacked batches where they arrive one by one: it pays off for small ones."""
    return next((steps for size, steps in _STREAM if batch_bytes <= size), 1)


def gather(data: Tree, rows: np.ndarray[Any, Any], steps: int) -> Tree:
    """The samples of `rows` (k <= steps, batch) as arrays (steps, batch, ...) on the host."""
    return jax.tree.map(lambda array: _gather(array, rows, steps), data)


def _gather(array: Any, rows: Any, steps: int) -> Any:
    count, batch = rows.shape
    dtype, tail = narrow(array.dtype), array.shape[1:]
    flat = rows.reshape(-1)
    if isinstance(array, LazyRows):
        out = engine.buffer((steps, batch, *tail), dtype)
        array.read(flat, out[:count].reshape(count * batch, *tail))
        return out
    array = np.asarray(array)
    consecutive = len(flat) < 2 or bool((np.diff(flat) == 1).all())
    part = array[flat[0] : flat[0] + len(flat)] if consecutive else None
    if part is not None and count == steps and array.dtype == dtype:
        return part.reshape(steps, batch, *tail)
    out = engine.buffer((steps, batch, *tail), dtype)
    if part is not None:
        out[:count] = part.reshape(count, batch, *tail)
    elif array.dtype == dtype and array.flags.c_contiguous:  # of another array, `take` copies the whole
        np.take(array, flat, axis=0, out=out[:count].reshape(count * batch, *tail), mode="clip")
    else:
        for where, values in rows_of_array(array, flat):
            out[:count].reshape(count * batch, *tail)[where] = values
    return out


def stack(batches: list[Any], steps: int, readers: int = 1) -> Tree:
    """Batches of equal shape as arrays (steps, batch, ...) on the device, of which each reader has its own part."""
    rows = jax.tree.leaves(batches[0])[0].shape[0]
    size = rows * readers
    own = engine.own_rows(size)
    if readers > 1:
        if own.stop - own.start != rows:
            raise DataError(
                message(
                    "A batch of a process that reads its own part (auto_shard_dataset=False)",
                    expected="samples that divide by its devices, as many in each process",
                    got=rows,
                    hint="Drop a short last batch.",
                )
            )
    elif own != slice(0, size):
        batches = [jax.tree.map(lambda array: array[own], batch) for batch in batches]
    if steps == 1:
        return engine.batches_to_device(jax.tree.map(lambda array: array[None], batches[0]), size)

    def one(*arrays: Any) -> Any:
        out = engine.buffer((steps, *arrays[0].shape), arrays[0].dtype)
        for index, array in enumerate(arrays):
            out[index] = array
        return out

    return engine.batches_to_device(jax.tree.map(one, *batches), size)


def bytes_of(tree: Tree) -> int:
    """The size of all arrays in a structure."""
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def padded_size(count: int, most: int) -> int:
    """The size of a batch that is padded up to `most` samples; 0 for no padding."""
    return min(most, 1 << (count - 1).bit_length()) if most else count


def pad_batch(batch: Tree, most: int) -> Tree:
    """Pad a batch of fewer than `most` samples with zeros to the next power of 2, so that there are few sizes."""
    count = jax.tree.leaves(batch)[0].shape[0]
    size = padded_size(count, most)

    def one(array: Any) -> Any:
        return np.concatenate([array, np.zeros((size - count, *array.shape[1:]), array.dtype)])

    return batch if size == count else jax.tree.map(one, batch)
