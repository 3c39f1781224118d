"""An average of the path instead of a schedule: ScheduleFreeAdamW."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.optimizers.base import Optimizer


class ScheduleFreeAdamW(Optimizer):
    r"""Adam on a sequence z whose running mean x is what one wants; the weight w stands between them:

    v <- v + (1 - beta_2)(g^2 - v),  x = (w - (1 - beta_1) z) / beta_1,
    z <- z - lr g / (sqrt(v / (1 - beta_2^t)) + epsilon),  x <- x + (z - x) / t,  w <- (1 - beta_1) z + beta_1 x.

    `warmup_steps` lets the rate grow in a straight line to `learning_rate`. The slot "momentum" holds z, w at first.

    Source: Defazio et al., "The Road Less Scheduled", 2024.

    >>> ScheduleFreeAdamW().init({"w": jnp.ones(2)})["momentum"]["w"].tolist()
    [1.0, 1.0]
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("beta_1", "beta_2", open=True)
        if beta_1 == 0:
            raise self._refuse("beta_1", "a number above 0", "beta_1=0 leaves no way back to the mean.")

    def slot_of(self, name: str, path: str, w: Any) -> Any:
        return jnp.array(w) if name == "momentum" else jnp.zeros_like(w)

    def rule(self, w: Any, g: Any, z: Any, v: Any, *, lr: Any, t: Any) -> Any:
        if self.warmup_steps > 0:
            lr = lr * jnp.minimum(t / self.warmup_steps, 1.0)
        v = v + (1 - self.beta_2) * (g * g - v)
        x = (w - (1 - self.beta_1) * z) / self.beta_1
        z = z - lr * g / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)
        x = (1 - 1 / t) * x + z / t
        return (1 - self.beta_1) * z + self.beta_1 * x, z, v
