"""Mistakes that type checkers must report: an `ignore` comment that is not needed is itself an error.

Never run; see `consumer.py`.
"""

from __future__ import annotations

from gazelle import layers
from gazelle.models import Sequential


def wrong_type() -> None:
    """A size that is a text."""
    layers.Dense("ten")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def unknown_argument(model: Sequential) -> None:
    """`epochs` without its last letter."""
    model.fit(epoch=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_result(model: Sequential) -> int:
    """`predict` returns an array."""
    return model.predict([[1.0]])  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
