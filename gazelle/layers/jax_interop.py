"""Functions and modules of other JAX libraries as layers: JaxLayer, FlaxLayer, EquinoxLayer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes, prng
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.serialization import deserialize, serialize
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
        for key in ("params", "state", "seed"):
            self._config.pop(key, None)  # in the weights' file
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


class FlaxLayer(JaxLayer):
    """A Flax module as a layer: of `flax.linen`, with new weights, or of `flax.nnx`, with the weights of the module.

    Linen: `params` are trained, other collections (batch_stats ...) are state. nnx: `nnx.Param` are trained, the rest
    is state; the given module is not modified. `training` is passed to linen modules that take it; nnx modules are set
    to train() or eval(). Dropout uses the layer's key.

    Args:
        module: The module.
        method: Method to call, or its name; None for the call of the module.
        variables: Initial variables of a linen module, as returned by its `init`.
        **kwargs: Arguments of `JaxLayer` and `Layer`: `seed`, `name`, `dtype`, `trainable` and others.

    Raises:
        ImportError: Flax is not installed.

    Example:
        >>> from flax import linen
        >>> FlaxLayer(linen.Dense(4))(jnp.ones((2, 3))).shape
        (2, 4)
    """

    def __init__(
        self,
        module: Callable[..., Any],
        method: str | Callable[..., Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        try:
            from flax import nnx
        except ImportError as error:
            raise ImportError('FlaxLayer needs Flax: pip install "gazelle[flax]".') from error
        self._config.pop("variables", None)  # in the weights' file
        self._nnx = isinstance(module, nnx.Module)
        if self._nnx:
            params, state = self._split_module()
            super().__init__(call_fn=self._call_nnx, params=params, state=state, **kwargs)
            return
        inner: Any = module
        target = getattr(module, method) if isinstance(method, str) else method or inner.__call__
        takes_training = "training" in inspect.signature(target).parameters
        params, state = _split_variables(variables) if variables is not None else (None, None)
        super().__init__(
            call_fn=self._call_linen_training if takes_training else self._call_linen,
            init_fn=self._init_linen_training if takes_training else self._init_linen,
            params=params,
            state=state,
            **kwargs,
        )

    # linen

    def _apply(self, params: Any, state: Any, rng: Any, inputs: Any, **more: Any) -> Any:
        from flax.core.scope import DenyList

        values, mutable = {**(params or {}), **(state or {})}, DenyList(["params"])
        out, new = self.module.apply(values, inputs, rngs=rng, method=self.method, mutable=mutable, **more)
        return out, {**(state or {}), **{k: v for k, v in new.items() if k in (state or {})}}

    def _call_linen(self, params: Any, state: Any, rng: Any, inputs: Any) -> Any:
        return self._apply(params, state, rng, inputs)

    def _call_linen_training(self, params: Any, state: Any, rng: Any, inputs: Any, training: Any) -> Any:
        return self._apply(params, state, rng, inputs, training=training)

    def _init_linen(self, rng: Any, inputs: Any) -> Any:
        return _split_variables(self.module.init(rng, inputs, method=self.method))

    def _init_linen_training(self, rng: Any, inputs: Any, training: Any) -> Any:
        return _split_variables(self.module.init(rng, inputs, method=self.method, training=training))

    def _first_rng(self) -> Any:
        return {"params": super()._first_rng(), "dropout": super()._first_rng()}

    def _rng(self, training: bool) -> Any:
        key = super()._rng(training)
        return key if self._nnx else {} if key is None else {"dropout": key}

    # nnx

    def _split_module(self) -> tuple[Any, Any]:
        """The parameters and the state of the module; its structures for training and inference are stored."""
        from flax import nnx

        module = nnx.clone(self.module)
        self._parts = {}
        for training in (True, False):
            module.train() if training else module.eval()
            graph, params, keys, state = _split(module)
            self._parts[training] = (graph, keys)
        return params, state

    def _call_nnx(self, params: Any, state: Any, rng: Any, inputs: Any, training: Any) -> Any:
        from flax import nnx

        graph, keys = self._parts[bool(training)]
        if rng is not None:  # streams of the module begin at this call's key
            leaves, structure = jax.tree.flatten(keys)
            leaves = [
                jax.random.fold_in(rng, i) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
                for i, leaf in enumerate(leaves)
            ]
            keys = jax.tree.unflatten(structure, leaves)
        module = nnx.merge(graph, params, keys, state)
        method = self.method or "__call__"
        out = getattr(module, method)(inputs) if isinstance(method, str) else method(module, inputs)
        return out, _split(module)[3]

    def get_config(self) -> dict[str, Any]:
        method = self.method if isinstance(self.method, (str, type(None))) else self.method.__name__
        return {**super().get_config(), "module": serialize(self.module), "method": method}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Create the layer that `get_config` described; the class of the module is found in custom_objects.

        Args:
            config: The config.

        Returns:
            The layer.
        """
        dropped = ("native_serialization_platforms", "call_fn", "init_fn")
        return cls(**{k: deserialize(v) for k, v in config.items() if k not in dropped})


def _split(module: Any) -> Any:
    """A module of nnx as its plan, its parameters, its keys, and the rest of its state."""
    from flax import nnx

    return nnx.split(module, nnx.Param, nnx.RngState, ...)


def _split_variables(variables: Any) -> tuple[Any, Any]:
    """Linen's variables as parameters and the other collections."""
    return {k: v for k, v in variables.items() if k == "params"}, {k: v for k, v in variables.items() if k != "params"}


class EquinoxLayer(JaxLayer):
    """An Equinox module as a layer; its arrays of floats are trained.

    The layer maps a module for single samples over the batch. A module whose call takes `key` receives one key per
    sample in training; outside of training it is in inference mode. A module created by `eqx.nn.make_with_state` is
    called with its state and mapped under axis_name='batch'.

    Args:
        module: The module, or any callable tree of arrays.
        state: Its `eqx.nn.State`, if it takes one.
        vmap: Whether to map over the batch; False for a module that takes batches.
        seed: Seed of the keys.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ImportError: Equinox is not installed.

    Example:
        >>> import equinox as eqx, jax
        >>> EquinoxLayer(eqx.nn.Linear(3, 4, key=jax.random.key(0)))(jnp.ones((2, 3))).shape
        (2, 4)
    """

    def __init__(
        self,
        module: Callable[..., Any],
        state: object = None,
        vmap: bool = True,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        try:
            import equinox
        except ImportError as error:
            raise ImportError('EquinoxLayer needs Equinox: pip install "gazelle[equinox]".') from error
        inner: Any = module
        params, self._rest = equinox.partition(module, equinox.is_inexact_array)
        self._keyed = "key" in inspect.signature(inner.__call__).parameters
        self._stateful = state is not None
        super().__init__(call_fn=self._call_module, params=params, state=state, seed=seed, **kwargs)
        self._config["module"] = module

    def _call_module(self, params: Any, state: Any, rng: Any, inputs: Any, training: Any) -> Any:
        import equinox

        module = equinox.nn.inference_mode(equinox.combine(params, self._rest), value=not training)
        keys = None
        if self._keyed and rng is not None:
            keys = jax.random.split(rng, jax.tree.leaves(inputs)[0].shape[0]) if self.vmap else rng

        def one(x: Any, state: Any, key: Any) -> Any:
            more = {"key": key} if self._keyed else {}
            return module(x, state, **more) if self._stateful else (module(x, **more), state)

        if not self.vmap:
            return one(inputs, state, keys)
        axes = (0, None, None if keys is None else 0)
        return jax.vmap(one, axes, (0, None), axis_name="batch")(inputs, state, keys)
