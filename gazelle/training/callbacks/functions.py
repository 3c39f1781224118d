"""Callbacks made of plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.training.callbacks.base import EVENTS, Callback

Event = Callable[..., Any] | None


class LambdaCallback(Callback):
    """Calls the given functions at the events they are named after.

    Functions of `on_epoch_*` take (epoch, logs), of `on_*_batch_*` (batch, logs), the others (logs).

    Args:
        on_epoch_begin, ..., kwargs: a function for each event of `Callback` to listen to.

    Errors: ArgumentError for a name that is no event and for values that cannot be called.

    >>> tell = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> tell.on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: Event = None,
        on_epoch_end: Event = None,
        on_train_begin: Event = None,
        on_train_end: Event = None,
        on_train_batch_begin: Event = None,
        on_train_batch_end: Event = None,
        **kwargs: Event,
    ) -> None:
        given: dict[str, Event] = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for event, function in given.items():
            if event not in EVENTS:
                raise unknown("event of LambdaCallback", event, EVENTS)
            if function is not None and not callable(function):
                raise ArgumentError(message(f"LambdaCallback's {event}", expected="a function", got=repr(function)))
            if function is not None:
                setattr(self, event, function)
