"""Modules of Equinox as layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack

import jax

from gazelle.layers.jax_interop import JaxLayer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


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
