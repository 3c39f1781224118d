"""Models: arguments of `fit`, `compile` and the like, steps that a program defines, attributes of earlier versions."""

from __future__ import annotations

import functools
import inspect
import json
import numbers
import os
import traceback
from types import FunctionType
from typing import Any

import numpy as np

from gazelle.compat import (
    arguments,
    attributes,
    class_weights,
    era,
    facade,
    logs,
    methods,
    namespaces,
    one_element,
    renamed_arguments,
)
from gazelle.compat.classes import STEPS, adopt, compat_class, is_generated, plain
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import Function, arrays_of
from gazelle.compat.mixins.layers import follows_phase
from gazelle.compat.tables import listed
from gazelle.core.symbolic import KerasTensor
from gazelle.core.traceback import filtered, warn
from gazelle.losses.target_shapes import warn_of_broadcasting
from gazelle.models import Functional, Model


def _numbers_of_objects(value: Any) -> Any:
    """Arrays of objects that are all numbers, as numbers: earlier Keras converted them."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.astype("float32") if all(isinstance(one, numbers.Number) for one in value.flat) else value
    if type(value) in (list, tuple) and any(isinstance(one, (np.ndarray, tuple, list, dict)) for one in value[:9]):
        return type(value)(map(_numbers_of_objects, value))
    if type(value) is dict:
        return {key: _numbers_of_objects(one) for key, one in value.items()}
    return value


def _alone(tensors: Any) -> Any:
    """The symbolic tensor in a list of one, as Keras 2 took the inputs and outputs of a model."""
    single = isinstance(tensors, list) and len(tensors) == 1 and isinstance(tensors[0], KerasTensor)
    return tensors[0] if single else tensors


#: arguments of `compile` with functions of labels and predictions
_LOSSES = frozenset(("loss", "metrics", "weighted_metrics"))


def _with_tensors(value: Any) -> Any:
    """Losses and metrics; a function in them that calls methods of tensors receives tensors."""
    if isinstance(value, list | tuple):
        return type(value)(map(_with_tensors, value))
    if isinstance(value, dict):
        return {key: _with_tensors(each) for key, each in value.items()}
    if not inspect.isfunction(value) or not facade.calls_tensor_methods(value):
        return value

    @functools.wraps(value)
    def called(*args: Any, **kwargs: Any) -> Any:
        calls = facade.calls or facade.calls_for(value)
        return value(*args, **kwargs) if calls is None else calls.user_defined_call(value, args, kwargs)

    return called


def _translated_method(name: str) -> Function:
    """A method of models that also takes the arguments of earlier versions."""

    @functools.wraps(getattr(Model, name))
    @filtered
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = _numbers_of_objects(plain(args)), _numbers_of_objects(plain(kwargs))
        if name in ("save", "save_weights"):
            _make_folder(args[0] if args else kwargs.get("filepath", ""), kwargs.get("save_format") == "tf")
        args, kwargs = arguments.of_method(self, name, args, kwargs, called_by_gazelle(2))
        if name == "compile":
            args = tuple(map(_with_tensors, args))
            kwargs.update((key, _with_tensors(kwargs[key])) for key in _LOSSES & kwargs.keys())
        if name == "compile" and self._graph is not None:
            kwargs = {**kwargs, "loss": _loss_of_outputs(kwargs["loss"], self)} if "loss" in kwargs else kwargs
        if name in ("fit", "train_on_batch") and kwargs.get("class_weight") and era.number() < 3:
            args, kwargs = class_weights.as_sample_weights(self, args, kwargs)
        if name == "fit" and len(args) > 4:  # `verbose` by position
            args = (*args[:4], renamed_arguments.value("verbose", args[4], era.number()), *args[5:])
        if "verbose" in kwargs:
            kwargs["verbose"] = renamed_arguments.value("verbose", kwargs["verbose"], era.number())
        if name == "load_weights" and methods.can_load_later(self, args[0] if args else kwargs.get("filepath")):
            methods.load_later(self, args, kwargs)
            return LoadStatus([])
        with warn_of_broadcasting():
            out = _or_on_values(self, getattr(super(ModelMixin, self), name), args, kwargs)
        if name == "compile":
            adopt(self.optimizer)
        if name.startswith("predict"):
            return one_element.as_numbers(out)
        return adopt(out) if name == "fit" else LoadStatus(out) if name == "load_weights" else out

    return method


def _make_folder(path: Any, is_folder: bool) -> None:
    """Create the folder of a file, as tf.keras 2 did; names without an ending of Keras were folders or checkpoints."""
    path, endings = os.path.abspath(os.fspath(path)), (".h5", ".hdf5", ".keras", ".safetensors")
    if is_folder or (era.number() == 2 and not era.standalone()) or not path.endswith(endings):
        os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)


def _or_on_values(model: Any, method: Function, args: Any, kwargs: Any) -> Any:
    """Call a method of a model; if its program would need values of tensors, which only Python has, uncompiled."""
    try:
        return method(*args, **kwargs)
    except Exception as error:
        if facade.calls is not None and not model._records_steps and facade.calls.needs_tape(error):
            model._records_steps = True
            return _or_on_values(model, method, args, kwargs)
        if model.run_eagerly or facade.calls is None or not facade.calls.may_compute_values(error):
            raise
        if any("callbacks" in frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)):
            raise  # a callback of the program needed the value, after steps that were run
        text = f"The steps of model '{model.name}' need the values of tensors, so they run as plain Python, uncompiled."
        warn(f"{text}\nThe result is the same, but slower.")
        model.run_eagerly = True
    return method(*args, **kwargs)


def _loss_of_outputs(loss: Any, model: Any) -> Any:
    """A list of losses with one entry for each output: Keras trained outputs beyond the list without a loss."""
    missing = len(model.outputs) - len(loss) if isinstance(loss, list | tuple) else 0
    if missing <= 0:
        return loss
    warn(f"Outputs {', '.join(model.output_names[-missing:])} of model '{model.name}' have no loss: loss={loss}.")
    return [*loss, *[None] * missing]


class ArraySteps:
    """Base class after user-defined steps: gazelle's steps, which take arrays."""

    def train_step(self, *given: Any) -> Any:
        return super().train_step(*arrays_of(given))  # type: ignore[misc]

    def test_step(self, *given: Any) -> Any:
        return super().test_step(*arrays_of(given))  # type: ignore[misc]

    def predict_step(self, *given: Any) -> Any:
        return super().predict_step(*arrays_of(given))  # type: ignore[misc]


