"""Callbacks: the attributes that subclasses in programs read, and the rules of earlier versions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gazelle import ops
from gazelle.compat import era, functions
from gazelle.compat.mixins.common import CompatObject, Function
from gazelle.core.errors import ArgumentError, ArgumentTypeError
from gazelle.core.replaced_methods import overrides
from gazelle.core.traceback import warn
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks import CSVLogger, EarlyStopping, LearningRateScheduler, ModelCheckpoint
from gazelle.training.callbacks.base import EVENTS


class MonitorMixin(CompatObject):
    """Callbacks that compare a name of the logs: Keras warns of one that is not there, and of an unknown mode."""

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        mode = kwargs.get("mode", "auto")
        if mode not in ("auto", "min", "max"):
            warn(f"{core.__name__} has no mode {mode!r}: it uses 'auto'.")
            kwargs = {**kwargs, "mode": "auto"}
        super()._init_core(core, args, kwargs, by_gazelle)

    def _direction(self) -> bool | None:
        """Whether higher values are better; until Keras 3 the name alone decided where no mode was given."""
        if self.mode != "auto" or era.number() > 2:
            return super()._direction()
        name = self.monitor
        if isinstance(self, EarlyStopping) and not era.standalone():
            return bool(name.endswith(("acc", "accuracy", "auc")))
        return "acc" in name or (isinstance(self, ModelCheckpoint) and name.startswith("fmeasure"))

    @property
    def monitor_op(self) -> Function:
        found: Function = super().monitor_op
        if era.number() == 3:
            return functions.wrapped(found)  # programs compare it with theirs
        return {ops.greater: np.greater, ops.less: np.less}.get(found, found)

    @monitor_op.setter
    def monitor_op(self, value: Function) -> None:
        self._given_op = value

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        self._start()

    def _start(self) -> None:
        """Until Keras 3, any value was better than the first `best`."""
        if self.best is None and era.number() < 3:
            self.best = -math.inf if self._starts_low() else math.inf

    def _starts_low(self) -> bool:
        return bool(self._direction())

    def get_monitor_value(self, logs: dict[str, Any] | None) -> float | None:
        try:
            found: float | None = super().get_monitor_value(logs)
        except ArgumentError as error:
            warn(str(error))
            return None
        return found


class RateMixin:
    """LearningRateScheduler and ReduceLROnPlateau: until Keras 3 the rate had the name `lr` in the logs."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        if logs is not None and era.number() < 3:
            rate = logs.pop("learning_rate")
            if era.number() == 2 or not isinstance(self, LearningRateScheduler):  # in Keras 1 not logged
                logs["lr"] = rate


class PlateauMixin(RateMixin):
    """ReduceLROnPlateau: until Keras 3 `min_delta` was a part of `monitor_op`, and could be negative.

    Keras sets a rate that follows a schedule only on a plateau, or without an effect: here it is a warning.
    """

    _sets_rate = True  # also in subclasses with their own `on_train_begin`
    min_delta = property(
        lambda self: self._min_delta if era.number() < 3 else self._signed_delta,
        lambda self, value: vars(self).update(_min_delta=value if era.number() < 3 else abs(value)),
    )

    @property
    def monitor_op(self) -> Callable[..., Any]:
        compare, delta = super().monitor_op, self._signed_delta
        if era.number() > 2 or self._given_op is not None:
            return compare
        return lambda value, best: compare(value - delta, best)

    @monitor_op.setter
    def monitor_op(self, value: Callable[..., Any]) -> None:
        self._given_op = value

    def _is_improvement(self, monitor_value: float, reference_value: float | None) -> bool:
        if era.number() == 3 or self._given_op is None or reference_value is None:
            return super()._is_improvement(monitor_value, reference_value)
        return bool(self._given_op(monitor_value, reference_value))  # it contains the delta

    def _check_rates(self) -> None:
        self._sets_rate = True
        try:
            super()._check_rates()
        except ArgumentTypeError as error:
            warn(f"{error}\nThe schedule is used.")
            self._sets_rate = False

    def _reduce(self, epoch: int) -> None:
        if self._sets_rate:
            super()._reduce(epoch)

    def _wait(self, epoch: int) -> None:
        if era.number() > 1:
            super()._wait(epoch)
            return
        if self.wait >= self.patience:  # Keras 1 counted the epoch afterwards
            self._reduce(epoch)
        self.wait += 1

    def _reset(self) -> None:
        super()._reset()
        self._start()


