"""tf.signal and tf.audio: frames, spectra and mel bands of audio; WAV files."""

from __future__ import annotations

import io
import wave
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, named, op, space
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.layers import MelSpectrogram


def _real_transform(name: str, axes: int) -> Any:
    def transform(input_tensor: Any, fft_length: Any = None) -> Any:
        sizes = None if fft_length is None else [int(size) for size in np.ravel(fft_length)]
        function = getattr(space(input_tensor).fft, name)
        if axes == 3:
            return function(input_tensor, sizes, (-3, -2, -1))
        return function(input_tensor, sizes[0] if sizes and axes == 1 else sizes)

    return transform


for _name in ("rfft", "irfft"):
    for _axes, _function in enumerate((_name, f"{_name}2", f"{_name}n"), 1):
        op(f"signal.{_name}" + (f"{_axes}d" if _axes > 1 else ""), static=("fft_length",))(
            _real_transform(_function, _axes)
        )


def _cosine(name: str, first: float) -> None:
    def window(window_length: Any, periodic: bool = True, dtype: Any = "float32", name: Any = None) -> Tensor:
        count = int(window_length)
        turn = 2 * np.pi * np.arange(count) / max(1, count - 1 + (periodic and count > 1 and count % 2 == 0))
        values = first - (1 - first) * np.cos(turn) if count > 1 else np.ones(count)
        return Tensor(values.astype(name_of(dtype)))

    named(f"signal.{name}_window")(window)
    windows[name] = window


def _kaiser_bessel_derived(count: int, beta: float) -> Any:
    sums = np.cumsum(np.kaiser(count // 2 + 1, beta))
    half = np.sqrt(sums[:-1] / sums[-1])
    return np.concatenate([half, half[::-1]])


for _name, _values in {"kaiser": np.kaiser, "kaiser_bessel_derived": _kaiser_bessel_derived}.items():
    named(f"signal.{_name}_window")(
        lambda window_length, beta=12.0, dtype="float32", name=None, values=_values: Tensor(
            values(int(window_length), float(beta)).astype(name_of(dtype))
        )
    )
named("signal.vorbis_window")(
    lambda window_length, dtype="float32", name=None: Tensor(
        np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(int(window_length)) + 0.5) / int(window_length)) ** 2).astype(
            name_of(dtype)
        )
    )
)
windows: dict[str, Any] = {}
_cosine("hann", 0.5)
_cosine("hamming", 0.54)


def _frames(signal: Any, length: int, step: int, pad: bool = False, value: Any = 0) -> Any:
    count = signal.shape[-1]
    if pad:
        wanted = (-(-count // step) - 1) * step + length
        edges = [(0, 0)] * (signal.ndim - 1) + [(0, max(0, wanted - count))]
        signal = space(signal).pad(signal, edges, constant_values=value)
    starts = np.arange(0, signal.shape[-1] - length + 1, step)
    return signal[..., starts[:, None] + np.arange(length)]


@op("signal.frame", static=("frame_length", "frame_step"))
def frame(
    signal: TensorLike,
    frame_length: TensorLike,
    frame_step: TensorLike,
    pad_end: bool = False,
    pad_value: TensorLike = 0,
    axis: int = -1,
) -> TensorResult:
    moved = space(signal).moveaxis(signal, axis, -1)
    frames = _frames(moved, frame_length, frame_step, pad_end, pad_value)
    first = axis % moved.ndim
    return space(frames).moveaxis(frames, (-2, -1), (first, first + 1))


@op("signal.stft", static=("frame_length", "frame_step", "fft_length"))
def stft(
    signals: TensorLike,
    frame_length: TensorLike,
    frame_step: TensorLike,
    fft_length: TensorLike = None,
    window_fn: Callable[..., Any] | None = windows["hann"],
    pad_end: bool = False,
) -> TensorResult:
    parts = _frames(signals, frame_length, frame_step, pad_end)
    if window_fn is not None:
        parts = parts * unboxed(window_fn(frame_length, dtype="float32"))
    return space(parts).fft.rfft(parts, fft_length or 1 << (frame_length - 1).bit_length())


def _transform(inverse_type: int) -> Callable[..., Any]:
    """A cosine transform of type 2 or 3; that of `inverse_type` is the inverse of the transform of type 2."""

    def transform(
        input: TensorLike, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None
    ) -> TensorResult:
        if type in (1, 4):  # which are their own inverses
            return (_dct_1 if type == 1 else _dct_4)(_resized(input, n or input.shape[-1]), norm)
        if type not in (2, 3):
            raise ArgumentError(message("type of tf.signal.dct", expected="1, 2, 3 or 4", got=type))
        if type != inverse_type:
            return jax.scipy.fft.dct(input, 2, n, axis, norm)
        return jax.scipy.fft.idct(input, 2, n, axis, norm) * (1 if norm == "ortho" else 2 * (n or input.shape[axis]))

    return transform


def _resized(x: Any, count: int) -> Any:
    x = x[..., :count]
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, count - x.shape[-1])])


