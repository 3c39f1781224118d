"""`LossScaleOptimizer` of tf.keras 2: programs unscale the gradients, and `apply_gradients` takes them as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gazelle.compat import era
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core.types import Array, ArrayLike, Config
from gazelle.core.variable import Variable
from gazelle.optimizers.transforms import Arrays, Slots
from gazelle.optimizers.updates import Constraints

#: positional arguments after the optimizer; the third is `loss_scale` until TensorFlow 2.3
_ARGUMENTS = ("dynamic", "initial_scale", "dynamic_growth_steps")


class LossScaleMixin:
    """The loss scaling of mixed precision."""

    dynamic = True
    loss_scale = property(lambda self: self.slot_variable("dynamic_scale").value)
    dynamic_counter = property(lambda self: self.slot_variable("step_counter").value)

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if era.number() < 3 and not by_gazelle:
            args, kwargs = args[:1], {**dict(zip(_ARGUMENTS, args[1:], strict=False)), **kwargs}
            if "opt" in kwargs:  # its name until TensorFlow 2.3
                kwargs["inner_optimizer"] = kwargs.pop("opt")
            scale = kwargs.pop("loss_scale", kwargs.pop("dynamic", True))
            if not isinstance(scale, bool | str):  # a number that stays
                kwargs["initial_scale"], scale = float(scale), False
            self.dynamic = scale == "dynamic" or scale is True
            kwargs = {name: value for name, value in kwargs.items() if value is not None}
        super()._init_core(core, args, kwargs, by_gazelle)

    def get_scaled_loss(self, loss: TensorLike | Callable[[], Any]) -> TensorResult:
        if callable(loss) and not hasattr(loss, "dtype"):
            return lambda: self.get_scaled_loss(loss())
        return self.scale_loss(loss)

    def get_unscaled_gradients(self, grads: Nested[TensorResult]) -> list[TensorResult | None]:
        factor = 1 / self.loss_scale
        return [None if gradient is None else gradient * factor for gradient in grads]

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Variable]], *args: Any, **kwargs: Any
    ) -> TensorResult:
        """Take one step; gradients are unscaled until Keras 3, while the step of gazelle unscales them itself."""
        if era.number() < 3:
            factor = self.loss_scale
            grads_and_vars = [(None if g is None else g * factor, variable) for g, variable in grads_and_vars]
        return super().apply_gradients(grads_and_vars, *args, **kwargs)

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Array | None],
        slots: Slots,
        hyper: Arrays,
        step: ArrayLike,
        constraints: Constraints = None,
    ) -> tuple[Arrays, Slots]:
        """Return the weights and slots after a step; a scale that stays is not lowered for infinite gradients."""
        if self.dynamic:
            return super().update(params, grads, slots, hyper, step, constraints)
        live = {p: g for p, g in grads.items() if g is not None and p in params}
        after, inner = self._update_inner(params, live, slots, hyper, constraints)
        return after, slots | inner

    def program_key(self) -> tuple[Any, ...]:
        return *super().program_key(), self.dynamic

    def get_config(self) -> Config:
        config: Config = super().get_config()
        return config if self.dynamic else {**config, "dynamic": False}
