"""`tf.contrib.training.HParams`: named values of a program, which a text of its command line can replace."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import Option
from gazelle.core.errors import ArgumentError, message

#: name=value, or name=[values], and what follows
_PART = re.compile(r"\s*(\w+)\s*=\s*(\[[^\]]*\]|[^,]*)\s*(?:,|$)")


@named("contrib.training.HParams")
class HParams:
    """Named values as attributes."""

    def __init__(self, **kwargs: Option) -> None:
        self.__dict__.update(kwargs)

    def add_hparam(self, name: str, value: Option) -> None:
        """Add a value.

        Raises:
            ArgumentError: There is one of this name.
        """
        if hasattr(self, name):
            raise ArgumentError(message(f"Hyperparameter {name!r}", expected="a new name", got="one that exists"))
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Option) -> None:
        """Replace a value; it is converted to the type of the one before."""
        before = getattr(self, name)
        items = isinstance(before, list | tuple)
        kind = type(before[0]) if items and len(before) else str if items else type(before)
        made = [_as(kind, one) for one in value] if isinstance(value, list | tuple) else _as(kind, value)
        setattr(self, name, made)

    def del_hparam(self, name: str) -> None:
        """Remove a value."""
        delattr(self, name)

    def values(self) -> dict[str, Any]:
        """Return {name: value}."""
        return dict(vars(self))

    def get(self, key: str, default: Option = None) -> Option:
        """Return a value, or the default."""
        return vars(self).get(key, default)

    def override_from_dict(self, values_dict: Mapping[str, Option]) -> HParams:
        """Replace several values."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def parse(self, values: str) -> HParams:
        """Replace values by those in a text: "rate=0.1,sizes=[3,4]".

        Raises:
            ArgumentError: The text has another form, or a name that does not exist.
        """
        place = 0
        while place < len(values):
            found = _PART.match(values, place)
            if found is None or not hasattr(self, found[1]):
                expected = f"name=value, with names of {', '.join(vars(self))}"
                raise ArgumentError(message("HParams.parse", expected=expected, got=values[place:]))
            text = found[2].strip()
            parts = [part.strip() for part in text[1:-1].split(",") if part.strip()] if text[:1] == "[" else text
            self.set_hparam(found[1], parts)
            place = found.end()
        return self

    def to_json(self, **options: Option) -> str:
        """Return the values as JSON."""
        return json.dumps(self.values(), **options)

    def parse_json(self, values_json: str) -> HParams:
        """Replace values by those in JSON."""
        return self.override_from_dict(json.loads(values_json))

    def __contains__(self, key: str) -> bool:
        return key in vars(self)

    def __repr__(self) -> str:
        return f"HParams({sorted(vars(self).items())})"


def _as(kind: type, value: Any) -> Any:
    if kind is bool and isinstance(value, str):
        return value.lower() in ("1", "true")
    return value if kind is type(None) else kind(value)