class StoppingMixin(MonitorMixin):
    """EarlyStopping: until Keras 3 the best weights were restored in the epoch that stopped the training, or never."""

    min_delta = property(
        lambda self: self._signed_delta,
        lambda self, value: vars(self).update(_min_delta=value if era.is_package_before_keras_3() else abs(value)),
    )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if era.number() == 2 and era.standalone() and self.baseline is not None:
            self.best = self.baseline  # only better values restarted the wait

    def _starts_low(self) -> bool:
        return bool(self.monitor_op != np.less)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        if epoch == 0 and era.is_package_before_keras_3() and self.wait >= max(self.patience, 1):
            self.model.stop_training = True  # the first epoch could be the last one
        if era.number() < 3 and self.stopped_epoch == epoch > 0:
            super()._restore_best_weights()  # callbacks after it save these

    def _restore_best_weights(self) -> None:
        if era.number() == 3:
            super()._restore_best_weights()


class CheckpointMixin(MonitorMixin):
    """ModelCheckpoint: where `monitor` is not in the logs, Keras 3 saves every time, earlier versions never."""

    period = 1
    epochs_since_last_save = 0

    def _check_batches(self) -> None:
        pass

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save >= self.period:
            self.epochs_since_last_save = 0
            super().on_epoch_end(epoch, logs)

    def _get_file_path(self, epoch: int, batch: int | None, logs: dict[str, Any] | None) -> str:
        counted = epoch - (era.number() == 1)  # from 0
        return super()._get_file_path(counted, batch, logs)

    def _should_save(self, epoch: int, logs: dict[str, Any] | None, path: str) -> bool:
        saves: bool = super()._should_save(epoch, logs, path)
        seen = self._seen  # the value is missing where `validation_freq` skips an epoch
        return saves or (self.save_best_only and era.number() == 3 and not seen)


class LambdaMixin:
    """LambdaCallback: Keras stored keywords that are no events as attributes."""

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        for name in kwargs.keys() - set(EVENTS):
            warn(f"LambdaCallback has no event {name!r}: its function is not called.")
            vars(self)[name] = kwargs[name]
        events = {name: kwargs[name] for name in kwargs if name in EVENTS}
        super()._init_core(core, args, events, by_gazelle)


class HistoryMixin:
    """History: until TensorFlow 2 each training began an empty one."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if era.is_before_tf_keras_2():
            self.history = Logs()
        super().on_train_begin(logs)


class CSVLoggerMixin:
    """CSVLogger: the file is open when a subclass writes the rows by itself; the columns are those of the logs."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if overrides(self, CSVLogger, "on_epoch_end"):
            self.csv_file = self._open()

    def _columns(self, names: list[str]) -> list[str]:
        found: list[str] = super()._columns(names)
        return names if era.is_package_before_keras_3() or era.is_before_tf_keras_2_11() else found


class TensorBoardMixin:
    """TensorBoard: before TensorFlow 2 values were in `log_dir` itself, in the package Keras as the logs name them."""

    def _writer(self, part: str) -> Any:
        return super()._writer("" if era.is_before_tf_keras_2() else part)

    def _scalars(self, part: str, template: str, logs: Mapping[str, Any], step: int) -> None:
        if not era.is_before_tf_keras_2():
            super()._scalars(part, template, logs, step)
        elif not template.startswith("evaluation_"):
            kind = "" if era.standalone() else template.removesuffix("{}")  # epoch_, batch_
            validation = "val_" if part == "validation" else ""
            step = self._trained if not kind and self.update_freq != "epoch" else step  # one curve for both
            values = {name: value for name, value in logs.items() if name not in ("batch", "size")}
            super()._scalars(part, f"{kind}{validation}{{}}", values, step)

    def _rates(self) -> dict[str, float]:
        rates: dict[str, float] = {} if era.is_before_tf_keras_2() else super()._rates()
        return rates
