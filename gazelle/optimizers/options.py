"""Arguments that optimizers pass on to `Optimizer`, for `**kwargs: Unpack[OptimizerOptions]`: type checkers know them.

Nothing here is needed at run time.
"""

from __future__ import annotations

from typing import TypedDict


class OptionsWithoutDecay(TypedDict, total=False):
    """Those of an optimizer that has `weight_decay` as a parameter."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class OptimizerOptions(OptionsWithoutDecay, total=False):
    """All arguments of `Optimizer` but the learning rate."""

    weight_decay: float | None
