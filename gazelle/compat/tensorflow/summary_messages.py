"""The protocol buffers of histograms, images, audio and text in event files, made by tensorboardX."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gazelle.compat.tensorflow.files import text
from gazelle.compat.types import Option, TensorResult
from gazelle.core.errors import message
from gazelle.core.traceback import warn


@functools.cache  # one warning for each function
def message_types(function: str) -> Option:
    """The module with the classes of summaries; None, with a warning, where tensorboardX is absent."""
    try:
        from tensorboardX.proto import summary_pb2
    except ImportError:
        hint = 'Install it: pip install "gazelle[tensorboard]"'
        warn(message(f"{function} writes numbers only: other values need tensorboardX", hint=hint))
        return None
    return summary_pb2


def encoded(kind: str, tag: str, value: TensorResult, **options: Option) -> list[bytes]:
    """The bytes of the summaries of a value; none where tensorboardX is absent."""
    if message_types(f"tf.summary.{kind}") is None:
        return []
    return [bytes(one.SerializeToString()) for one in _ENCODERS[kind](tag, np.asarray(value), **options)]


def _histogram(tag: str, values: Any, buckets: int | None = None) -> list[Any]:
    from tensorboardX import summary

    return [summary.histogram(tag, values, 30 if buckets is None else buckets)]


def _image(tag: str, images: Any, max_outputs: int = 3, scaled: bool = False) -> list[Any]:
    """Images of bytes or of floats in [0, 1], or of any floats that are scaled; each has a tag of its own."""
    from tensorboardX import summary

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

    types = message_types("tf.summary.audio")
    out = []
    for i, clip in enumerate(clips[:max_outputs]):
        audio = types.Summary.Audio(
            sample_rate=float(sample_rate),
            num_channels=clip.shape[1],
            length_frames=clip.shape[0],
            encoded_audio_string=np.asarray(encode_wav(clip, sample_rate)).item(),
            content_type="audio/wav",
        )
        out.append(types.Summary(value=[types.Summary.Value(tag=f"{tag}/{i}" if i else tag, audio=audio)]))
    return out


def _text(tag: str, lines: Any) -> list[Any]:
    from tensorboardX import summary

    return [summary.text(tag, "\n\n".join(text(line) for line in np.ravel(lines)))]


_ENCODERS = {"histogram": _histogram, "image": _image, "audio": _audio, "text": _text}
