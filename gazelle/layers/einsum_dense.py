"""EinsumDense: a dense layer whose product is an einsum."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.policies import QUANTIZED
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import float8, lora
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.weight_matrix import WeightAttribute, add_matrix
from gazelle.quantizers.configs import QuantizationConfig
from gazelle.quantizers.layout import QuantizedLayout, align_axes

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class EinsumDense(Layer):
    """Product over named axes:  y = f(einsum(equation, x, W) + b).

    "ab,bc->ac": x (a, b) · W (b, c)  ->  y (a, c). An ellipsis may precede or follow the axes of x and y.

    Args:
        equation: "X,W->Y" with one letter per axis.
        output_shape: Sizes of the axes of y that have a letter, without the first; None where x has the size.
        activation: Function f of the result, a name or a callable; None for the identity.
        bias_axes: Letters of y along which b varies; None for no b.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        lora_rank: Rank of a low-rank adapter that is trained in place of the weight; see `enable_lora`. None for no
            adapter.
        lora_alpha: The adapter is scaled by lora_alpha / lora_rank; None for lora_rank.
        quantization_config: Configuration of integer weights; see `quantize`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: The equation or `bias_axes` is malformed.
        ShapeError: x does not fit the equation, or a size of W is unknown.

    Example:
        >>> EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")(jnp.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    kernel = WeightAttribute()
    quantization_modes = QUANTIZED
    lora_enabled = False
    enable_lora = lora.enable_lora

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: ActivationLike = None,
        bias_axes: str | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        if any(isinstance(size, int) and size < 1 for size in self.output_shape):
            raise ArgumentError(message("output_shape of EinsumDense", expected="sizes", got=repr(output_shape)))

    def build(self, input_shape: Shape) -> None:
        axes, hidden = self._axes(input_shape)
        letters = self.equation.replace("...", "").replace("->", ",").split(",")[1]
        missing = [letter for letter in letters if axes.get(letter) is None]
        if missing:
            raise ShapeError(
                message(
                    f"{self._label} cannot create its kernel with axes {letters!r}",
                    expected=f"sizes of {', '.join(map(repr, missing))}",
                    got=f"input shape {tuple(input_shape)}",
                    hint="Give them in output_shape, or in the shape of the input.",
                )
            )
        outputs = self.equation.split("->")[1].replace("...", "")
        inside = [i for i, letter in enumerate(letters) if letter not in outputs]
        outside = [i for i, letter in enumerate(letters) if letter in outputs]
        initializer = self.kernel_initializer
        if hasattr(initializer, "input_axes") and initializer.input_axes is None:  # fans follow the equation
            config = initializer.get_config() | {"input_axes": inside, "output_axes": outside}
            initializer = type(initializer).from_config(config)
        self._letters = self._axis_letters(hidden)
        form = QuantizedLayout(tuple(axes[letter] for letter in letters), letters, self._letters[1])
        self._matrix = add_matrix(self, "kernel", form, initializer)
        self.bias = None
        if self.bias_axes:
            last = outputs[min(outputs.index(letter) for letter in self.bias_axes) :]
            behind = hidden if self.equation.endswith("...") else 0
            shape = [axes[letter] if letter in self.bias_axes else 1 for letter in last] + [1] * behind
            self.bias = self.add_weight("bias", tuple(shape))
        self.input_spec = InputSpec(ndim=len(input_shape))
        lora.build(self._matrix)

    def _axis_letters(self, hidden: int) -> tuple[str, str]:
        """The letters of x and of y, with a digit for each axis that the ellipsis stands for."""
        inputs, outputs = (
            side.strip().replace("...", "0123456789"[:hidden])
            for side in (self.equation.split(",")[0], self.equation.split("->")[1])
        )
        return inputs, outputs

    def _axes(self, input_shape: Any) -> tuple[dict[str, Any], int]:
        """{letter: size} from the shapes of input and output, and the number of axes behind the ellipsis."""
        found = re.fullmatch(
            r"(\.\.\.)?(\w+?)(\.\.\.)?,(\w+)->(\.\.\.)?(\w+?)(\.\.\.)?", self.equation.replace(" ", "")
        )
        if found is None or found[1] != found[5] or found[3] != found[7] or (found[1] and found[3]):
            raise ArgumentError(
                message(
                    f"equation of {self._label}",
                    expected='"X,W->Y", "...X,W->...Y" or "X...,W->Y..."',
                    got=repr(self.equation),
                )
            )
        inputs, kernel, outputs = found[2], found[4], found[6]
        hidden = len(input_shape) - len(inputs)
        if hidden < 0 or (hidden > 0 and not (found[1] or found[3])):
            raise ShapeError(
                message(
                    f"{self._label} with equation {self.equation!r}",
                    expected=f"{len(inputs)} axes",
                    got=f"shape {tuple(input_shape)}",
                )
            )
        sizes = input_shape[hidden:] if found[1] else input_shape[: len(inputs)]
        axes = dict(zip(inputs, sizes, strict=True))
        given = self.output_shape if found[1] else (None, *self.output_shape)
        for letter, size in zip(reversed(outputs), reversed(given), strict=False):
            if size is None:
                continue
            if axes.setdefault(letter, size) not in (None, size):
                raise ShapeError(
                    message(
                        f"{self._label}: axis {letter!r} of {self.equation!r}",
                        expected=f"size {axes[letter]}, as in x",
                        got=f"size {size} in output_shape",
                    )
                )
            axes[letter] = size
        unknown = [letter for letter in (self.bias_axes or "") + outputs if letter not in inputs + kernel]
        unknown += [letter for letter in self.bias_axes or "" if letter not in outputs]
        if unknown:
            raise ArgumentError(
                message(
                    f"{self._label}: axis {unknown[0]!r}",
                    expected=f"a letter of {self.equation!r} on both sides",
                    got=f"bias_axes={self.bias_axes!r}",
                )
            )
        return axes, hidden

    def call(self, x: Array) -> Array:
        inputs, outputs = self._letters
        kernel = self._matrix.form.letters
        summed = [letter for letter in dict.fromkeys(kernel + inputs) if letter in inputs and letter not in outputs]
        y = self._matrix.product(
            x,
            functools.partial(jnp.einsum, self.equation),
            factored=outputs[-1] == kernel[-1],
            axes=tuple(map(inputs.index, summed)),
            align=lambda scale: align_axes(scale, inputs, outputs),
        )
        if self.bias is not None:
            y = y + (float8.bias(self, self.bias.value) if self._matrix.in_float8 else self.bias.value)
        return y if self.activation is None else self.activation(y)  # None if it was assigned after construction
