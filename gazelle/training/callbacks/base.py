"""The base class of callbacks, and callbacks made of functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from gazelle.core.argument_types import checks_types
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.method_signatures import check_methods
from gazelle.core.own_code import from_gazelle
from gazelle.core.traceback import filtered

if TYPE_CHECKING:
    from gazelle.models import Model

Kind = Literal["train", "test", "predict"]

#: the events of one batch, by loop
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
    """Base class of callbacks: methods that `fit`, `evaluate` and `predict` call at events.

    Subclass it and override the events you need. `logs` is a dict of names and numbers; at the end of an epoch it
    contains the loss, the metrics and, with the prefix `val_`, those of the validation. `epoch` and `batch` start at 0.
    If a batch event is overridden, the compiled loop returns to Python after every batch; callbacks with epoch events
    only cost nothing per batch.

    Attributes:
        model: the running model; `self.model.stop_training = True` ends the training after the current batch,
            `stop_evaluating` and `stop_predicting` end the pass of `evaluate` and `predict`.
        params: {"epochs", "steps", "verbose"} of the run.

    >>> class PrintLoss(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, logs["loss"])
    >>> PrintLoss().on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    #: whether it writes files or sends logs; of several processes only the main one calls it
    writes_files = False
    #: whether it decides what happens when the loss is NaN or infinite
    handles_nan = False
    #: whether it then reads weights, too: all processes call it if they have parts of them ("always": in any case)
    reads_weights: bool | str = False

    model: Model = None  # type: ignore[assignment]  # set before the first event
    params: dict[str, Any] | None = None
    _state_attributes: tuple[str, ...] = ()  # saved in checkpoints and restored by a resumed run
    _compared_attributes: tuple[str, ...] = ()  # decide about the training: a resumed run must have equal ones

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if from_gazelle(cls) and "__init__" in cls.__dict__:
            cls.__init__ = filtered(checks_types(cls.__dict__["__init__"]))  # type: ignore[method-assign]

    def set_model(self, model: Model) -> None:
        """Set the attribute `model`; called before the first event.

        Args:
            model: the running model.
        """
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Set the attribute `params`; called before the first event.

        Args:
            params: {"epochs", "steps", "verbose"} of the run.
        """
        self.params = params

    def state(self) -> dict[str, Any]:
        """Return the values that a resumed run needs.

        Returns:
            Numbers, strings, lists and arrays by name.
        """
        return {name: getattr(self, name) for name in self._state_attributes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the values of `state()`; called after `on_train_begin`.

        Args:
            state: what `state()` returned.
        """
        for name in self._state_attributes:
            if name in state:
                setattr(self, name, state[name])

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called before the first epoch of `fit`.

        Args:
            logs: empty.
        """

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Called after the last epoch of `fit`.

        Args:
            logs: the logs of the last epoch.
        """

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before each epoch.

        Args:
            epoch: the number of the epoch, from 0.
            logs: empty.
        """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called after each epoch, after its validation.

        Args:
            epoch: the number of the epoch, from 0.
            logs: losses and metrics of the epoch; changes are recorded in the history.
        """

    def on_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called by `on_train_batch_begin`; the name of the event in Keras 1 and 2.

        Args:
            batch: the number of the batch, from 0.
            logs: empty.
        """

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called by `on_train_batch_end`; the name of the event in Keras 1 and 2.

        Args:
            batch: the number of the batch, from 0.
            logs: losses and metrics so far.
        """

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before each batch of `fit`.

        Args:
            batch: the number of the batch, from 0.
            logs: empty.
        """
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called after each batch of `fit`.

        Args:
            batch: the number of the batch, from 0.
            logs: losses and metrics so far.
        """
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called before `evaluate` and before each validation.

        Args:
            logs: empty.
        """

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Called after `evaluate` and after each validation.

        Args:
            logs: losses and metrics.
        """

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before each batch of `evaluate` or of a validation.

        Args:
            batch: the number of the batch, from 0.
            logs: empty.
        """

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called after each batch of `evaluate` or of a validation.

        Args:
            batch: the number of the batch, from 0.
            logs: losses and metrics so far.
        """

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called before `predict`.

        Args:
            logs: empty.
        """

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """Called after `predict`.

        Args:
            logs: empty.
        """

    def on_predict_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before each batch of `predict`.

        Args:
            batch: the number of the batch, from 0.
            logs: empty.
        """

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called after each batch of `predict`.

        Args:
            batch: the number of the batch, from 0.
            logs: empty.
        """


@functools.cache
def check_events(cls: type[Callback]) -> None:
    """Raise ArgumentTypeError if a callback of this class has an event that cannot be called with its arguments."""
    check_methods(cls, _SIGNATURES)


#: the arguments of each event
_SIGNATURES = {
    name: f"({', '.join('logs=None' if n == 'logs' else n for n in inspect.signature(method).parameters)})"
    for name, method in vars(Callback).items()
    if name.startswith("on_")
}


class LambdaCallback(Callback):
    """Callback made of functions, called at the events of the same name.

    Functions of `on_epoch_*` are called with (epoch, logs), of `on_*_batch_*` with (batch, logs), others with (logs).

    Args:
        on_epoch_begin: called before each epoch.
        on_epoch_end: called after each epoch.
        on_train_begin: called before the first epoch.
        on_train_end: called after the last epoch.
        on_train_batch_begin: called before each batch.
        on_train_batch_end: called after each batch.
        **kwargs: functions for further events of `Callback`.

    Raises:
        ArgumentError: a name is not an event, or a value is not callable.

    >>> print_loss = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> print_loss.on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, dict[str, Any]], object] | None = None,
        on_epoch_end: Callable[[int, dict[str, Any]], object] | None = None,
        on_train_begin: Callable[[dict[str, Any]], object] | None = None,
        on_train_end: Callable[[dict[str, Any]], object] | None = None,
        on_train_batch_begin: Callable[[int, dict[str, Any]], object] | None = None,
        on_train_batch_end: Callable[[int, dict[str, Any]], object] | None = None,
        **kwargs: Callable[..., object] | None,
    ) -> None:
        functions: dict[str, Callable[..., object] | None] = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for event, function in functions.items():
            if event not in EVENTS:
                raise unknown("event of LambdaCallback", event, EVENTS)
            if function is not None and not callable(function):
                raise ArgumentError(message(f"LambdaCallback's {event}", expected="a function", got=repr(function)))
            if function is not None:
                setattr(self, event, function)
