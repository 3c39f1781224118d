"""Dynamic loss scaling for float16: gradients are scaled to stay representable, and overflowing steps are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ArgumentTypeError, message
from gazelle.core.serialization import serialize
from gazelle.core.types import Array, ArrayLike, Config
from gazelle.core.variable import Variable
from gazelle.ops.platforms import conditional
from gazelle.optimizers.arguments import invalid
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.transforms import Arrays, Slots
from gazelle.optimizers.updates import Constraints

_INNER, _COUNT, _RATE = "inner.", "inner.iteration", "inner.learning_rate"

#: arguments that files of earlier versions contain, and the values that have no effect
_WITHOUT_EFFECT = {
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


class LossScaleOptimizer(Optimizer):
    r"""Optimizer that multiplies the loss by a scale s and divides the gradients by it:  inner.update(w, ∇(s L) / s).

    If a gradient is not finite, the weights are unchanged and  s <- s / 2;  after `dynamic_growth_steps` finite steps
    s <- 2 s.  `compile` wraps the optimizer of a model with the dtype policy 'mixed_float16' in this class.

    Args:
        inner_optimizer: The optimizer that updates the weights. Its clipping, averages and decay apply; its
            `loss_scale_factor` is removed.
        initial_scale: First value of s. A value that is too large is halved until it fits.
        dynamic_growth_steps: Consecutive finite steps after which s is doubled.
        name: Name in files; by default made from the class name.
        kwargs: Arguments of `Optimizer` that files of earlier versions contain, at values without effect.

    Raises:
        ArgumentTypeError: If `inner_optimizer` is no optimizer, or an argument belongs to the inner optimizer.
        ArgumentError: If `inner_optimizer` contains optimizers itself, or a number is out of range.

    Source: Micikevicius et al., "Mixed Precision Training", 2018.

    Example:
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
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: object,
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
            if key not in _WITHOUT_EFFECT or value not in (_WITHOUT_EFFECT[key], None):
                raise ArgumentTypeError(
                    message(
                        f"LossScaleOptimizer({key}={value!r})",
                        expected="inner_optimizer, initial_scale, dynamic_growth_steps and name",
                        hint="Give it to the inner optimizer.",
                    )
                )
        super().__init__(0.0, name=name)
        if not initial_scale > 0:
            raise invalid(self, "initial_scale", "a number above 0")
        if isinstance(dynamic_growth_steps, bool) or not dynamic_growth_steps >= 1:
            raise invalid(self, "dynamic_growth_steps", "an integer of at least 1")
        inner_optimizer.loss_scale_factor = None
        self._excluded = inner_optimizer._excluded
        self._state = self._first_slots()
        self._has_rate = len(inner_optimizer.own_variables()) == 2
        # the inner optimizer's step counter and learning rate become slots of this optimizer
        for slot, attribute in ((_COUNT, "_iterations"), (_RATE, "_learning_rate")):
            if slot == _COUNT or self._has_rate:
                self._state[slot] = {"": getattr(inner_optimizer, attribute)._value}
                setattr(inner_optimizer, attribute, self.slot_variable(slot))

    def _first_slots(self) -> Slots:
        return {
            "step_counter": {"": jnp.zeros((), jnp.int32)},
            "dynamic_scale": {"": jnp.asarray(self.initial_scale, jnp.float32)},
        }

    # Pure functions --------------------------------------------------------------------------------------------------

    def init(self, params: Arrays) -> Slots:
        slots = self._first_slots() | {_COUNT: {"": jnp.zeros((), jnp.int32)}}
        if self._has_rate:
            slots[_RATE] = {"": self._state[_RATE][""]}
        return slots | {_INNER + name: arrays for name, arrays in self.inner_optimizer.init(params).items()}

    def hyper(self) -> Arrays:
        inner = {} if self._has_rate else self.inner_optimizer.hyper()  # a learning rate variable is part of the slots
        return super().hyper() | {_INNER + name: value for name, value in inner.items()}

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Array | None],
        slots: Slots,
        hyper: Arrays,
        step: ArrayLike,
        constraints: Constraints = None,
    ) -> tuple[Arrays, Slots]:
        live = {p: g for p, g in grads.items() if g is not None and p in params}
        finite_steps, scale = slots["step_counter"][""], slots["dynamic_scale"][""]

        def apply() -> tuple[Arrays, Slots]:
            after, inner = self._update_inner(params, live, slots, hyper, constraints)
            grow = finite_steps == self.dynamic_growth_steps - 1
            counters = {
                "step_counter": {"": jnp.where(grow, 0, finite_steps + 1)},
                "dynamic_scale": {"": jnp.where(grow, scale * 2, scale)},
            }
            return after, slots | inner | counters

        def skip() -> tuple[Arrays, Slots]:
            counters = {"step_counter": {"": jnp.zeros_like(finite_steps)}, "dynamic_scale": {"": scale / 2}}
            return dict(params), slots | counters

        return conditional(self.check_finite(list(live.values())), apply, skip)

    def overwrite(self, paths: Iterable[str]) -> None:
        super().overwrite(paths)
        self.inner_optimizer.overwrite(self._overwritten)

    def rates(self, slots: Slots, hyper: Arrays, step: Array) -> list[Array]:
        inner, given, count = self._inner_state(slots, hyper)
        return self.inner_optimizer.rates(inner, given, count)

    def _update_inner(
        self, params: Arrays, grads: Arrays, slots: Slots, hyper: Arrays, constraints: Constraints
    ) -> tuple[Arrays, Slots]:
        """The weights and slots after a step of the inner optimizer on gradients of the scaled loss."""
        scale, (inner, given, count) = slots["dynamic_scale"][""], self._inner_state(slots, hyper)
        unscaled = {p: g if p in self._overwritten else g / scale for p, g in grads.items()}
        params, inner = self.inner_optimizer.update(params, unscaled, inner, given, count, constraints)
        return params, {_INNER + name: arrays for name, arrays in inner.items()} | {_COUNT: {"": count + 1}}

    def _inner_state(self, slots: Slots, hyper: Arrays) -> tuple[Slots, Arrays, Array]:
        """(slots, hyper, number of finished steps) of the inner optimizer."""
        inner = {name.removeprefix(_INNER): arrays for name, arrays in slots.items() if name.startswith(_INNER)}
        count, rate = inner.pop("iteration")[""], inner.pop("learning_rate", None)
        given = {name.removeprefix(_INNER): value for name, value in hyper.items() if name.startswith(_INNER)}
        return inner, given if rate is None else {"learning_rate": rate[""]}, count

    @staticmethod
    def check_finite(grads: Iterable[Array | None]) -> Array:
        """Return whether all numbers of all gradients are finite.

        Args:
            grads: Gradients; None is skipped.

        Returns:
            A boolean scalar.
        """
        return jnp.all(jnp.asarray([jnp.all(jnp.isfinite(g)) for g in grads if g is not None]))

    def finalize(self, params: Arrays, slots: Slots) -> Arrays:
        inner = {name.removeprefix(_INNER): arrays for name, arrays in slots.items()}
        return self.inner_optimizer.finalize(params, inner)

    def scale_loss(self, loss: ArrayLike, slots: Slots | None = None) -> ArrayLike:
        scale = self.dynamic_scale.value if slots is None else slots["dynamic_scale"][""]
        return loss * scale  # type: ignore[operator]

    # State and settings ----------------------------------------------------------------------------------------------

    @property
    def dynamic_scale(self) -> Variable:
        """The scale s, as a variable."""
        return self.slot_variable("dynamic_scale")

    @property
    def step_counter(self) -> Variable:
        """The number of steps since s last changed."""
        return self.slot_variable("step_counter")

    @property
    def learning_rate(self) -> Variable | Array:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Variable | Array:
        """The number of finished updates; skipped steps are not counted."""
        return self.inner_optimizer.iterations

    @property
    def use_ema(self) -> bool:
        """Whether the inner optimizer keeps averages of the weights."""
        return bool(self.inner_optimizer.use_ema)

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)
        self._excluded = self.inner_optimizer._excluded

    def keras_order(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        inner = [(_INNER + slot, path) for slot, path in self.inner_optimizer.keras_order(paths)]
        present = [(slot, path) for slot, path in inner if path in self._state.get(slot, {path: 0})]
        shared = ("step_counter", "dynamic_scale", _COUNT, *([_RATE] * self._has_rate))
        return [(name, "") for name in shared] + present

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        averages = self.state.get(_INNER + "average", {})
        for variable in var_list:
            if self.key_of(variable) in averages:
                variable.assign(averages[self.key_of(variable)])

    def program_key(self) -> tuple[Any, ...]:
        return type(self).__name__, self.dynamic_growth_steps, *self.inner_optimizer.program_key()

    def get_config(self) -> Config:
        arguments = {
            "inner_optimizer": self.inner_optimizer,
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }
        return {"name": self.name, **serialize(arguments)}


def scaled(optimizer: Optimizer | None) -> Optimizer | None:
    """Wrap an optimizer in a `LossScaleOptimizer`, as `compile` does for the dtype policy 'mixed_float16'.

    Args:
        optimizer: The optimizer; None and a `LossScaleOptimizer` are returned unchanged.

    Returns:
        The wrapped optimizer.

    Example:
        >>> scaled(SGD(0.5)).inner_optimizer
        <SGD name=sgd>
    """
    if optimizer is None or isinstance(optimizer, LossScaleOptimizer):
        return optimizer
    return LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
