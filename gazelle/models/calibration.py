"""Quantization by GPTQ and AWQ: samples run through a model block by block, while the inputs of layers are measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.layers import quantizing, weight_tree
from gazelle.layers.base import Layer
from gazelle.layers.weight_matrix import matrices
from gazelle.quantizers.calibrated_configs import CalibratedQuantizationConfig

if TYPE_CHECKING:
    from gazelle.models.model import Model


def quantize(
    model: Model, config: CalibratedQuantizationConfig, passes: Callable[[Layer], bool], type_check: bool
) -> None:
    """Quantize the dense layers in the blocks of a model; later blocks see the outputs of the quantized ones.

    Args:
        model: The model.
        config: The method, its data and the layers in their order.
        passes: Whether a layer is quantized.
        type_check: As in `Layer.quantize`.
    """
    before, blocks = _structure(model, config)
    values = [_run(before, sample) for sample in samples(config)]
    for block in blocks:
        named = weight_tree.named_layers(block).values()
        layers = [v for v in named if isinstance(v, Layer) and config.mode in v.quantization_modes and passes(v)]
        for layer in layers:
            quantizing.check(layer, config, type_check)
        statistics = [config.statistic(matrices(layer)[0].form.rows) for layer in layers]
        try:
            for layer, statistic in zip(layers, statistics, strict=True):
                matrices(layer)[0].observe = statistic.update
            _outputs(block, values)
        finally:
            for layer in layers:
                matrices(layer)[0].observe = None
        for layer, statistic in zip(layers, statistics, strict=True):
            quantizing.quantize(layer, None, config, type_check, statistic)
        values = _outputs(block, values)


def samples(config: CalibratedQuantizationConfig) -> list[np.ndarray]:
    """Return samples (1, length) of integers: parts of the data, which start at equal distances."""
    what = f"dataset of {type(config).__name__}"
    if config.dataset is None or isinstance(config.dataset, str | bytes) or not hasattr(config.dataset, "__iter__"):
        got = type(config.dataset).__name__
        raise ArgumentError(message(what, expected="a list of texts or of arrays of integers", got=got))
    parts = [_integers(config, part) for part in config.dataset]
    values = np.concatenate([np.zeros(0, "int32"), *parts])
    if not len(values):
        raise DataError(message(what, expected="at least one integer", got="none"))
    length, count = config.sequence_length, config.num_samples
    values = np.tile(values, -(-count * length // len(values)))
    starts = np.arange(count) * max((len(values) - length + 1) // count, 1)
    return [values[start : start + length][None] for start in starts % (len(values) - length + 1)]


def _integers(config: CalibratedQuantizationConfig, part: Any) -> np.ndarray:
    if isinstance(part, str):
        if config.tokenizer is None:
            what = f"tokenizer of {type(config).__name__}"
            raise ArgumentError(message(what, expected="one for a dataset of texts", got="None"))
        part = config.tokenizer.tokenize(part)
    return np.asarray(part).reshape(-1).astype("int32")


def _structure(model: Model, config: CalibratedQuantizationConfig) -> tuple[list[Any], list[Any]]:
    """The layers before the blocks, and the blocks."""
    found = config.quantization_layer_structure or model.get_quantization_layer_structure(config.mode)
    if found is None or not found.get("sequential_blocks"):
        raise ArgumentError(
            message(
                f"quantize({config.mode!r}) of '{model.name}'",
                expected='quantization_layer_structure={"pre_block_layers": [...], "sequential_blocks": [...]}',
                got="no blocks",
                hint="Give it to the config, or return it from model.get_quantization_layer_structure(mode).",
            )
        )
    return list(found.get("pre_block_layers") or ()), list(found["sequential_blocks"])


def _run(layers: list[Any], value: Any) -> Any:
    for layer in layers:
        value = layer(value)
    return value


def _outputs(block: Any, values: list[Any]) -> list[Any]:
    """The outputs of a block, of several the first."""
    outputs = [block(value) for value in values]
    return [output[0] if isinstance(output, list | tuple) else output for output in outputs]
