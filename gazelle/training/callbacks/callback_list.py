"""Several callbacks as one."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gazelle.core.errors import ArgumentError, message
from gazelle.core.replaced_methods import overrides
from gazelle.training.callbacks.base import BATCH_EVENTS, EVENTS, Callback, Kind, check_events

if TYPE_CHECKING:
    from gazelle.models import Model

#: events of a batch -> the event that they call in `Callback`
_CALLED = {event: event for events in BATCH_EVENTS.values() for event in events}
_CALLED.update(on_train_batch_begin="on_batch_begin", on_train_batch_end="on_batch_end")

Callbacks: TypeAlias = Callback | Sequence["Callbacks"] | None


def listens_to_batches(callback: Callback, kind: Kind) -> bool:
    """Whether a callback overrides a batch event.

    Args:
        callback: the callback.
        kind: the loop: 'train', 'test' or 'predict'.

    Returns:
        True or False.
    """
    if isinstance(callback, CallbackList):
        return callback.listens(kind)
    for event in BATCH_EVENTS[kind]:  # noqa: SIM110 - several times in each call of fit: a generator is slower
        if overrides(callback, Callback, event):
            return True
    return False


def _listens_to(callback: Callback, event: str) -> bool:
    """Whether an event does something: one of a batch does if it, or the one that it calls, is overridden."""
    if isinstance(callback, CallbackList) or event not in _CALLED:
        return True
    return overrides(callback, Callback, event) or overrides(callback, Callback, _CALLED[event])


def _flatten(callbacks: Any) -> Iterator[Callback]:
    if callbacks is None:
        return
    if isinstance(callbacks, Callback):
        kind: Any = type(callbacks)
        check_events(kind)
        yield callbacks
    elif isinstance(callbacks, (list, tuple)):
        for item in callbacks:
            yield from _flatten(item)
    elif inspect.isclass(callbacks):
        name = callbacks.__name__
        raise ArgumentError(
            message("callbacks", expected="callback objects", got=f"the class {name}", hint=f"Write {name}(...).")
        )
    else:
        hint = "Subclass gazelle.callbacks.Callback"
        if callable(callbacks):
            hint = "Wrap a function: LambdaCallback(on_epoch_end=...)"
        got = f"{callbacks!r} of {type(callbacks).__module__}.{type(callbacks).__qualname__}"
        raise ArgumentError(message("callbacks", expected="objects of a Callback class", got=got, hint=f"{hint}."))


class CallbackList(Callback):
    """Several callbacks as one: each event is passed to all of them, in order.

    Args:
        callbacks: callbacks, also in nested lists.
        model: the model they are used with.
        params: {"epochs", "steps", "verbose"}.
        add_history: add a `History` if there is none.
        add_progbar: add a `Progress` if there is none.
        **kwargs: further entries of `params`.

    Attributes:
        callbacks: the callbacks in one list.
        last_logs: the logs of the last epoch, without what callbacks added to them.

    Raises:
        ArgumentError: `callbacks` contains a class, or an object that is not a callback.

    >>> calls = CallbackList([LambdaCallback(on_train_begin=lambda logs: print("begin"))])
    >>> calls.on_train_begin()
    begin
    """

    def __init__(
        self,
        callbacks: Callbacks = None,
        model: Model | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        add_history: bool = False,
        add_progbar: bool = False,
        **kwargs: object,
    ) -> None:
        from gazelle.training.callbacks.history import History
        from gazelle.training.callbacks.progress import Progress

        self.callbacks = list(_flatten(callbacks))
        for add, cls in ((add_history, History), (add_progbar, Progress)):
            if add and not any(isinstance(callback, cls) for callback in self.callbacks):
                self.callbacks.append(cls())
        self._listeners: dict[str, list[Callback]] = {}
        self.last_logs: dict[str, Any] = {}
        if model is not None:
            self.set_model(model)
        self.set_params({**(params or {}), **kwargs})

    def append(self, callback: Callback) -> None:
        """Add a callback at the end.

        Args:
            callback: the callback.
        """
        self.callbacks.extend(_flatten(callback))
        self._listeners.clear()

    def set_model(self, model: Model) -> None:
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def listens(self, kind: Kind) -> bool:
        """Whether one of the callbacks overrides a batch event.

        Args:
            kind: the loop: 'train', 'test' or 'predict'.

        Returns:
            True or False.
        """
        return bool([callback for callback in self.callbacks if listens_to_batches(callback, kind)])

    def _call(self, event: str, *args: Any) -> None:
        if event == "on_epoch_end":
            self.last_logs = copy.copy(args[-1])
        if event not in self._listeners:  # batch events are frequent: find the listeners once
            self._listeners[event] = [c for c in self.callbacks if _listens_to(c, event)]
        for callback in self._listeners[event]:
            getattr(callback, event)(*args)


def _event_method(event: str) -> Callable[..., None]:
    if event.endswith(("_epoch_begin", "_epoch_end")):

        def call_epoch(self: CallbackList, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self._call(event, epoch, {} if logs is None else logs)

        return call_epoch

    if event.endswith(("_batch_begin", "_batch_end")):

        def call_batch(self: CallbackList, batch: int, logs: dict[str, Any] | None = None) -> None:
            self._call(event, batch, {} if logs is None else logs)

        return call_batch

    def call(self: CallbackList, logs: dict[str, Any] | None = None) -> None:
        self._call(event, {} if logs is None else logs)

    return call


for _event in EVENTS:
    setattr(CallbackList, _event, _event_method(_event))
