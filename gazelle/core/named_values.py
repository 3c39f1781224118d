"""`utils.Config`: named values of a program that can be locked."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView

from gazelle.core.errors import GazelleError, StateError, message, nearest
from gazelle.core.types import Config as Values
from gazelle.core.types import Deserialized


class UnknownValueError(GazelleError, AttributeError):
    """A name that a config does not have."""


class Config(MutableMapping[str, Deserialized]):
    """Named values, as attributes and as a dict, which can be frozen.

    Args:
        **kwargs: The values by name.

    Raises:
        StateError: A frozen config is changed.
        UnknownValueError: A name is read that it does not have.

    Example:
        >>> config = Config(learning_rate=0.1)
        >>> config.momentum = 0.9
        >>> config["momentum"], config.to_json()
        (0.9, '{"learning_rate": 0.1, "momentum": 0.9}')
        >>> config.freeze()
        >>> config.momentum = 0.5
        Traceback (most recent call last):
        ...
        gazelle.core.errors.StateError: 'momentum' of a frozen Config cannot be changed.
        Call unfreeze() first.
    """

    def __init__(self, **kwargs: Deserialized) -> None:
        object.__setattr__(self, "_values", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether the values cannot be changed."""
        return self._frozen

    def freeze(self) -> None:
        """Prevent changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> Values:
        """Return the values by name.

        Returns:
            A new dict.
        """
        return dict(self._values)

    def to_json(self) -> str:
        """Return the values as JSON.

        Returns:
            The text of an object.
        """
        return json.dumps(self._values)

    def keys(self) -> KeysView[str]:
        """Return the names in the order in which they were set.

        Returns:
            A view.
        """
        return self._values.keys()

    def values(self) -> ValuesView[Deserialized]:
        """Return the values in this order.

        Returns:
            A view.
        """
        return self._values.values()

    def items(self) -> ItemsView[str, Deserialized]:
        """Return names and values in this order.

        Returns:
            A view.
        """
        return self._values.items()

    def __getitem__(self, key: str) -> Deserialized:
        return self._values[key]

    def __setitem__(self, key: str, value: Deserialized) -> None:
        self._check(key)
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        self._check(key)
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Deserialized:
        values: Values = object.__getattribute__(self, "_values") if name != "_values" else {}
        if name in values:
            return values[name]
        near = nearest(name, list(values))
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise UnknownValueError(message(f"Config has no value {name!r}", hint=hint), name=name)

    def __setattr__(self, name: str, value: Deserialized) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return f"<Config {self._values}>"

    def _check(self, key: str) -> None:
        if self._frozen:
            hint = "Call unfreeze() first."
            raise StateError(message(f"{key!r} of a frozen Config cannot be changed", hint=hint))
