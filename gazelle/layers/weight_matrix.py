"""The main weight of a dense, embedding or convolution layer: in floats, quantized, with a correction.

A layer has a `WeightMatrix` for each such weight; the variables themselves are attributes of the layer, under the names
that Keras gives them: kernel, kernel_scale, kernel_zero, g_idx, awq_scales, lora_kernel_a, lora_kernel_b.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.policies import CALIBRATED, AWQDTypePolicy, GPTQDTypePolicy
from gazelle.core.variable import Variable
from gazelle.layers import dtype_handling, float8
from gazelle.quantizers.absmax import AbsMaxQuantizer
from gazelle.quantizers.calibrated_configs import CalibratedQuantizationConfig, config_of_policy
from gazelle.quantizers.calibrated_layout import CalibratedLayout, QuantizedMatrix
from gazelle.quantizers.configs import Int4QuantizationConfig, QuantizationConfig
from gazelle.quantizers.layout import QuantizedLayout, straight_through

if TYPE_CHECKING:
    from gazelle.core.types import Array, InitializerLike
    from gazelle.layers.base import Layer


class WeightMatrix:
    r"""A weight W that a layer multiplies by, with its stored form and its correction:  W + (alpha / rank) A B.

    W (..., out), frozen once it has a correction · A (..., rank) · B (rank, out)

    A quantized weight is the variables W, W_scale and, with blocks of rows, W_zero; `g_idx` is the block of each row.
    They are not trained; a correction is. In float8, W stays in floats (`gazelle/layers/float8.py`). For GPTQ and AWQ,
    `observe` gets the inputs (samples, rows) of each product while it is set.

    Args:
        layer: the layer, which holds the variables in its attributes.
        name: the attribute that holds W.
        form: the axes of W and the layout of its quantized form; None for weights that are floats always.
        quantized_inputs: modes in which inputs are quantized, too, unless the layer's `quantization_config` decides.

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (ICLR 2022).
    """

    def __init__(
        self, layer: Layer, name: str, form: QuantizedLayout | None = None, quantized_inputs: Sequence[str] = ("int8",)
    ) -> None:
        self.layer, self.name, self._quantized_inputs = layer, name, tuple(quantized_inputs)
        self._form = form
        self.is_corrected = self.in_float8 = False
        self.observe: Callable[[np.ndarray], None] | None = None

    @property
    def form(self) -> QuantizedLayout:
        """The axes of W and the layout of its quantized form."""
        assert self._form is not None, f"{self.layer._label} has no quantized form of {self.name}"
        return self._form

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of W in floats."""
        return self.variable.shape if self._form is None else self._form.shape

    @property
    def variable(self) -> Variable:
        """W as it is stored: floats, or integers with scales in other variables."""
        return self.layer.__dict__[self.name]

    @property
    def is_quantized(self) -> bool:
        """Whether W is stored as integers, or multiplied in floats of 8 bits."""
        return f"{self.name}_scale" in self.layer.__dict__

    # Computing -------------------------------------------------------------------------------------------------------

    def product(
        self,
        x: Array,
        times: Callable[..., Any],
        *,
        axes: int | tuple[int, ...] = -1,
        align: Callable[[Any], Any] = lambda scale: scale,
        factored: bool = True,
    ) -> Array:
        """Return times(x, W), for a function that is linear in x and in W.

        Args:
            x: the inputs.
            times: takes `preferred_element_type`, as `jnp.matmul` and `jnp.einsum` do.
            axes: the axes of x that the product sums over, in the order of W.
            align: brings scales of x to the axes of the product.
            factored: whether times(x, A B) equals times(x, A) @ B.
        """
        mode = self.layer.quantization_mode
        if self.observe is not None:
            self.observe(self._samples(x, (axes,) if isinstance(axes, int) else axes))
        if mode is None:
            return times(x, self.array())
        if mode == "float8":
            return float8.product(self.layer, x, self.name, self.variable.value, times)
        w = self.dequantized()
        y = times(x, w)
        quantizer = self._inputs_quantizer
        if quantizer is not None:
            q, scale = quantizer(x, axis=axes)
            scale = align(scale)
            if mode == "int8":
                y_quantized = times(q, self.variable.value, preferred_element_type=jnp.int32).astype(y.dtype)
                scale = scale * getattr(self.layer, f"{self.name}_scale").value
            else:
                y_quantized = times(q.astype(w.dtype), w)
            y = straight_through(y_quantized / scale, y)
        if self.is_corrected:
            a, b, factor = self.correction
            y = y + factor * (times(x, a) @ b if factored else times(x, a @ b))
        return y.astype(self.layer.compute_dtype)

    def _samples(self, x: Array, axes: tuple[int, ...]) -> np.ndarray:
        """Inputs as (samples, rows)."""
        size = math.prod(x.shape[axis] for axis in axes)
        if size != self.form.rows:
            expected = f"sums over axes that x and {self.name} have in common"
            got = f"sums of {size} and of {self.form.rows}"
            raise ArgumentError(message(f"Quantization of {self.layer._label}", expected=expected, got=got))
        return np.moveaxis(np.asarray(x), axes, range(-len(axes), 0)).reshape(-1, size)

    def array(self) -> Array:
        """Return a W of floats, with its correction."""
        given = self.variable  # an array if user code replaced the weight for the time of a call
        w = given.value if isinstance(given, Variable) else jnp.asarray(given)
        if not self.is_corrected:
            return w
        a, b, factor = self.correction
        return (w + factor * (a @ b)).astype(self.layer.compute_dtype)

    def dequantized(self) -> Array:
        """Return the floats that the integers of W stand for, without the correction."""
        mode, dtype = self.layer.quantization_mode, self.layer.compute_dtype
        assert mode is not None
        layout = self.calibrated
        if layout is not None:
            assert self.blocks is not None
            factors = self.layer.__dict__.get("awq_scales")
            return layout.dequantize(self.stored(), self.blocks, None if factors is None else factors.value, dtype)
        return self.form.dequantize(self.stored(), mode, self.blocks, dtype)

    def stored(self) -> dict[str, Array]:
        """Return {"": integers, "_scale": scales, "_zero": zeros}, the keys being the ends of the attributes' names."""
        found = {end: self.layer.__dict__.get(f"{self.name}{end}") for end in ("", "_scale", "_zero")}
        return {end: v.value for end, v in found.items() if v is not None}

    @property
    def calibrated(self) -> CalibratedLayout | None:
        """The layout of weights of GPTQ or AWQ; None for others."""
        if self.layer.quantization_mode not in CALIBRATED:
            return None
        config = quantization_config(self.layer)
        assert isinstance(config, CalibratedQuantizationConfig)
        return CalibratedLayout(self.form, config.weight_bits, config.group_size)

    @property
    def blocks(self) -> Array | None:
        """The block of each row; None if a column has one scale."""
        found = self.layer.__dict__.get("g_idx")
        return None if found is None else found.value.astype("int32")

    @property
    def correction(self) -> tuple[Array, Array, float]:
        """A, B and alpha / rank."""
        layer: Any = self.layer
        a, b = (getattr(layer, f"lora_{self.name}_{factor}").value for factor in "ab")
        return a, b, layer.lora_alpha / layer.lora_rank

    @property
    def _inputs_quantizer(self) -> Any:
        config = getattr(self.layer, "quantization_config", None)
        if config is not None:
            return config.activation_quantizer
        return AbsMaxQuantizer() if self.layer.quantization_mode in self._quantized_inputs else None

    # Changing the form -----------------------------------------------------------------------------------------------

    def make_quantized(self) -> None:
        """Make the variables of the quantized form, by the layer's policy; their values are set afterwards."""
        layer, mode = self.layer, self.layer.quantization_mode
        assert mode is not None
        if mode == "float8":
            float8.add_scales(layer, self.name)
            self.in_float8 = True
            return
        config, layout = quantization_config(layer), self.calibrated
        if layout is not None:
            block: int | None = layout.group
            shapes, dtype = layout.shapes(), "uint8"
        else:
            block = config.rows if isinstance(config, Int4QuantizationConfig) else None
            shapes, dtype = self.form.shapes(mode, block), "int8"
        options = {"": ("zeros", dtype), "_scale": ("ones", None), "_zero": ("zeros", dtype)}
        for end, shape in shapes.items():
            name = f"{self.name}{end}"
            layer.__dict__[name] = layer.add_weight(name, shape, *options[end], trainable=False)
        if mode == "awq":
            layer.__dict__["awq_scales"] = layer.add_weight("awq_scales", (self.form.rows,), "ones", trainable=False)
        if block is not None and "g_idx" not in layer.__dict__:
            rows = np.arange(self.form.rows, dtype="float32") // block
            layer.__dict__["g_idx"] = layer.add_weight(
                "g_idx", rows.shape, lambda shape, dtype: rows, "float32", trainable=False, autocast=False
            )

    def set_calibrated(self, matrix: QuantizedMatrix) -> None:
        """Set the variables of a weight that was quantized by GPTQ or AWQ."""
        layout = self.calibrated
        assert layout is not None
        layer: Any = self.layer
        for end, array in layout.stored(matrix).items():
            layer.__dict__[f"{self.name}{end}"].assign(array)
        layer.__dict__["g_idx"].assign(matrix.groups)
        if matrix.factors is not None:
            layer.__dict__["awq_scales"].assign(matrix.factors)

    # Attributes and files --------------------------------------------------------------------------------------------

    def attribute(self) -> Variable | Array:
        """Return what `layer.kernel` is: the variable, or an array if a correction or packing changes its value."""
        if not self.is_quantized:
            return self.array() if self.is_corrected else self.variable
        mode = self.layer.quantization_mode
        assert mode is not None
        layout = self.calibrated
        if layout is not None:
            return layout.integers(self.variable.value)
        return self.form.integers(self.variable.value, mode) if mode == "int4" else self.variable


