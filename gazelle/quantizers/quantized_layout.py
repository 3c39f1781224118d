"""How a weight lies in whole numbers: which axes share a scale, and where two numbers of 4 bits share a byte."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.quantizers.absmax import AbsMaxQuantizer, abs_max_quantize
from gazelle.quantizers.configs import Int4QuantizationConfig, QuantizationConfig
from gazelle.quantizers.groups import abs_max_quantize_grouped_with_zero_point
from gazelle.quantizers.int4 import pack_int4, unpack_int4

FULL4 = (-8, 7)  # the whole numbers of 4 bits


@dataclasses.dataclass(frozen=True)
class Form:
    """Of a weight with one letter for each axis; axes whose letter the outputs lack share a scale.

    8 bits keep the weight's shape; their scales have the axes of the outputs, so that a product is divided by them as
    they are. 4 bits keep (rows, columns), the axes that share a scale in front; `turned`: (columns, rows).

    >>> Form((4, 3), "io", "o").shapes("int8", None)
    {'': (4, 3), '_scale': (3,)}
    >>> Form((4, 3), "io", "o").shapes("int4", 2)
    {'': (4, 2), '_scale': (2, 3), '_zero': (2, 3)}
    """

    shape: tuple[int, ...]
    letters: str
    outputs: str
    turned: bool = False
    packed: int = -1

    @property
    def shared(self) -> tuple[int, ...]:
        """The axes that share a scale."""
        return tuple(i for i, letter in enumerate(self.letters) if letter not in self.outputs)

    @property
    def rows(self) -> int:
        """How many numbers share a scale, where there is one for each column."""
        return math.prod(self.shape[i] for i in self.shared)

    def shapes(self, mode: str, block: int | None) -> dict[str, tuple[int, ...]]:
        """{ending of the name: shape} of what is kept; block: rows that share a scale and a zero, None for all."""
        if mode == "int8":
            ones = [1 if i in self.shared else n for i, n in enumerate(self.shape)]
            scale = aligned(np.broadcast_to(np.float32(1), ones), self.letters, self.outputs).shape
            return {"": self.shape, "_scale": scale}
        columns = math.prod(self.shape) // self.rows
        numbers, scales = [self.rows, columns], [columns]
        if block is not None:
            scales.insert(0, math.ceil(self.rows / block))
        if self.turned:
            numbers, scales = numbers[::-1], scales[::-1]
        numbers[self.packed] = math.ceil(numbers[self.packed] / 2)
        kept = {"": tuple(numbers), "_scale": tuple(scales)}
        return kept if block is None else {**kept, "_zero": tuple(scales)}

    def whole(self, weight: Any, config: QuantizationConfig) -> dict[str, Any]:
        """{ending of the name: array} of what is kept of a weight in floats."""
        weight = np.asarray(weight)
        given = config.weight_quantizer
        if not isinstance(config, Int4QuantizationConfig):
            q, scale = self._quantized(given or AbsMaxQuantizer(), weight, self.shared)
            return {"": q, "_scale": aligned(scale, self.letters, self.outputs)}
        flat = (weight.T if self.turned else weight).reshape(self.rows, -1)
        if config.rows is not None:
            kept: Any = abs_max_quantize_grouped_with_zero_point(flat, config.rows, to_numpy=True)
        else:
            usual = AbsMaxQuantizer(axis=0, value_range=FULL4)
            q, scale = self._quantized(given or usual, flat, (0,))
            kept = (q, scale[0])
        q, *more = [array.T if self.turned else array for array in kept]
        return dict(zip(("", "_scale", "_zero"), (pack_int4(q, axis=self.packed)[0], *more), strict=False))

    @staticmethod
    def _quantized(quantizer: Any, x: Any, axes: tuple[int, ...]) -> Any:
        if type(quantizer) is AbsMaxQuantizer:
            return abs_max_quantize(x, axes, quantizer.value_range, "int8", quantizer.epsilon, to_numpy=True)
        return quantizer(x, axis=axes)

    def numbers(self, kept: Any, mode: str) -> Any:
        """The whole numbers, each in a byte of its own."""
        return kept if mode == "int8" else unpack_int4(kept, self._flat[self.packed], axis=self.packed)

    def floats(self, kept: Mapping[str, Any], mode: str, groups: Any = None, dtype: Any = "float32") -> Any:
        """The weight that `whole` gave `kept` of, as near as it can be."""
        q, scale = self.numbers(kept[""], mode).astype(dtype), kept["_scale"]
        if mode == "int8":
            return q / aligned(scale, self.outputs, self.letters)
        axis = -1 if self.turned else 0
        return dequantized(q, scale, kept.get("_zero"), groups, axis).reshape(self.shape)

    @property
    def _flat(self) -> tuple[int, int]:
        rows, columns = self.rows, math.prod(self.shape) // self.rows
        return (columns, rows) if self.turned else (rows, columns)


def dequantized(q: Any, scale: Any, zero: Any = None, groups: Any = None, axis: int = 0) -> Any:
    """q / s, or (q - z) s with the scale and zero of each place's group along `axis`.

    >>> dequantized(jnp.array([[64.0], [-127.0]]), jnp.array([127.0]))
    Array([[ 0.503937],
           [-1.      ]], dtype=float32)
    """
    if zero is None:
        return q / jnp.expand_dims(scale, axis)
    return (q - jnp.take(zero, groups, axis).astype(q.dtype)) * jnp.take(scale, groups, axis)


def aligned(x: Any, letters: str, wanted: str) -> Any:
    """x with its axes where `wanted` has their letters, 1 for letters that it lacks; axes that go have size 1.

    >>> aligned(np.ones((2, 1, 3)), "abc", "cda").shape
    (3, 1, 2)
    """
    kept = [letter for letter in letters if letter in wanted]
    x = x.reshape([n for n, letter in zip(x.shape, letters, strict=True) if letter in wanted])
    x = x.transpose(sorted(range(len(kept)), key=lambda i: wanted.index(kept[i])))
    sizes = iter(x.shape)
    return x.reshape([next(sizes) if letter in kept else 1 for letter in wanted])


@jax.custom_jvp
def as_if(value: Any, smooth: Any) -> Any:
    """`value`, with the gradient of `smooth`: rounding has none of its own.

    >>> jax.grad(lambda x: as_if(jnp.round(x), 3 * x))(1.2)
    Array(3., dtype=float32, weak_type=True)
    """
    return value


@as_if.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return primals[0], tangents[1].astype(primals[0].dtype)
