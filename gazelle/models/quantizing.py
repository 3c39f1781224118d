"""Quantization of all layers of a model, or of those that a filter selects."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import ArgumentError, message
from gazelle.core.traceback import warn
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.models import calibration
from gazelle.quantizers.calibrated_configs import CalibratedQuantizationConfig
from gazelle.quantizers.configs import QuantizationConfig, config_for

if TYPE_CHECKING:
    from gazelle.models.model import Model


def quantize(
    model: Model,
    mode: str | None,
    config: QuantizationConfig | None,
    filters: str | Sequence[str] | Callable[[Layer], bool] | None,
    type_check: bool,
) -> None:
    """Call `quantize` of every layer in the model that can be quantized."""
    if not (filters is None or callable(filters) or isinstance(filters, (str, list, tuple))):
        expected = "a regular expression, several, or a function of a layer"
        raise ArgumentError(message("filters of quantize", expected=expected, got=repr(filters)))
    config = config_for(mode, config)
    if isinstance(config, CalibratedQuantizationConfig):
        calibration.quantize(model, config, lambda layer: _passes(layer, filters), type_check)
        return
    layers = [v for v in weight_tree.named_layers(model).values() if isinstance(v, Layer)]
    found = [layer for layer in layers if config.mode in layer.quantization_modes]
    picked = [layer for layer in found if _passes(layer, filters)]
    for layer in picked:
        layer.quantize(type_check=type_check, config=config)
    if not picked:
        got = f"filters that pick none of {', '.join(v.name for v in found[:8])}" if found else "a model without them"
        text = message("quantize changed nothing", expected="layers such as Dense or Embedding", got=got)
        warn(text)


def _passes(layer: Layer, filters: Any) -> bool:
    if filters is None or callable(filters):
        return filters is None or bool(filters(layer))
    return any(re.search(pattern, layer.name) for pattern in ([filters] if isinstance(filters, str) else filters))
