"""Spectrograms of audio: MelSpectrogram and STFTSpectrogram."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp
import numpy as np

from gazelle import initializers, ops
from gazelle.core import budget, settings
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike, PolicyLike, Shape
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.spatial import choice

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class MelSpectrogram(Layer):
    """Mel spectrogram of audio in decibels:  y = 10 log10(M |stft(x)|^mag_exp / ref_power).

    x (time,) or (batch, time)  ->  y (batch, num_mel_bins, windows);  M contains triangular filters at equal distances
    on the mel scale  1127 ln(1 + f / 700)

    Args:
        fft_length: Length of the Fourier transform.
        sequence_stride: Distance between successive windows.
        sequence_length: Length of a window; None for fft_length.
        window: Window function, a name as in `ops.stft` or an array.
        sampling_rate: Samples per second.
        num_mel_bins: Number of filters.
        min_freq: Lowest frequency of the filters in Hz.
        max_freq: Highest frequency of the filters in Hz; None for half of sampling_rate.
        power_to_db: Whether to convert to decibels.
        top_db: y is at least its maximum minus this.
        mag_exp: Exponent of the magnitude: 1 for the magnitude, 2 for the power.
        min_power: Lower bound of the power before the logarithm.
        ref_power: Power of 0 dB.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: sequence_length is larger than fft_length.

    Example:
        >>> MelSpectrogram(fft_length=256, sequence_stride=64, num_mel_bins=20)(jnp.ones((2, 800))).shape
        (2, 20, 13)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: str | ArrayLike | None = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.sequence_length = sequence_length or fft_length
        self.max_freq = max_freq or int(sampling_rate / 2)
        if fft_length < self.sequence_length:
            raise ArgumentError(
                message("sequence_length of MelSpectrogram", expected=f"at most {fft_length=}", got=sequence_length)
            )

    def triangles(self, dtype: PolicyLike) -> np.ndarray[Any, Any]:
        """Return the filters M (fft_length // 2 + 1, num_mel_bins).

        Args:
            dtype: Dtype of the result.

        Returns:
            The filters.
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)

        budget.check((self.fft_length // 2 + 1, self.num_mel_bins), weight=2)
        pitch = mel(np.linspace(0, self.sampling_rate / 2, self.fft_length // 2 + 1))[:, None]
        edges = np.linspace(mel(self.min_freq), mel(self.max_freq), self.num_mel_bins + 2)
        low, mid, high = edges[:-2], edges[1:-1], edges[2:]
        rows, falling = (pitch - low) / (mid - low), (high - pitch) / (high - mid)
        np.maximum(0, np.minimum(rows, falling, out=rows), out=rows)
        rows[0] = 0  # without the constant component
        return rows.astype(dtype)

    def call(self, x: Array) -> Array:
        x = jnp.asarray(x, self.compute_dtype if self.compute_dtype == "float64" else "float32")
        real, imaginary = ops.stft(x, self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        size = jnp.sqrt(real**2 + imaginary**2) ** self.mag_exp
        y = size @ self.triangles(x.dtype)
        if self.power_to_db:
            y = 10 * jnp.log10(jnp.maximum(y, self.min_power))
            y = y - 10 * math.log10(max(abs(self.ref_power), self.min_power))
            y = jnp.maximum(y, y.max() - self.top_db)
        return jnp.swapaxes(y, -1, -2).astype(self.compute_dtype)


class STFTSpectrogram(Layer):
    """Short-time Fourier transform of signals by convolutions whose kernels are trainable.

    x (batch, time, channels)  ->  y (batch, windows, channels * frequencies), or (batch, windows, frequencies,
    channels) with expand_dims;  frequencies = fft_length // 2 + 1,  z = sum_n w[n] x[t s + n] exp(-2 pi i k n / N)

    Args:
        mode: 'log' of |z|, 'magnitude' |z|, 'psd' |z|^2 with both sides of the spectrum, 'real', 'imag', 'angle', or
            'stft': real part and imaginary part one after the other.
        frame_length: Length of a window.
        frame_step: Distance s between successive windows; None for half of frame_length.
        fft_length: Length N of the Fourier transform; None for the next power of two.
        window: Window w: the name of a window of scipy.signal, an array, or None.
        periodic: Whether the window is periodic instead of symmetric.
        scaling: 'density', 'spectrum' or None.
        padding: 'valid' or 'same'.
        expand_dims: Whether frequencies have an axis of their own.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: An option is unknown or out of range.

    Example:
        >>> STFTSpectrogram(mode="magnitude", frame_length=16)(jnp.ones((2, 64, 1))).shape
        (2, 7, 9)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: str | ArrayLike | None = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        owner = "STFTSpectrogram"
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ArgumentError(
                message(f"frame_step of {owner}", expected=f"1 to {frame_length=}", got=repr(frame_step))
            )
        if fft_length is not None and fft_length < frame_length:
            raise ArgumentError(message(f"fft_length of {owner}", expected=f"at least {frame_length=}", got=fft_length))
        if fft_length is not None and fft_length & -fft_length != fft_length:
            warnings.warn(f"fft_length={fft_length} of {owner} is no power of two, which is slower.", stacklevel=3)
        self.mode = choice(owner, "mode", mode, ("log", "magnitude", "psd", "real", "imag", "angle", "stft"))
        self.padding = choice(owner, "padding", padding, ("valid", "same"))
        if scaling not in (None, "density", "spectrum"):
            raise ArgumentError(
                message(f"scaling of {owner}", expected="'density', 'spectrum' or None", got=repr(scaling))
            )
        given = data_format or settings.image_data_format()
        self.data_format = choice(owner, "data_format", given, settings.FORMATS)
        initializers.STFT("real", window, scaling, periodic)  # checks the window
        self._frame_step = frame_step or frame_length // 2
        self._fft_length = fft_length or 2 ** math.ceil(math.log2(frame_length))
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Shape) -> None:
        shape = (self.frame_length, 1, self._fft_length // 2 + 1)
        for side, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                waves = initializers.STFT(side, self.window, self.scaling, self.periodic)
                setattr(self, f"{side}_kernel", self.add_weight(f"{side}_kernel", shape, waves))

    def transformed(self, x: Array, kernel: Variable) -> Array:
        """Return z of each channel.

        Args:
            x: Signals (batch, time, channels).
            kernel: Weight with the real or the imaginary part of the waves.

        Returns:
            Array (batch, channels, frequencies, windows).
        """
        batch, time, channels = x.shape
        single = jnp.reshape(jnp.swapaxes(x, 1, 2), (batch * channels, time, 1))
        y = ops.conv(single, kernel.value.astype(x.dtype), self._frame_step, self.padding, "channels_last")
        return jnp.swapaxes(jnp.reshape(y, (batch, channels, *y.shape[1:])), 2, 3)

    def call(self, x: Array) -> Array:
        if self.data_format == "channels_first":
            x = jnp.swapaxes(x, 1, 2)
        parts = [
            self.transformed(x, getattr(self, f"{side}_kernel"))
            for side, other in (("real", "imag"), ("imag", "real"))
            if self.mode != other
        ]
        return self.arranged(self.measured(*parts))

    def measured(self, real: Array, imaginary: Array | None = None) -> Array:
        """Return the function of z that `mode` specifies.

        Args:
            real: Real part of z, or the imaginary part in mode 'imag'.
            imaginary: Imaginary part of z; None in modes 'real' and 'imag'.

        Returns:
            Array (batch, channels, frequencies, windows).
        """
        if imaginary is None or self.mode in ("real", "imag"):
            return real
        if self.mode == "angle":
            return jnp.arctan2(imaginary, real)
        if self.mode == "stft":
            return jnp.concatenate([real, imaginary], axis=2)
        power = real**2 + imaginary**2
        if self.mode == "psd":  # all frequencies but the first and the last count twice
            return power.at[:, :, 1:-1].multiply(2)
        size = jnp.sqrt(jnp.maximum(power, settings.epsilon()))
        return size if self.mode == "magnitude" else jnp.log(jnp.maximum(size, settings.epsilon()))

    def arranged(self, y: Array) -> Array:
        """Return the result in the axis order of the output.

        Args:
            y: Array (batch, channels, frequencies, windows).

        Returns:
            Array in the shape that `expand_dims` and `data_format` specify.
        """
        first = self.data_format == "channels_first"
        if self.expand_dims:
            return jnp.transpose(y, (0, 1, 3, 2) if first else (0, 3, 2, 1))
        y = jnp.reshape(y, (y.shape[0], y.shape[1] * y.shape[2], y.shape[3]))
        return y if first else jnp.swapaxes(y, 1, 2)
