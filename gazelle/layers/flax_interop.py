"""Modules of Flax as layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.registry import custom_object_scope
from gazelle.core.serialization import deserialize, serialize
from gazelle.layers.jax_interop import JaxLayer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


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

    _outside_config = ("variables",)  # in the weight file

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
        method = self.method
        if callable(method):  # by name if it is one of the module, else as a registered function
            name, own = method.__name__, getattr(type(self.module), method.__name__, None)
            method = name if own is getattr(method, "__func__", method) else serialize(method)
        return {**super().get_config(), "module": serialize(self.module), "method": method}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create the layer that `get_config` described; the class of the module is found in custom_objects.

        Args:
            config: The config.
            custom_objects: {name: class or function} of the program.

        Returns:
            The layer.
        """
        dropped = ("native_serialization_platforms", "call_fn", "init_fn")
        with custom_object_scope(custom_objects):
            return cls(**{k: deserialize(v) for k, v in config.items() if k not in dropped})


def _split(module: Any) -> Any:
    """A module of nnx as its plan, its parameters, its keys, and the rest of its state."""
    from flax import nnx

    return nnx.split(module, nnx.Param, nnx.RngState, ...)


def _split_variables(variables: Any) -> tuple[Any, Any]:
    """Linen's variables as parameters and the other collections."""
    return {k: v for k, v in variables.items() if k == "params"}, {k: v for k, v in variables.items() if k != "params"}
