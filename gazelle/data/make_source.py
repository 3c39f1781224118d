"""Creation of the source that suits the type of x."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.traceback import warn
from gazelle.core.types import ArrayLike, Data, Nested
from gazelle.data.array_source import ArraySource, order_of_pass
from gazelle.data.arrays import Element, as_arrays, check_lengths, unpack_x_y_sample_weight
from gazelle.data.frames import is_frame
from gazelle.data.labels import class_weights
from gazelle.data.positions import has_position, position_of
from gazelle.data.pydataset import PyDataset
from gazelle.data.rows import is_sliceable
from gazelle.data.samples import batching_hint, check_columns, is_map_style, map_style_batches
from gazelle.data.source import BATCH
from gazelle.data.stream import Passes, StreamSource, need_steps
from gazelle.data.workers import Workers


def make_source(
    x: Data | None,
    y: Nested[ArrayLike] | None = None,
    sample_weight: Nested[ArrayLike] | None = None,
    *,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    seed: int = 0,
    class_weight: Mapping[int, float] | None = None,
    steps: int | None = None,
    what: str = "",
    steps_word: str = "steps",
    preprocess: Callable[[Any], Any] | None = None,
    any_rows: Callable[[], bool] = bool,
    endless: bool = False,
) -> ArraySource | StreamSource:
    """Create the source for x (and y).

    Args:
        x: arrays, data frames, a generator, or a dataset that yields (x, y, weight).
        y: labels, if x is not a generator or dataset.
        sample_weight: weights of samples, if x is not a generator or dataset.
        batch_size: samples in a batch, for arrays; 32 by default.
        shuffle: permute the samples (or the batches of a dataset with indices) in each epoch.
        seed: seed of the permutations.
        class_weight: {class: weight}.
        steps: batches in an epoch; None for all.
        what: prefix of the names of arguments in errors.
        steps_word: name of the argument for `steps` in errors.
        preprocess: preprocessing of x on the host.
        any_rows: whether the parts of a batch of a dataset may have different numbers of rows: a custom step reads
            them. Without it, the inputs may, such as the nodes and edges of graphs.
        endless: whether an infinite iterator needs no `steps`, since a callback may stop the pass.

    Returns:
        The source.

    Raises:
        DataError: the data cannot be used.
        ArgumentError: `batch_size` or `steps` is not a positive integer, or y is given with a dataset.
    """
    names = [f"{what}{name}" for name in ("x", "y", "sample_weight")]
    for name, value in ((f"{what}batch_size", batch_size), (f"{what}{steps_word}", steps)):
        if value is not None and (not hasattr(value, "__index__") or value <= 0):
            raise ArgumentError(message(name, expected="an integer >= 1", got=repr(value)))

    if x is None or inspect.isroutine(x) or inspect.isclass(x):
        hint = "" if x is None else f"Call it: {x.__name__}()."
        got = None if x is None else f"the {'class' if inspect.isclass(x) else 'function'} {x.__name__}"
        raise DataError(message(names[0], expected="samples", got=got or "None", hint=hint))

    hint = batching_hint(x)

    cast = functools.partial(
        _cast, names=names, hint=hint, preprocess=preprocess, class_weight=class_weight, any_rows=any_rows
    )
    check_columns(names[0], x)
    if is_stream(x):
        if y is not None or sample_weight is not None:
            raise ArgumentError(
                message(
                    "y",
                    expected="None, since x is a generator or dataset",
                    got=type(y).__name__,
                    hint="It must yield (x, y).",
                )
            )
        if not endless:
            need_steps(x, steps, f"{what}{steps_word}")
        stream = _stream(x, shuffle, steps, batch_size, cast)
        stream.names, stream.hint, stream.seed = tuple(names), hint, seed
        return stream
    source = ArraySource(cast((x, y, sample_weight), lazy=True), batch_size, shuffle, seed, steps)
    source.names = tuple(names)
    return source


def _cast(
    batch: Any,
    lazy: bool = False,
    *,
    names: list[str],
    hint: str,
    preprocess: Callable[[Any], Any] | None,
    class_weight: Mapping[int, float] | None,
    any_rows: Callable[[], bool],
) -> Any:
    """(x, y, weight) of a batch, or of all samples, as arrays; lazy: they are read when they are needed."""
    if batch is None or isinstance(batch, (str, bytes)):
        raise DataError(message("A batch", expected="(x,), (x, y) or (x, y, weight)", got=repr(batch)))
    if isinstance(batch, dict) and "__key__" in batch:  # a file of a webdataset
        got = f"a dict of {', '.join(map(str, batch))}"
        raise DataError(message("A batch", expected="(x,), (x, y) or (x, y, weight)", got=got, hint=hint))
    if isinstance(batch, list) and len(batch) in (2, 3):
        batch = tuple(batch)
    if isinstance(batch, tuple) and (len(batch) > 3 or hasattr(batch, "_fields")) and any_rows():
        batch = (Element(batch),)
    bx, by, bw = unpack_x_y_sample_weight(batch if isinstance(batch, tuple) else (batch,))
    by = None if isinstance(by, list | tuple) and not by else by  # of a model whose losses are all added
    bx = bx if preprocess is None else preprocess(bx)
    bx, by, bw = (as_arrays(name, part, lazy) for name, part in zip(names, (bx, by, bw), strict=True))
    named = dict(zip(names, (bx, by, bw), strict=True))
    try:
        check_lengths(named, "" if lazy else hint)
    except DataError:
        if lazy or not (_has_several_counts(bx) or any_rows()):
            raise
    if bw is not None and _has_negative(bw):
        warn(message(names[2], expected="weights of at least 0", got="negative ones, whose losses are subtracted"))
    weighted = class_weight is not None and (not isinstance(class_weight, Mapping) or len(class_weight) > 0)
    return bx, by, class_weights(class_weight, by, bw) if weighted and class_weight is not None else bw


def _has_several_counts(x: Any) -> bool:
    return len({leaf.shape[:1] for leaf in jax.tree.leaves(x)}) > 1


def is_text(x: object) -> bool:
    """Whether x is an array or a list of strings."""
    if isinstance(x, (dict, jax.Array)):
        return False
    try:
        array = np.asarray(x)
    except ValueError:  # rows of unequal length
        return False
    return array.dtype.kind in "US" or (array.dtype.kind == "O" and isinstance(next(array.flat, None), (str, bytes)))


def is_stream(x: object) -> bool:
    """Whether x is a generator or dataset that yields batches, not arrays or a data frame."""
    if isinstance(x, (np.ndarray, jax.Array, dict, list, tuple, str)) or hasattr(x, "__array__"):
        return False
    if is_frame(x) or is_sliceable(x):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def _stream(x: Any, shuffle: Any, steps: int | None, batch_size: int | None, cast: Any) -> StreamSource:
    if is_map_style(x):
        return _of_samples(x, shuffle, steps, batch_size or BATCH, cast)
    indexed = hasattr(x, "__getitem__") and hasattr(x, "__len__") and not hasattr(x, "collate_fn")
    passes = _passes(x, steps)
    if hasattr(x, "__next__") and passes != "restart" and (steps is not None or not indexed):
        return _iterated(x, steps, True, cast, passes)
    if indexed:  # batches have indices
        workers = Workers(x) if getattr(type(x), "fetch", None) is PyDataset.fetch else None
        fetch = workers.fetch if workers else getattr(x, "fetch", lambda order: (x[int(i)] for i in order))

        def batches(seed: int, epoch: int) -> Iterator[Any]:
            order: Any = range(len(x))
            if shuffle:
                order = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(len(x))
            getattr(x, "on_epoch_begin", lambda: None)()
            return fetch(order)

        if not _length(x):
            raise DataError(message("The data", expected="at least one batch", got="none"))
        ended = getattr(x, "on_epoch_end", lambda: None)
        is_pass = steps is None or steps == len(x) or (steps > len(x) and passes == "continue")
        direct, position = passes == "restart" or is_pass, x if has_position(x) else None
        source = StreamSource(batches, steps or len(x), False, cast, lambda: x[0], ended, direct, x, position, passes)
        if workers:
            source.close = workers.close
        return source
    length = _length(x) if hasattr(x, "__len__") else None
    return _iterated(x, steps or length, False, cast, passes)


def _passes(x: Any, steps: int | None) -> Passes:
    """How epochs read the passes over the batches of `x`."""
    if not isinstance(x, PyDataset):
        return "whole" if getattr(x, "has_whole_passes", False) else "continue"
    if conventions.active.sequences_start_again:
        return "restart"
    return "cross" if conventions.active.epochs_cross_passes and steps is not None else "continue"


def _iterated(x: Any, steps: int | None, infinite: bool, cast: Any, passes: Passes) -> StreamSource:
    """The source of data that is iterated."""
    position = position_of(x)
    options: Any = {"owner": x, "position": position, "passes": passes}
    return StreamSource(lambda seed, epoch: iter(x if position is None else position), steps, infinite, cast, **options)


def _of_samples(x: Any, shuffle: Any, steps: int | None, batch_size: int, cast: Any) -> StreamSource:
    """The source of a map-style dataset of single samples, in the order in which arrays are read."""
    count = _length(x)
    size = min(batch_size, max(count, 1))
    if not count:
        raise DataError(message("The data", expected="at least one sample", got="none"))
    of_pass, direct = -(-count // size), steps is None or steps >= -(-count // size)
    batches = map_style_batches(x, size, lambda seed, epoch: order_of_pass(seed, epoch, count, size, shuffle))
    first = map_style_batches(x, size, lambda seed, epoch: np.arange(size))
    return StreamSource(batches, steps or of_pass, False, cast, lambda: next(first(0, 0)), direct=direct, owner=x)


def _length(x: Any) -> int:
    try:
        return len(x)
    except (ValueError, TypeError) as error:
        got = f"{error}"
        raise DataError(message(f"{type(x).__name__}.__len__", expected="the number of batches", got=got)) from error


def _has_negative(weights: Any) -> bool:
    arrays = [array for array in jax.tree.leaves(weights) if isinstance(array, np.ndarray) and array.size]
    return any(array.dtype.kind in "fi" and array.min() < 0 for array in arrays)