def _dct_1(x: Any, norm: str | None) -> Any:
    if norm is not None:
        raise ArgumentError(message("norm of tf.signal.dct of type 1", expected=None, got=norm))
    return jnp.fft.rfft(jnp.concatenate([x, x[..., -2:0:-1]], -1)).real


def _dct_4(x: Any, norm: str | None) -> Any:
    count = x.shape[-1]
    turns = [
        np.exp(-1j * np.pi * np.arange(count) / 2 / count),
        np.exp(-1j * np.pi * (np.arange(count) + 0.5) / 2 / count),
    ]
    before, after = (turn.astype("complex64") for turn in turns)
    out = 2 * (jnp.fft.fft(x * before, 2 * count)[..., :count] * after).real
    return out * np.float32((0.5 / count) ** 0.5) if norm == "ortho" else out


op("signal.dct", host=False, static=("type", "n", "axis", "norm"))(_transform(3))
op("signal.idct", host=False, static=("type", "n", "axis", "norm"))(_transform(2))


@op("signal.overlap_and_add", static=("frame_step",), host=False)
def overlap_and_add(signal: TensorLike, frame_step: int) -> TensorResult:
    count, length = signal.shape[-2:]
    indices = np.arange(count)[:, None] * frame_step + np.arange(length)
    out = jnp.zeros((*signal.shape[:-2], (count - 1) * frame_step + length), signal.dtype)
    return out.at[..., indices].add(signal)


def _vorbis(window_length: Any, dtype: Any) -> Any:
    return NAMES["signal.vorbis_window"](window_length, dtype=dtype)


