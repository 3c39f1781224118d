"""What callbacks and programs of Keras 1 and 2 read and change in `fit`: metrics, `params`, `validation_data`.

`model.metrics_names.append(name)` and `model.metrics_tensors.append(tensor)` add a tensor to the logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat import era, facade
from gazelle.compat.arguments import one_element
from gazelle.compat.types import Option
from gazelle.data import BATCH, Source
from gazelle.losses.base import as_loss
from gazelle.losses.target_shapes import kind_of
from gazelle.metrics.reduction import MeanMetricWrapper
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.callback_list import listens_to_batches
from gazelle.training.callbacks.history import History
from gazelle.training.compile_metrics import CompileMetrics
from gazelle.training.structured_loss import losses_of_outputs

if TYPE_CHECKING:
    from gazelle.models import Model
    from gazelle.models.fitting import FitOptions


class _Names(list[str]):
    """The names of metrics; an appended name belongs to the tensor that is appended before or after it."""

    def __init__(self, model: Model, names: list[str]) -> None:
        super().__init__(names)
        self._model = model

    def append(self, name: str) -> None:
        super().append(name)
        _add_to_logs(self._model, "_names_of_tensors", name)


class _Tensors(list[Any]):
    """The tensors of metrics; appending one and its name adds its mean to the logs."""

    def __init__(self, model: Model, tensors: Iterable[Any]) -> None:
        super().__init__(tensors)
        self._model = model

    def append(self, tensor: Any) -> None:
        super().append(tensor)
        _add_to_logs(self._model, "_tensors_of_names", tensor)


def _add_to_logs(model: Model, kind: str, value: Any) -> None:
    """Add a metric as soon as both a tensor and its name were appended."""
    state = vars(model)
    state.setdefault(kind, []).append(value)
    names, tensors = (state.get(name, []) for name in ("_names_of_tensors", "_tensors_of_names"))
    if names and tensors:
        model.add_metric(tensors.pop(0), name=names.pop(0))


def metrics_names(model: Model, now: list[str]) -> list[str]:
    """`model.metrics_names`, to which programs append; in a graph they are known after `compile`."""
    known = model._trainer is not None and model._trainer.metrics.built
    if not known and (era.is_before_tf_keras_2() or facade.tensorflow_builds_graphs()):
        now = _names_after_compile(model) or now
    return _Names(model, now)


def _names_after_compile(model: Model) -> list[str]:
    """The names of losses and metrics of a model with known outputs; none if it is not compiled."""
    chosen = _chosen_metrics(model)
    if chosen is None:
        return []
    losses, names = _losses(model), model.output_names
    of_outputs = [f"{name}_loss" for name, loss in zip(names, losses, strict=True) if loss is not None]
    return ["loss", *(of_outputs if len(names) > 1 else []), *chosen.metric_names()]


def _losses(model: Any) -> list[Any]:
    """The loss of each output."""
    given = model._compile_state.arguments["loss"]
    return losses_of_outputs(given, model._graph.outputs, model._graph.output_names)


def _chosen_metrics(model: Model) -> CompileMetrics | None:
    """The metrics of a model with known outputs, chosen for their shapes; None if it is not compiled."""
    if model._graph is None or model._compile_state is None:
        return None
    given, names, losses = model._compile_state.arguments, model._graph.output_names, _losses(model)
    outputs = [np.zeros([size or 1 for size in output.shape]) for output in model.outputs]
    labels = [
        output[..., :1] if kind_of(as_loss(loss)) == "classes" else output
        for loss, output in zip(losses, outputs, strict=True)
    ]
    chosen = CompileMetrics(given["metrics"], given["weighted_metrics"], names, given["loss"])
    chosen.choose(labels, outputs)
    return chosen


def metrics_tensors(model: Option) -> list[Any]:
    """`model.metrics_tensors`: of a compiled model with known outputs, the means of losses and metrics of a batch."""
    chosen = _chosen_metrics(model)
    if chosen is None or not era.standalone():
        return _Tensors(model, ())
    labels = iter(model.targets)
    losses = _losses(model)
    pairs = [(None if loss is None else next(labels), out) for loss, out in zip(losses, model.outputs, strict=True)]
    of_outputs = [K.mean(as_loss(loss)(*pair)) for loss, pair in zip(losses, pairs, strict=True) if loss is not None]
    of_metrics = [
        K.mean(metric._call(*pair))
        for pair, entries in zip(pairs, chosen._of_output, strict=True)
        for _, metric, _ in entries
        if isinstance(metric, MeanMetricWrapper) and pair[0] is not None
    ]
    return _Tensors(model, [*(of_outputs if len(losses) > 1 else []), *of_metrics])


#: what `fit_generator` of Keras 1 was given, within its training
samples_per_epoch: ContextVar[int | None] = ContextVar("samples_per_epoch", default=None)


class BatchLogs(Callback):
    """What the logs of a batch contained in Keras 1 to 2.3: its number, its size and its own loss, not the mean so far.

    Before 2.3 and before TensorFlow 1.13 the metrics were those of the batch, too.
    """

    _size: int | None = None  # of the batch, where the numbers of samples are known

    def __init__(self, source: Source) -> None:
        self._samples, self._batch_size = getattr(source, "count", None), getattr(source, "batch_size", None)
        self.on_epoch_begin(0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._counted = 0
        self._sums: dict[str, float] = {}

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._samples is not None and self._batch_size is not None:
            self._size = min(self._batch_size, self._samples - batch * self._batch_size)
        if logs is not None:
            logs |= {"batch": batch} | ({} if self._size is None else {"size": self._size})

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        trainer: Any = self.model._trainer
        totals = trainer.live.totals
        if logs is None or ("part/loss" not in totals and self._size is None):
            return  # of a step that the program defines
        count = int(totals["part/loss"][1]) if "part/loss" in totals else self._counted + (self._size or 0)
        for name, mean in logs.items():
            if name == "loss" or era.is_package_before_2_3() or era.is_tf_keras_before_1_13():
                before, self._sums[name] = self._sums.get(name, 0.0), mean * count
                logs[name] = (self._sums[name] - before) / (count - self._counted)
        of_model = dict(logs)
        logs.clear()
        logs |= {"batch": batch, "size": count - self._counted, **of_model}
        self._counted = count


class NumbersOfNumPy(Callback):
    """Before TensorFlow 2 the losses and metrics of an epoch were numbers of NumPy."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs.update(one_element.of_numpy(dict(logs)))


