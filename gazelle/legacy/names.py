"""Names that rooms had once, and where what they name stands now."""

from __future__ import annotations

import importlib
from typing import Any

from gazelle.core.era import NOTHING

#: room -> name of old -> "module:name" that it means; ":name" is a name of the same room, "module" a whole module
NAMES: dict[str, dict[str, str]] = {}
#: room -> module whose public names the room has too, where it does not have them itself
ALSO: dict[str, str] = {
    "gazelle.backend": "gazelle.legacy.backend",
    "gazelle.preprocessing": "gazelle.legacy.preprocessing",
}


def name(room: str, name: str) -> Any:
    """What `name` meant in a room that does not have it today."""
    where = NAMES.get(room, {}).get(name)
    if where is not None:
        path, _, inner = where.partition(":")
        module = importlib.import_module(path or room)
        return getattr(module, inner) if inner else module
    if room in ALSO:
        try:
            module = importlib.import_module(ALSO[room])
        except ModuleNotFoundError as error:
            if error.name != ALSO[room]:
                raise
            return NOTHING
        return getattr(module, name, NOTHING)
    return NOTHING
