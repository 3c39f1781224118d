"""Recurrent layers of tf.keras whose first axis is time, and the method of attention layers that programs override."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle import ops
from gazelle.compat import era
from gazelle.compat.mixins.common import arrays_of
from gazelle.compat.mixins.single_layers import for_program
from gazelle.compat.recurrent import run_steps
from gazelle.core import tracing
from gazelle.core.types import Array, Shape, Tree
from gazelle.layers import RNN, Layer, serialize
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
    initial_weights = None  # those of the constructor are set by gazelle
    implementation = 2  # 0 if `step` receives x W + b, else x
    cell: Any
    state_size: list[Any]

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if _has_steps(type(self)):
            number = kwargs.get("implementation", _MODES.index(kwargs.get("consume_less", _MODES[0])))
            vars(self).update(implementation=number, consume_less=_MODES[number])
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
            config.setdefault("cell", serialize(self.cell))
        return {**config, "time_major": True} if self.time_major else config

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        """Build the cell; until Keras 3 its `build` received the shapes of constants, too."""
        cell, constants, x = self.cell, kwargs.get("constants"), args[0]
        if constants is not None and era.number() < 3 and isinstance(cell, Layer) and not cell.built:
            listed = constants if isinstance(constants, list | tuple) else [constants]
            cell.build([(x.shape[0], *x.shape[2:]), *(tuple(one.shape) for one in listed)])
        super()._ensure_built(args, kwargs)  # type: ignore[misc]

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
            cell = self.cell
            vars(self)["cell"] = _WithConstants(cell, constants)
            try:
                return self.call(sequences, initial_state, mask, training)
            finally:
                vars(self)["cell"] = cell
        if _has_steps(type(self)):
            return self._run_steps(sequences, initial_state, mask)
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

    # Methods of Keras 1 and 2.0, which subclasses override ------------------------------------------------------------

    def preprocess_input(self, inputs: Array, training: bool | None = None) -> Array:
        """Return x W + b for all time steps if `step` receives it, else x."""
        if self.implementation:
            return inputs
        x = jnp.swapaxes(arrays_of(inputs), 0, 1)
        return jnp.swapaxes(self.cell.project(x, self._dropout_masks(x[0])[0]), 0, 1)

    def get_constants(self, inputs: Array, training: bool | None = None) -> list[Any]:
        """Return the dropout masks of state and input, which `step` receives after the states; Keras 2: the reverse."""
        gates = self.cell.gates
        found = []
        for mask in self._dropout_masks(arrays_of(inputs)[:, 0]):
            of_gates = [1.0] * gates if mask is None else [mask[i % len(mask)] for i in range(gates)]
            found.append(of_gates if gates > 1 else of_gates[0])
        return found[::-1] if era.number() == 1 else found

    def get_initial_states(self, inputs: Array) -> list[Any]:
        """Return the states before the first step."""
        return list(self.get_initial_state(inputs))  # type: ignore[attr-defined]

    def step(self, inputs: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return (output, states) of one time step; `states` also contains the constants."""
        x, given = arrays_of((inputs, list(states)))
        count = len(self.state_size)
        masks = [None if isinstance(m, float) else jnp.stack(m) for m in _lists(given[count : count + 2])]
        of_state, of_input = [*(masks if era.number() == 1 else masks[::-1]), None, None][:2]
        new = self.cell.step(self.cell.project(x, of_input) if self.implementation else x, given[:count], of_state)
        return new[0], new

    def _dropout_masks(self, x: Any) -> tuple[Any, Any]:
        context = tracing.current()
        masks: tuple[Any, Any] = self.cell.masks(*x.shape, bool(context and context.training))
        return masks

    def _run_steps(self, sequences: Any, initial_state: Any, mask: Any) -> Any:
        layer: Any = self
        states = initial_state if initial_state is not None or not layer.stateful else [s.value for s in layer.states]
        first = self.get_initial_states if states is None else lambda _: states
        outputs, last, states = run_steps(layer, first, sequences, mask)
        if layer.stateful:
            for variable, value in zip(layer.states, states, strict=True):
                variable.assign(value)
        out = outputs if layer.return_sequences else last
        return (out, *states) if layer.return_state else out


_MODES = ("cpu", "mem", "gpu")  # `consume_less` of Keras 1 for the `implementation` of Keras 2
_STEPS = ("step", "preprocess_input", "get_constants", "get_initial_states")


def _has_steps(kind: type) -> bool:
    """Whether a class of the program overrides a method of the loop over time steps."""
    return any(getattr(kind, name) is not getattr(RecurrentMixin, name) for name in _STEPS)


def _lists(masks: list[Any]) -> list[Any]:
    """Masks of the gates in a list; a number if there is no dropout."""
    masks = [mask if isinstance(mask, list | tuple) else [mask] for mask in masks]
    return [mask[0] if isinstance(mask[0], float) else mask for mask in masks]


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
