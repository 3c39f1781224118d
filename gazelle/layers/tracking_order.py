"""The order in which layers and weights were added to a user-defined layer, as in Keras.

Layers and weights that are appended to several lists in turns (`self.convs.append(...)`, `self.norms.append(...)`)
are in the order in which they were appended. Attributes are plain lists, so that this is not seen: what was not in a
list when it was assigned has its creation number as its time, since most members are appended as soon as they are made.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gazelle.core import conventions
from gazelle.core.names import creation_number
from gazelle.core.variable import Variable

if TYPE_CHECKING:
    from gazelle.layers.base import Layer

#: attribute of a user-defined layer: {attribute: (number of its assignment, size of the list or dict)}
ASSIGNMENTS = "_assignments"


def note(layer: Layer, name: str, value: object) -> None:
    """Note an assignment; a list in the place of another one has the members of that one in most cases.

    Args:
        layer: A user-defined layer.
        name: Its attribute.
        value: The value, before it is assigned.
    """
    size = len(value) if isinstance(value, (list, tuple, dict)) else None
    kind = type(value)
    tracked = getattr(kind, "_tracks_weights", False) or getattr(kind, "_contains_weights", False)
    if size is None and not isinstance(value, Variable) and not tracked:
        return
    noted = vars(layer).setdefault(ASSIGNMENTS, {})
    if name not in noted or (size is None and vars(layer).get(name) is not value):
        noted[name] = (creation_number(), 1 if size is None else size)


def in_order(layer: Layer, members: Iterable[tuple[str, int, Any]]) -> list[Any]:
    """Return layers and variables in the order in which they were added to a layer.

    Args:
        layer: The layer around them.
        members: (attribute, index in its list, layer or variable) in the order of the attributes.

    Returns:
        The layers and variables.
    """
    noted = vars(layer)[ASSIGNMENTS]
    if conventions.active.dicts_are_sorted:
        groups = itertools.groupby(members, key=operator.itemgetter(0))
        members = [m for name, group in groups for m in sorted(group, key=functools.partial(_key, vars(layer)[name]))]
    in_turn = conventions.active.layers_are_appended_in_turn
    timed = []
    attribute, time = "", 0
    for name, index, member in members:
        assigned, size = noted.get(name, (0, index + 1))
        time, attribute = time if name == attribute else assigned, name
        own = isinstance(member, Variable)
        if own and member.owner_number == layer.creation_number:
            timed.append((member.creation_number, member))  # `add_weight` has made it
            continue
        if index >= size and (in_turn or own):
            time = max(time, member.creation_number)
        timed.append((time, member))
    return [member for _, member in sorted(timed, key=lambda pair: pair[0])]


def _key(value: Any, member: tuple[str, int, Any]) -> str:
    """The key of a member if it is one of a dict."""
    return str([*value][member[1]]) if isinstance(value, dict) else ""