@op("signal.mdct", static=("frame_length",), host=False)
def mdct(
    signals: TensorLike,
    frame_length: int,
    window_fn: Callable[..., Any] | None = _vorbis,
    pad_end: bool = False,
    norm: str | None = None,
) -> TensorResult:
    frames = _frames(jnp.asarray(signals), frame_length, frame_length // 2, pad_end)
    if window_fn is not None:
        frames = frames * unboxed(window_fn(frame_length, dtype="float32"))
    a, b, c, d = jnp.split(frames, 4, -1)
    return _dct_4(jnp.concatenate([-c[..., ::-1] - d, a - b[..., ::-1]], -1), norm)


@op("signal.inverse_mdct", host=False)
def inverse_mdct(
    mdcts: TensorLike, window_fn: Callable[..., Any] | None = _vorbis, norm: str | None = None
) -> TensorResult:
    count = mdcts.shape[-1]
    first, second = jnp.split(_dct_4(mdcts, norm) * (1 if norm == "ortho" else 0.5 / count), 2, -1)
    frames = jnp.concatenate([second, -second[..., ::-1], -first[..., ::-1], -first], -1)
    if window_fn is not None:
        frames = frames * unboxed(window_fn(2 * count, dtype="float32"))
    return unboxed(overlap_and_add(frames, count))


@named("signal.inverse_stft_window_fn")
def inverse_stft_window_fn(frame_step: int, forward_window_fn: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """`tf.signal.inverse_stft_window_fn`: the window with which the inverse gives the signal back."""
    forward = windows["hann"] if forward_window_fn is None else forward_window_fn

    def window(frame_length: int, dtype: Any = "float32") -> Tensor:
        values = np.asarray(unboxed(forward(frame_length, dtype=dtype)))
        padded = np.pad(values**2, (0, -len(values) % frame_step)).reshape(-1, frame_step)
        total = np.tile(padded.sum(0), len(padded))[: len(values)]
        return Tensor((values / total).astype(values.dtype))

    return window


@named("signal.inverse_stft")
def inverse_stft(
    stfts: TensorLike,
    frame_length: TensorLike,
    frame_step: TensorLike,
    fft_length: TensorLike = None,
    window_fn: Callable[..., Any] | str | None = "hann",
) -> TensorResult:
    """`tf.signal.inverse_stft`: the windowed frames, added where they overlap."""
    length, step = int(frame_length), int(frame_step)
    size = 1 << (length - 1).bit_length() if fft_length is None else int(fft_length)
    window = windows["hann"] if isinstance(window_fn, str) else window_fn
    values = 1.0 if window is None else unboxed(window(length, dtype="float32"))

    return overlap_and_add(call(_frames_of, (stfts, size, length, values), {}), step)


def _frames_of(spectra: Any, size: int, length: int, window: Any) -> Any:
    return _resized(jnp.fft.irfft(spectra, size), length) * window


@named("signal.linear_to_mel_weight_matrix")
def linear_to_mel_weight_matrix(
    num_mel_bins: int = 20,
    num_spectrogram_bins: int = 129,
    sample_rate: float = 8000,
    lower_edge_hertz: float = 125.0,
    upper_edge_hertz: float = 3800.0,
    dtype: DTypeLike = "float32",
) -> Tensor:
    """`tf.signal.linear_to_mel_weight_matrix`: triangles that are even on the mel scale; the constant bin has none."""
    options: dict[str, Any] = {"min_freq": lower_edge_hertz, "max_freq": upper_edge_hertz, "sampling_rate": sample_rate}
    layer = MelSpectrogram(2 * (int(num_spectrogram_bins) - 1), num_mel_bins=num_mel_bins, name="mel", **options)
    return Tensor(layer.triangles(name_of(dtype)))


@op("signal.mfccs_from_log_mel_spectrograms")
def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: TensorLike) -> TensorResult:
    count = log_mel_spectrograms.shape[-1]
    waves = np.cos(np.pi / count * np.outer(np.arange(count) + 0.5, np.arange(count)))
    return log_mel_spectrograms @ (2 * waves / np.sqrt(2 * count)).astype("float32")


DecodedWav = namedtuple("DecodedWav", "audio sample_rate")


@named("audio.decode_wav")
def decode_wav(contents: TensorLike, desired_channels: int = -1, desired_samples: int = -1) -> TensorResult:
    """`tf.audio.decode_wav`: (samples in -1..1 of shape (count, channels), the rate), of 16 bits."""
    with wave.open(io.BytesIO(bytes(array_of(contents).item()))) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels) / np.float32(32768)
    if desired_channels > 0:
        samples = samples[:, np.minimum(np.arange(desired_channels), channels - 1)]  # the last one is repeated
    if desired_samples > 0:
        samples = np.pad(samples[:desired_samples], [(0, max(0, desired_samples - len(samples))), (0, 0)])
    return DecodedWav(Tensor(samples.astype("float32")), Tensor(np.asarray(rate, "int32")))


@named("audio.encode_wav")
def encode_wav(audio: TensorLike, sample_rate: TensorLike) -> Tensor:
    """`tf.audio.encode_wav`: the bytes of a WAV file of 16 bits."""
    samples, buffer = array_of(audio), io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(int(sample_rate))
        file.writeframes((samples * 32768).round().clip(-32768, 32767).astype("<i2").tobytes())
    return convert(buffer.getvalue())
