"""Mistakes that type checkers must report: an `ignore` comment that is not needed is itself an error.

Never run; see `consumer.py`.
"""

from __future__ import annotations

from gazelle import layers


def wrong_type() -> None:
    """A size that is a text."""
    layers.Dense("ten")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
