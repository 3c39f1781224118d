"""Chunks: batches stacked into arrays of a few fixed sizes: one compiled program serves any number of samples."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from gazelle import engine
from gazelle.data.arrays import narrow

LARGE = 32 * 2**20  # bytes of a chunk at most, unless a single batch is larger
_STREAM = ((64 * 2**10, 16), (2**20, 4))  # bytes of a batch at most -> batches of a chunk, where they arrive one by one


@dataclasses.dataclass
class Chunk:
    """Some steps of an epoch."""

    arrays: Any  # (x, y, weight): pytrees of arrays (steps, batch, ...)
    stop: int  # steps 0 ... stop - 1 hold samples; the rest only fills the shape
    rows: Any = None  # (steps, batch) numbers of the samples, None where they have none


@dataclasses.dataclass
class Block:
    """Samples to predict."""

    arrays: Any  # x: pytree of arrays (steps, batch, ...)
    stop: int  # number of steps
    count: int  # how many of the steps * batch samples are asked for; the rest fills the shape


def steps_of_chunk(batch_bytes: int, wanted: int) -> int:
    """How many steps a chunk holds: a power of 4, so that few sizes occur, as many as `wanted` or memory allows."""
    steps = 1
    while steps < wanted and steps * 4 * batch_bytes <= LARGE:
        steps *= 4
    return steps


def steps_of_stream(batch_bytes: int) -> int:
    """How many batches that arrive one by one are stacked at most: small ones are worth it."""
    return next((steps for size, steps in _STREAM if batch_bytes <= size), 1)


def gather(data: Any, rows: Any, steps: int) -> Any:
    """The samples of `rows` (k <= steps, batch) as arrays (steps, batch, ...) on the device."""
    return engine.batches_to_device(jax.tree.map(lambda array: _gather(np.asarray(array), rows, steps), data))


def _gather(array: Any, rows: Any, steps: int) -> Any:
    count, batch = rows.shape
    dtype, tail = narrow(array.dtype), array.shape[1:]
    flat = rows.reshape(-1)
    run = len(flat) < 2 or bool((np.diff(flat) == 1).all())  # neighbours in memory need no search
    part = array[flat[0] : flat[0] + len(flat)] if run else None
    if part is not None and count == steps and array.dtype == dtype:
        return part.reshape(steps, batch, *tail)
    out = engine.buffer((steps, batch, *tail), dtype)
    if part is not None:
        out[:count] = part.reshape(count, batch, *tail)
    elif array.dtype == dtype:
        np.take(array, flat, axis=0, out=out[:count].reshape(count * batch, *tail), mode="clip")
    else:
        out[:count] = array[flat].reshape(count, batch, *tail)
    return out


def stack(batches: list[Any], steps: int) -> Any:
    """Batches of equal shape as arrays (steps, batch, ...) on the device."""
    if steps == 1:
        return engine.batches_to_device(jax.tree.map(lambda array: array[None], batches[0]))

    def one(*arrays: Any) -> Any:
        out = engine.buffer((steps, *arrays[0].shape), arrays[0].dtype)
        for index, array in enumerate(arrays):
            out[index] = array
        return out

    return engine.batches_to_device(jax.tree.map(one, *batches))


def bytes_of(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def filled(batch: Any, most: int) -> Any:
    """A batch of fewer than `most` samples with zeros up to the next power of 2, so that few sizes occur."""
    count = jax.tree.leaves(batch)[0].shape[0]
    size = min(most, 1 << (count - 1).bit_length())

    def one(array: Any) -> Any:
        return np.concatenate([array, np.zeros((size - count, *array.shape[1:]), array.dtype)])

    return batch if size == count else jax.tree.map(one, batch)
