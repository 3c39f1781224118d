"""Constructors of datasets: from arrays, generators, files and other datasets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.compat.tensorflow.control import TensorSpec
from gazelle.compat.tensorflow.dtypes import host_array, name_of
from gazelle.compat.tensorflow.elements import (
    INFINITE,
    UNKNOWN,
    Elements,
    is_ragged,
    kind_of,
    lazily,
    row_of,
    structured,
    typed,
)
from gazelle.compat.tensorflow.names import methods_ignore
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, Nested, PathLike, TensorLike, TensorResult
from gazelle.core import prng
from gazelle.core.errors import DataError, message

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.dataset import Dataset


@methods_ignore("num_parallel_calls", "deterministic", "name")
class Sources(Elements):
    """Class methods of datasets that create one."""

    @classmethod
    def from_tensor_slices(cls, tensors: Nested[TensorLike]) -> TensorResult:
        """Return a dataset of the rows of an array, or of all arrays in a tuple or dict."""
        data = structured(tensors)
        leaves = jax.tree.leaves(data, is_leaf=is_ragged)
        lengths = {len(leaf) for leaf in leaves}
        if len(lengths) != 1:
            raise DataError(
                message("from_tensor_slices", expected="arrays with equal numbers of rows", got=sorted(lengths))
            )
        (count,) = lengths
        return cls._new(lambda: (row_of(data, i) for i in range(count)), count)

    @classmethod
    def from_tensors(cls, tensors: Nested[TensorLike]) -> TensorResult:
        """Return a dataset with one element."""
        data = structured(tensors)
        return cls._new(lambda: iter([data]), 1)

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Any],
        output_types: Nested[Any] = None,
        output_shapes: Nested[Any] = None,
        args: Sequence[TensorLike] | None = None,
        output_signature: Nested[Any] = None,
    ) -> TensorResult:
        """Return a dataset of the values that a generator function yields."""
        spec = output_signature if output_signature is not None else output_types
        kinds = jax.tree.map(kind_of, spec, is_leaf=lambda v: isinstance(v, TensorSpec | str | type))
        given = [np.asarray(unboxed(v)) for v in args or ()]

        def begin() -> Iterator[Any]:
            for element in generator(*given):
                if isinstance(element, list) and isinstance(kinds, tuple):
                    element = tuple(element)
                if kinds is None or isinstance(kinds, str):
                    yield host_array(unboxed(element), kinds)
                else:
                    yield typed(element, kinds)

        return cls._new(begin)

    @classmethod
    def range(cls, *args: Sequence[TensorLike] | None, output_type: DTypeLike = "int64") -> TensorResult:
        """`tf.data.Dataset.range(start, stop, step)`."""
        numbers = np.arange(*(int(a) for a in args)).astype(name_of(output_type))
        return cls._new(lambda: iter(numbers), len(numbers))

    @classmethod
    def counter(cls, start: int = 0, step: int = 1, dtype: Any = "int64") -> TensorResult:
        """`tf.data.Dataset.counter`: endless numbers."""
        kind = np.dtype(name_of(dtype)).type
        return cls._new(lambda: map(kind, itertools.count(int(start), int(step))), INFINITE)

    @classmethod
    def zip(cls, *datasets: Any) -> TensorResult:
        """Combine the elements of several datasets, in the structure of `datasets`."""
        given = datasets[0] if len(datasets) == 1 and not isinstance(datasets[0], Elements) else datasets
        given = tuple(given) if isinstance(given, list) else given
        parts, structure = jax.tree.flatten(given, is_leaf=lambda v: isinstance(v, Elements))
        lengths = [part._length for part in parts]
        known = [n for n in lengths if n >= 0]
        length = UNKNOWN if UNKNOWN in lengths else min(known) if known else INFINITE
        return cls._new(
            lambda: (
                jax.tree.unflatten(structure, row) for row in zip(*(part._begin() for part in parts), strict=False)
            ),
            length,
        )

    @classmethod
    def list_files(
        cls, file_pattern: PathLike | TensorLike, shuffle: bool = True, seed: TensorLike = None
    ) -> TensorResult:
        """Return a dataset of the paths that match a pattern with * and ?."""
        from gazelle.compat.tensorflow.files import glob

        patterns = [file_pattern] if isinstance(file_pattern, str | bytes | Tensor) else list(file_pattern)
        paths = [path for pattern in patterns for path in glob(pattern)]
        if not paths:
            raise DataError(message(f"list_files({file_pattern!r})", expected="files that fit", got="none"))
        out = cls.from_tensor_slices(paths)
        return out.shuffle(len(paths), seed) if shuffle else out

    @classmethod
    def sample_from_datasets(
        cls,
        datasets: Nested[Dataset],
        weights: TensorLike = None,
        seed: TensorLike = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> TensorResult:
        """Draw elements from several datasets with these weights."""
        parts = list(datasets)
        probabilities = np.ones(len(parts)) if weights is None else np.asarray(unboxed(weights), "float64")
        first = prng.next_seed() if seed is None else int(seed) % 2**63

        def begin() -> Iterator[Any]:
            draw, remaining = np.random.Generator(np.random.Philox(first)), probabilities.copy()
            iterators = [part._begin() for part in parts]
            while remaining.sum() > 0:
                index = int(draw.choice(len(parts), p=remaining / remaining.sum()))
                try:
                    yield next(iterators[index])
                except StopIteration:
                    if stop_on_empty_dataset:
                        return
                    remaining[index] = 0

        return cls._new(begin)

    @classmethod
    @lazily
    def choose_from_datasets(
        cls, datasets: Nested[Dataset], choice_dataset: Dataset, stop_on_empty_dataset: bool = True
    ) -> Iterator[Any]:
        """Take elements from the datasets whose indices are in `choice_dataset`."""
        iterators = [part._begin() for part in datasets]
        for index in choice_dataset._begin():
            try:
                yield next(iterators[int(index)])
            except StopIteration:
                if stop_on_empty_dataset:
                    return
