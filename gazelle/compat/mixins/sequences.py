"""Recurrent layers of tf.keras whose first axis is time, and the method of attention layers that programs override."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle import ops
from gazelle.compat import era
from gazelle.compat.mixins.layers import for_program
from gazelle.core.types import Array, Shape, Tree
from gazelle.layers import RNN, serialize
from gazelle.layers.multi_head_attention import with_causal


class _WithConstants:
    """A cell whose `call` also receives tensors that are the same at all time steps."""

    def __init__(self, cell: Any, constants: Any) -> None:
        self.cell, self.constants = cell, list(constants) if isinstance(constants, list | tuple) else [constants]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cell, name)

    def call(self, inputs: Array, states: Sequence[Array], training: bool = False) -> Any:
        """Call the cell with the constants."""
        accepted = inspect.signature(self.cell.call).parameters
        options = {"training": training} if "training" in accepted else {}
        return self.cell.call(inputs, states, constants=self.constants, **options)


class RecurrentMixin:
    """RNN, LSTM, GRU and SimpleRNN: with `time_major` sequences and masks are (time, batch, ...)."""

    time_major = False

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        time_major = bool(kwargs.get("time_major"))
        kwargs = {name: value for name, value in kwargs.items() if name != "time_major" or not time_major}
        super()._construct(core, args, kwargs, by_gazelle)  # type: ignore[misc]
        if time_major:
            vars(self)["time_major"] = True

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, with `time_major` if it is true."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]
        own = next(cls for cls in type(self).__mro__ if "get_config" in vars(cls))
        if self._core is RNN and not own.__module__.startswith("gazelle."):  # type: ignore[attr-defined]
            config.setdefault("cell", serialize(self.cell))  # type: ignore[attr-defined]
        return {**config, "time_major": True} if self.time_major else config

    def build(self, sequences_shape: Shape | list[Shape]) -> None:
        if self.time_major:
            first: Shape = sequences_shape[0] if isinstance(sequences_shape, list) else sequences_shape
            sequences_shape = (first[1], first[0], *first[2:])
        super().build(sequences_shape)  # type: ignore[misc]

    def call(
        self,
        sequences: Array,
        initial_state: Sequence[Array] | Array | None = None,
        mask: Array | Sequence[Array] | None = None,
        training: bool = False,
        constants: Sequence[Array] | Array | None = None,
    ) -> Array | tuple[Array, ...]:
        if constants is not None:
            cell = self.cell  # type: ignore[attr-defined]
            vars(self)["cell"] = _WithConstants(cell, constants)
            try:
                return self.call(sequences, initial_state, mask, training)
            finally:
                vars(self)["cell"] = cell
        if not self.time_major:
            plain: Array = super().call(sequences, initial_state, mask, training)  # type: ignore[misc]
            return plain
        own: Any = mask[0] if isinstance(mask, list | tuple) else mask
        own = None if own is None else jnp.swapaxes(own, 0, 1)
        out: Any = super().call(jnp.swapaxes(sequences, 0, 1), initial_state, own, training)  # type: ignore[misc]
        if not self.return_sequences:  # type: ignore[attr-defined]
            return out
        outputs, *states = out if isinstance(out, tuple) else (out,)
        outputs = jnp.swapaxes(outputs, 0, 1)
        return (outputs, *states) if states else outputs


class CellMixin:
    """SimpleRNNCell and GRUCell."""

    def get_initial_state(
        self, inputs: Array | None = None, batch_size: int | Array | None = None, dtype: object = None
    ) -> Tree:
        """Return zeros (batch_size, units): one array in tf.keras 2, a list of it elsewhere."""
        states = super().get_initial_state(batch_size if inputs is None else inputs.shape[0])  # type: ignore[misc]
        by_gazelle = era.called_by_gazelle(1)
        alone = era.number() == 2 and not era.standalone() and not by_gazelle
        return for_program(states[0] if alone else states, by_gazelle)


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
        how = use_causal_mask, bool(training), return_attention_scores
        return super()._attend(query, key, value, seen, *how)  # type: ignore[misc]

    def _attend(self, q: Any, k: Any, v: Any, seen: Any, causal: bool, training: bool, want_scores: bool) -> Any:
        if type(self)._compute_attention is AttentionMixin._compute_attention:
            return super()._attend(q, k, v, seen, causal, training, want_scores)  # type: ignore[misc]
        seen = with_causal(seen, q.shape[1], k.shape[1]) if causal else seen
        return self._compute_attention(q, k, v, seen, training, want_scores)