class ModelMixin:
    """Models."""

    _records_steps = False  # whether steps call `tf.gradients`

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("_core") is Model and (args or not {"inputs", "input"}.isdisjoint(kwargs)):
            cls = compat_class(Functional)
        return object.__new__(cls)

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if core is Model and len(args) == 1 and isinstance(args[0], str | Model):  # tf.keras took the name first
            args, kwargs = (), {**({"name": args[0]} if isinstance(args[0], str) else {}), **kwargs}
        if era.number() < 3 and not by_gazelle:
            args, kwargs = tuple(map(_alone, args)), {name: _alone(value) for name, value in kwargs.items()}
        super()._construct(core, args, kwargs, by_gazelle)  # type: ignore[misc]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if is_generated(cls):
            return
        for name in STEPS:
            if name in cls.__dict__:
                setattr(cls, name, _step_on_tensors(cls.__dict__[name]))
        if "compute_loss" in cls.__dict__:
            cls.compute_loss = _loss_as_array(cls.__dict__["compute_loss"])  # type: ignore[attr-defined]
        elif era.number() < 3 and not STEPS.isdisjoint(cls.__dict__):
            cls.compute_loss = _tracked_loss  # type: ignore[attr-defined]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model; `call` of models without one of their own ignores keywords that it does not have."""
        if kwargs and type(self).call.__module__.startswith("gazelle."):  # type: ignore[attr-defined]
            unknown = sorted(kwargs.keys() - {"inputs", "training", "mask"})
            if unknown:
                warn(f"Model '{self.name}' ignores {', '.join(unknown)}.")  # type: ignore[attr-defined]
                kwargs = {name: value for name, value in kwargs.items() if name not in unknown}
        return super().__call__(*args, **kwargs)  # type: ignore[misc]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "built":
            methods.load_waiting(self)  # type: ignore[arg-type]

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        methods.build_first(self, args[0] if args else kwargs.get("inputs"))  # type: ignore[arg-type]
        super()._ensure_built(args, kwargs)  # type: ignore[misc]

    @property
    def loss(self) -> Any:
        return _as_given(Model.loss.fget(self))  # type: ignore[attr-defined]

    @loss.setter
    def loss(self, loss: Any) -> None:
        Model.loss.fset(self, plain(loss))  # type: ignore[attr-defined]

    @property
    def layers(self) -> list[Any]:
        return attributes.layers(self, super().layers)  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        names: list[str] = super().metrics_names  # type: ignore[misc]
        return logs.metrics_names(self, names) if era.number() < 3 else names

    def to_json(self, **kwargs: Any) -> str:
        text: str = super().to_json(**kwargs)  # type: ignore[misc]
        if era.number() == 3:
            return text
        return json.dumps(
            {**json.loads(text), "keras_version": namespaces.version("keras"), "backend": "tensorflow"}, **kwargs
        )

    def _callback_params(self, callbacks: Any, source: Any, validation: Any, params: dict[str, Any]) -> dict[str, Any]:
        return logs.callback_params(self, (callbacks, source, validation), params)

    @classmethod
    def from_config(cls, *args: Any, **kwargs: Any) -> Any:
        return adopt(super().from_config(*args, **kwargs))  # type: ignore[misc]


