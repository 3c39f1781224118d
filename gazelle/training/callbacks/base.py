"""The callback: what a training run tells those who listen, and the list that passes it on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from gazelle.core import era
from gazelle.core.errors import ArgumentError, message

Kind = Literal["train", "test", "predict"]

#: the events of one batch, by the loop that fires them.
BATCH_EVENTS: dict[str, tuple[str, ...]] = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}
EVENTS = (
    "on_train_begin",
    "on_train_end",
    "on_test_begin",
    "on_test_end",
    "on_predict_begin",
    "on_predict_end",
    "on_epoch_begin",
    "on_epoch_end",
    *(event for events in BATCH_EVENTS.values() for event in events),
)


class Callback:
    """Someone who listens to `fit`, `evaluate` and `predict`: subclass it and override the events you need.

    `logs` is a dict of names and numbers; at the end of an epoch it holds the loss, the metrics and, with `val_` before
    them, those of the validation. `epoch` and `batch` count from 0. Overriding a batch event makes the loop stop after
    every batch; a callback that listens to epochs only costs nothing per batch.

    Attributes:
        model: the model that runs; `self.model.stop_training = True` ends the training after the current batch.
        params: {"epochs", "steps", "verbose"} of the run.

    >>> class Tell(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, logs["loss"])
    >>> Tell().on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    model: Any = None
    params: dict[str, Any] | None = None
    _kept: tuple[str, ...] = ()  # attributes that a resumed run has to find again

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("gazelle.") and "__init__" in cls.__dict__:
            cls.__init__ = era.listening(cls.__dict__["__init__"])  # type: ignore[method-assign]

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def state(self) -> dict[str, Any]:
        """What the callback has to remember for a run that is resumed: numbers, strings, lists and arrays."""
        return {name: getattr(self, name) for name in self._kept}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave; called after `on_train_begin`."""
        for name in self._kept:
            if name in state:
                setattr(self, name, state[name])

    # fmt: off
    def on_train_begin(self, logs: Any = None) -> None: ...
    def on_train_end(self, logs: Any = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...
    def on_batch_begin(self, batch: int, logs: Any = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Any = None) -> None: ...
    def on_test_begin(self, logs: Any = None) -> None: ...
    def on_test_end(self, logs: Any = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Any = None) -> None: ...
    def on_predict_begin(self, logs: Any = None) -> None: ...
    def on_predict_end(self, logs: Any = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None: ...
    # fmt: on

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.on_batch_begin(batch, logs)  # the event's name in Keras 1 and 2

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.on_batch_end(batch, logs)


def listens_to_batches(callback: Callback, kind: Kind) -> bool:
    """Whether the class or the instance overrides an event of single batches of "train", "test" or "predict"."""
    if isinstance(callback, CallbackList):
        return callback.listens(kind)
    return any(_overrides(callback, event) for event in BATCH_EVENTS[kind])


def _overrides(callback: Callback, event: str) -> bool:
    return event in vars(callback) or getattr(type(callback), event) is not getattr(Callback, event)


def checked(callbacks: Any) -> Iterator[Callback]:
    """The callbacks in nested lists; anything else among them is an error."""
    if callbacks is None:
        return
    if isinstance(callbacks, Callback):
        yield callbacks
    elif isinstance(callbacks, (list, tuple)):
        for item in callbacks:
            yield from checked(item)
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
    """Several callbacks as one: passes every event on to each of them, in order.

    Args:
        callbacks: callbacks, also in nested lists.
        model: the model they listen to.
        params: {"epochs", "steps", "verbose"}, as a dict or as keywords.
        add_history: whether to add a `History` where none is given.
        add_progbar: whether to add a `Progress` where none is given.

    Attributes:
        last_logs: the logs of the last epoch, with what callbacks added to them.

    Errors: ArgumentError for a class instead of an object, and for objects that are no callbacks.

    >>> calls = CallbackList([LambdaCallback(on_train_begin=lambda logs: print("begin"))])
    >>> calls.on_train_begin()
    begin
    """

    def __init__(
        self,
        callbacks: Any = None,
        model: Any = None,
        params: Mapping[str, Any] | None = None,
        *,
        add_history: bool = False,
        add_progbar: bool = False,
        **more: Any,
    ) -> None:
        from gazelle.training.callbacks.history import History  # they are callbacks themselves
        from gazelle.training.callbacks.progress import Progress

        self.callbacks = list(checked(callbacks))
        for wanted, cls in ((add_history, History), (add_progbar, Progress)):
            if wanted and not any(isinstance(callback, cls) for callback in self.callbacks):
                self.callbacks.append(cls())
        self._listeners: dict[str, list[Callback]] = {}
        self.last_logs: Any = {}
        if model is not None:
            self.set_model(model)
        self.set_params({**(params or {}), **more})

    def append(self, callback: Callback) -> None:
        self.callbacks.extend(checked(callback))
        self._listeners.clear()

    def set_model(self, model: Any) -> None:
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def listens(self, kind: Kind) -> bool:
        """Whether one of the callbacks has to hear of every batch."""
        return any(listens_to_batches(callback, kind) for callback in self.callbacks)

    def _fire(self, event: str, *args: Any) -> None:
        if event not in self._listeners:  # batch events come often: ask once who listens
            kind = next((kind for kind, events in BATCH_EVENTS.items() if event in events), None)
            self._listeners[event] = [c for c in self.callbacks if kind is None or listens_to_batches(c, kind)]  # type: ignore[arg-type]
        for callback in self._listeners[event]:
            getattr(callback, event)(*args)
        if event == "on_epoch_end":
            self.last_logs = args[-1]


def _firing(event: str) -> Callable[..., None]:
    if event.endswith(("_batch_begin", "_batch_end", "_epoch_begin", "_epoch_end")):

        def fire_numbered(self: CallbackList, number: int, logs: Any = None) -> None:
            self._fire(event, number, {} if logs is None else logs)

        return fire_numbered

    def fire(self: CallbackList, logs: Any = None) -> None:
        self._fire(event, {} if logs is None else logs)

    return fire


for _event in EVENTS:
    setattr(CallbackList, _event, _firing(_event))
