"""Embedding and ReversibleEmbedding: a vector for each integer index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp
import numpy as np

from gazelle.core import sparse
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.masks import set_mask
from gazelle.core.serialization import serialize_object
from gazelle.core.types import Array, ConstraintLike, DTypeLike, InitializerLike, RegularizerLike, Shape
from gazelle.core.variable import Variable
from gazelle.layers import lora
from gazelle.layers.base import Layer
from gazelle.layers.weight_matrix import WeightAttribute, add_matrix
from gazelle.quantizers.configs import QuantizationConfig
from gazelle.quantizers.layout import QuantizedLayout, dequantize, unpack_int4

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfEmbedding


class Embedding(Layer):
    """A vector for each integer index:  y = E[x].

    x (batch, ...) of integers in [0, input_dim) · E (input_dim, output_dim)  ->  y (batch, ..., output_dim)

    With `mask_zero` the output carries the mask x != 0. An index out of range gives NaN; negative ones count from the
    end.

    Args:
        input_dim: Number of rows of E: the largest index + 1.
        output_dim: Size of a vector.
        embeddings_initializer: Initializer of E.
        embeddings_regularizer: Regularizer of E.
        embeddings_constraint: Constraint on E.
        mask_zero: Whether index 0 is padding that following layers skip.
        weights: Initial value of E: an array (input_dim, output_dim), or a list with this array.
        lora_rank: Rank of a low-rank adapter that is trained in place of the weight; see `enable_lora`. None for no
            adapter.
        lora_alpha: The adapter is scaled by lora_alpha / lora_rank; None for lora_rank.
        quantization_config: Configuration of integer weights; see `quantize`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer` and others.

    Raises:
        ArgumentError: `input_dim` or `output_dim` is not a positive integer.

    Example:
        >>> Embedding(10, 4)(jnp.array([[1, 2, 0]])).shape
        (1, 3, 4)
    """

    embeddings = WeightAttribute()
    quantization_modes = ("int8", "int4")
    lora_enabled = False
    enable_lora = lora.enable_lora
    _outside_config = ("weights", "input_length")  # in the weight file, and in the shape of the build
    autocast = False  # indices given as floats must stay exact

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        weights: Sequence[np.ndarray] | np.ndarray | None = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Unpack[OptionsOfEmbedding],
    ) -> None:
        length = kwargs.pop("input_length", None)
        if length is not None:  # Keras 1 and 2: the model can be built before it sees data
            kwargs.setdefault("input_shape", tuple(length) if isinstance(length, (list, tuple)) else (length,))
        super().__init__(**kwargs)  # type: ignore[arg-type]  # `input_length` is not among them any more
        self.input_dim = input_dim  # `Layer` has an argument of this name too, with another meaning
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise ArgumentTypeError(
                    message(f"{name} of {self._label}", expected="a positive integer", got=repr(value))
                )
        self.supports_masking = mask_zero
        if weights is not None:
            self.build(None)
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape: Shape | None = None) -> None:
        if self._build_shapes is None:  # a file has to state that the layer is built
            self._build_shapes = (None,) if input_shape is None else input_shape
        if not self.built:
            form = QuantizedLayout((self.input_dim, self.output_dim), "vd", "v", transposed=True)
            self._matrix = add_matrix(self, "embeddings", form, autocast=False)  # rows are cast instead of the table
            lora.build(self._matrix)

    def call(self, x: Array) -> Array:
        x = sparse.to_dense(x)  # a subclass whose call takes sparse indices
        if not jnp.issubdtype(x.dtype, jnp.integer):
            x = x.astype(jnp.int32)
        # an index out of range gives NaN, and negative ones count from the end, as in jnp.take
        y = self._rows(x)
        if self._matrix.is_corrected:
            a, b, factor = self._matrix.correction
            y = y + factor * (jnp.take(a, x, axis=0) @ b)
        return y.astype(self.compute_dtype)

    def _rows(self, x: Any) -> Any:
        """E[x]; of an integer table only these rows are converted to floats."""
        if self.quantization_mode is None:
            matrix = self._matrix.variable  # an array if user code replaced the weight
            return jnp.take(matrix.value if isinstance(matrix, Variable) else matrix, x, axis=0)
        rows = {end: jnp.take(array, x, axis=0) for end, array in self._matrix.stored().items()}
        q = rows[""] if self.quantization_mode == "int8" else unpack_int4(rows[""], self.output_dim, axis=-1)
        return dequantize(q.astype(self.compute_dtype), rows["_scale"], rows.get("_zero"), self._matrix.blocks, axis=-1)

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array | None:
        return jnp.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {"input_dim": self.input_dim}
        if self.quantization_config is not None:  # set by `quantize`, also in subclasses that do not name it
            config["quantization_config"] = serialize_object(self.quantization_config)
        return config


class ReversibleEmbedding(Embedding):
    """Embedding that also serves as the output layer of a language model:  y = E[x], and in reverse z = h E^T.

    x (...) of integers -> y (..., output_dim);  layer(h, reverse=True): h (..., output_dim) -> z (..., input_dim)
    E (input_dim, output_dim);  with tie_weights=False z = h R,  R (output_dim, input_dim)

    Args:
        input_dim: Number of rows of E: the largest index + 1.
        output_dim: Size of a vector.
        tie_weights: Whether the reverse direction uses E instead of a matrix R of its own.
        embeddings_initializer: Initializer of E.
        embeddings_regularizer: Regularizer of E.
        embeddings_constraint: Constraint on E.
        mask_zero: Whether index 0 is padding that following layers skip.
        reverse_dtype: Dtype in which the reverse direction is computed.
        logit_soft_cap: c in  z <- c tanh(z / c); None leaves z unchanged.
        **kwargs: Arguments of `Embedding` (`lora_rank`, `lora_alpha`, `quantization_config`) and of `Layer` (`name`,
            `dtype`, `trainable` ...).

    Call arguments:
        reverse: Whether to compute z from h.

    References:
        Press and Wolf, Using the Output Embedding to Improve Language Models (2017).

    Example:
        >>> layer = ReversibleEmbedding(10, 4)
        >>> layer(layer(np.array([[1, 2, 3]])), reverse=True).shape
        (1, 3, 10)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        reverse_dtype: DTypeLike | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Unpack[OptionsOfEmbedding],
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )

    def build(self, input_shape: Shape | None = None) -> None:
        if self._build_shapes is None:  # a file has to state that the layer is built
            self._build_shapes = (None,) if input_shape is None else input_shape
        if not self.built:
            modes = ("int8", "int4")  # in which inputs are quantized, too
            form = QuantizedLayout((self.input_dim, self.output_dim), "vd", "v", transposed=True)
            self._matrix = add_matrix(self, "embeddings", form, quantized_inputs=modes)
            if not self.tie_weights:
                form = QuantizedLayout((self.output_dim, self.input_dim), "dv", "v", packed_axis=0)
                initializer = self.embeddings_initializer
                self._reverse_matrix = add_matrix(self, "reverse_embeddings", form, initializer, modes)
            lora.build(self._matrix)

    def call(self, x: Array, reverse: bool = False) -> Array:
        if not reverse:
            y = super().call(x)
            set_mask(y, super().compute_mask(x))
            return y
        if self.tie_weights:
            z = self._matrix.product(x, self._reversed, factored=False)
        else:
            z = self._reverse_matrix.product(x, self._product_with)
        return z if self.logit_soft_cap is None else self.logit_soft_cap * jnp.tanh(z / self.logit_soft_cap)

    def _product_with(self, x: Any, w: Any, **options: Any) -> Any:
        if self.reverse_dtype is not None and self.quantization_mode is None:
            x, w = x.astype(self.reverse_dtype), w.astype(self.reverse_dtype)
        return jnp.matmul(x, w, **options)

    def _reversed(self, x: Any, w: Any, **options: Any) -> Any:
        return self._product_with(x, w.T, **options)

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array | None:
        return None  # set in `call`: the reverse direction has no mask
