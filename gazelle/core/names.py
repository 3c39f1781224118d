"""Automatic names: `dense`, `dense_1`, ... counted for the whole process, layers and metrics apart."""

from __future__ import annotations

from collections import Counter

_counts: dict[str, Counter[str]] = {}


def automatic(kind: str, name: str) -> str:
    """The next free name: `name`, then `name_1`, `name_2` ..."""
    counts = _counts.setdefault(kind, Counter())
    counts[name] += 1
    return f"{name}_{counts[name] - 1}" if counts[name] > 1 else name


def clear_session() -> None:
    """Start the automatic names again. Nothing else has to be cleared: models that nobody holds are gone."""
    _counts.clear()
