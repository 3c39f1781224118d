"""Configs of `model.quantize` for GPTQ and AWQ, which run samples through the model to measure the inputs of layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypedDict

import numpy as np

from gazelle.core.errors import ArgumentError, MissingMethodError, message
from gazelle.core.policies import AWQDTypePolicy, GPTQDTypePolicy
from gazelle.core.types import ArrayLike, Config
from gazelle.quantizers import awq, gptq
from gazelle.quantizers.calibrated_layout import QuantizedMatrix
from gazelle.quantizers.configs import QuantizationConfig


class Tokenizer(Protocol):
    """What turns text into integers, such as a tokenizer of keras-hub."""

    def tokenize(self, inputs: str) -> ArrayLike:
        """Return the integers of a text."""


class Statistic(Protocol):
    """What measures the inputs of a layer."""

    @property
    def value(self) -> np.ndarray:
        """The measured values."""

    def update(self, x: np.ndarray) -> None:
        """Add inputs (samples, rows)."""


class LayerStructure(TypedDict):
    """The layers of a model in the order in which they are quantized.

    Attributes:
        pre_block_layers: What the first block needs, such as an embedding; not quantized.
        sequential_blocks: Blocks, each of which takes the output of the one before.
    """

    pre_block_layers: Sequence[Any]
    sequential_blocks: Sequence[Any]


class CalibratedQuantizationConfig(QuantizationConfig, abstract=True):
    """Base class of the configs of GPTQ and AWQ; their arguments describe it."""

    _bits: tuple[int, ...]
    _outside_config = ("dataset", "tokenizer", "quantization_layer_structure")
    dataset: Iterable[str | ArrayLike] | None
    tokenizer: Tokenizer | None
    quantization_layer_structure: LayerStructure | None

    def __init__(self) -> None:
        super().__init__()
        self.weight_quantizer = self.activation_quantizer = None
        for name in ("num_samples", "sequence_length"):
            self._check(name, getattr(self, name) > 0, "a positive integer")
        self._check("weight_bits", self.weight_bits in self._bits, " or ".join(map(str, self._bits)))
        self._check("group_size", self.group_size == -1 or self.group_size > 0, "-1 or a number of rows")

    def _check(self, name: str, is_valid: bool, expected: str) -> None:
        if not is_valid:
            got = repr(getattr(self, name))
            raise ArgumentError(message(f"{name} of {type(self).__name__}", expected=expected, got=got))

    def dtype_policy_string(self) -> str:
        """Return the mode of a dtype policy with these bits and groups.

        Returns:
            Such as 'gptq/4/128'.
        """
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> Config:
        """Return the arguments.

        Returns:
            The arguments by name; data and layers, which are needed once, are None.
        """
        return {**super().get_config(), **dict.fromkeys(self._outside_config)}

    def statistic(self, rows: int) -> Statistic:
        """Return what measures the inputs of a layer.

        Args:
            rows: Size of an input.

        Returns:
            An object whose `update` gets inputs (samples, rows).
        """
        raise MissingMethodError(message(f"{type(self).__name__} has no statistic"))

    def quantize(self, w: np.ndarray, statistic: Statistic, group: int) -> QuantizedMatrix:
        """Quantize a matrix for measured inputs.

        Args:
            w: The matrix (columns, rows).
            statistic: Result of `statistic`, after its updates.
            group: Rows with a common scale.

        Returns:
            The integers with their scales and zero points.
        """
        raise MissingMethodError(message(f"{type(self).__name__} has no quantize"))


class GPTQConfig(CalibratedQuantizationConfig):
    """GPTQ: weights are rounded one row after the other, and the next rows make up for the errors.

    `model.quantize(config=GPTQConfig(...))` quantizes `Dense` and `EinsumDense` in the blocks of a model.

    Args:
        dataset: Texts, or arrays of integers; joined, repeated if too short, and cut into samples.
        tokenizer: Has a method `tokenize`, which turns a text into integers; None if the data are integers.
        weight_bits: 2, 3, 4 or 8.
        num_samples: Number of samples.
        per_channel: Whether each column of a weight has scales of its own.
        sequence_length: Integers in a sample.
        hessian_damping: Fraction of the mean of the diagonal that is added to the diagonal of the Hessian.
        group_size: Rows with a common scale; -1 for all.
        symmetric: Whether the zero points are the middle of the integers.
        activation_order: Whether rows of large inputs are rounded first.
        quantization_layer_structure: {"pre_block_layers": layers, "sequential_blocks": layers}; None takes what
            `model.get_quantization_layer_structure(mode)` returns.

    Raises:
        ArgumentError: If a number is out of its range.

    References:
        Frantar et al., GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers (ICLR 2023).

    Example:
        >>> embedding, block = layers.Embedding(20, 8), layers.Dense(8)
        >>> model = gazelle.Sequential([Input((None,), dtype="int32"), embedding, block])
        >>> structure = {"pre_block_layers": [embedding], "sequential_blocks": [block]}
        >>> data = [np.arange(200) % 20]
        >>> config = GPTQConfig(data, None, sequence_length=10, group_size=-1, quantization_layer_structure=structure)
        >>> model.quantize(config=config)
        >>> block.dtype_policy.name
        'gptq/4/-1_from_float32'
    """

    mode = "gptq"
    _bits = GPTQDTypePolicy.bits

    def __init__(
        self,
        dataset: Iterable[str | ArrayLike] | None,
        tokenizer: Tokenizer | None,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: LayerStructure | None = None,
    ) -> None:
        super().__init__()
        self._check("hessian_damping", 0 <= hessian_damping <= 1, "a number from 0 to 1")

    def statistic(self, rows: int) -> gptq.Hessian:
        return gptq.Hessian(rows)

    def quantize(self, w: np.ndarray, statistic: Statistic, group: int) -> QuantizedMatrix:
        return gptq.quantize(
            w,
            statistic.value,
            bits=self.weight_bits,
            group=group,
            symmetric=self.symmetric,
            per_channel=self.per_channel,
            damping=self.hessian_damping,
            by_importance=self.activation_order,
        )


class AWQConfig(CalibratedQuantizationConfig):
    """AWQ: weights of large inputs are enlarged before they are rounded to 4 bits.

    `model.quantize(config=AWQConfig(...))` quantizes `Dense` and `EinsumDense` in the blocks of a model.

    Args:
        dataset: Texts, or arrays of integers; joined, repeated if too short, and cut into samples.
        tokenizer: Has a method `tokenize`, which turns a text into integers; None if the data are integers.
        weight_bits: 4.
        num_samples: Number of samples.
        sequence_length: Integers in a sample.
        group_size: Rows with a common scale; -1 for all.
        num_grid_points: Number of exponents that are tried for the factors of the rows.
        quantization_layer_structure: {"pre_block_layers": layers, "sequential_blocks": layers}; None takes what
            `model.get_quantization_layer_structure(mode)` returns.

    Raises:
        ArgumentError: If a number is out of its range.

    References:
        Lin et al., AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration (MLSys 2024).

    Example:
        >>> AWQConfig(None, None, group_size=64).dtype_policy_string()
        'awq/4/64'
    """

    mode = "awq"
    _bits = AWQDTypePolicy.bits

    def __init__(
        self,
        dataset: Iterable[str | ArrayLike] | None,
        tokenizer: Tokenizer | None,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: LayerStructure | None = None,
    ) -> None:
        super().__init__()
        self._check("num_grid_points", num_grid_points > 0, "a positive integer")

    def statistic(self, rows: int) -> awq.Magnitudes:
        return awq.Magnitudes(rows)

    def quantize(self, w: np.ndarray, statistic: Statistic, group: int) -> QuantizedMatrix:
        return awq.quantize(w, statistic.value, group, self.num_grid_points)


def config_of_policy(policy: GPTQDTypePolicy | AWQDTypePolicy) -> CalibratedQuantizationConfig:
    """Return the config of weights that a policy describes, without data."""
    config = GPTQConfig if isinstance(policy, GPTQDTypePolicy) else AWQConfig
    return config(None, None, weight_bits=policy.weight_bits, group_size=policy.group_size)
