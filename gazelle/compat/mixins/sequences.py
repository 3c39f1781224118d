"""Recurrent layers of tf.keras whose first axis is time, and the method of attention layers that programs override."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from inspect import signature
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import ops
from gazelle.compat import era, facade
from gazelle.compat.classes import adopt, core_class
from gazelle.compat.layers import recurrent_inputs
from gazelle.compat.layers.recurrent import run_steps
from gazelle.compat.mixins.common import Function, FunctionAttribute, OutputShape, arrays_of
from gazelle.compat.mixins.masks import on_graph
from gazelle.compat.mixins.single_layers import for_program
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.types import Option, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.own_code import from_gazelle
from gazelle.core.types import Array, Shape, Tree
from gazelle.layers import GRU, LSTM, RNN, Dropout, Layer, MultiHeadAttention, serialize
from gazelle.layers.call_arguments import call_argument_names
from gazelle.layers.calling import initial_values, marks_built
from gazelle.layers.multi_head_attention import with_causal


def set_mode(layer: Layer, mode: str) -> None:
    """Set `consume_less` of a recurrent layer and of its cell, whose initial values depend on it."""
    for part in (layer, getattr(layer, "cell", layer)):
        vars(part)["consume_less"] = mode


class _CellFunction(FunctionAttribute):
    """A function of SimpleRNN, GRU or LSTM, which is that of the cell."""

    def __set__(self, instance: object, value: Function) -> None:
        super().__set__(instance, value)
        cell = vars(instance).get("cell")
        if cell is not None and core_class(type(instance)) is not RNN:
            setattr(cell, self.name, value)


class RecurrentMixin:
    """RNN, LSTM, GRU and SimpleRNN: with `time_major` sequences and masks are (time, batch, ...)."""

    activation = _CellFunction()
    recurrent_activation = _CellFunction()
    time_major = False
    initial_weights = None  # those of the constructor are set by gazelle
    implementation = 2  # 0 if `step` receives x W + b, else x
    further_arguments = ("num_constants",)
    num_constants = 0
    _takes_cell = _has_default_gates = False
    _constant_shapes: Sequence[Shape] = ()

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        steps, mode = _has_steps(type(self)), None
        if steps or "consume_less" in kwargs:
            number = kwargs.get("implementation", _MODES.index(kwargs.get("consume_less", _MODES[0])))
            vars(self).update({"implementation": number} if steps else {})
            mode = _MODES[number]
        time_major, kwargs = bool(kwargs.get("time_major")), dict(kwargs)
        if era.number() == 1 and core in (LSTM, GRU) and mode != "gpu" and not {*_PENALTIES}.isdisjoint(kwargs):
            kwargs[_PENALTIES[1]] = kwargs.get(_PENALTIES[0])  # Keras 1.2 penalized U with that of W
        if time_major:
            del kwargs["time_major"]
        constants = kwargs.pop("num_constants", None) or 0
        cell = args[0] if args else kwargs.get("cell")
        if era.number() < 3 and isinstance(cell, Layer) and getattr(cell, "state_size", 0) is None:
            cell.state_size = 0  # until the cell is built
        super()._init_core(core, args, kwargs, by_gazelle)
        if mode is not None:
            set_mode(self, mode)
        if isinstance(size := getattr(cell, "state_size", None), TensorShape):  # of one state
            self.state_size = [size]
        vars(self).update({"time_major": True} if time_major else {}, num_constants=constants)
        if core in (LSTM, GRU) and not by_gazelle and not type(self).__name__.startswith("CuDNN"):
            vars(self)["_has_default_gates"] = len(args) < 3 and "recurrent_activation" not in kwargs
        vars(self)["_takes_cell"] = core is RNN  # also an LSTM of a program that calls `RNN.__init__`
        if era.number() < 3 and not self.stateful:
            vars(self)["states"] = [None] * len(jax.tree.leaves(self.state_size))

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, with `time_major` if it is true."""
        by_gazelle = era.called_by_gazelle(1)
        config: dict[str, Any] = self._config_of_era(super().get_config(), by_gazelle)
        own = next(cls for cls in type(self).__mro__ if "get_config" in vars(cls))
        if self._takes_cell and not from_gazelle(own):
            config.setdefault("cell", serialize(self.cell))
        # gazelle's loader does not know the number of constants, which are keywords in the configs of models
        extra = {"time_major": self.time_major, "num_constants": 0 if by_gazelle else self.num_constants}
        return {**config, **{name: value for name, value in extra.items() if value}}

    def __call__(self, *args: Any, **kwargs: Any) -> TensorResult:
        args, kwargs = recurrent_inputs.split(args, kwargs, self.num_constants)
        return super().__call__(*recurrent_inputs.named(self.cell, args), **kwargs)

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        """Build the layer; until Keras 3 `build` of a cell received the shapes of constants, too."""
        if kwargs.get("constants") is not None:
            self._receive_constants([tuple(one.shape) for one in recurrent_inputs.listed(kwargs["constants"])])
        super()._ensure_built(args, kwargs)

    def _receive_constants(self, shapes: Sequence[Shape]) -> None:
        vars(self).update(num_constants=len(shapes), _constant_shapes=shapes)

    @marks_built  # so that the path of the cell begins with that of this layer
    def build(self, sequences_shape: Shape | list[Shape]) -> None:
        if isinstance(sequences_shape, dict):
            sequences_shape = self._build_for_several(sequences_shape)
        first: Shape = sequences_shape[0] if isinstance(sequences_shape, list) else sequences_shape
        if self.time_major:
            sequences_shape = first = (first[1], first[0], *first[2:])
        if era.number() < 3:
            recurrent_inputs.build_cell(self.cell, (first[0], *first[2:]), self._constant_shapes)
            self.state_size = recurrent_inputs.listed(self.cell.state_size)
        super().build(sequences_shape)

    def _build_for_several(self, shapes: dict[str, Shape]) -> Shape:
        """Build the cell of nested inputs with a shape for each of them, and return the first shape."""
        of_step = {name: (shape[int(self.time_major)], *shape[2:]) for name, shape in shapes.items()}
        recurrent_inputs.build_cell(self.cell, recurrent_inputs.unnamed(of_step), ())
        return next(iter(shapes.values()))

    def call(
        self,
        sequences: Array,
        initial_state: Sequence[Array] | Array | None = None,
        mask: Array | Sequence[Array] | None = None,
        training: bool = False,
        constants: Sequence[Array] | Array | None = None,
    ) -> Array | tuple[Array, ...]:
        if facade.adapter.is_box(sequences):  # `layer.call(x)` in a layer of the program
            given = arrays_of((sequences, initial_state, mask, training, constants))
            return facade.adapter.result_of_ops(RecurrentMixin.call(self, *given), (sequences,), {})
        sequences, mask = recurrent_inputs.unnamed(sequences), recurrent_inputs.mask_of(mask)
        if constants is not None:
            with recurrent_inputs.given_constants(self, constants):
                return self.call(sequences, initial_state, mask, training)
        if not recurrent_inputs.in_one_list(self.cell):
            return self._call_in_order(sequences, initial_state, mask, training)
        initial_state = recurrent_inputs.nested(self.cell, initial_state)
        out = self._call_in_order(sequences, initial_state, mask, training)
        return (out[0], *recurrent_inputs.flat(self.cell, out[1:])) if isinstance(out, tuple) else out

    def _call_in_order(self, sequences: Any, initial_state: Any, mask: Any, training: bool) -> Any:
        if _has_steps(type(self)):
            return self._run_steps(sequences, initial_state, mask)
        if not self.time_major:
            return super().call(sequences, initial_state, mask, training)
        own: Any = mask[0] if isinstance(mask, list | tuple) else mask
        own = None if own is None else jnp.swapaxes(own, 0, 1)
        sequences = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), sequences)
        out: Any = super().call(sequences, initial_state, own, training)
        if not self.return_sequences:
            return out
        outputs, *states = out if isinstance(out, tuple) else (out,)
        outputs = jnp.swapaxes(outputs, 0, 1)
        return (outputs, *states) if states else outputs

    def _first_states(self, batch: int, given: Any) -> list[Any]:
        """The states before the first step; in tf.keras 2 those of a stateful layer, once one of them is not 0."""
        states: list[Any] = super()._first_states(batch, given)
        if given is None or not self.stateful or not era.is_tf_keras_2():
            return states
        own = super()._first_states(batch, None)
        is_reset = jnp.all(jnp.stack([jnp.all(state == 0) for state in jax.tree.leaves(own)]))
        return jax.tree.map(lambda first, last: jnp.where(is_reset, first, last), states, own)

    @on_graph
    def compute_mask(self, inputs: TensorLike, mask: Option = None) -> TensorResult:
        found = super().compute_mask(inputs, recurrent_inputs.mask_of(mask))
        if isinstance(found, list) and recurrent_inputs.in_one_list(self.cell):
            return [found[0]] + [None] * len(jax.tree.leaves(self.state_size))
        return found

    # Methods of Keras 1 and 2.0, which subclasses override ------------------------------------------------------------

    def preprocess_input(self, inputs: Array, training: bool | None = None) -> Array:
        """Return x W + b for all time steps if `step` receives it, else x."""
        if self.implementation:
            return inputs
        x = jnp.swapaxes(arrays_of(inputs), 0, 1)
        return jnp.swapaxes(self.cell._project(x, self._dropout_masks(x[0])[0]), 0, 1)

    def get_constants(self, inputs: Array, training: bool | None = None) -> list[Any]:
        """Return the dropout masks of state and input, which `step` receives after the states; Keras 2: the reverse."""
        gates = self.cell._gate_count
        found = []
        for mask in self._dropout_masks(arrays_of(inputs)[:, 0]):
            of_gates = [1.0] * gates if mask is None else [mask[i % len(mask)] for i in range(gates)]
            found.append(of_gates if gates > 1 else of_gates[0])
        return found[::-1] if era.number() == 1 else found

    def get_initial_states(self, inputs: Array) -> list[Any]:
        """Return the states before the first step."""
        return list(self.get_initial_state(inputs))

    def step(self, inputs: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return (output, states) of one time step; `states` also contains the constants."""
        x, given = arrays_of((inputs, list(states)))
        count = len(self.state_size)
        masks = [None if isinstance(m, float) else jnp.stack(m) for m in _lists(given[count : count + 2])]
        of_state, of_input = [*(masks if era.number() == 1 else masks[::-1]), None, None][:2]
        new = self.cell._step(self.cell._project(x, of_input) if self.implementation else x, given[:count], of_state)
        return new[0], new

    def _dropout_masks(self, x: Any) -> tuple[Any, Any]:
        context = tracing.current()
        return self.cell._masks(*x.shape, bool(context and context.training))

    def _run_steps(self, sequences: Any, initial_state: Any, mask: Any) -> Any:
        states = initial_state if initial_state is not None or not self.stateful else [s.value for s in self.states]
        first = self.get_initial_states if states is None else lambda _: states
        outputs, last, states = run_steps(self, first, sequences, mask)
        if self.stateful:
            for variable, value in zip(self.states, states, strict=True):
                variable.assign(value)
        out = outputs if self.return_sequences else last
        return (out, *states) if self.return_state else out


_PENALTIES = ("W_regularizer", "U_regularizer")
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
        states = super().get_initial_state(batch_size if inputs is None else inputs.shape[0])
        by_gazelle = era.called_by_gazelle(1)
        alone = era.is_tf_keras_2() and not by_gazelle
        return for_program(states[0] if alone else states, by_gazelle)


_PROJECTIONS = tuple(f"_{name}_dense" for name in ("query", "key", "value", "output"))


#: the arguments of MultiHeadAttention after the third, until Keras 3
_AFTER_KEY = ("attention_mask", "return_attention_scores", "training", "use_causal_mask")


def _in_current_order(args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments of MultiHeadAttention; until Keras 3 the fourth was the mask (batch, queries, keys)."""
    if len(args) < 4 or era.called_by_gazelle(2):
        return args, kwargs
    flags = any(isinstance(one, bool) for one in args[4:6])  # now the masks of values and keys
    if era.number() >= 3 and not flags and len(getattr(args[3], "shape", ())) < 3:
        return args, kwargs
    return args[:3], {**dict(zip(_AFTER_KEY, args[3:], strict=False)), **kwargs}


class AttentionMixin:
    """MultiHeadAttention and GroupedQueryAttention."""

    output_shape = OutputShape()

    def __call__(self, *args: Any, **kwargs: Any) -> TensorResult:
        if type(self).call is AttentionMixin.call:  # else the order is that of the program
            args, kwargs = _in_current_order(args, kwargs)
        return super().__call__(*args, **kwargs)

    def _normalize(self, scores: Any, seen: Any, axes: tuple[int, ...], zeroed: bool) -> Any:
        """The weights; until Keras 3 those of a fully masked query are always equal."""
        return super()._normalize(scores, seen, axes, zeroed and era.number() == 3)

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        """Build the layer; from within `call` if it is that of a subclass, with other arguments."""
        if type(self).build is not self._core.build or "query" in call_argument_names(self):
            super()._ensure_built(args, kwargs)

    @wraps(MultiHeadAttention.call)
    def call(self, *args: Any, **kwargs: Any) -> TensorResult:
        args, kwargs = _in_current_order(args, kwargs)
        if not self.built:
            given = [*args[:3], *(kwargs[name] for name in ("query", "value", "key")[len(args) :] if name in kwargs)]
            shapes = [tuple(one.shape) for one in given if one is not None]
            with initial_values():
                self.build(*shapes)
        return super().call(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a program that replaces `_query_dense` replaces the layer that is called."""
        if isinstance(value, Layer):  # a projection, which `build` of gazelle creates
            adopt(value)
        super().__setattr__(name.removeprefix("_") if name in _PROJECTIONS else name, value)

    def _get_common_kwargs_for_sublayer(self) -> dict[str, Any]:
        """The arguments of the projections, which a `build` of a subclass creates."""
        parts = (f"{of}_{what}" for of in ("kernel", "bias") for what in ("initializer", "regularizer", "constraint"))
        return {**{name: getattr(self, name) for name in parts}, "dtype": self.dtype_policy}

    def _build_attention(self, rank: int) -> None:
        """Choose the axes of attention for projections (batch, time, heads, size) of this rank."""
        self.attention_axes = tuple(self.attention_axes or range(1, rank - 2))

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
        return super()._attend(query, key, value, seen, *how)

    def _masked_softmax(self, attention_scores: Any, attention_mask: Any = None) -> Array:
        """Return the weights of the values for scores (batch, heads, queries, keys)."""
        scores, seen = arrays_of((attention_scores, attention_mask))
        axes = len(self.attention_axes or ())
        if seen is not None:
            seen = jnp.expand_dims(seen, tuple(range(-2 * axes - 1, -2 * axes - 1 - (scores.ndim - seen.ndim), -1)))
            scores = jnp.where(seen, scores, -1e9)
        return jax.nn.softmax(scores, axis=tuple(range(scores.ndim - axes, scores.ndim)))

    @property
    def _dropout_layer(self) -> Dropout:
        """The dropout of the weights."""
        return vars(self).setdefault("_dropout_of_weights", Dropout(self.dropout))

    def _attend(self, q: Any, k: Any, v: Any, seen: Any, causal: bool, training: bool, want_scores: bool) -> Any:
        if type(self)._compute_attention is AttentionMixin._compute_attention:
            return super()._attend(q, k, v, seen, causal, training, want_scores)
        seen = with_causal(seen, q.shape[1], k.shape[1]) if causal else seen
        scores = (want_scores,) if "return_attention_scores" in signature(self._compute_attention).parameters else ()
        return self._compute_attention(q, k, v, seen, training, *scores)
