"""Checks of the constructor arguments of optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.errors import ArgumentError, ArgumentTypeError, english, message, unknown
from gazelle.core.outdated import argument_hint

if TYPE_CHECKING:
    from gazelle.optimizers.base import Optimizer

#: arguments of every optimizer, in the order of Keras' configs
SHARED = (
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


def invalid(optimizer: Optimizer, name: str, expected: str, hint: str = "") -> ArgumentError:
    """Return the error for the value of an argument."""
    value = getattr(optimizer, name)
    what = f"{type(optimizer).__name__}({name}={value!r})"
    got = repr(value) if isinstance(value, str) else value
    return ArgumentError(message(what, expected=expected, got=got, hint=hint))


def unknown_argument(optimizer: Optimizer, name: str) -> ArgumentTypeError:
    """Return the error for an argument that does not exist, with similar names: `lr` suggests `learning_rate`."""
    own = [key for key in optimizer._config if key != name]
    known = ["learning_rate", *own, *SHARED, "name"]
    initials = [key for key in known if name == "".join(word[0] for word in key.split("_"))]
    hint = argument_hint(name, known) or (f"Write {initials[0]}=... for {name}=..." if initials else "")
    return ArgumentTypeError(english(unknown(f"argument of {type(optimizer).__name__}", name, initials or known, hint)))


def check_unit_interval(optimizer: Optimizer, *names: str, below_one: bool = False) -> None:
    """Raise ArgumentError if an argument is not in [0, 1], or [0, 1) with `below_one`."""
    for name in names:
        value = getattr(optimizer, name)
        if not hasattr(value, "__float__") or not 0 <= value <= 1 or (below_one and value == 1):
            expected = "a number from 0 to below 1" if below_one else "a number from 0 to 1"
            raise invalid(optimizer, name, expected)


def check_shared_arguments(optimizer: Optimizer) -> None:
    """Raise ArgumentError if an argument of `SHARED` is invalid."""
    clips = {name: getattr(optimizer, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    clips = {name: value for name, value in clips.items() if value is not None}
    exclusive = clips if optimizer._clips_once else clips.keys() - {"clipvalue"}
    if len(exclusive) > 1:
        raise ArgumentError(
            message(
                f"Gradient clipping of {type(optimizer).__name__}",
                expected="at most one of clipnorm, clipvalue and global_clipnorm",
                got=clips,
            )
        )
    for name in (*clips, "weight_decay"):
        if getattr(optimizer, name) is not None and not getattr(optimizer, name) >= 0:
            raise invalid(optimizer, name, "a number of at least 0, or None")
    check_unit_interval(optimizer, "ema_momentum")
    for name, least in (("gradient_accumulation_steps", 2), ("ema_overwrite_frequency", 1)):
        value = getattr(optimizer, name)
        if value is not None and not (isinstance(value, int) and value >= least):
            raise invalid(optimizer, name, f"an integer of at least {least}, or None")
    if optimizer.loss_scale_factor is not None and not optimizer.loss_scale_factor > 0:
        raise invalid(optimizer, "loss_scale_factor", "a number above 0, or None")
