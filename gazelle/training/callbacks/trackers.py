"""Callbacks that send the logs of a training to experiment trackers: a base class, Weights & Biases, and MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.training.callbacks.base import Callback

Value = str | int | float | bool | None
_MODES = ("online", "offline", "disabled")


class Tracker(Callback):
    """Base class of callbacks that send settings and logs to an experiment tracker.

    A subclass defines `start`, `log` and `finish`. A run starts with the first logs. A resumed training continues the
    run, if `start` returns its identifier.

    Args:
        every: also send the logs of every so many batches, as `batch_<name>`; None for those of epochs only.
        config: settings to record besides those of the training.

    Raises:
        ArgumentError: `every` is not above 0.

    >>> class Printer(Tracker):
    ...     def start(self, config, run):
    ...         print("parameters:", config["parameters"])
    ...     def log(self, values, step):
    ...         print(step, sorted(values))
    ...     def finish(self):
    ...         print("finished")
    >>> model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, callbacks=[Printer()], verbose=0)
    parameters: 3
    1 ['loss']
    2 ['loss']
    finished
    """

    writes_files = True
    _state_attributes = ("run",)

    def __init__(self, every: int | None = None, config: Mapping[str, Value] | None = None) -> None:
        if every is not None and every < 1:
            raise ArgumentError(message(f"{type(self).__name__}'s every", expected="a number above 0", got=every))
        self.every, self.config = every, dict(config or {})
        self.run: str | None = None
        self._started = False
        if every is not None:  # else no batch events
            self.on_train_batch_end = self._batch_end  # type: ignore[method-assign]

    def start(self, config: dict[str, Value], run: str | None) -> str | None:
        """Start a run.

        Args:
            config: settings: those of the training and `config`.
            run: the identifier of the run to continue; None for a new one.

        Returns:
            The identifier of the run, or None if runs cannot be continued.
        """
        raise NotImplementedError(f"{type(self).__name__} has no start(self, config, run).")

    def log(self, values: dict[str, float], step: int) -> None:
        """Send numbers.

        Args:
            values: numbers by name.
            step: the number of finished epochs, or of batches for names that begin with "batch_".
        """
        raise NotImplementedError(f"{type(self).__name__} has no log(self, values, step).")

    def finish(self) -> None:
        """End the run."""

    def _send(self, logs: Mapping[str, Any] | None, step: int, prefix: str = "") -> None:
        if not self._started:
            self.run = self.start({**self._settings(), **self.config}, self.run)
            self._started = True
        values = {prefix + n: float(np.reshape(v, ())) for n, v in (logs or {}).items() if np.size(v) == 1}
        self.log(values, step)

    def _settings(self) -> dict[str, Value]:
        optimizer = self.model.optimizer
        settings = optimizer.get_config() if optimizer is not None else {}
        found: dict[str, Value] = {"model": self.model.name, "parameters": self.model.count_params()}
        found["optimizer"] = type(optimizer).__name__
        for name, value in {**(self.params or {}), **settings}.items():
            if isinstance(value, str | int | float | bool) and name not in ("name", "verbose"):
                found[name] = value
        return found

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._started, self.run, self._batches = False, None, 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._send(logs, epoch + 1)

    def _batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = int(self.model.optimizer.iterations)
        if step % (self.every or 1) == 0:
            self._send(logs, step, "batch_")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._started:
            self.finish()
            self._started = False


class WandbTracker(Tracker):
    """Sends settings and logs to Weights & Biases; needs the package wandb.

    Args:
        project: the project; None for that of the environment variable `WANDB_PROJECT`.
        name: the name of the run.
        every: also send the logs of every so many batches.
        config: settings to record besides those of the training.
        mode: 'online', 'offline' or 'disabled'; None for that of the environment variable `WANDB_MODE`.
        folder: the folder for files of runs; None for `./wandb`.

    Attributes:
        session: the run as an object of wandb, which offers more, such as images; set by the first logs.

    Raises:
        ArgumentError: an unknown `mode`.
        ImportError: wandb is not installed.

    >>> WandbTracker("digits", every=100).every  # doctest: +SKIP
    100
    """

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        every: int | None = None,
        config: Mapping[str, Value] | None = None,
        mode: str | None = None,
        folder: str | None = None,
    ) -> None:
        super().__init__(every, config)
        if mode not in (None, *_MODES):
            raise unknown("mode of WandbTracker", mode, _MODES)
        self._wandb = _package("wandb", "WandbTracker")
        self.project, self.name, self.mode, self.folder = project, name, mode, folder

    def start(self, config: dict[str, Value], run: str | None) -> str | None:
        self.session = self._wandb.init(
            project=self.project,
            name=self.name,
            mode=self.mode,
            dir=self.folder,
            config=config,
            id=run,
            resume="allow" if run else None,
        )
        self.session.define_metric("epoch")
        self.session.define_metric("*", step_metric="epoch")
        self.session.define_metric("batch_*", step_metric="batch")
        return str(self.session.id)

    def log(self, values: dict[str, float], step: int) -> None:
        of_batch = all(name.startswith("batch_") for name in values)
        self.session.log({**values, "batch" if of_batch else "epoch": step})

    def finish(self) -> None:
        self.session.finish()


class MLflowTracker(Tracker):
    """Sends settings and logs to MLflow; needs the package mlflow or mlflow-skinny.

    Args:
        experiment: the experiment; None for the one that MLflow has set.
        name: the name of the run.
        every: also send the logs of every so many batches.
        config: settings to record besides those of the training.
        uri: the address of the tracking server or a folder; None for the one that MLflow has set.

    Raises:
        ImportError: mlflow is not installed.

    >>> MLflowTracker("digits", uri="runs").uri  # doctest: +SKIP
    'runs'
    """

    def __init__(
        self,
        experiment: str | None = None,
        name: str | None = None,
        every: int | None = None,
        config: Mapping[str, Value] | None = None,
        uri: str | None = None,
    ) -> None:
        super().__init__(every, config)
        self._mlflow = _package("mlflow", "MLflowTracker")
        self.experiment, self.name, self.uri = experiment, name, uri

    def start(self, config: dict[str, Value], run: str | None) -> str | None:
        if self.uri is not None:
            self._mlflow.set_tracking_uri(self.uri)
        if self.experiment is not None:
            self._mlflow.set_experiment(self.experiment)
        started = self._mlflow.start_run(run_id=run, run_name=self.name, nested=self._mlflow.active_run() is not None)
        if run is None:
            self._mlflow.log_params(config)
        return str(started.info.run_id)

    def log(self, values: dict[str, float], step: int) -> None:
        self._mlflow.log_metrics(values, step=step)

    def finish(self) -> None:
        self._mlflow.end_run()


def _package(name: str, owner: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError(f'{owner} needs {name}.\nInstall it: pip install "gazelle[{name}]"') from None
