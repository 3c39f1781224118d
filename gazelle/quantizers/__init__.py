"""In: arrays of floats. Out: arrays of whole numbers of 8 or 4 bits with their scales, and back.

Must not know: layers. Which weights are kept so, and how a layer computes with them, is `gazelle/layers/quantized.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.config import serialize, with_custom_objects
from gazelle.core.lookup import lookup
from gazelle.quantizers.absmax import AbsMaxQuantizer, Quantizer, abs_max_quantize
from gazelle.quantizers.configs import Int4QuantizationConfig, Int8QuantizationConfig, QuantizationConfig
from gazelle.quantizers.fake import fake_quant_with_min_max_vars
from gazelle.quantizers.float8 import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize
from gazelle.quantizers.groups import abs_max_quantize_grouped_with_zero_point
from gazelle.quantizers.int4 import pack_int4, unpack_int4

__all__ = [
    "AbsMaxQuantizer",
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


def get(identifier: Any, **kwargs: Any) -> Any:
    """The quantizer for a name, a config, a class (made with `kwargs`) or a quantizer.

    >>> get("abs_max_quantizer").value_range
    (-127, 127)
    """
    if isinstance(identifier, type):
        return identifier(**kwargs)
    return lookup("quantizer", "quantizers", identifier)


@with_custom_objects
def deserialize(config: Mapping[str, Any]) -> Any:
    """The quantizer that `serialize` described.

    >>> deserialize(quantizers.serialize(AbsMaxQuantizer(axis=0))).axis
    (0,)
    """
    return lookup("quantizer", "quantizers", config)
