"""Base classes of Keras 2's pooling layers, which take the function that pools: `Pooling2D(tf.nn.max_pool2d, 2)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from gazelle.core.tensor_wrapper import array_in
from gazelle.core.types import Array
from gazelle.layers.options import OptionsWithoutName
from gazelle.layers.pooling import _Pooling


class _FunctionPooling(_Pooling, abstract=True):
    """Pooling with a function that gets the inputs, the window, the strides, the padding and the data format."""

    def __init__(
        self,
        pool_function: Callable[..., Any],
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[OptionsWithoutName],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
        self.pool_function = pool_function

    def get_config(self) -> dict[str, Any]:
        """The config without the function, which subclasses pass themselves."""
        return {name: value for name, value in super().get_config().items() if name != "pool_function"}


class Pooling1D(_FunctionPooling, abstract=True):
    """Base class of poolings over one axis; the function pools over two, the second of which has one element."""

    rank = 1

    def call(self, x: Array) -> Array:
        axis = 2 if self.data_format == "channels_last" else 3
        window, strides = (*self.pool_size, 1), (*self.strides, 1)
        options = {"padding": self.padding, "data_format": self.data_format}
        pooled = self.pool_function(jnp.expand_dims(x, axis), window, strides=strides, **options)
        return jnp.squeeze(array_in(pooled), axis)


class Pooling2D(_FunctionPooling, abstract=True):
    """Base class of poolings over two axes; the function is one of `tf.nn`."""

    rank = 2

    def call(self, x: Array) -> Array:
        space = "DHW"[3 - self.rank :]
        is_last = self.data_format == "channels_last"

        def sizes(given: Sequence[int]) -> tuple[int, ...]:
            return (1, *given, 1) if is_last else (1, 1, *given)

        options = {"padding": self.padding.upper(), "data_format": f"N{space}C" if is_last else f"NC{space}"}
        return array_in(self.pool_function(x, ksize=sizes(self.pool_size), strides=sizes(self.strides), **options))


class Pooling3D(Pooling2D, abstract=True):
    """Base class of poolings over three axes; the function is one of `tf.nn`."""

    rank = 3
