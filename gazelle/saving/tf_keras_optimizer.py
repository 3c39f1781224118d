"""The order of an optimizer's variables in files of tf.keras 2.11 to 2.15: the steps, then the slots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gazelle.saving.safetensors import Array

if TYPE_CHECKING:
    from gazelle.core.types import Array as AnyArray
    from gazelle.core.types import Serialized
    from gazelle.optimizers.base import Optimizer
    from gazelle.optimizers.transforms import Slots

_UNUSED = ""  # a slot that gazelle does not have
CURRENT = "_computes_as_tf_keras_2_11"  # attribute of an optimizer from a file of these versions


def mark(optimizer: Optimizer | None, config: Serialized) -> None:
    """Note that an optimizer computes as in tf.keras 2.11 and later, if its file states it.

    Args:
        optimizer: made from the config.
        config: of the optimizer in the file.
    """
    arguments = config.get("config") if isinstance(config, Mapping) else None
    if optimizer is not None and isinstance(arguments, Mapping) and arguments.get("is_legacy_optimizer") is False:
        vars(optimizer)[CURRENT] = True


def columns(optimizer: Optimizer, slots: Slots, params: Mapping[str, AnyArray]) -> list[tuple[str, str]]:
    """(slot, key of the weight) of each array after the number of steps: as in Keras 3, without scalars.

    SGD without momentum has slots there, which it does not use: their name is "".

    Args:
        optimizer: the optimizer.
        slots: its slots.
        params: the trained weights by their keys, in the order of the model.
    """
    found = [(slot, key) for slot, key in optimizer.keras_order([*params]) if key in slots.get(slot, {})]
    found = [(slot, key) for slot, key in found if key and (np.shape(slots[slot][key]) or not params[key].shape)]
    if type(optimizer).__name__ == "SGD" and "momentum" not in slots:
        found += [(_UNUSED, key) for key in params]
    return found


def restored(
    optimizer: Optimizer, fresh: Slots, params: Mapping[str, AnyArray], arrays: list[Array]
) -> tuple[Array | None, dict[str, dict[str, Array]]] | None:
    """The number of steps and the slots that are in a file; None if the arrays do not match.

    Args:
        optimizer: the optimizer.
        fresh: its slots before the first step.
        params: the trained weights by their keys, in the order of the model.
        arrays: those of the file.
    """
    wanted = columns(optimizer, fresh, params)
    shapes = [np.shape(fresh[slot][key]) if slot else params[key].shape for slot, key in wanted]
    found = [a.shape for a in arrays]
    if found not in ([(), *shapes], [(), *shapes, *(() for _ in optimizer.scalars)]):
        return None
    slots: dict[str, dict[str, Array]] = {}
    for (slot, key), array in zip(wanted, arrays[1:], strict=False):
        if slot:
            slots.setdefault(slot, {})[key] = array
    for slot, values in fresh.items():  # scalars that a weight has in place of a slot
        for key, value in values.items():
            slots.setdefault(slot, {}).setdefault(key, np.asarray(value))
    if len(arrays) > 1 + len(wanted):  # gazelle's own
        slots |= {name: {"": array} for name, array in zip(optimizer.scalars, arrays[1 + len(wanted) :], strict=True)}
    elif "u_product" in optimizer.scalars:  # Nadam, whose product of momenta tf.keras does not store
        factors = [optimizer._u(step + 1) for step in range(int(arrays[0]))]
        slots["u_product"] = {"": np.asarray(np.prod(factors), np.float32)}
    return arrays[0], slots
