"""Augmented images from files: a folder with a subfolder for each class, or paths in a data frame."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.compat import era
from gazelle.compat.preprocessing.image.iterators import _Images
from gazelle.compat.types import Option
from gazelle.core.errors import MissingFileError, message, unknown
from gazelle.core.types import ArrayLike, DTypeLike, PathLike
from gazelle.data import images
from gazelle.data.images import CHANNELS
from gazelle.data.labels import to_categorical
from gazelle.saving.h5_format import keras1

if TYPE_CHECKING:
    from PIL import Image

    from gazelle.compat.preprocessing.image.generator import ImageDataGenerator


EXTENSIONS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff", "gif")


def load_img(
    path: PathLike,
    grayscale: bool | str = False,
    color_mode: str | tuple[int, int] | None = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Read an image file as a Pillow image; `grayscale` is an earlier form of `color_mode`, which Keras 3 has there."""
    if not isinstance(color_mode, str):  # the third argument until Keras 2.1
        target_size, color_mode = color_mode, "rgb"
    mode = grayscale if isinstance(grayscale, str) else "grayscale" if grayscale is True else color_mode
    return images.load_img(path, mode, target_size, interpolation, keep_aspect_ratio)


def array_to_img(
    x: ArrayLike,
    data_format: str | None = None,
    scale: bool = True,
    dtype: DTypeLike | None = None,
    dim_ordering: str | None = None,
) -> Image.Image:
    """Convert an array to a Pillow image."""
    if scale and era.number() == 1:  # which moved the least value to 0 only if it was negative
        values = np.asarray(x, "float32")
        values = values + max(-values.min(), 0)
        x, scale = values / (values.max() or 1) * 255, False
    return images.array_to_img(x, keras1.data_format(dim_ordering or data_format), scale, dtype)


def img_to_array(
    img: Image.Image | ArrayLike,
    data_format: str | None = None,
    dtype: DTypeLike | None = None,
    dim_ordering: str | None = None,
) -> np.ndarray[Any, Any]:
    """Convert a Pillow image to an array."""
    return images.img_to_array(img, keras1.data_format(dim_ordering or data_format), dtype)


def save_img(
    path: PathLike,
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array to an image file."""
    images.save_img(path, x, keras1.data_format(data_format), file_format, scale, **kwargs)


def list_pictures(directory: PathLike, ext: str | Sequence[str] = EXTENSIONS) -> list[str]:
    """Return the paths of the image files below a folder."""
    ending = ext if isinstance(ext, str) else "|".join(re.escape(e) for e in ext)
    pattern = re.compile(rf"([\w-]+\.(?:{ending}))$", re.IGNORECASE)
    found = [os.path.join(root, name) for root, _, names in os.walk(directory) for name in names]
    return sorted(path for path in found if pattern.search(os.path.basename(path)))


@dataclasses.dataclass
class _Options:
    """The arguments that both iterators have, in their order."""

    target_size: Sequence[int] = (256, 256)
    color_mode: str = "rgb"
    classes: Sequence[str] | None = None
    class_mode: str | None = "categorical"
    batch_size: int = 32
    shuffle: bool = True
    seed: int | None = None
    data_format: str | None = None
    save_to_dir: PathLike | None = None
    save_prefix: str = ""
    save_format: str = "png"
    subset: str | None = None
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Options:
        """The options among the arguments; others are ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        made = cls(*args, **{name: value for name, value in kwargs.items() if name in known})
        if made.color_mode not in CHANNELS:
            raise unknown("color_mode", made.color_mode, CHANNELS)
        return made


class _Files(_Images):
    """Images that are read when their batch is needed. Subclasses set `filepaths` and `labels`."""

    filepaths: list[str]
    labels: Any
    sample_weight: Any = None

    def _set_up(self, generator: ImageDataGenerator, options: _Options) -> None:
        self.target_size = size = tuple(options.target_size)
        self.color_mode, self.class_mode = options.color_mode, options.class_mode
        self._loading = (options.interpolation, options.keep_aspect_ratio)
        channels, self.data_format = CHANNELS[self.color_mode], generator.data_format
        self.image_shape = (channels, *size) if self.data_format == "channels_first" else (*size, channels)
        self.samples = self.nb_sample = len(self.filepaths)
        saving = options.save_to_dir, options.save_prefix, options.save_format
        super().__init__(generator, self.samples, options.batch_size, options.shuffle, options.seed, saving)

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        generator = self.image_data_generator
        batch = np.zeros((len(index_array), *self.image_shape), generator.dtype)
        for row, number in enumerate(index_array):
            image = images.load_img(self.filepaths[number], self.color_mode, self.target_size, *self._loading)
            batch[row] = self._augmented(img_to_array(image, generator.data_format, generator.dtype))
        self._save(batch, index_array)
        if self.class_mode is None:
            return batch
        y = batch.copy() if self.class_mode == "input" else self._targets(index_array)
        return (batch, y) if self.sample_weight is None else (batch, y, self.sample_weight[index_array])

    def _targets(self, index_array: Any) -> Any:
        if self.class_mode == "multi_output":
            return [column[index_array] for column in self.labels]
        labels = self.labels[index_array]
        if self.class_mode == "categorical" and labels.ndim == 1:
            return to_categorical(labels, len(self.class_indices)).astype("float32")
        floats = ("binary",) if era.number() == 1 else ("binary", "sparse")
        return labels.astype("float32") if self.class_mode in floats else labels

    class_indices: dict[str, int]


class DirectoryIterator(_Files):
    """Augmented images of a folder with a subfolder for each class."""

    def __init__(
        self,
        directory: PathLike,
        image_data_generator: ImageDataGenerator,
        *args: Option,
        follow_links: bool = False,
        **kwargs: Option,
    ) -> None:
        options = _Options.of(args, kwargs)
        modes = ("categorical", "binary", "sparse", "input", None)
        if options.class_mode not in modes:
            raise unknown("class_mode", str(options.class_mode), [m for m in modes if m])
        if not os.path.isdir(directory):
            raise MissingFileError(message("flow_from_directory", expected="a folder", got=repr(str(directory))))
        self.directory = directory
        found = sorted(e.name for e in os.scandir(directory) if e.is_dir())
        names = list(options.classes or found)
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.num_classes = self.nb_class = len(names)
        self.filepaths, labels = [], []
        for name in names:
            paths = [
                os.path.join(root, file)
                for root, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=follow_links))
                for file in sorted(files)
                if file.lower().endswith(EXTENSIONS[: 4 if era.number() == 1 else -1])
            ]
            paths = paths[image_data_generator.part(len(paths), options.subset)]
            self.filepaths += paths
            labels += [self.class_indices[name]] * len(paths)
        self.labels = self.classes = np.asarray(labels, "int32")
        self.filenames = [os.path.relpath(path, directory) for path in self.filepaths]
        self._set_up(image_data_generator, options)
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")


