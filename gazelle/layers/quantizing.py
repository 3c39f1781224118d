"""`quantize` of a layer, and quantized dtype policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazelle.core import policies
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.own_code import from_gazelle
from gazelle.layers import dtype_handling
from gazelle.layers.weight_matrix import matrices, policy_config
from gazelle.quantizers.calibrated_configs import CalibratedQuantizationConfig, Statistic
from gazelle.quantizers.calibrated_layout import CalibratedLayout
from gazelle.quantizers.configs import Int4QuantizationConfig, QuantizationConfig, config_for

if TYPE_CHECKING:
    from gazelle.core.types import PolicyLike
    from gazelle.layers.base import Layer


class NotQuantizableError(ArgumentError, NotImplementedError):
    """A layer without weights to quantize, or a subclass that may use them in another way."""


def quantize(
    layer: Layer,
    mode: str | None,
    config: QuantizationConfig | None,
    type_check: bool,
    statistic: Statistic | None = None,
) -> None:
    """Quantize the weights of a layer; `Layer.quantize` describes the arguments.

    statistic: of the inputs of the layer, for GPTQ and AWQ.
    """
    modes = layer.quantization_modes
    config = config_for(mode, config) if modes else None
    if config is None or config.mode not in modes:
        expected = "Dense or EinsumDense" if modes else "Dense, EinsumDense, Embedding or ReversibleEmbedding"
        raise NotQuantizableError(message(f"quantize of {layer._label}", expected=expected, got=type(layer).__name__))
    check(layer, config, type_check)
    if isinstance(config, CalibratedQuantizationConfig):
        _quantize_calibrated(layer, config, statistic)
        return
    own, in_floats = matrices(layer), config.mode == "float8"
    arrays = [{} if in_floats else matrix.form.quantize(matrix.variable.numpy(), config) for matrix in own]
    size = f"/{config.rows or -1}" if isinstance(config, Int4QuantizationConfig) else ""
    _set_quantized(layer, config, f"{config.mode}{size}")
    for matrix, stored in zip(own, arrays, strict=True):
        matrix.make_quantized()
        for end, array in stored.items():
            layer.__dict__[f"{matrix.name}{end}"].assign(array)


def _quantize_calibrated(layer: Layer, config: CalibratedQuantizationConfig, statistic: Statistic | None) -> None:
    if statistic is None:
        raise _not_measured(layer, config.mode)
    (matrix,) = matrices(layer)
    layout = CalibratedLayout(matrix.form, config.weight_bits, config.group_size)
    found = config.quantize(layout.matrix(matrix.variable.numpy()), statistic, layout.group)
    _set_quantized(layer, config, config.dtype_policy_string())
    matrix.make_quantized()
    matrix.set_calibrated(found)


def _not_measured(layer: Layer, mode: str) -> StateError:
    hint = f"Use model.quantize({mode!r}, config), which measures them."
    return StateError(message(f"{mode} of {layer._label}", expected="measured inputs", got="none", hint=hint))


def _set_quantized(layer: Any, config: QuantizationConfig, mode: str) -> None:
    """Give a layer the config, and the policy of a mode such as 'int4/128' unless its policy is quantized."""
    layer.quantization_config = config
    if layer.dtype_policy.quantization_mode is None:
        dtype_handling.set_policy(layer, f"{mode}_from_{dtype_handling.effective_policy(layer).name}")


def set_policy(layer: Layer, value: PolicyLike) -> None:
    """Replace the policy of a layer that can be quantized; a quantized policy quantizes it.

    Raises:
        StateError: the layer is quantized already, in another mode.
    """
    wanted = policies.get(value).quantization_mode
    quantized = layer.built and any(matrix.is_quantized for matrix in matrices(layer))
    if quantized and wanted != layer.quantization_mode:
        raise StateError(
            message(
                f"dtype_policy of {layer._label}",
                expected=dtype_handling.effective_policy(layer).name,
                got=repr(value),
                hint="Quantization cannot be undone; rebuild the layer.",
            )
        )
    if wanted in policies.CALIBRATED and layer.built and not quantized:
        raise _not_measured(layer, str(wanted))
    dtype_handling.set_policy(layer, value)
    if wanted is not None and layer.built and not quantized:
        sized = hasattr(dtype_handling.effective_policy(layer), "block_size")
        quantize(layer, wanted, policy_config(layer) if sized else None, type_check=False)


def check(layer: Layer, config: QuantizationConfig, type_check: bool) -> None:
    """Check that a layer can be quantized now.

    Raises:
        StateError: it is not built, is quantized, or has LoRA where the mode takes none.
        ArgumentError: the dtype of its computation does not go with the mode.
        NotQuantizableError: it is of a class of the program, with `type_check`.
    """
    what = f"quantize of {layer._label}"
    if not layer.built:
        raise StateError(message(f"{what}, which is not built", hint="Call it on data or give input_shape."))
    if any(matrix.is_quantized for matrix in matrices(layer)):
        name = dtype_handling.effective_policy(layer).name
        raise StateError(message(what, expected="weights in floats", got=f"a layer of {name}"))
    if layer.lora_enabled and config.mode in ("float8", *policies.CALIBRATED):
        raise StateError(message(what, expected="a layer without LoRA", got="one with LoRA"))
    if config.mode == "int8" and layer.compute_dtype == "float16":
        raise ArgumentError(message(what, expected="computation in float32 or bfloat16", got="float16"))
    if type_check and not from_gazelle(type(layer)):
        raise NotQuantizableError(
            message(
                what,
                expected="a layer of gazelle",
                got=f"the class {type(layer).__name__}",
                hint="quantize(..., type_check=False) treats it like the layer that it inherits from.",
            )
        )