class EndWithoutLogs(Callback):
    """Until TensorFlow 2.2 the logs of `on_train_end` were empty."""

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs.clear()


def callback_params(model: Model, run: tuple[list[Any], Source, FitOptions], params: dict[str, Any]) -> dict[str, Any]:
    """The params of a run of `fit`, which is given as (callbacks, source of the samples, options).

    It also sets `validation_data` of the callbacks: a list of the inputs, the targets, and a weight for each target.
    """
    callbacks, source, options = run
    validation, count = options.validation_data, getattr(source, "count", None)
    names = [*model.metrics_names, *(f"val_{name}" for name in model.metrics_names if validation is not None)]
    if era.number() == 3:
        return {**params, "metrics": names}  # of callbacks that are older than the program
    if era.standalone():
        for callback in callbacks:
            callback.validation_data = _flat(validation)
        callbacks.insert(0, EndWithoutLogs())
        if era.number() == 1:
            vars(model)["validation_data"] = _flat(validation)
    if era.is_before_tf_keras_2() and any(listens_to_batches(callback, "train") for callback in callbacks):
        callbacks.insert(0, BatchLogs(source))
    if era.is_before_tf_keras_2():
        callbacks.insert(0, NumbersOfNumPy())
        callbacks.append(History())  # that of `fit`, also where a program has its own
    samples = {} if count is None else {"samples": count, "batch_size": options.batch_size or BATCH}
    if samples and era.is_before_tf_keras_2():  # of arrays, what the program stated
        samples["steps"] = options.steps_per_epoch
    counted = samples.get("samples", samples_per_epoch.get())
    first = {"nb_sample": counted, "nb_epoch": params["epochs"]} if era.number() == 1 else {}
    return {**params, **samples, **first, "do_validation": validation is not None, "metrics": names}


def _flat(given: Any) -> list[Any] | None:
    if not isinstance(given, tuple | list):
        return None  # of a generator, Keras did not keep the batches
    x, y, *weight = given
    targets = [] if y is None else _as_list(y)
    weights = _as_list(weight[0]) if weight and weight[0] is not None else [np.ones(len(t), "float32") for t in targets]
    return [*_as_list(x), *targets, *weights]


def _as_list(arrays: Any) -> list[Any]:
    if isinstance(arrays, dict):
        return list(arrays.values())
    return list(arrays) if isinstance(arrays, list | tuple) and np.ndim(arrays[0]) > 0 else [np.asarray(arrays)]
