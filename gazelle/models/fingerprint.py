"""The fingerprint of one call of `fit` as checkpoints contain it: program, model, compile arguments, seed and data."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gazelle import data
from gazelle.core import prng
from gazelle.layers import GRUCell, LSTMCell
from gazelle.layers.weight_tree import named_layers
from gazelle.losses import Loss
from gazelle.models.closures import ClosedLoss
from gazelle.ops import native
from gazelle.optimizers import LossScaleOptimizer, MultiOptimizer, Optimizer
from gazelle.saving.description import describe, describe_model, describe_rows
from gazelle.saving.fingerprint import UNKNOWN, Difference, Fingerprint, differences, program_parts
from gazelle.saving.program import short_hash

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.training.callbacks import Callback
    from gazelle.training.trainer import Trainer

_ROWS = 32  # samples in the checksum of arrays
_COMPILED = ("loss", "loss_weights", "metrics", "weighted_metrics")


class TrainingFingerprint:
    """The fingerprint of one call of `fit`. Its parts are computed when a checkpoint is written or read.

    Args:
        model: the compiled model.
        trainer: its trainer.
        source: the data.
        validation: the validation data, if any.
        callbacks: the callbacks.
        arguments: the arguments of `fit` that decide about batches.
    """

    def __init__(
        self,
        model: Model,
        trainer: Trainer,
        source: data.Source,
        validation: data.Source | None,
        callbacks: list[Callback],
        arguments: Mapping[str, Any],
    ) -> None:
        assert model._compile_state is not None
        self._model, self._trainer, self._source, self._validation = model, trainer, source, validation
        self._callbacks = callbacks
        self._given, self._state, self._compiled = arguments, model._compile_state, model._compile_state.arguments
        self._seed = prng.given_seed()
        self._rates: dict[str, Any] = {}
        self._named = False

    def begin(self, named: bool) -> None:
        """Begin a training of which checkpoints are written: from here on callbacks may change learning rates.

        Args:
            named: whether the user named the folder, which then identifies the training instead of the program.
        """
        self._named = named
        self._rates = _rates(self._model)
        if self._rates == self._state.rates_left:  # by the last training, which began with other rates
            self._rates = self._state.rates_begun

    def end(self) -> None:
        """End the training; a step that failed may have consumed the rates."""
        state = self._trainer.live.state
        if state is None or state.alive():
            self._state.rates_begun, self._state.rates_left = self._rates, _rates(self._model)

    @property
    def _described_model(self) -> tuple[Any, str]:
        """The description of the model and a hash of it, made once for its trainer."""
        if self._trainer.description is None:
            described = _or_unknown(describe_model, self._model)
            self._trainer.description = described, short_hash(json.dumps(described, sort_keys=True))
        return self._trainer.description

    @property
    def structure(self) -> str:
        """A hash of the structure of the model."""
        return self._described_model[1]

    @functools.cached_property
    def parts(self) -> dict[str, Any]:
        """The parts by name, as values that JSON can hold."""
        model = self._model
        compiled = {name: _or_unknown(describe, value) for name, value in _configured(model).items()}
        for name, rate in self._rates.items():
            if not isinstance(rate, float):
                compiled[name] = rate
            elif isinstance(compiled[name], dict):
                compiled[name]["learning_rate"] = describe(rate)
        compiled |= {name: _or_unknown(describe, _functions(self._compiled.get(name))) for name in _COMPILED}
        parts = {
            **program_parts(),
            "seed": self._seed,
            "model": self._described_model[0],
            "compile": compiled,
            "callbacks": _or_unknown(_described_callbacks, self._callbacks),
            "data": {**describe(self._given), **_described_data(self._source)},
        }
        layers = named_layers(model).values()  # the results of kernels differ by rounding
        if "recurrent" in native.ready() and any(isinstance(layer, (LSTMCell, GRUCell)) for layer in layers):
            parts["kernels"] = "gazelle-kernels"
        if "convolution" in native.ready() and any(hasattr(layer, "kernel_size") for layer in layers):
            parts["convolutions"] = "oneDNN"
        if isinstance(self._validation, data.ArraySource):
            parts["validation"] = _described_data(self._validation)
        as_read: dict[str, Any] = json.loads(json.dumps(parts))
        return as_read

    def differences(self, then: Fingerprint) -> list[Difference]:
        """What differs from the fingerprint in a checkpoint."""
        return differences({**then, "program": self.parts["program"]} if self._named else then, self.parts)

    @functools.cached_property
    def text(self) -> str:
        """The parts as JSON."""
        return json.dumps(self.parts)


def _or_unknown(function: Callable[[Any], Any], value: Any) -> Any:
    """`function(value)`; UNKNOWN if an object of the user raises an error, which must not end the training."""
    try:
        return function(value)
    except Exception:
        return UNKNOWN


def _configured(model: Model) -> dict[str, Any]:
    """The optimizer, and the optimizers and losses in attributes of a model with a custom step."""
    attributes = list(vars(model).items())  # a copy: a checkpoint may be written by another thread
    found = {name: value for name, value in attributes if isinstance(value, (Optimizer, Loss))}
    found.pop("loss", None)
    return {"optimizer": model.optimizer, **found}


def _rates(model: Model) -> dict[str, Any]:
    """The learning rates that callbacks can change by optimizer: a number, or a description of one with inner ones."""
    rates: dict[str, Any] = {}
    for name, value in vars(model).items():
        if isinstance(value, (LossScaleOptimizer, MultiOptimizer)):
            rates[name] = describe(value)
        elif isinstance(value, Optimizer) and (rate := value.current_rate()) is not None:
            rates[name] = rate
    return rates


def _described_callbacks(callbacks: list[Callback]) -> list[dict[str, Any]]:
    """The callbacks that decide about rates and the end; others may be added before a training is resumed."""
    return [
        {"class": type(callback).__name__, **describe({n: getattr(callback, n) for n in callback._compared_attributes})}
        for callback in callbacks
        if callback._compared_attributes
    ]


def _functions(loss: Any) -> Any:
    """Losses in their structure as they were given, without the tensors of the graph that they use."""
    if isinstance(loss, (list, tuple)):
        return [_functions(part) for part in loss]
    if isinstance(loss, Mapping):
        return {key: _functions(part) for key, part in loss.items()}
    return loss.function if isinstance(loss, ClosedLoss) else loss


def _described_data(source: data.Source) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if isinstance(source, data.ArraySource):
        arrays, parts["samples"] = source.data, source.count
    else:
        arrays, parts["source"] = source.sample, getattr(source, "type_name", type(source).__name__)
    for name, part in zip(("x", "y", "sample_weight"), arrays, strict=True):
        parts.update(describe_rows(name, part, _ROWS))
    if getattr(source, "draws", False):
        parts = {name: value if name == "source" else UNKNOWN for name, value in parts.items()}
    return parts
