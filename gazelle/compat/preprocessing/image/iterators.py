"""Infinite iterators over batches of augmented images; `len` is the number of batches per epoch."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator as Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores
from gazelle.core.errors import DataError, message
from gazelle.core.types import ArrayLike, PathLike
from gazelle.data.images import array_to_img
from gazelle.data.pydataset import PyDataset

if TYPE_CHECKING:
    from gazelle.compat.preprocessing.image.generator import ImageDataGenerator


class Iterator(PyDataset):
    """Batches of the samples with indices 0 to n - 1, in a new order in each epoch.

    A subclass defines `_get_batches_of_transformed_samples(indices)`. `next()` never ends; `len` is the number of
    batches per epoch, and `[i]` is batch i. A `next` of its own takes the indices of a batch from `index_generator`,
    which `lock` protects.
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        super().__init__()
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.index_array: Any = None
        self.batch_index = self.total_batches_seen = 0

    @functools.cached_property
    def lock(self) -> threading.Lock:
        """A lock for `index_generator`."""
        return threading.Lock()

    @functools.cached_property
    def index_generator(self) -> Generator[Any]:
        """The indices of each batch, without an end."""
        return self._flow_index()

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        self._reseed()
        if self.index_array is None:
            self.on_epoch_end()
        self.total_batches_seen += 1
        return self._get_batches_of_transformed_samples(self._indices(index))

    def _reseed(self) -> None:
        if self.seed is not None:
            np.random.seed((self.seed + self.total_batches_seen) % 2**32)

    def _indices(self, batch: int) -> Any:
        return self.index_array[self.batch_size * batch : self.batch_size * (batch + 1)]

    def _flow_index(self) -> Generator[Any]:
        while True:
            self._reseed()
            if self.batch_index == 0:
                self.on_epoch_end()
            batch = self.batch_index % max(len(self), 1)
            # in Keras 1 the order of epochs without an incomplete batch was drawn once
            ends = batch + 1 >= len(self) and (era.number() > 1 or self.n % self.batch_size > 0)
            self.batch_index = 0 if ends else self.batch_index + 1
            self.total_batches_seen += 1
            yield self._indices(batch)

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no _get_batches_of_transformed_samples.")

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def reset(self) -> None:
        """Start a new epoch."""
        self.batch_index = 0

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self) -> Any:
        """Return the next batch."""
        with self.lock:
            indices = next(self.index_generator)
        return self._get_batches_of_transformed_samples(indices)


class _Images(Iterator):
    """Base class of iterators over images that an `ImageDataGenerator` changes."""

    def __init__(
        self, generator: ImageDataGenerator, n: int, batch_size: int, shuffle: bool, seed: int | None, save_options: Any
    ) -> None:
        super().__init__(n, batch_size, shuffle, seed)
        self.image_data_generator = generator
        self.save_to_dir, self.save_prefix, self.save_format = save_options

    def _augmented(self, image: Any) -> Any:
        generator = self.image_data_generator
        return generator.standardize(generator.random_transform(np.array(image, generator.dtype)))

    def _save(self, images: Any, numbers: Any) -> None:
        """Write the augmented images to files for inspection."""
        for image, number in zip(images, numbers, strict=True) if self.save_to_dir else ():
            name = f"{self.save_prefix}_{number}_{np.random.randint(10**4)}.{self.save_format}"
            image = array_to_img(image, self.image_data_generator.data_format)
            image.save(os.path.join(self.save_to_dir, name))


class NumpyArrayIterator(_Images):
    """Augmented images of an array (samples, rows, columns, channels), with optional labels and weights."""

    @ignores("dtype='float32' ignore_class_split dim_ordering")
    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike | None,
        image_data_generator: ImageDataGenerator,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: ArrayLike | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
    ) -> None:
        first, *others = x if isinstance(x, tuple | list) else (x,)
        others = list(others[0]) if others and isinstance(others[0], list | tuple) else list(others)
        images = np.asarray(first)
        rows = image_data_generator.part(len(images), subset)
        self.x = images[rows]
        self.x_misc = [np.asarray(one)[rows] for one in others]
        if self.x.ndim != 4:
            what = "flow of an ImageDataGenerator"
            expected = "images (samples, rows, columns, channels)"
            hint = "x[..., None] adds the channel of grey images."
            raise DataError(message(what, expected=expected, got=f"shape {self.x.shape}", hint=hint))
        labels = None if y is None else np.asarray(y)
        if labels is not None and len(labels) != len(images):
            text, expected = "flow of an ImageDataGenerator", f"{len(images)} labels"
            raise DataError(message(text, expected=expected, got=f"{len(labels)}"))
        self.y = None if labels is None else labels[rows]
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)[rows]
        save_options = (save_to_dir, save_prefix, save_format)
        super().__init__(image_data_generator, len(self.x), batch_size, shuffle, seed, save_options)

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        images = np.stack([self._augmented(self.x[i]) for i in index_array])
        self._save(images, index_array)
        x = [images, *(one[index_array] for one in self.x_misc)] if self.x_misc else images
        labelled = [part[index_array] for part in (self.y, self.sample_weight) if part is not None]
        return (x, *labelled) if labelled else x