class WeightAttribute:
    """Descriptor for the attribute of a `WeightMatrix`: `layer.kernel` is the weight with which the layer computes."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        if self.name not in layer.__dict__:
            raise AttributeError(f"{layer._label} has no {self.name} before it is built")
        return next((m.attribute() for m in matrices(layer) if m.name == self.name), layer.__dict__[self.name])

    def __set__(self, layer: Any, value: Any) -> None:
        layer.__dict__[self.name] = value
        if not matrices(layer):  # `build` of a subclass sets the weight itself
            layer._matrix = WeightMatrix(layer, self.name)


def matrices(layer: Layer) -> list[WeightMatrix]:
    """Return the weight matrices of a layer, the main one first."""
    return [value for value in layer.__dict__.values() if isinstance(value, WeightMatrix)]


def add_matrix(
    layer: Layer,
    name: str,
    form: QuantizedLayout,
    initializer: InitializerLike = None,
    quantized_inputs: Sequence[str] = ("int8",),
    **options: Any,
) -> WeightMatrix:
    """Make a weight with `layer.add_weight`, or its quantized form if the layer's policy is quantized.

    Args:
        layer: the layer, in its `build`.
        name: name of the weight and of the attribute.
        form: its axes.
        initializer: its initializer; None takes the attribute `{name}_initializer`.
        quantized_inputs: as in `WeightMatrix`.
        options: further arguments of `add_weight`.

    Returns:
        The matrix, to be kept as an attribute of the layer.
    """
    matrix = WeightMatrix(layer, name, form, quantized_inputs)
    mode = layer.quantization_mode
    if mode is not None:
        matrix.make_quantized()
    if mode in (None, "float8"):
        layer.__dict__[name] = layer.add_weight(name, form.shape, initializer, **options)
    return matrix


def quantization_config(layer: Layer) -> QuantizationConfig | None:
    """Return the config that a layer was given, or else the options of its policy besides the mode."""
    return getattr(layer, "quantization_config", None) or policy_config(layer)


def policy_config(layer: Layer) -> QuantizationConfig | None:
    """Return the options of a policy besides its mode."""
    policy = dtype_handling.effective_policy(layer)
    if isinstance(policy, GPTQDTypePolicy | AWQDTypePolicy):
        return config_of_policy(policy)
    if policy.quantization_mode != "int4":
        return None
    return Int4QuantizationConfig(block_size=getattr(policy, "block_size", None))
