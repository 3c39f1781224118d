"""Warnings that a resumed training is not exactly the one that was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazelle.core import prng
from gazelle.core.errors import message
from gazelle.core.traceback import warn

if TYPE_CHECKING:
    from gazelle.training.callbacks.callback_list import CallbackList


class WatchedEvents:
    """The events of a resumed training, with a warning if a callback draws from a global generator.

    Its position is not restored. Other parts of a program and libraries may draw from it meanwhile.
    """

    def __init__(self, events: CallbackList | WatchedEvents) -> None:
        self.events = events

    def __getattr__(self, name: str) -> Any:
        event = getattr(self.events, name)
        if not name.startswith("on_"):
            return event

        def call(*args: Any) -> None:
            before = prng.global_generators()
            event(*args)
            if prng.global_generators() != before:
                warn_inexact("a callback")

        return call


def warn_inexact(what: str) -> None:
    """Warn that a resumed training is not exactly the one that was interrupted.

    Args:
        what: what draws random numbers.
    """
    text = f"fit resumed, but not exactly: {what} draws from the global generator of random or numpy.random"
    hint = "Draw from a separate generator, return its position from state() and set it in restore(state)."
    warn(message(text, expected="random numbers from a generator whose position is restored", hint=hint))
