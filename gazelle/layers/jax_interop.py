"""Functions of JAX as layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes, prng
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, Nested, Shape, Tree
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class _VariableTree:
    """A tree of arrays kept as variables: `values()` gives the tree again. Leaves that are not numeric are kept."""

    def __init__(self, layer: Layer, tree: Tree, trainable: bool) -> None:
        leaves, structure = jax.tree.flatten(tree)
        self.structure: Any = structure
        self.leaves = [self._variable(layer, leaf, trainable) for leaf in leaves]

    @staticmethod
    def _variable(layer: Layer, leaf: Any, trainable: bool) -> Any:
        number = isinstance(leaf, (bool, int, float, np.ndarray, np.generic, jax.Array))
        if not number or (isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)):
            return leaf
        value = np.asarray(leaf)
        real = dtypes.is_float(value.dtype)
        dtype = layer.variable_dtype if real else str(dtypes.device_dtype(value.dtype))
        return Variable(value, value.shape, dtype, trainable and real)

    def values(self) -> Tree:
        """The tree with the current values."""
        return jax.tree.unflatten(self.structure, [v.value if isinstance(v, Variable) else v for v in self.leaves])

    def assign(self, label: str, tree: Tree) -> None:
        """Store new values in the variables."""
        leaves, structure = jax.tree.flatten(tree)
        if structure != self.structure:
            raise ShapeError(
                message(f"The state that {label} returned", expected=f"the structure {self.structure}", got=structure)
            )
        for variable, leaf in zip(self.leaves, leaves, strict=True):
            if isinstance(variable, Variable):
                variable.assign(leaf)


class JaxLayer(Layer):
    """A JAX function as a layer:  y = call_fn(params, inputs), or  y, state = call_fn(params, state, inputs).

    The arguments of the functions are recognized by name. call_fn: `params`, `state`, `rng` (a key in training, else
    None), `inputs`, `training`; init_fn: `rng`, `inputs` (ones of the input's shape), `training`. `params` and `state`
    are trees of arrays.

    Args:
        call_fn: Function that returns the outputs, or (outputs, new state) if it takes `state`.
        init_fn: Function that returns params, or (params, state); not needed if the values are given.
        params: Initial parameters.
        state: Initial state.
        seed: Seed of `rng`.
        native_serialization_platforms: Accepted for compatibility with Keras; it has no effect.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: A function has unknown arguments, or there is no source of the initial values.

    Example:
        >>> layer = JaxLayer(lambda params, inputs: inputs @ params["w"], params={"w": np.ones((3, 2))})
        >>> layer(jnp.ones((1, 3)))
        Array([[3., 3.]], dtype=float32)
    """

    _outside_config: tuple[str, ...] = ("params", "state", "seed")  # in the weight file

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Nested[Any] = None,
        state: Nested[Any] = None,
        seed: int | None = None,
        native_serialization_platforms: Sequence[str] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._arguments = _argument_names(
            f"call_fn of {self._label}", call_fn, ("params", "state", "rng", "inputs", "training")
        )
        if init_fn is not None:
            self._init_arguments = _argument_names(f"init_fn of {self._label}", init_fn, ("rng", "inputs", "training"))
        has_values = params is not None or state is not None
        if not has_values and init_fn is None and {"params", "state"} & set(self._arguments):
            raise ArgumentError(
                message(self._label, expected="init_fn, params or state, which call_fn takes", got="none")
            )
        self._params = _VariableTree(self, params, True)
        self._state = _VariableTree(self, state, False)
        self._given = has_values
        self.tracked_params, self.tracked_state = self._params.leaves, self._state.leaves

    @property
    def params(self) -> Nested[Any]:
        """The tree of parameters."""
        return self._params.values()

    @property
    def state(self) -> Nested[Any]:
        """The tree of the state that call_fn updates."""
        return self._state.values()

    def build(self, input_shape: Shape) -> None:
        if self._given or not {"params", "state"} & set(self._arguments):
            return
        with jax.ensure_compile_time_eval():  # even inside of a trace, weights are concrete arrays
            ones = jax.tree.map(
                lambda s: jnp.ones([1 if n is None else n for n in s], self.compute_dtype),
                input_shape,
                is_leaf=lambda s: isinstance(s, tuple) and all(n is None or isinstance(n, int) for n in s),
            )
            given = {"rng": self._first_rng(), "inputs": ones, "training": True}
            assert self.init_fn is not None
            params, state = self.init_fn(*(given[name] for name in self._init_arguments)), None
            if "state" in self._arguments:
                params, state = params
        self._params, self._state = _VariableTree(self, params, True), _VariableTree(self, state, False)
        self.tracked_params, self.tracked_state = self._params.leaves, self._state.leaves

    def _first_rng(self) -> Any:
        return jax.random.key(prng.next_seed())

    def _rng(self, training: bool) -> Any:
        return self.random_key(self.seed) if training else None

    def call(self, inputs: Array, training: bool = False) -> Array:
        given = {"inputs": inputs, "training": training}
        if "params" in self._arguments:
            given["params"] = self.params
        if "state" in self._arguments:
            given["state"] = self.state
        if "rng" in self._arguments:
            given["rng"] = self._rng(training)
        out = self.call_fn(*(given[name] for name in self._arguments))
        if "state" in self._arguments:
            out, state = out
            self._state.assign(f"call_fn of {self._label}", state)
        return out


def _argument_names(what: str, function: Callable[..., Any], known: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a function's arguments; `inputs` must be among them, and no unknown ones."""
    names = tuple(inspect.signature(function).parameters)
    if "inputs" not in names or set(names) - set(known):
        raise ArgumentError(
            message(what, expected=f"arguments among {', '.join(known)}, and inputs", got=f"({', '.join(names)})")
        )
    return names
