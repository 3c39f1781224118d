"""LoRA: a low-rank correction of a layer's main weight, which is trained in its place, and merged into it in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from gazelle import initializers
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.policies import CALIBRATED
from gazelle.layers.weight_matrix import WeightMatrix, matrices, quantization_config
from gazelle.quantizers.configs import config_for

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, InitializerLike
    from gazelle.core.variable import Variable
    from gazelle.layers.base import Layer


def enable_lora(
    self: Layer,
    rank: int,
    lora_alpha: float | None = None,
    a_initializer: InitializerLike = "he_uniform",
    b_initializer: InitializerLike = "zeros",
) -> None:
    """Train a low-rank correction in place of the main weight. Compile the model again afterwards.

    Args:
        self: the layer.
        rank: number of columns of A and rows of B.
        lora_alpha: the correction is scaled by lora_alpha / rank; None is rank.
        a_initializer: first value of A.
        b_initializer: first value of B; with zeros the outputs do not change at first.

    Raises:
        StateError: the layer is not built, or has a correction already.
        ArgumentError: the weight has a constraint.
    """
    what = f"enable_lora of {self._label}"
    if not self.built:
        raise StateError(message(f"{what}, which is not built", hint="Call it on data or give input_shape."))
    if self.lora_enabled:
        raise StateError(message(what, expected="a layer without LoRA", got="a second call"))
    _add(matrices(self)[0], rank, lora_alpha, a_initializer, b_initializer)


def build(matrix: WeightMatrix) -> None:
    """Add the correction if the constructor of the layer got `lora_rank`; the last step of its `build`."""
    layer: Any = matrix.layer
    if layer.lora_rank is not None:
        _add(matrix, layer.lora_rank, layer.lora_alpha)


def _add(
    matrix: WeightMatrix,
    rank: int,
    alpha: float | None = None,
    a_initializer: InitializerLike = "he_uniform",
    b_initializer: InitializerLike = "zeros",
) -> None:
    """Freeze W and add A and B; `enable_lora` describes the arguments."""
    layer: Any = matrix.layer
    if not isinstance(rank, int) or rank < 1:
        raise ArgumentError(message(f"rank of {layer._label}", expected="an integer >= 1", got=repr(rank)))
    if layer.quantization_mode in ("float8", *CALIBRATED):
        expected = f"a layer that is not {layer.quantization_mode}"
        raise ArgumentError(message(f"enable_lora of {layer._label}", expected=expected, got="one that is"))
    if getattr(layer, f"{matrix.name}_constraint") is not None:
        raise ArgumentError(
            message(
                f"enable_lora of {layer._label}",
                expected=f"no {matrix.name}_constraint",
                got="one, which would not constrain the LoRA update",
            )
        )
    regularizer = getattr(layer, f"{matrix.name}_regularizer")
    options: dict[str, Any] = {"dtype": "float32", "regularizer": regularizer, "autocast": layer.autocast}
    for factor, size, initializer in (
        ("a", (*matrix.shape[:-1], rank), a_initializer),
        ("b", (rank, matrix.shape[-1]), b_initializer),
    ):
        name = f"lora_{matrix.name}_{factor}"
        setattr(layer, name, layer.add_weight(name, size, initializers.get(initializer), **options))
    matrix.variable.trainable = False
    matrix.is_corrected = True
    layer.lora_enabled, layer.lora_rank, layer.lora_alpha = True, rank, rank if alpha is None else alpha


def merged(matrix: WeightMatrix) -> dict[str, Any]:
    """Return {name of a variable: array} with the correction merged into W."""
    if not matrix.is_quantized:
        return {matrix.name: matrix.array()}
    a, b, factor = matrix.correction
    config = quantization_config(matrix.layer) or config_for(matrix.layer.quantization_mode, None)
    arrays = matrix.form.quantize(matrix.dequantized() + factor * (a @ b), config)
    return {f"{matrix.name}{end}": array for end, array in arrays.items()}


class MergedVariable:
    """A variable as stored in files: reading merges the correction, assigning resets it.

    Args:
        matrix: the weight with the correction.
        variable: the weight, or a scale or zero point of it.
    """

    def __init__(self, matrix: WeightMatrix, variable: Variable) -> None:
        self._matrix, self._variable = matrix, variable
        self.name, self.key, self.shape, self.dtype = variable.name, variable.key, variable.shape, variable.dtype

    def numpy(self) -> np.ndarray:
        """Return the value with the correction."""
        return np.asarray(jnp.asarray(merged(self._matrix)[self.name], self.dtype))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def assign(self, value: ArrayLike) -> None:
        """Set the value; the correction is 0 then."""
        b = getattr(self._matrix.layer, f"lora_{self._matrix.name}_b")
        b.assign(jnp.zeros(b.shape, b.dtype))  # A stays: if both were 0, their gradients would always be 0
        self._variable.assign(value)
