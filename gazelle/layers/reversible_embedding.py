"""ReversibleEmbedding: from numbers to vectors, and from vectors to scores of all numbers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core.masks import set_mask
from gazelle.layers.embedding import Embedding
from gazelle.quantizers.quantized_layout import Form


class ReversibleEmbedding(Embedding):
    """An `Embedding` that is also the last layer of a language model:  y = E[x], and reverse,  z = h E^T.

    x (...) whole numbers -> y (..., output_dim);  layer(h, reverse=True): h (..., output_dim) -> z (..., input_dim)
    E (input_dim, output_dim);  with tie_weights=False z = h R,  R (output_dim, input_dim)

    Args:
        input_dim, output_dim: number of rows of E and their size.
        tie_weights: whether both ways use E.
        mask_zero: whether x = 0 is masked.
        reverse_dtype: dtype of the way back.
        logit_soft_cap: c in  z <- c tanh(z / c); None leaves z as it is.

    Source: Press and Wolf, Using the Output Embedding to Improve Language Models (2017).

    >>> layer = ReversibleEmbedding(10, 4)
    >>> layer(layer(np.array([[1, 2, 3]])), reverse=True).shape
    (1, 3, 10)
    """

    _quantizes_inputs = ("int8", "int4")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
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

    def build(self, input_shape: Any = None) -> None:
        if not self.built:
            form = Form((self.input_dim, self.output_dim), "vd", "v", turned=True)
            self.embeddings = self.add_matrix("embeddings", form)
            if not self.tie_weights:
                form = Form((self.output_dim, self.input_dim), "dv", "v", packed=0)
                self.reverse_embeddings = self.add_matrix("reverse_embeddings", form, self.embeddings_initializer)
            self.start_lora()

    def call(self, x: Any, reverse: bool = False) -> Any:
        if not reverse:
            y = super().call(x)
            set_mask(y, super().compute_mask(x))
            return y
        if self.tie_weights:
            z = self.product(x, self._back, thin=False)
        else:
            z = self.product(x, self._times, "reverse_embeddings")
        return z if self.logit_soft_cap is None else self.logit_soft_cap * jnp.tanh(z / self.logit_soft_cap)

    def _times(self, x: Any, w: Any, **words: Any) -> Any:
        if self.reverse_dtype is not None and self.quantization_mode is None:
            x, w = x.astype(self.reverse_dtype), w.astype(self.reverse_dtype)
        return jnp.matmul(x, w, **words)

    def _back(self, x: Any, w: Any, **words: Any) -> Any:
        return self._times(x, w.T, **words)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None  # `call` sets it: the way back has none
