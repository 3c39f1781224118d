"""Any optax gradient transformation as an optimizer. Told by its shape; optax itself is never imported."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, GazelleError, message
from gazelle.core.variable import Variable
from gazelle.optimizers.base import Optimizer, Slots
from gazelle.optimizers.transforms import Arrays

_RATE = ".hyperparams['learning_rate']"


class HiddenRateError(GazelleError, AttributeError):
    """The optimizer has no learning rate that can be read or assigned."""


def is_transformation(value: Any) -> bool:
    """Whether this is an optax GradientTransformation: it has the functions init and update."""
    return not isinstance(value, type) and all(callable(getattr(value, name, None)) for name in ("init", "update"))


class OptaxOptimizer(Optimizer):
    """An optax transformation under the contract of `Optimizer`:  w <- w + update(g, state, w).

    Its state is kept flat, as {"optax": {path in optax's state: array}}. `learning_rate` can be read and assigned if
    the transformation was made by `optax.inject_hyperparams(optax.adam)(learning_rate=0.001)`; a plain one hides it.

    Args:
        transformation: what `optax.adam(0.001)` or `optax.chain(...)` returns.

    >>> import optax
    >>> OptaxOptimizer(optax.sgd(0.1)).update({"w": jnp.ones(1)}, {"w": jnp.ones(1)}, {"optax": {}}, {}, 0)[0]["w"]
    Array([0.9], dtype=float32)
    """

    def __init__(self, transformation: Any, name: str | None = None) -> None:
        if not is_transformation(transformation):
            raise ArgumentError(
                message(
                    "OptaxOptimizer",
                    expected="an optax transformation",
                    got=repr(transformation),
                    hint="For example OptaxOptimizer(optax.adam(0.001)).",
                )
            )
        found = self._injected()
        super().__init__(0.0 if found is None else found, name=name)
        self._has_rate = found is not None

    def _injected(self) -> Any:
        """The rate that inject_hyperparams holds as a number, None if there is none."""
        try:
            state = self._flat(self.transformation.init({}))
        except (TypeError, ValueError, KeyError, IndexError):  # not every transformation starts without weights
            return None
        scheduled = any(".hyperparams_states['learning_rate']" in key for key in state)
        return next((a for key, a in state.items() if key.endswith(_RATE) and not scheduled), None)

    @staticmethod
    def _flat(state: Any) -> Arrays:
        leaves = jax.tree_util.tree_flatten_with_path(state)[0]
        return {jax.tree_util.keystr(path): jnp.asarray(leaf) for path, leaf in leaves}

    def init(self, params: Arrays) -> Slots:
        return {"optax": self._flat(self.transformation.init(params))}

    def hyper(self) -> Arrays:
        return super().hyper() if self._has_rate else {}

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Any, t: Any) -> tuple[Arrays, Slots]:
        grads = {p: grads.get(p, jnp.zeros_like(w)) for p, w in params.items()}
        shapes, structure = jax.tree_util.tree_flatten_with_path(jax.eval_shape(self.transformation.init, params))
        keys = [jax.tree_util.keystr(path) for path, _ in shapes]  # jit has sorted the keys of `slots`
        given = {
            k: lr.astype(a.dtype) if k.endswith(_RATE) and self._has_rate else a for k, a in slots["optax"].items()
        }
        state = jax.tree.unflatten(structure, [given[key] for key in keys])
        updates, state = self.transformation.update(grads, state, params)
        params = {p: (w + updates[p]).astype(w.dtype) for p, w in params.items()}
        return params, {"optax": self._flat(state)}

    def own_variables(self) -> list[Variable]:
        return super().own_variables() if self._has_rate else [self._iterations]

    def keras_order(self, paths: Any) -> list[tuple[str, str]]:
        """Its own order: Keras has no optax."""
        return [("optax", key) for key in sorted(self._state.get("optax", {}))]

    def _rate(self, hyper: Arrays, step: Any) -> Any:
        return super()._rate(hyper, step) if self._has_rate else jnp.zeros(())

    def _show_rate(self) -> None:
        if not self._has_rate:
            raise HiddenRateError(
                message(
                    "An optax transformation hides its learning rate",
                    hint="Make it with optax.inject_hyperparams(optax.adam)(learning_rate=0.001).",
                )
            )

    def recipe(self) -> tuple[Any, ...]:
        return self.transformation, *super().recipe()

    def get_config(self) -> dict[str, Any]:
        raise ArgumentError(
            message(
                "An optax transformation cannot be written into a config: it is made of functions",
                hint="Save the weights, or compile with it again after loading.",
            )
        )
