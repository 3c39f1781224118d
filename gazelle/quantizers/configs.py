"""Configs of `model.quantize`: the number of bits, the quantizers, the rows with a common scale."""

from __future__ import annotations

from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, MissingMethodError, message, unknown
from gazelle.core.policies import CALIBRATED, QUANTIZED
from gazelle.quantizers.absmax import AbsMaxQuantizer, Quantizer


class QuantizationConfig(Configurable):
    """Base class of configs: the quantizers of weights and of inputs.

    Args:
        weight_quantizer: Quantizer of weights; None for the default one.
        activation_quantizer: Quantizer of inputs; None leaves them in floats.

    Example:
        >>> Int8QuantizationConfig(activation_quantizer=None).mode
        'int8'
    """

    _namespace = "quantizers"

    def __init__(
        self, weight_quantizer: Quantizer | None = None, activation_quantizer: Quantizer | None = None
    ) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        """Name of the quantization, such as 'int8'; each subclass has one."""
        hint = "Use Int8QuantizationConfig, Int4QuantizationConfig, GPTQConfig and others."
        raise MissingMethodError(message(f"{type(self).__name__} has no mode", hint=hint))

    def check_weights(self, **expected: object) -> None:
        """Raise ArgumentError if attributes of the weight quantizer differ from expected values.

        Args:
            expected: {attribute: value}.
        """
        for name, value in expected.items():
            got = getattr(self.weight_quantizer, name, value)
            if got != value:
                what = f"weight_quantizer of {type(self).__name__}"
                raise ArgumentError(message(what, expected=f"{name}={value!r}", got=f"{name}={got!r}"))


class Int8QuantizationConfig(QuantizationConfig):
    """Weights and inputs of 8 bits.

    Args:
        weight_quantizer: Quantizer of weights, with output_dtype='int8'; None for the default one.
        activation_quantizer: Quantizer of inputs; None leaves them in floats, "default" is `AbsMaxQuantizer()`.

    Raises:
        ArgumentError: If the weight quantizer has another dtype.

    Example:
        >>> Int8QuantizationConfig().activation_quantizer.output_dtype
        'int8'
    """

    mode = "int8"

    def __init__(
        self,
        weight_quantizer: Quantizer | None = None,
        activation_quantizer: Quantizer | str | None = "default",
    ) -> None:
        quantizer = AbsMaxQuantizer() if isinstance(activation_quantizer, str) else activation_quantizer
        super().__init__(weight_quantizer, quantizer)
        self.activation_quantizer = quantizer
        self.check_weights(output_dtype="int8")


class Int4QuantizationConfig(QuantizationConfig):
    """Weights of 4 bits, two in a byte; inputs stay in floats.

    Args:
        weight_quantizer: Quantizer of weights, with value_range=(-8, 7); None for the default one.
        activation_quantizer: Quantizer of inputs; None and "default" leave them in floats.
        block_size: Rows of a column with a common scale and a zero point; None or -1 for one scale per column.

    Raises:
        ArgumentError: If `block_size` is invalid, or is combined with quantizers.

    Example:
        >>> Int4QuantizationConfig(block_size=64).block_size
        64
    """

    mode = "int4"

    def __init__(
        self,
        weight_quantizer: Quantizer | None = None,
        activation_quantizer: Quantizer | str | None = "default",
        block_size: int | None = 128,
    ) -> None:
        quantizer = None if isinstance(activation_quantizer, str) else activation_quantizer
        super().__init__(weight_quantizer, quantizer)
        self.activation_quantizer = quantizer
        if block_size is not None and block_size != -1 and (not isinstance(block_size, int) or block_size < 1):
            what = "block_size of Int4QuantizationConfig"
            raise ArgumentError(message(what, expected="None, -1 or a number of rows", got=repr(block_size)))
        if self.rows is not None and (weight_quantizer is not None or quantizer is not None):
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
        """The rows with a common scale, None if a column has one scale."""
        return None if self.block_size in (None, -1) else self.block_size


class Float8QuantizationConfig(QuantizationConfig):
    """Products of floats of 8 bits; weights stay in floats and are trained.

    Example:
        >>> Float8QuantizationConfig().mode
        'float8'
    """

    mode = "float8"

    def __init__(self) -> None:
        super().__init__()


def config_for(mode: str | QuantizationConfig | None, config: str | QuantizationConfig | None) -> QuantizationConfig:
    """Return the config that `quantize(mode, config)` means; one of both may be None.

    Args:
        mode: 'int8', 'int4', 'float8', 'gptq' or 'awq'; the last two need a config.
        config: A config, or a mode.

    Returns:
        The config.

    Raises:
        ArgumentError: If the mode is unknown, needs a config, differs from that of the config, or both are None.

    Example:
        >>> config_for("int4", None).mode
        'int4'
    """
    if isinstance(config, str):
        mode, config = config, None
    if config is None:
        if mode in CALIBRATED:
            expected = f"config={mode.upper()}Config(dataset, tokenizer)"
            raise ArgumentError(message(f"Quantization {mode!r}", expected=expected, got="no config"))
        if mode is None:
            raise ArgumentError(message("quantize", expected="a mode or a config", got="neither"))
        if mode not in QUANTIZED:
            raise unknown("quantization", mode, QUANTIZED)
        return _CLASSES[mode]()
    if not isinstance(config, QuantizationConfig):
        expected = "an Int8-, Int4- or Float8QuantizationConfig, GPTQConfig or AWQConfig"
        raise ArgumentError(message("config of quantize", expected=expected, got=repr(config)))
    if mode not in (None, config.mode):
        raise ArgumentError(message("quantize", expected=f"mode {config.mode!r}, that of config", got=repr(mode)))
    return config


_CLASSES: dict[str, type[QuantizationConfig]] = {
    "int8": Int8QuantizationConfig,
    "int4": Int4QuantizationConfig,
    "float8": Float8QuantizationConfig,
}
