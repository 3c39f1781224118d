"""`ImageDataGenerator`: random augmentation and normalization of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gazelle import config
from gazelle.compat import era
from gazelle.compat.preprocessing.image.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    flip_axis,
)
from gazelle.compat.preprocessing.image.files import DataFrameIterator, DirectoryIterator
from gazelle.compat.preprocessing.image.iterators import NumpyArrayIterator
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.traceback import warn
from gazelle.core.types import ArrayLike, DTypeLike, PathLike
from gazelle.saving.h5_format import keras1


class ImageDataGenerator:
    """Random augmentation and normalization of images; each epoch draws new changes.

    >>> images = ImageDataGenerator(rescale=1 / 2).flow(np.full((4, 2, 2, 1), 3.0), batch_size=4)
    >>> next(images)[0, 0].tolist()
    [[1.5], [1.5]]
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Any], Any] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DTypeLike | None = None,
        dim_ordering: str | None = None,
    ) -> None:
        given = dict(locals())
        for name in ("self", "dim_ordering", "data_format", "dtype", "zoom_range", "validation_split"):
            given.pop(name)
        vars(self).update(given)
        self.data_format = keras1.data_format(data_format or dim_ordering) or config.image_data_format()
        if self.data_format not in ("channels_first", "channels_last"):
            raise unknown("data_format", self.data_format, ("channels_first", "channels_last"))
        self.dtype = dtype or config.floatx()
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.zoom_range = [1 - zoom_range, 1 + zoom_range] if isinstance(zoom_range, int | float) else list(zoom_range)
        if len(self.zoom_range) != 2:
            raise ArgumentError(message("zoom_range", expected="a number or a pair", got=repr(zoom_range)))
        if brightness_range is not None and np.shape(brightness_range) != (2,):
            text = message("brightness_range", expected="(smallest, largest)", got=repr(brightness_range))
            raise ArgumentError(text)
        if not 0 <= validation_split < 1:
            raise ArgumentError(message("validation_split", expected="a fraction in [0, 1)", got=validation_split))
        self._validation_split = validation_split
        if era.number() > 1:  # since then one option switches the other on
            self.featurewise_center = featurewise_center or featurewise_std_normalization or zca_whitening
            self.samplewise_center = samplewise_center or samplewise_std_normalization
        self._tiny = 1e-7 if era.number() == 1 else 1e-6
        self.mean: Any = None
        self.std: Any = None
        self.principal_components: Any = None
        self._reported: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"ImageDataGenerator has no attribute {name!r}.", name=name, obj=self)

    def part(self, count: int, subset: str | None) -> slice:
        """Return the slice of `count` samples in a subset: 'validation' has the first ones, 'training' the others."""
        if subset not in (None, "training", "validation"):
            raise unknown("subset", subset, ("training", "validation"))
        first = int(self._validation_split * count)
        return {None: slice(None), "validation": slice(first), "training": slice(first, None)}[subset]

    def flow(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        *args: Any,
        **kwargs: Any,
    ) -> NumpyArrayIterator:
        """Return batches of augmented images of an array, with labels y."""
        names = ("sample_weight", "seed", "save_to_dir", "save_prefix", "save_format", "subset")
        options = dict(zip(names, args, strict=False)) | kwargs
        return NumpyArrayIterator(x, y, self, batch_size=batch_size, shuffle=shuffle, **options)

    def flow_from_directory(self, directory: PathLike, *args: Any, **kwargs: Any) -> DirectoryIterator:
        """Return batches of augmented images of a folder with a subfolder for each class."""
        return DirectoryIterator(directory, self, *args, **kwargs)

    def flow_from_dataframe(
        self, dataframe: Any, directory: PathLike | None = None, *args: Any, **kwargs: Any
    ) -> DataFrameIterator:
        """Return batches of augmented images of the files named in a data frame."""
        return DataFrameIterator(dataframe, directory, self, *args, **kwargs)

    def standardize(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Normalize one image, in place if it has floats, as in Keras."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if not np.issubdtype(np.asarray(x).dtype, np.floating):
            x = np.asarray(x, self.dtype)
        if self.rescale:
            x *= self.rescale
        axis = self.channel_axis - 1 if era.number() == 1 else None  # in Keras 1 each pixel was normalized
        if self.samplewise_center:
            x -= np.mean(x, axis, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, axis, keepdims=True) + self._tiny
        if self.featurewise_center and self._is_fitted("mean"):
            x -= self.mean
        if self.featurewise_std_normalization and self._is_fitted("std"):
            x /= self.std + self._tiny
        if self.zca_whitening and self._is_fitted("principal_components"):
            rows = np.reshape(x, (-1, np.prod(x.shape[-3:])))  # of one image or a batch
            x = np.reshape(rows @ self.principal_components, x.shape)
        return np.asarray(x, self.dtype)

    def _is_fitted(self, name: str) -> bool:
        """Whether `fit` computed this statistic; as in Keras, images are not normalized by one that it did not."""
        found = getattr(self, name) is not None
        if not found and name not in self._reported:
            self._reported.add(name)
            what = "an ImageDataGenerator with featurewise statistics or whitening"
            hint = f"Images are not normalized by '{name}'. Call datagen.fit(x_train)."
            warn(message(what, expected="fit(x) first", got="no fit", hint=hint))
        return found

    def get_random_transform(self, img_shape: Sequence[int], seed: int | None = None) -> dict[str, Any]:
        """Draw the parameters of the changes of one image."""
        if seed is not None:
            np.random.seed(seed)
        rows, columns = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        draw: Any = np.random.uniform
        out = {"theta": draw(-self.rotation_range, self.rotation_range) if self.rotation_range else 0}
        out["tx"] = _shift(self.height_shift_range, rows)
        out["ty"] = _shift(self.width_shift_range, columns)
        out["shear"] = draw(-self.shear_range, self.shear_range) if self.shear_range else 0
        out["zx"], out["zy"] = (1, 1) if self.zoom_range == [1, 1] else draw(*self.zoom_range, 2)
        shift = self.channel_shift_range
        if era.number() == 1:  # which drew only what its arguments need, a shift of each channel first
            out["shear"] = np.rad2deg(out["shear"])
            channels = img_shape[self.channel_axis - 1]
            out["channel_shift_intensity"] = draw(-shift, shift, channels) if shift else None
            out["flip_horizontal"] = self.horizontal_flip and np.random.random() < 0.5
            out["flip_vertical"] = self.vertical_flip and np.random.random() < 0.5
            return out
        out["flip_horizontal"] = (np.random.random() < 0.5) * self.horizontal_flip
        out["flip_vertical"] = (np.random.random() < 0.5) * self.vertical_flip
        out["channel_shift_intensity"] = draw(-shift, shift) if shift else None
        out["brightness"] = draw(*self.brightness_range) if self.brightness_range is not None else None
        return out

    def apply_transform(self, x: np.ndarray[Any, Any], transform_parameters: dict[str, Any]) -> np.ndarray[Any, Any]:
        """Apply changes with the parameters from `get_random_transform`."""
        p, (row, column, channel) = transform_parameters, (self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1)
        options: Any = {name: p[name] for name in ("theta", "tx", "ty", "shear", "zx", "zy") if name in p}
        options |= {"fill_mode": self.fill_mode, "cval": self.cval, "order": self.interpolation_order}
        x = apply_affine_transform(x, row_axis=row, col_axis=column, channel_axis=channel, **options)
        if p.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, p["channel_shift_intensity"], channel)
        if p.get("flip_horizontal"):
            x = flip_axis(x, column)
        if p.get("flip_vertical"):
            x = flip_axis(x, row)
        if p.get("brightness") is not None:
            x = apply_brightness_shift(x, p["brightness"], scale=era.has_keras_preprocessing())
        return x

    def random_transform(self, x: np.ndarray[Any, Any], seed: int | None = None) -> np.ndarray[Any, Any]:
        """Change one image at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: ArrayLike, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Compute mean, standard deviation and correlation of the pixels of images."""
        images = np.asarray(x, self.dtype)
        if images.ndim != 4:
            raise ArgumentError(message("fit of an ImageDataGenerator", expected="4 axes", got=f"shape {images.shape}"))
        if seed is not None:
            np.random.seed(seed)
        if era.is_tf_keras_2() and self.rescale:
            images = images * np.asarray(self.rescale, images.dtype)
        if augment:
            images = np.stack([self.random_transform(image) for _ in range(rounds) for image in images])
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(images, axes, keepdims=True)[0]
            images = images - self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(images, axes, keepdims=True)[0]
            images = images / (self.std + self._tiny)
        if self.zca_whitening:
            flat = images.reshape(len(images), -1)
            if era.is_tf_keras_2():  # which drops the directions that no image has
                u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
                self.principal_components = (u * (np.sqrt(len(flat)) / (s + self.zca_epsilon))) @ u.T
                self.zca_whitening_matrix = self.principal_components
                return
            _, s, vt = np.linalg.svd(flat / np.sqrt(len(flat)))
            scale = np.concatenate([s, np.zeros(len(vt) - len(s), s.dtype)]) ** 2 + self.zca_epsilon
            self.principal_components = (vt.T / np.sqrt(scale)) @ vt


def _shift(limit: Any, size: int) -> Any:
    """Draw a shift in pixels: up to a fraction of the size or a number of pixels, or one from a list.

    In Keras 1 it is a fraction in any case.
    """
    if not np.any(limit):
        return 0
    if era.number() == 1:
        return np.random.uniform(-limit, limit) * size
    if np.ndim(limit) or isinstance(limit, int):
        pixels = np.random.choice(limit) * np.random.choice([-1, 1])
    else:
        pixels = np.random.uniform(-limit, limit)
    return pixels * size if np.max(limit) < 1 else pixels