def _is_image(path: str) -> bool:
    return path.lower().endswith(EXTENSIONS[:-1]) and os.path.isfile(path)


class DataFrameIterator(_Files):
    """Augmented images of the files named in a column of a data frame."""

    def __init__(
        self,
        dataframe: Any,
        directory: PathLike | None = None,
        image_data_generator: ImageDataGenerator = None,  # type: ignore[assignment]  # as in Keras, where it must be given
        x_col: str = "filename",
        y_col: str | Sequence[str] = "class",
        weight_col: str | None = None,
        *args: Option,
        validate_filenames: bool = True,
        **kwargs: Option,
    ) -> None:
        options = _Options.of(args, kwargs)
        class_mode, classes = options.class_mode, options.classes
        paths = [os.path.join(directory or "", str(name)) for name in dataframe[x_col]]
        rows = np.asarray([i for i, path in enumerate(paths) if not validate_filenames or _is_image(path)], int)
        self.directory = directory or ""
        values: Any = None if class_mode in ("input", None) else self._column(dataframe, y_col, class_mode)
        self.class_indices = {}
        if class_mode in ("categorical", "binary", "sparse"):
            given = [list(map(str, v)) if isinstance(v, list | tuple) else [str(v)] for v in values]
            names = list(classes) if classes else sorted({label for i in rows for label in given[i]})
            names = sorted(names) if era.is_package_before_keras_3() else names
            self.class_indices = {name: number for number, name in enumerate(names)}
            rows = np.asarray([i for i in rows if not self.class_indices.keys().isdisjoint(given[i])], int)
            if any(isinstance(v, list | tuple) for v in values):  # several labels for an image
                values = np.asarray([[name in labels for name in names] for labels in given], "float32")
            else:
                values = np.asarray([self.class_indices.get(label, 0) for (label,) in given], "int32")
        rows = rows[image_data_generator.part(len(rows), options.subset)]
        self.filepaths = [paths[i] for i in rows]
        self.filenames = [str(dataframe[x_col].iloc[i]) for i in rows]
        has_several_outputs = class_mode == "multi_output"
        self.labels = (
            [column[rows] for column in values] if has_several_outputs else None if values is None else values[rows]
        )
        self.classes = self.labels
        if weight_col:
            self.sample_weight = np.asarray(dataframe[weight_col])[rows]
        self._set_up(image_data_generator, options)
        belonging = f" belonging to {len(self.class_indices)} classes" if self.class_indices else ""
        print(f"Found {self.samples} validated image filenames{belonging}.")

    @staticmethod
    def _column(dataframe: Any, y_col: Any, class_mode: str | None) -> Any:
        if isinstance(y_col, list | tuple) and class_mode == "multi_output":
            return [np.asarray(dataframe[name].tolist()) for name in y_col]  # elements may be arrays
        return np.asarray(dataframe[list(y_col) if isinstance(y_col, tuple) else y_col])
