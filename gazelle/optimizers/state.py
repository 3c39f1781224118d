"""The state of an optimizer between updates: slots as variables, and the keys of the weights that they belong to."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core.variable import Variable
from gazelle.optimizers.transforms import Slots

if TYPE_CHECKING:
    from gazelle.optimizers.base import Optimizer


class StateEntry:
    """What a variable of an optimizer adds: it reads and writes an array of `optimizer.state`.

    Until the state has the array, as in `build`, the variable has its first value.
    """

    _address: tuple[Optimizer, str, str]  # optimizer, slot, key of the weight

    @property
    def _value(self) -> Any:
        optimizer, slot, key = self._address
        arrays = {} if optimizer._custom.building else optimizer.state.get(slot, {})
        return arrays[key] if key in arrays else self.__dict__["_value"]

    @_value.setter
    def _value(self, value: Any) -> None:
        optimizer, slot, key = self._address
        arrays = {} if optimizer._custom.building else optimizer.state.get(slot, {})
        if key in arrays:
            arrays[key] = value
        else:
            self.__dict__["_value"] = value

    @property
    def _owner(self) -> Any:
        return self._address[0]._iterations._owner

    @_owner.setter
    def _owner(self, owner: Any) -> None:
        """Ignored: a training loop owns the optimizer as a whole."""


class SlotVariable(StateEntry, Variable):
    """A slot as a Variable: reads and writes the array in `optimizer.state`.

    Args:
        optimizer: The optimizer.
        slot: Name of the slot.
        key: Key of the weight; "" for a slot that all weights share.
    """

    def __init__(self, optimizer: Optimizer, slot: str, key: str) -> None:
        self._address = (optimizer, slot, key)
        array = optimizer.state[slot][key]
        name = f"{key.replace('/', '_')}_{slot}" if key else slot
        super().__init__(array, dtype=array.dtype, trainable=False, name=name)
        self.path = self.key = f"{optimizer.name}/{self.name}"


def keep_in_state(variable: Variable, optimizer: Optimizer, slot: str, key: str) -> None:
    """Let a variable that user code has read and write an array of `optimizer.state`.

    Args:
        variable: The variable; its value stays the first one of the slot.
        optimizer: The optimizer.
        slot: Name of the slot.
        key: Key of the weight; "" for a slot that all weights share.
    """
    cls: Any = type(variable)
    if not issubclass(cls, StateEntry):
        variable.__class__ = _state_entry(cls)
    variable._address = (optimizer, slot, key)  # type: ignore[attr-defined]


@functools.cache
def _state_entry(cls: Any) -> Any:
    """The subclass of a class of variables whose values are in the state of an optimizer."""
    members = {"__module__": __name__, "__reduce__": lambda self: (_unpickled, (cls,), self.__dict__)}
    return type(cls)(cls.__name__, (StateEntry, cls), members)


def _unpickled(cls: Any) -> Any:
    return object.__new__(_state_entry(cls))


class VariableKeys:
    """Maps variables to the keys of their slots: the key of the variable, made unique."""

    def __init__(self) -> None:
        self.variables: list[Variable] = []  # in the order of `build`; keeps their ids valid
        self._keys: dict[int, str] = {}

    def __contains__(self, variable: Variable) -> bool:
        return id(variable) in self._keys

    def __getitem__(self, variable: Variable) -> str:
        return self._keys[id(variable)]

    def __iter__(self) -> Any:
        return iter([self._keys[id(variable)] for variable in self.variables])

    def __len__(self) -> int:
        return len(self.variables)

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickles and copies contain: keys by variable, since ids are valid in this process only."""
        return {"keys": [(variable, self[variable]) for variable in self.variables]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.variables = [variable for variable, _ in state["keys"]]
        self._keys = {id(variable): key for variable, key in state["keys"]}

    def get(self, variable: Variable) -> str:
        """Return the key of a variable; its own, if it is not registered."""
        return self._keys.get(id(variable), variable.key)

    def of(self, key: str) -> Variable | None:
        """Return the variable with this key."""
        return next((variable for variable in self.variables if self[variable] == key), None)

    def add(self, variables: Iterable[Variable]) -> None:
        """Register variables; those outside of a model may share a key."""
        for variable in variables:
            taken, key, number = set(self._keys.values()), variable.key, 0
            while key in taken:
                number += 1
                key = f"{variable.key}_{number}"
            self._keys[id(variable)] = key
            self.variables.append(variable)

    def rename(self, variables: Mapping[str, Variable]) -> dict[str, str]:
        """Give variables the keys that they have in a model; return {former key: key} of those that change.

        A variable outside of the model whose key is one of these gets a free one.
        """
        paths, taken, changed = {id(v): path for path, v in variables.items()}, set(variables), dict[str, str]()
        for variable in self.variables:
            former, number = self[variable], 0
            key = path = paths.get(id(variable), former)
            while id(variable) not in paths and key in taken:
                number += 1
                key = f"{path}_{number}"
            taken.add(key)
            if key != former:
                changed[former] = self._keys[id(variable)] = key
        return changed


def flat(state: Slots) -> dict[tuple[str, str], Any]:
    """Return slots as {(slot, key): array}."""
    return {(slot, key): array for slot, arrays in state.items() for key, array in arrays.items()}


def paths_of(state: Slots) -> list[str]:
    """Return the paths of the weights that have slots, without the shared slots."""
    return list(dict.fromkeys(path for arrays in state.values() for path in arrays if path))


def has_slots(state: Slots, expected: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether a state holds all expected slots, in their shapes."""
    return all(slot in state for slot in expected) and all(
        path in state[slot] and state[slot][path].shape == array.shape
        for slot, arrays in expected.items()
        for path, array in arrays.items()
    )


def merge(fresh: Slots, old: Slots) -> Slots:
    """Return fresh slots, with the old arrays where their shapes agree or the slot has no fresh array."""
    kept = {
        slot: {key: a for key, a in old.get(slot, {}).items() if key not in arrays or a.shape == arrays[key].shape}
        for slot, arrays in fresh.items()
    }
    return {slot: arrays | kept[slot] for slot, arrays in fresh.items()}