class LoadStatus(list[str]):
    """What `load_weights` of tf.keras returned for a checkpoint: its checks have been done by then."""

    def expect_partial(self) -> LoadStatus:
        """Accept that the checkpoint has other values too."""
        return self

    assert_consumed = assert_existing_objects_matched = assert_nontrivial_match = run_restore_ops = expect_partial

    def _ipython_display_(self) -> None:
        """Print nothing where a cell ends in the call."""


for _name in listed("""compile evaluate fit load_weights predict predict_on_batch save save_weights summary
    test_on_batch train_on_batch"""):
    setattr(ModelMixin, _name, _translated_method(_name))


def _as_given(loss: Any) -> Any:
    """What `compile` was given: functions of the namespaces, which take tensors."""
    if isinstance(loss, (list, tuple)):
        return type(loss)(map(_as_given, loss))
    if isinstance(loss, dict):
        return {name: _as_given(value) for name, value in loss.items()}
    return namespaces.converted(loss) if isinstance(loss, FunctionType) else loss


def _step_on_tensors(step: Function) -> Function:
    """A user-defined `train_step(self, data)`: it receives tensors if its module imports tensorflow."""
    parameters = list(inspect.signature(step).parameters.values())[1:]
    needed = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]
    passes_on = any(p.kind is p.VAR_POSITIONAL for p in parameters) and not needed
    if len(needed) == 2 or (passes_on and facade.backend_of(getattr(inspect.unwrap(step), "__globals__", {})) == "jax"):
        return step  # (self, state, data): a pure step takes arrays

    @functools.wraps(step)
    def called(self: Any, data: Any) -> Any:
        if facade.calls is None or facade.calls.has_box(data):
            return step(self, data)
        run = facade.calls.with_tape(step) if self._records_steps else step
        return facade.calls.unbox(run(self, facade.calls.boxed(data) if facade.serves_function(step) else data))

    called.__signature__ = inspect.signature(lambda self, data: None)  # type: ignore[attr-defined]
    return called


def _tracked_loss(
    self: Any, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
) -> Any:
    """`compute_loss` for custom steps of Keras 2: it also updates the mean of the loss in the logs."""
    return self.compiled_loss(y, y_pred, sample_weight, self.losses)


def _loss_as_array(compute_loss: Function) -> Function:
    """A user-defined `compute_loss`: called on arrays, it returns an array."""

    @functools.wraps(compute_loss)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = compute_loss(self, *args, **kwargs)
        if facade.calls is None or facade.calls.has_box((args, kwargs)):
            return out
        return facade.calls.unbox(out)

    return called


class SequentialMixin:
    """Sequential models."""

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        if len(args) > 1 and isinstance(args[1], str | None):  # the name was the second argument in Keras 2
            args, kwargs = args[:1], {"name": args[1], **kwargs}
        super()._construct(core, args, kwargs, by_gazelle)  # type: ignore[misc]

    @property
    def path(self) -> str | None:
        """The path of the layer, with which those of its layers begin; until Keras 3 they did not."""
        path: str | None = self.__dict__.get("path")
        return path if era.number() == 3 else ""

    @path.setter
    def path(self, path: str | None) -> None:
        self.__dict__["path"] = path

    def _set_chain(self) -> None:
        super()._set_chain()  # type: ignore[misc]
        adopt(getattr(self, "_head", None))
        if follows_phase() or self._extended_graph is not None:  # type: ignore[attr-defined]
            self._compute_too()  # type: ignore[attr-defined]  # calls with the phase are made by a graph
