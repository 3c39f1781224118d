"""Datasets from folders of images, texts or sounds."""

from __future__ import annotations

import math
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.core.argument_types import checks_arguments
from gazelle.core.errors import ArgumentError, DataError, message, unknown
from gazelle.core.types import PathLike
from gazelle.data.dataset import Dataset
from gazelle.data.folders import FileType, from_directory
from gazelle.data.images import CHANNELS, INTERPOLATIONS, read_image, resize
from gazelle.ops.space import is_first


@checks_arguments
def image_dataset_from_directory(
    directory: PathLike,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | Sequence[int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Dataset | list[Dataset]:
    """Create a dataset of image files: batches (images, labels).

    images (batch, height, width, channels) float32 from 0 to 255, uint8 for the interpolation "nearest"

    Args:
        directory: a folder with a folder for each class, or with the files if `labels` is None or a list.
        labels: 'inferred' from the folders, None, or the labels in the order of the sorted file names.
        label_mode: 'int', 'categorical' (one-hot), 'binary' (one number, for two classes) or None.
        class_names: the folders to use, in the order of their indices; all, sorted by name, if None.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        batch_size: images in a batch; None for single images.
        image_size: (height, width) to resize the images to.
        shuffle: shuffle the files.
        seed: seed for shuffling.
        validation_split: fraction of the files for validation.
        subset: 'training', 'validation', or 'both' for two datasets; required with `validation_split`.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'area', 'lanczos3', 'lanczos5', 'gaussian', 'mitchellcubic'.
        follow_links: follow symbolic links to folders.
        crop_to_aspect_ratio: crop instead of changing the aspect ratio.
        pad_to_aspect_ratio: pad the resized image with zeros instead of changing the aspect ratio.
        data_format: 'channels_last' or 'channels_first'; by default that of `config.image_data_format`.
        format: 'tf' or 'grain'; both return a `Dataset` of gazelle.
        verbose: print the number of files.

    Returns:
        The dataset; two of them for the subset 'both'.

    Raises:
        DataError: there is no such folder, or no image in it.
        ArgumentError: arguments are invalid or contradict each other.

    >>> import os
    >>> for kind in ("cat", "dog"):
    ...     os.makedirs(f"pictures/{kind}")
    ...     gazelle.utils.save_img(f"pictures/{kind}/1.png", np.zeros((4, 6, 3)))
    >>> data = image_dataset_from_directory("pictures", image_size=(8, 8), verbose=False)
    >>> images, labels = next(iter(data))
    >>> images.shape, sorted(labels.tolist()), data.class_names
    ((2, 8, 8, 3), [0, 1], ['cat', 'dog'])
    """
    channels_first = is_first(data_format)
    if color_mode not in CHANNELS:
        raise unknown("color_mode", color_mode, CHANNELS)
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2:
        raise ArgumentError(message("image_size", expected="(height, width)", got=image_size))
    method = interpolation.lower()
    if method not in INTERPOLATIONS:
        raise unknown("interpolation", interpolation, INTERPOLATIONS)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError(message("images", expected="crop_to_aspect_ratio or pad_to_aspect_ratio", got="both"))
    _check_format(format)

    def load(path: str) -> Any:
        x = resize(read_image(path, color_mode), size, method, crop_to_aspect_ratio, pad_to_aspect_ratio)
        x = x.astype(np.uint8) if method == "nearest" and x.max() <= 255 else x  # not those of 16 bits
        return np.moveaxis(x, -1, 0) if channels_first else x

    return from_directory(
        FileType("image", (".bmp", ".gif", ".jpeg", ".jpg", ".png"), load),
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )


@checks_arguments
def text_dataset_from_directory(
    directory: PathLike,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Dataset | list[Dataset]:
    """Create a dataset of text files (.txt): batches (texts, labels), texts (batch,) of str.

    A `TextVectorization` layer converts them to integers: `dataset.map(lambda x, y: (vectorize(x), y))`.

    Args:
        directory: a folder with a folder for each class, or with the files if `labels` is None or a list.
        labels: 'inferred' from the folders, None, or the labels in the order of the sorted file names.
        label_mode: 'int', 'categorical' (one-hot), 'binary' (one number, for two classes) or None.
        class_names: the folders to use, in the order of their indices; all, sorted by name, if None.
        batch_size: texts in a batch; None for single texts.
        max_length: maximum number of characters of a text; None for no limit.
        shuffle: shuffle the files.
        seed: seed for shuffling.
        validation_split: fraction of the files for validation.
        subset: 'training', 'validation', or 'both' for two datasets; required with `validation_split`.
        follow_links: follow symbolic links to folders.
        format: 'tf' or 'grain'; both return a `Dataset` of gazelle.
        verbose: print the number of files.

    Returns:
        The dataset; two of them for the subset 'both'.

    Raises:
        DataError: there is no such folder, or no text in it.
        ArgumentError: arguments are invalid or contradict each other.
    """
    _check_format(format)

    def load(path: str) -> str:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read() if max_length is None else file.read(max_length)

    return from_directory(
        FileType("text", (".txt",), load, lambda texts: np.array(texts, dtype=object)),
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )


@checks_arguments
def audio_dataset_from_directory(
    directory: PathLike,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Dataset | list[Dataset]:
    """Create a dataset of sound files (.wav): batches (sounds, labels).

    sounds (batch, samples, channels) float32 from -1 to 1; shorter sounds of a batch are padded with 0

    Args:
        directory: a folder with a folder for each class, or with the files if `labels` is None or a list.
        labels: 'inferred' from the folders, None, or the labels in the order of the sorted file names.
        label_mode: 'int', 'categorical' (one-hot), 'binary' (one number, for two classes) or None.
        class_names: the folders to use, in the order of their indices; all, sorted by name, if None.
        batch_size: sounds in a batch; None for single sounds.
        sampling_rate: samples per second to resample all sounds to; None keeps their rates.
        output_sequence_length: number of samples to pad or truncate to; None for that of the longest in a batch.
        ragged: must be False: the rows of an array have the same length.
        shuffle: shuffle the files.
        seed: seed for shuffling.
        validation_split: fraction of the files for validation.
        subset: 'training', 'validation', or 'both' for two datasets; required with `validation_split`.
        follow_links: follow symbolic links to folders.
        verbose: print the number of files.

    Returns:
        The dataset; two of them for the subset 'both'.

    Raises:
        DataError: there is no such folder, or no sound in it.
        ArgumentError: arguments are invalid or contradict each other.
    """
    if ragged:
        raise ArgumentError(
            message(
                "ragged=True",
                expected="False: rows of an array have the same length",
                got="True",
                hint="By default, shorter sounds are padded with 0.",
            )
        )
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate <= 0):
        raise ArgumentError(message("sampling_rate", expected="an integer >= 1", got=repr(sampling_rate)))

    def load(path: str) -> Any:
        sound, rate = read_wav(path)
        if sampling_rate is not None and rate != sampling_rate:
            from scipy.signal import resample_poly

            common = math.gcd(rate, sampling_rate)
            sound = resample_poly(sound, sampling_rate // common, rate // common).astype(np.float32)
        return sound if output_sequence_length is None else _pad_or_truncate(sound, output_sequence_length)

    def combine(sounds: list[Any]) -> Any:
        return np.stack([_pad_or_truncate(sound, max(map(len, sounds))) for sound in sounds])

    return from_directory(
        FileType("sound", (".wav",), load, combine),
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )


def read_wav(path: str) -> tuple[np.ndarray[Any, Any], int]:
    """Read a WAV file of integers (PCM).

    Args:
        path: the path of the file.

    Returns:
        The samples (n, channels) from -1 to 1, and the number of samples per second.

    Raises:
        DataError: the file has another format.
    """
    try:
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width)
    except (wave.Error, EOFError) as error:
        raise DataError(message(f"The sound {path!r}", expected="WAV with integers (PCM)", got=str(error))) from None
    if width == 1:  # the only unsigned format
        values = (raw[:, 0].astype(np.float32) - 128) / 128
    else:  # the bytes become the most significant ones of 32 bits
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 4 - width :] = raw
        values = wide.view("<i4")[:, 0] / np.float32(2**31)
    return values.astype(np.float32).reshape(-1, channels), rate


def _pad_or_truncate(sound: Any, length: int) -> Any:
    return np.pad(sound[:length], ((0, max(0, length - len(sound))), (0, 0)))


def _check_format(name: str) -> None:
    if name not in ("tf", "grain"):
        raise unknown("format", name, ("tf", "grain"))
