"""The scaled loss: gradients in float16 stay above what it can hold, and a step that overflows is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.config import ArgumentTypeError, serialize
from gazelle.core.errors import ArgumentError, message
from gazelle.core.variable import Variable
from gazelle.optimizers.base import Optimizer, Slots
from gazelle.optimizers.transforms import Arrays

_INNER, _COUNT, _RATE = "inner.", "inner.iteration", "inner.learning_rate"


class LossScaleOptimizer(Optimizer):
    r"""Multiplies the loss by s and divides the gradients by it:  inner.update(w, ∇(s L) / s).

    Where a gradient is not finite, the weights stay and s becomes s / 2; after `dynamic_growth_steps` steps without
    such a one, s becomes 2 s. `compile` puts it around the optimizer of a model under 'mixed_float16' by itself.

    Args:
        inner_optimizer: the optimizer that changes the weights. What it was told about clipping, averages and decay
            holds; its `loss_scale_factor` is taken away.
        initial_scale: the first s; too large is soon mended, too small is not.
        dynamic_growth_steps: see there.

    Source: Micikevicius et al., Mixed Precision Training (2018).

    >>> scaled = LossScaleOptimizer(SGD(0.5), initial_scale=4.0)
    >>> params = {"w": jnp.array([1.0])}
    >>> slots = scaled.init(params)
    >>> float(scaled.scale_loss(1.0, slots))
    4.0
    >>> params, slots = scaled.update(params, {"w": jnp.array([jnp.inf])}, slots, scaled.hyper(), 0)
    >>> params["w"].tolist(), float(slots["dynamic_scale"][""])
    ([1.0], 2.0)
    """

    def __init__(
        self,
        inner_optimizer: Any,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer):
            what = "inner_optimizer of LossScaleOptimizer"
            raise ArgumentTypeError(message(what, expected="an optimizer, such as Adam()", got=repr(inner_optimizer)))
        if type(inner_optimizer).__name__ in ("MultiOptimizer", "LossScaleOptimizer"):
            raise ArgumentError(
                message(
                    "inner_optimizer of LossScaleOptimizer",
                    expected="an optimizer with a rule of its own",
                    got=type(inner_optimizer).__name__,
                    hint="Several optimizers scale by a fixed number: MultiOptimizer(..., loss_scale_factor=1024.0)"
                    " and compile(auto_scale_loss=False).",
                )
            )
        for key, value in kwargs.items():
            if key not in _IDLE or value not in (_IDLE[key], None):
                raise ArgumentTypeError(
                    message(
                        f"LossScaleOptimizer({key}={value!r})",
                        expected="inner_optimizer, initial_scale, dynamic_growth_steps and name",
                        hint="Give it to the inner optimizer.",
                    )
                )
        super().__init__(0.0, name=name)
        if not initial_scale > 0:
            raise self._refuse("initial_scale", "a number above 0")
        if isinstance(dynamic_growth_steps, bool) or not dynamic_growth_steps >= 1:
            raise self._refuse("dynamic_growth_steps", "a whole number of at least 1")
        inner_optimizer.loss_scale_factor = None
        self._excluded = inner_optimizer._excluded
        self._state = self._first()
        self._rated = len(inner_optimizer.own_variables()) == 2
        for slot, attribute in ((_COUNT, "_iterations"), (_RATE, "_learning_rate")):
            if slot == _COUNT or self._rated:
                self._state[slot] = {"": getattr(inner_optimizer, attribute)._value}
                setattr(inner_optimizer, attribute, self.slot_variable(slot))

    def _first(self) -> Slots:
        return {
            "step_counter": {"": jnp.zeros((), jnp.int32)},
            "dynamic_scale": {"": jnp.asarray(self.initial_scale, jnp.float32)},
        }

    # The pure part ---------------------------------------------------------------------------------------------------

    def init(self, params: Arrays) -> Slots:
        out = self._first() | {_COUNT: {"": jnp.zeros((), jnp.int32)}}
        if self._rated:
            out[_RATE] = {"": self._state[_RATE][""]}
        return out | {_INNER + name: arrays for name, arrays in self.inner_optimizer.init(params).items()}

    def hyper(self) -> Arrays:
        """The inner rate where it is a function of nothing; numbers are part of the slots, schedules of the program."""
        return super().hyper() | (
            {} if self._rated else {_INNER + k: v for k, v in self.inner_optimizer.hyper().items()}
        )

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Any],
        slots: Slots,
        hyper: Arrays,
        step: Any,
        constraints: Mapping[str, Any] | None = None,
    ) -> tuple[Arrays, Slots]:
        live = {p: g for p, g in grads.items() if g is not None and p in params}
        good, scale = slots["step_counter"][""], slots["dynamic_scale"][""]

        def step_on() -> tuple[Arrays, Slots]:
            after, own = self._inner_update(params, {p: g / scale for p, g in live.items()}, slots, hyper, constraints)
            grown = good == self.dynamic_growth_steps - 1
            counters = {
                "step_counter": {"": jnp.where(grown, 0, good + 1)},
                "dynamic_scale": {"": jnp.where(grown, scale * 2, scale)},
            }
            return after, slots | own | counters

        def leave_out() -> tuple[Arrays, Slots]:
            counters = {"step_counter": {"": jnp.zeros_like(good)}, "dynamic_scale": {"": scale / 2}}
            return dict(params), slots | counters

        return jax.lax.cond(self.check_finite(list(live.values())), step_on, leave_out)

    def _inner_update(self, params: Arrays, grads: Arrays, slots: Slots, hyper: Arrays, constraints: Any) -> Any:
        own = {name.removeprefix(_INNER): arrays for name, arrays in slots.items() if name.startswith(_INNER)}
        count, rate = own.pop("iteration")[""], own.pop("learning_rate", None)
        given = {name.removeprefix(_INNER): value for name, value in hyper.items() if name.startswith(_INNER)}
        given = given if rate is None else {"learning_rate": rate[""]}
        params, own = self.inner_optimizer.update(params, grads, own, given, count, constraints)
        return params, {_INNER + name: arrays for name, arrays in own.items()} | {_COUNT: {"": count + 1}}

    @staticmethod
    def check_finite(grads: Any) -> Any:
        """Whether all numbers of all gradients are finite."""
        return jnp.all(jnp.asarray([jnp.all(jnp.isfinite(g)) for g in grads if g is not None]))

    def finalize(self, params: Arrays, slots: Slots) -> Arrays:
        own = {name.removeprefix(_INNER): arrays for name, arrays in slots.items()}
        return self.inner_optimizer.finalize(params, own)

    def scale_loss(self, loss: Any, slots: Slots | None = None) -> Any:
        """The loss times s: what to take gradients of. slots: the state inside a compiled step."""
        return loss * (self.dynamic_scale.value if slots is None else slots["dynamic_scale"][""])

    # The user's view -------------------------------------------------------------------------------------------------

    @property
    def dynamic_scale(self) -> Variable:
        """s, as a variable."""
        return self.slot_variable("dynamic_scale")

    @property
    def step_counter(self) -> Variable:
        """Steps since s last changed."""
        return self.slot_variable("step_counter")

    @property
    def learning_rate(self) -> Any:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Any:
        """Finished updates; steps that were left out are none."""
        return self.inner_optimizer.iterations

    @property
    def use_ema(self) -> bool:
        return bool(self.inner_optimizer.use_ema)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)
        self._excluded = self.inner_optimizer._excluded

    def keras_order(self, paths: Any) -> list[tuple[str, str]]:
        own = [(_INNER + slot, path) for slot, path in self.inner_optimizer.keras_order(paths)]
        held = [(slot, path) for slot, path in own if path in self._state.get(slot, {path: 0})]
        return [(name, "") for name in ("step_counter", "dynamic_scale", _COUNT, *([_RATE] * self._rated))] + held

    def finalize_variable_values(self, var_list: Any) -> None:
        averages = self.state.get(_INNER + "average", {})
        for variable in var_list:
            if self.key_of(variable) in averages:
                variable.assign(averages[self.key_of(variable)])

    def recipe(self) -> tuple[Any, ...]:
        return type(self).__name__, self.dynamic_growth_steps, *self.inner_optimizer.recipe()

    def get_config(self) -> dict[str, Any]:
        words = {
            "inner_optimizer": self.inner_optimizer,
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }
        return {"name": self.name, **serialize(words)}


#: arguments that older files hold, at the values that say nothing
_IDLE = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "dynamic": True,
}


def scaled(optimizer: Any) -> Any:
    """The optimizer with its loss scaled, as `compile` wraps it for 'mixed_float16'; None and scaled ones stay."""
    if optimizer is None or isinstance(optimizer, LossScaleOptimizer):
        return optimizer
    return LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
