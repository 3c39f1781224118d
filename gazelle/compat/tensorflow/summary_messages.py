"""The messages of numbers, histograms, images, audio and text in event files, made by tensorboardX."""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.proto import summary_pb2

from gazelle.compat.tensorflow.files import text
from gazelle.compat.types import NamedObject, Option, TensorResult


def summary_of(kind: str, tag: str, value: TensorResult, **options: Option) -> NamedObject:
    """The summary of a value.

    Args:
        kind: "scalar", "histogram", "image", "audio" or "text".
        tag: Its name.
        value: A number, or an array.
        options: Further arguments of that kind of summary.
    """
    made = _ENCODERS[kind](tag, np.asarray(value), **options)
    return summary_pb2.Summary(value=[one for each in made for one in each.value])


def _scalar(tag: str, value: Any) -> list[Any]:
    return [summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=float(value))])]


def _histogram(tag: str, values: Any, buckets: int | None = None) -> list[Any]:
    return [summary.histogram(tag, values, 30 if buckets is None else buckets)]


def _image(tag: str, images: Any, max_outputs: int = 3, scaled: bool = False) -> list[Any]:
    """Images of bytes or of floats in [0, 1], or of any floats that are scaled; each has a tag of its own."""
    images = images[: int(max_outputs)]
    if images.dtype != np.uint8 and scaled:
        images = np.stack([_scaled(image) for image in images])
    elif images.dtype != np.uint8:
        images = np.clip(images, 0, 1)
    return [summary.image(f"{tag}/{i}" if i else tag, image, dataformats="HWC") for i, image in enumerate(images)]


def _scaled(image: Any) -> Any:
    """An image in [0, 1] as TensorFlow 1 scales it: 0 becomes grey if there are negative values."""
    highest = max(float(np.abs(image).max()), 1e-12)
    return image / highest if image.min() >= 0 else (image / highest * 127 + 128) / 255


def _audio(tag: str, clips: Any, sample_rate: Any = 44100, max_outputs: int = 3) -> list[Any]:
    from gazelle.compat.tensorflow.ops.signals import encode_wav

    out = []
    for i, clip in enumerate(clips[:max_outputs]):
        audio = summary_pb2.Summary.Audio(
            sample_rate=float(sample_rate),
            num_channels=clip.shape[1],
            length_frames=clip.shape[0],
            encoded_audio_string=np.asarray(encode_wav(clip, sample_rate)).item(),
            content_type="audio/wav",
        )
        out.append(summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=f"{tag}/{i}" if i else tag, audio=audio)]))
    return out


def _text(tag: str, lines: Any) -> list[Any]:
    return [summary.text(tag, "\n\n".join(text(line) for line in np.ravel(lines)))]


_ENCODERS = {"scalar": _scalar, "histogram": _histogram, "image": _image, "audio": _audio, "text": _text}
