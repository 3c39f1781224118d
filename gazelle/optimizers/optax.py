"""Optax gradient transformations as optimizers, recognized by their methods: optax itself is never imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, GazelleError, message
from gazelle.core.types import Array
from gazelle.core.variable import Variable
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.transforms import Arrays, Slots

_RATE = ".hyperparams['learning_rate']"


class HiddenRateError(GazelleError, AttributeError):
    """The optimizer has no learning rate that can be read or assigned."""


class GradientTransformation(Protocol):
    """The interface of an optax transformation: the functions `init` and `update`."""

    @property
    def init(self) -> Callable[..., Any]:
        """Function (params) -> state."""

    @property
    def update(self) -> Callable[..., Any]:
        """Function (grads, state, params) -> (updates, state)."""


def is_transformation(value: object) -> bool:
    """Return whether a value is an optax transformation: it has the functions `init` and `update`."""
    return not isinstance(value, type) and all(callable(getattr(value, name, None)) for name in ("init", "update"))


class OptaxOptimizer(Optimizer):
    """Optimizer that applies an optax transformation:  w <- w + update(g, state, w).

    Its slots are {"optax": {path in optax's state: array}}. The learning rate can be read and assigned if the
    transformation was made by `optax.inject_hyperparams(optax.adam)(learning_rate=0.001)`; otherwise it is hidden.

    Args:
        transformation: Result of `optax.adam(0.001)`, `optax.chain(...)` and the like.
        name: Name in files; by default made from the class name.

    Raises:
        ArgumentError: If `transformation` is no optax transformation.

    Example:
        >>> import optax
        >>> OptaxOptimizer(optax.sgd(0.1)).update({"w": jnp.ones(1)}, {"w": jnp.ones(1)}, {"optax": {}}, {}, 0)[0]["w"]
        Array([0.9], dtype=float32)
    """

    def __init__(self, transformation: GradientTransformation, name: str | None = None) -> None:
        if not is_transformation(transformation):
            raise ArgumentError(
                message(
                    "OptaxOptimizer",
                    expected="an optax transformation",
                    got=repr(transformation),
                    hint="For example OptaxOptimizer(optax.adam(0.001)).",
                )
            )
        rate = self._injected_rate()
        super().__init__(0.0 if rate is None else rate, name=name)
        self._has_rate = rate is not None

    def _injected_rate(self) -> Array | None:
        """Return the learning rate that inject_hyperparams stores as a number, None without one."""
        try:
            state = _flatten(self.transformation.init({}))
        except (TypeError, ValueError, KeyError, IndexError):  # not every transformation accepts empty params
            return None
        scheduled = any(".hyperparams_states['learning_rate']" in key for key in state)
        return next((a for key, a in state.items() if key.endswith(_RATE) and not scheduled), None)

    def hyper(self) -> Arrays:
        return super().hyper() if self._has_rate else {}

    def _init_rule(self, params: Arrays) -> Slots:
        return {"optax": _flatten(self.transformation.init(params))}

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        grads = {p: grads.get(p, jnp.zeros_like(w)) for p, w in params.items()}
        shapes, structure = jax.tree_util.tree_flatten_with_path(jax.eval_shape(self.transformation.init, params))
        keys = [jax.tree_util.keystr(path) for path, _ in shapes]  # jit sorted the keys of `slots`
        arrays = {
            k: lr.astype(a.dtype) if k.endswith(_RATE) and self._has_rate else a for k, a in slots["optax"].items()
        }
        state = jax.tree.unflatten(structure, [arrays[key] for key in keys])
        updates, state = self.transformation.update(grads, state, params)
        params = {p: (w + updates[p]).astype(w.dtype) for p, w in params.items()}
        return params, {"optax": _flatten(state)}

    def own_variables(self) -> list[Variable]:
        return super().own_variables() if self._has_rate else [self._iterations]

    def keras_order(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        # sorted: Keras has no optax
        return [("optax", key) for key in sorted(self._state.get("optax", {}))]

    def _rate_of_step(self, hyper: Arrays, step: Array) -> Array:
        return super()._rate_of_step(hyper, step) if self._has_rate else jnp.zeros(())

    def _check_rate_exists(self) -> None:
        if not self._has_rate:
            raise HiddenRateError(
                message(
                    "An optax transformation hides its learning rate",
                    hint="Make it with optax.inject_hyperparams(optax.adam)(learning_rate=0.001).",
                )
            )

    def program_key(self) -> tuple[Any, ...]:
        return self.transformation, *super().program_key()

    def get_config(self) -> NoReturn:
        raise ArgumentError(
            message(
                "An optax transformation cannot be written into a config: it is made of functions",
                hint="Save the weights, or compile with it again after loading.",
            )
        )


def _flatten(state: Any) -> Arrays:
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return {jax.tree_util.keystr(path): jnp.asarray(leaf) for path, leaf in leaves}
