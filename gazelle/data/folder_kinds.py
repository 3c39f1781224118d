"""Folders of images, of texts and of sounds."""

from __future__ import annotations

import math
import wave
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message, unknown
from gazelle.data.folders import from_directory
from gazelle.data.images import CHANNELS, decoded
from gazelle.data.resampling import INTERPOLATIONS, resized
from gazelle.ops.space import is_first


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: Any = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
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
) -> Any:
    """Image files as batches (images, labels): images (batch, height, width, channels) of float32 from 0 to 255.

    Args:
        directory: holds a folder for each class, or the files themselves where `labels` is None or a list.
        labels: 'inferred' from the folders, None, or the numbers in the order of the sorted file names.
        label_mode: 'int', 'categorical' (one-hot), 'binary' (one number, for two classes) or None.
        class_names: the folders to take, in the order of their numbers; all, by name, if None.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        batch_size: None gives image by image.
        image_size: (height, width) that each image gets.
        validation_split, subset: set a share of the files apart; 'training', 'validation', or 'both' for two datasets.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'area', 'lanczos3', 'lanczos5', 'gaussian', 'mitchellcubic'.
        crop_to_aspect_ratio, pad_to_aspect_ratio: cut off or fill up instead of stretching.
        format: 'tf' and 'grain' both give a `Dataset` of gazelle.

    Raises:
        DataError: no such folder, or no image in it. ArgumentError: arguments that do not fit together.

    >>> import os
    >>> for kind in ("cat", "dog"):
    ...     os.makedirs(f"pictures/{kind}")
    ...     gazelle.utils.save_img(f"pictures/{kind}/1.png", np.zeros((4, 6, 3)))
    >>> data = image_dataset_from_directory("pictures", image_size=(8, 8), verbose=False)
    >>> images, labels = next(iter(data))
    >>> images.shape, sorted(labels.tolist()), data.class_names
    ((2, 8, 8, 3), [0, 1], ['cat', 'dog'])
    """
    if color_mode not in CHANNELS:
        raise unknown("color_mode", color_mode, CHANNELS)
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2:
        raise ArgumentError(message("image_size", expected="(height, width)", got=image_size))
    if interpolation.lower() not in INTERPOLATIONS:
        raise unknown("interpolation", interpolation, INTERPOLATIONS)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError(
            message("images", expected="crop_to_aspect_ratio or pad_to_aspect_ratio", got="both at once")
        )
    _format(format)

    def load(path: str) -> Any:
        x = resized(decoded(path, color_mode), size, interpolation.lower(), crop_to_aspect_ratio, pad_to_aspect_ratio)
        return np.moveaxis(x, -1, 0) if is_first(data_format) else x

    return from_directory(
        "image",
        (".bmp", ".gif", ".jpeg", ".jpg", ".png"),
        load,
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


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: Any = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Text files (.txt) as batches (texts, labels): texts (batch,) of str.

    Arguments are those of `image_dataset_from_directory`; `max_length` cuts texts off after so many characters. Turn
    them into numbers with a `TextVectorization`: `dataset.map(lambda x, y: (vectorize(x), y))`.

    Raises:
        DataError: no such folder, or no text in it. ArgumentError: arguments that do not fit together.
    """
    _format(format)

    def load(path: str) -> str:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read() if max_length is None else file.read(max_length)

    return from_directory(
        "text",
        (".txt",),
        load,
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
        lambda texts: np.array(texts, dtype=object),
    )


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: Any = "int",
    class_names: Any = None,
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
) -> Any:
    """Sound files (.wav) as batches (sounds, labels): sounds (batch, samples, channels) of float32 from -1 to 1.

    Other arguments are those of `image_dataset_from_directory`. Short sounds of a batch are filled up with 0.

    Args:
        sampling_rate: samples of a second to bring all sounds to; None leaves them.
        output_sequence_length: number of samples to bring all to; None is that of the longest of a batch.
        ragged: refused, arrays have no rows of unlike length.

    Raises:
        DataError: no such folder, or no sound in it. ArgumentError: arguments that do not fit together.
    """
    if ragged:
        raise ArgumentError(
            message(
                "ragged=True",
                expected="arrays, whose rows are of one length",
                got="tensors of TensorFlow",
                hint="Without it, short sounds are filled up with 0.",
            )
        )
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate <= 0):
        raise ArgumentError(message("sampling_rate", expected="a whole number from 1 on", got=repr(sampling_rate)))

    def load(path: str) -> Any:
        sound, rate = read_wav(path)
        if sampling_rate is not None and rate != sampling_rate:
            from scipy.signal import resample_poly

            common = math.gcd(rate, sampling_rate)
            sound = resample_poly(sound, sampling_rate // common, rate // common).astype(np.float32)
        return sound if output_sequence_length is None else _filled(sound, output_sequence_length)

    def combine(sounds: list[Any]) -> Any:
        return np.stack([_filled(sound, max(map(len, sounds))) for sound in sounds])

    return from_directory(
        "sound",
        (".wav",),
        load,
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
        combine,
    )


def read_wav(path: str) -> tuple[np.ndarray[Any, Any], int]:
    """(samples (n, channels) from -1 to 1, samples of a second) of a file of whole numbers (PCM)."""
    try:
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width)
    except (wave.Error, EOFError) as error:
        raise DataError(message(f"The sound {path!r}", expected="WAV of whole numbers (PCM)", got=str(error))) from None
    if width == 1:  # the only one without a sign
        values = (raw[:, 0].astype(np.float32) - 128) / 128
    else:  # the bytes at the upper end of 32 bits
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 4 - width :] = raw
        values = wide.view("<i4")[:, 0] / np.float32(2**31)
    return values.astype(np.float32).reshape(-1, channels), rate


def _filled(sound: Any, length: int) -> Any:
    return np.pad(sound[:length], ((0, max(0, length - len(sound))), (0, 0)))


def _format(name: str) -> None:
    if name not in ("tf", "grain"):
        raise unknown("format", name, ("tf", "grain"))
