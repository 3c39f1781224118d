"""The method of attention layers that programs call and override: `_compute_attention`."""

from __future__ import annotations

from typing import Any

from gazelle import ops

_PROJECTIONS = tuple(f"_{name}_dense" for name in ("query", "key", "value", "output"))


class AttentionMixin:
    """MultiHeadAttention and GroupedQueryAttention."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a program that replaces `_query_dense` replaces the layer that is called."""
        super().__setattr__(name.removeprefix("_") if name in _PROJECTIONS else name, value)

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return the heads of the output, and the weights, of projected queries, keys and values."""
        seen = None if attention_mask is None else ops.cast(attention_mask, "bool")
        if use_causal_mask:
            allowed = ops.tril(ops.ones((1, query.shape[1], key.shape[1]), "bool"))
            seen = allowed if seen is None else ops.logical_and(seen, allowed)
        return super()._attend(query, key, value, seen, bool(training), return_attention_scores)  # type: ignore[misc]

    def _attend(self, q: Any, k: Any, v: Any, seen: Any, training: bool, want_scores: bool) -> Any:
        if type(self)._compute_attention is AttentionMixin._compute_attention:
            return super()._attend(q, k, v, seen, training, want_scores)  # type: ignore[misc]
        return self._compute_attention(q, k, v, seen, training, want_scores)
