"""Quantization of arrays: floats to integers of 2 to 8 bits or to floats of 8 bits, with scales, and back.

Depends on no layer. `gazelle/layers/weight_matrix.py` decides how a layer uses quantized weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core.lookup import Lookup
from gazelle.core.module_names import public_names
from gazelle.core.registry import custom_object_scope
from gazelle.core.serialization import deserialize as deserialize_object
from gazelle.quantizers.absmax import (
    AbsMaxQuantizer,
    Quantizer,
    abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point,
)
from gazelle.quantizers.calibrated_configs import AWQConfig, GPTQConfig
from gazelle.quantizers.configs import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)
from gazelle.quantizers.layout import pack_int4, unpack_int4
from gazelle.quantizers.simulated import (
    compute_float8_amax_history,
    compute_float8_scale,
    fake_quant_with_min_max_vars,
    quantize_and_dequantize,
)

__all__ = [
    "AWQConfig",
    "AbsMaxQuantizer",
    "Float8QuantizationConfig",
    "GPTQConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]

_lookup: Lookup[Quantizer | Callable[..., Any]] = Lookup("quantizer", "quantizers")
serialize = _lookup.serialize


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Quantizer | QuantizationConfig | Callable[..., Any]:
    """Return the quantizer, or the config of `model.quantize`, that a config describes: the inverse of `serialize`.

    Args:
        config: Result of `serialize`.
        custom_objects: Further names that the config may use: {name: class or function}.

    Returns:
        A new object, or the function of this name.

    Raises:
        ArgumentError: If the config names an unknown class or function.

    Example:
        >>> deserialize(serialize(Int4QuantizationConfig(block_size=64))).block_size
        64
    """
    with custom_object_scope(custom_objects or {}):
        found = deserialize_object(config, "quantizers") if isinstance(config, Mapping) else None
    return found if isinstance(found, QuantizationConfig) else _lookup.deserialize(config, custom_objects)


def get(
    identifier: str | Mapping[str, Any] | type[Quantizer] | Quantizer | Callable[..., Any] | None, **kwargs: Any
) -> Quantizer | Callable[..., Any] | None:
    """Return the quantizer that an identifier stands for.

    Args:
        identifier: A name ("abs_max_quantizer"), a config, a class, or a quantizer, which is returned unchanged.
            None stays None.
        kwargs: Constructor arguments, if `identifier` is a class.

    Returns:
        The quantizer.

    Raises:
        ArgumentError: If the name is unknown, or the result is not callable.

    Example:
        >>> get("abs_max_quantizer").value_range
        (-127, 127)
    """
    return identifier(**kwargs) if isinstance(identifier, type) else _lookup.get(identifier)


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
