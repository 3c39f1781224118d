"""Optimizers whose computation was different in Keras 1 and 2.

Each class is a subclass of the current optimizer of the same name. The rule for the constructor (`rules`) selects it
if the program is for an earlier era or passes `decay` or `schedule_decay`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import optimizers
from gazelle.compat import era
from gazelle.compat.tables import pairs
from gazelle.compat.types import TensorResult
from gazelle.core.types import Array, ArrayLike
from gazelle.core.variable import Variable
from gazelle.optimizers.transforms import Arrays, Slots
from gazelle.saving import tf_keras_optimizer

SCHEDULE_DECAY = 0.004  # of Nadam


class RMSprop(optimizers.RMSprop, abstract=True):
    """RMSprop with epsilon outside of the root:  v <- rho v + (1 - rho) g^2,  w <- w - lr g / (sqrt(v) + epsilon)."""

    def rule(self, w: Array, g: Array, *slots: Any, lr: Array, t: Array) -> tuple[Array, ...]:
        if self.momentum:  # which TensorFlow computes with epsilon inside of the root
            return super().rule(w, g, *slots, lr=lr, t=t)
        v = self.rho * slots[0] + (1 - self.rho) * g * g
        means = [self.rho * a + (1 - self.rho) * g for a in slots[1:]]  # the mean of the gradients, if it is centered
        root = jnp.sqrt(v - sum(a * a for a in means))
        return w - lr * g / (root + self.epsilon), v, *means


class Adagrad(optimizers.Adagrad, abstract=True):
    """Adagrad with epsilon outside of the root:  a <- a + g^2,  w <- w - lr g / (sqrt(a) + epsilon)."""

    def rule(self, w: Array, g: Array, a: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        a = a + g * g
        return w - lr * g / (jnp.sqrt(a) + self.epsilon), a


class Nadam(optimizers.Nadam, abstract=True):
    """Nadam with a scaled schedule of momentum:  u(t) = beta_1 (1 - 0.96^(t schedule_decay) / 2)."""

    schedule_decay: float

    def _u(self, t: Any) -> Any:
        return self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.schedule_decay))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "schedule_decay": float(self.schedule_decay)}


#: arguments of optimizers that tf.keras has since 2.11, and those of Keras 3
LATER_ARGUMENTS = (
    *("weight_decay", "use_ema", "ema_momentum", "ema_overwrite_frequency"),
    *("loss_scale_factor", "gradient_accumulation_steps"),
)


def has_steps(name: str) -> bool:
    """Whether the number of steps is among the weights of an optimizer of this name; not in all before Keras 2.3."""
    is_before = era.is_package_before_2_3() or era.is_tf_keras_before_1_14()
    return not (is_before and name in ("RMSprop", "Adagrad", "Adadelta"))


def current_weights(
    optimizer: optimizers.Optimizer, own: Sequence[Variable], given: Sequence[ArrayLike]
) -> Sequence[ArrayLike]:
    """Weights as an optimizer of Keras 2 lists them, without those that it had besides and did not use.

    SGD had velocities without momentum, Adam one number for each weight without `amsgrad`; Nadam before 2.3 did not
    list the product of its momentums, which stays as it is.
    """
    name, further = type(optimizer).__name__, given[len(own) :]
    if era.number() != 2:
        return given
    if (name == "SGD" and len(own) == 1) or (
        name == "Adam" and all(np.asarray(array).shape == (1,) for array in further)
    ):
        return given[: len(own)]
    lacks_product = name == "Nadam" and len(given) == len(own) - 1
    return [given[0], own[1].numpy(), *given[1:]] if lacks_product else given


def keep_own(optimizer: object, name: str, value: object) -> bool:
    """Keep an attribute of a program with the name of a later argument, unless that one is in use."""
    if name not in LATER_ARGUMENTS or vars(optimizer).get(name) not in (None, False):
        return False
    vars(optimizer)[f"_program_{name}"] = value
    return True


def has_own(optimizer: object, name: str) -> bool:
    """Whether a program has set such an attribute."""
    return f"_program_{name}" in vars(optimizer)


def own(optimizer: object, name: str) -> TensorResult:
    """Return such an attribute."""
    return vars(optimizer)[f"_program_{name}"]


#: optimizers of Keras 1 and 2, which had `decay`; `OptimizerMixin` applies it
_KINDS: tuple[type, ...] = (
    *(optimizers.SGD, optimizers.Adam, optimizers.Adamax, optimizers.Adadelta, optimizers.Ftrl),
    *(RMSprop, Adagrad, Nadam),
)
KINDS = {kind.__name__: kind for kind in _KINDS}


def slots_follow_each_other(optimizer: optimizers.Optimizer) -> bool:
    """Whether the weights are those of one slot after those of another, as before tf.keras 2.11 in all but Ftrl."""
    name = type(optimizer).__name__
    return name in KINDS and name != "Ftrl" and "decay" in vars(optimizer)


_GATHERED = "_keys_of_gathered_rows"
#: optimizers that update gathered rows alone until tf.keras 2.10
_OF_ROWS = ("SGD", "RMSprop", "Adadelta", "Adamax", "Ftrl")


def of_gathered_rows(
    optimizer: object, grads: Arrays, before: tuple[Arrays, Slots], after: tuple[Arrays, Slots]
) -> tuple[Arrays, Slots]:
    """Weights and slots after a step, for an `Embedding` those of the rows that it gathered alone, as in tf.keras 2.10.

    Nadam updates its slots in all rows, RMSprop without momentum changes no weight where the gradient is 0.
    """
    name = next((c.__name__ for c in type(optimizer).__mro__ if c.__name__ in (*_OF_ROWS, "Nadam")), None)
    if name is None or (name == "RMSprop" and not getattr(optimizer, "momentum", 0)):
        return after
    weights, slots = of_used_rows(grads, before, after, keys_of_rows(optimizer, grads))
    return weights, after[1] if name == "Nadam" else slots


def add_gathered(optimizer: optimizers.Optimizer, weights: Sequence[Variable]) -> None:
    """Note weights whose gradients are those of some rows, as the gradient of an `Embedding` is."""
    inner = getattr(optimizer, "optimizer", None)  # that of a wrapper, which has the same keys
    known = vars(optimizer if inner is None else inner).setdefault(_GATHERED, set())
    keys = {optimizer._keys[weight] for weight in weights}
    if not keys <= known:
        known |= keys
        optimizer._compiled = (None, None)


def keys_of_rows(optimizer: object, grads: Mapping[str, object]) -> list[str]:
    """The keys of weights whose gradients are those of some rows."""
    return [*embeddings(grads), *vars(optimizer).get(_GATHERED, ())]


def embeddings(arrays: Mapping[str, object]) -> list[str]:
    """The keys of the tables of embeddings."""
    return [key for key in arrays if key.rpartition("/")[2] == "embeddings"]


def of_used_rows(
    grads: Arrays, before: tuple[Arrays, Slots], after: tuple[Arrays, Slots], keys: Sequence[str]
) -> tuple[Arrays, Slots]:
    """Weights and slots after a step, but those before it in the rows, of weights with these keys, with gradients 0."""
    slots = {k: arrays | in_used_rows(grads, arrays, before[1].get(k, {}), keys) for k, arrays in after[1].items()}
    return after[0] | in_used_rows(grads, after[0], before[0], keys), slots


def in_used_rows(grads: Arrays, after: Arrays, before: Arrays, keys: Sequence[str]) -> Arrays:
    """Arrays with these keys: those before a step in the rows with gradients 0."""
    out = {}
    for key in keys:
        if key in grads and key in after and key in before and after[key].shape == grads[key].shape:
            rows = jnp.any(grads[key] != 0, axis=tuple(range(1, grads[key].ndim)), keepdims=True)
            out[key] = jnp.where(rows, after[key], before[key])
    return out


#: names of slots in tf.keras until 2.10 where some are different, by class
_SLOTS = {
    "Adam": pairs("m=momentum v=velocity vhat=velocity_hat"),
    "Nadam": pairs("m=momentum v=velocity"),
    "Adamax": pairs("m=momentum v=norm"),
    "RMSprop": pairs("rms=velocity momentum=momentum mg=average_gradient"),
    "Adadelta": pairs("accum_grad=accumulated_grad accum_var=accumulated_delta_var"),
}


def _slots_of(optimizer: object) -> dict[str, str]:
    return next((_SLOTS[cls.__name__] for cls in type(optimizer).__mro__ if cls.__name__ in _SLOTS), {})


def slot(optimizer: optimizers.Optimizer, weight: Variable, name: str) -> Variable:
    """The slot variable of a weight by its name in tf.keras 2, which an optimizer has from its first step on."""
    known = _slots_of(optimizer).get(name, name)
    return optimizer.slot_variable(known, optimizer._keys[weight])


def slot_names(optimizer: optimizers.Optimizer) -> list[str]:
    """The names of the slots in tf.keras 2; none before the first step."""
    names = _slots_of(optimizer) or {name: name for name in optimizer.slots}
    return [name for name, own in names.items() if own in optimizer.state]


@functools.cache
def _with_base(cls: type, base: type) -> type:
    return type(cls)(cls.__name__, (cls, base), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def convert(optimizer: optimizers.Optimizer, base: type) -> None:
    """Give a user-defined optimizer a further base class, before gazelle's constructor runs."""
    if not isinstance(optimizer, base):
        cls: Any = type(optimizer)
        optimizer.__class__ = _with_base(cls, base)


def of_era(optimizer: object) -> type:
    """The class of an optimizer that gazelle created, for example from a file: that of the program's era.

    One in a file of tf.keras 2.11 and later keeps the rule that it had there.
    """
    name = type(optimizer).__name__
    is_current = era.number() > 2 or vars(optimizer).get(tf_keras_optimizer.CURRENT, False)
    if is_current or type(optimizer) is not getattr(optimizers, name, None) or name not in KINDS:
        return type(optimizer)
    vars(optimizer).update(decay=0.0, **({"schedule_decay": SCHEDULE_DECAY} if name == "Nadam" else {}))
    return KINDS[name]
