"""What `quantize` is told: how many bits, by which quantizers, in groups of how many rows."""

from __future__ import annotations

from typing import Any

from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.policies import LEFT_OUT, QUANTIZED
from gazelle.quantizers.absmax import AbsMaxQuantizer


class QuantizationConfig(Configurable):
    """The parent: a quantizer for weights, and one for what comes in; None: the usual one, and none.

    >>> Int8QuantizationConfig(activation_quantizer=None).mode
    'int8'
    """

    _namespace = "quantizers"
    mode: str

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        super().__init__()

    def check_weights(self, **wanted: Any) -> None:
        """The weights' quantizer must have these attributes."""
        for name, value in wanted.items():
            got = getattr(self.weight_quantizer, name, value)
            if got != value:
                words = f"weight_quantizer of {type(self).__name__}"
                raise ArgumentError(message(words, expected=f"{name}={value!r}", got=f"{name}={got!r}"))


class Int8QuantizationConfig(QuantizationConfig):
    """Weights of 8 bits; what comes in is brought to 8 bits too, unless `activation_quantizer` is None.

    >>> Int8QuantizationConfig().activation_quantizer.output_dtype
    'int8'
    """

    mode = "int8"

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        usual = AbsMaxQuantizer() if activation_quantizer == "default" else activation_quantizer
        super().__init__(weight_quantizer, usual)
        self.activation_quantizer = usual
        self.check_weights(output_dtype="int8")


class Int4QuantizationConfig(QuantizationConfig):
    """Weights of 4 bits, two in a byte; what comes in stays as it is.

    Args:
        block_size: so many rows of a column share a scale and a zero; None or -1: a scale for each column.

    >>> Int4QuantizationConfig(block_size=64).block_size
    64
    """

    mode = "int4"

    def __init__(
        self, weight_quantizer: Any = None, activation_quantizer: Any = "default", block_size: int | None = 128
    ) -> None:
        given = None if activation_quantizer == "default" else activation_quantizer
        super().__init__(weight_quantizer, given)
        self.activation_quantizer = given
        if block_size is not None and block_size != -1 and (not isinstance(block_size, int) or block_size < 1):
            words = "block_size of Int4QuantizationConfig"
            raise ArgumentError(message(words, expected="None, -1 or a number of rows", got=repr(block_size)))
        if self.rows is not None and (weight_quantizer is not None or given is not None):
            raise ArgumentError(
                message(
                    "Int4QuantizationConfig",
                    expected="quantizers, or scales for blocks of rows",
                    got=f"quantizers and block_size={block_size}",
                    hint="Give block_size=None with them.",
                )
            )
        self.check_weights(output_dtype="int8", value_range=(-8, 7))

    @property
    def rows(self) -> int | None:
        """`block_size`, None where a column has one scale."""
        return None if self.block_size in (None, -1) else self.block_size


def chosen(mode: Any, config: Any) -> QuantizationConfig:
    """The config that `quantize(mode, config)` means: one of the two may be left out.

    >>> chosen("int4", None).mode
    'int4'
    """
    if isinstance(config, str):
        mode, config = config, None
    if mode in LEFT_OUT:
        raise ArgumentError(message(f"Quantization {mode!r}", expected="'int8' or 'int4'", got="one that is left out"))
    if config is None:
        if mode is None:
            raise ArgumentError(message("quantize", expected="a mode or a config", got="neither"))
        if mode not in QUANTIZED:
            raise unknown("quantization", mode, QUANTIZED)
        return Int8QuantizationConfig() if mode == "int8" else Int4QuantizationConfig()
    if not isinstance(config, QuantizationConfig):
        expected = "an Int8QuantizationConfig or an Int4QuantizationConfig"
        raise ArgumentError(message("config of quantize", expected=expected, got=repr(config)))
    if mode not in (None, config.mode):
        raise ArgumentError(message("quantize", expected=f"mode {config.mode!r}, as config says", got=repr(mode)))
    return config
