"""Variables of the slots of optimizers of TensorFlow 1, which sessions initialize and savers store."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend.updates import OptimizerStep
from gazelle.compat.tables import pairs
from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.core.own_code import from_gazelle
from gazelle.core.types import ArrayLike
from gazelle.core.variable import Variable
from gazelle.optimizers import Optimizer
from gazelle.optimizers.transforms import Slots

#: class of gazelle -> the name of the optimizer in TensorFlow, of which the names of slots consist
_NAMES = pairs("""Adam=Adam Adamax=AdaMax SGD=Momentum Momentum=Momentum RMSprop=RMSProp ProximalAdagrad=ProximalAdagrad
    Adagrad=Adagrad Adadelta=Adadelta Ftrl=Ftrl""")
#: slot of gazelle -> its name in TensorFlow, by class
_SLOTS = {
    "Adam": pairs("momentum=m velocity=v"),
    "Adamax": pairs("momentum=m norm=v"),
    "RMSprop": pairs("velocity=rms average_gradient=mg momentum=momentum"),
    "Adadelta": pairs("accumulated_grad=accum accumulated_delta_var=accum_update"),
    "Ftrl": pairs("accumulator=accum linear=linear"),
}
#: the rates whose powers are variables
_POWERS = {"Adam": ("beta_1", "beta_2"), "Adamax": ("beta_1",)}


class SlotVariables:
    """The slots of an optimizer as variables; the number of steps of Adam follows from the powers of its betas.

    Args:
        optimizer: The optimizer.
        make: Function of (value, full name) that makes a variable of the graph.
    """

    def __init__(self, optimizer: Optimizer, make: Callable[[Any, str], Variable]) -> None:
        self._optimizer, self._make = optimizer, make
        kind = next((cls.__name__ for cls in type(optimizer).__mro__ if cls.__name__ in _NAMES), "")
        given = str(optimizer.name or "")
        self._name = given if given[:1].isupper() else _NAMES.get(kind, type(optimizer).__name__)
        self.names = _SLOTS.get(kind, {})
        self.by_weight: dict[tuple[str, str], Variable] = {}
        betas = [getattr(optimizer, name) for name in _POWERS.get(kind, ())]
        self._powers = [(float(beta), self._variable(beta, f"beta{n}_power")) for n, beta in enumerate(betas, 1)]

    def add(self, params: dict[str, Variable]) -> None:
        """Make the variables of further weights."""
        new = {key: v.value for key, v in params.items() if not any(key == known for _, known in self.by_weight)}
        slots = self._optimizer.init(new) if new else {}
        order = [*(name for name in self.names if name in slots), *(name for name in slots if name not in self.names)]
        for key in new:
            of_weight = variable_names.without_output(params[key])
            for slot in order:
                if slots[slot].get(key) is not None:
                    made = self._variable(slots[slot][key], f"{of_weight}/{self._name}")
                    self.by_weight[slot, key] = made

    def _variable(self, value: Any, name: str) -> Variable:
        full, count = scopes.current().prefix + name, 0
        while scopes.variable_of(unique := f"{full}_{count}" if count else full) is not None:
            count += 1
        return self._make(np.array(value, "float32" if np.ndim(value) == 0 else None), unique)

    @property
    def variables(self) -> list[Variable]:
        return [*(variable for _, variable in self._powers), *self.by_weight.values()]

    def get(self, weight: Variable, name: str) -> Variable | None:
        """The slot of a weight by its name in TensorFlow."""
        slot = next((own for own, known in self.names.items() if known == name), name)
        return self.by_weight.get((slot, str(id(weight))))

    def read(self, keys: Iterable[str], count: ArrayLike) -> tuple[Slots, Any]:
        """Return (slots, number of steps) for the weights with these keys; `count` unless it is known here."""
        slots: dict[str, dict[str, Any]] = {}
        keys = set(keys)
        for (slot, key), variable in self.by_weight.items():
            of_slot = slots.setdefault(slot, {})
            if key in keys:
                of_slot[key] = variable.value
        known = [(beta, float(variable.value)) for beta, variable in self._powers if 0 < beta < 1]
        if known:
            beta, power = max(known)
            count = round(math.log(power) / math.log(beta)) - 1 if power > 1e-37 else 10**6
        return slots, jnp.asarray(count, "int32")

    def write(self, slots: Slots, count: ArrayLike) -> None:
        """Assign the values after a step."""
        for slot, of_slot in slots.items():
            for key, array in of_slot.items():
                if (slot, key) in self.by_weight:
                    Variable.assign(self.by_weight[slot, key], array)
        for beta, variable in self._powers:
            Variable.assign(variable, beta ** (int(count) + 1))


def slots_of(optimizer: Optimizer, make: Callable[[Any, str], Variable] | None = None) -> SlotVariables | None:
    """The slot variables of an optimizer; without `make`, None before its first step is built."""
    found: SlotVariables | None = vars(optimizer).get("_slots_of_graph")
    if found is None and make is not None:
        found = vars(optimizer)["_slots_of_graph"] = SlotVariables(optimizer, make)
    return found


def add_slots(step: OptimizerStep, make: Callable[[Any, str], Variable]) -> None:
    """Make the slots of a step variables of the graph, if its optimizer is one of the library."""
    if not from_gazelle(type(step.optimizer)):
        return
    found = slots_of(step.optimizer, make)
    assert found is not None
    found.add(step.params)
    step.slot_variables = found
