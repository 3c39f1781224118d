"""Methods of models with arguments of earlier versions: `fit`, `compile`, `save` and the like."""

from __future__ import annotations

import contextlib
import functools
import numbers
import os
import traceback
from typing import Any

import numpy as np

from gazelle import tree
from gazelle.compat import (
    bindings,
    class_weights,
    era,
    facade,
    former_files,
    frozen,
    input_tensors,
    methods,
    saved_classes,
    step_functions,
)
from gazelle.compat.arguments import columns, one_element, renamed_arguments, translation
from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.classes import adopt, plain
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import Function, on_tensors
from gazelle.compat.optimizers import shared_optimizers
from gazelle.compat.optimizers.resource_optimizers import ResourceOptimizer
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.weights import gates
from gazelle.core import symbolic
from gazelle.core.closed_over_tensors import uses_name
from gazelle.core.context_variables import assigned
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.traceback import filtered, warn
from gazelle.layers import weight_tree
from gazelle.losses.target_shapes import warn_of_broadcasting
from gazelle.models import Model, Sequential
from gazelle.training.evaluation_loop import joins_lengths, kept_totals


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(one, numbers.Number) for one in values)


def _numbers_of_objects(value: Any) -> Any:
    """Arrays of objects that are all numbers or have one element each, as numbers: earlier Keras converted them."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        flat = [one.item() if isinstance(one, np.ndarray) and one.size == 1 else one for one in value.flat]
        return np.array(flat, "float32").reshape(value.shape) if _are_numbers(flat) else value
    if type(value) in (list, tuple) and any(isinstance(one, (np.ndarray, tuple, list, dict)) for one in value[:9]):
        return type(value)(map(_numbers_of_objects, value))
    if type(value) is dict:
        return {key: _numbers_of_objects(one) for key, one in value.items()}
    return value


#: arguments of `compile` with functions of labels and predictions
_LOSSES = frozenset(("loss", "metrics", "weighted_metrics"))


_ON_BATCH = ("train_on_batch", "test_on_batch")
_MEASURING = ("evaluate", *_ON_BATCH)
_RUNNING = ("fit", *_MEASURING)
_TRAINING = ("fit", "train_on_batch")


def _is_built_by_parts(model: Any) -> bool:
    """Whether a program called all layers of a model, but never the model itself: tf.keras has its weights, too."""
    if model.built or not era.is_tf_keras_2() or isinstance(model, Sequential):
        return False
    return bool(model.weights) and all(layer.built for layer in weight_tree.sublayers(model))


def _is_kept(total: str) -> bool:
    """Whether `reset_metrics=False` keeps a total: before TensorFlow 2 the loss was that of the batch."""
    return not (era.is_before_tf_keras_2() and total.startswith("part/"))


def translated_method(owner: type, name: str) -> Function:
    """A method of models that also takes the arguments of earlier versions; `owner` is the mixin that gets it."""

    @functools.wraps(getattr(Model, name))
    @filtered
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = _numbers_of_objects(plain(args)), _numbers_of_objects(plain(kwargs))
        if name == "compile":
            args, kwargs = tree.map_structure(bindings.bound, (args, kwargs))
            kwargs = input_tensors.remember_targets(self, kwargs)
        if name in _OF_FILES:
            args = _with_folders(name, args, kwargs)
        accuracy_requested = bool(kwargs.get("show_accuracy") or kwargs.get("accuracy"))
        args, kwargs = translation.of_method(self, name, args, kwargs, called_by_gazelle(2))
        args, kwargs = input_tensors.with_values(self, name, args, kwargs)
        convert = _of_compile if name == "compile" else _of_run
        args, kwargs = convert(self, name, args, kwargs)
        if name in ("save_weights", "load_weights") and _is_built_by_parts(self):
            self.built = True
            try:
                return method(self, *args, **kwargs)
            finally:
                self.built = False
        if name == "load_weights" and methods.can_load_later(self, _path(args, kwargs)):
            methods.load_later(self, args, kwargs)
            return LoadStatus([])
        rule = self.optimizer if name in _TRAINING else None
        if isinstance(rule, ResourceOptimizer) and (self.run_eagerly or rule.is_loaded()):
            rule.use_first_trace()
        if name in _RUNNING and era.number() < 3:
            step_functions.use(self, "train" if name in _TRAINING else "test")
        core = getattr(super(owner, self), name)
        if name in ("save", "save_weights") and era.number() == 2:
            core = functools.partial(getattr(former_files, name), self)
        keeps = not kwargs.pop("reset_metrics", True)
        if name in _ON_BATCH and era.resets_metrics_after_batches():
            keeps, vars(self)["_keeps_totals"] = self._keeps_totals, keeps
        flags = frozen.as_compiled(self) if name in _TRAINING else contextlib.nullcontext()
        joins = facade.adapter.ragged if facade.adapter.has_tensors and era.is_tf_keras_2() else None
        with (
            warn_of_broadcasting(columns.namespaces()),
            frozen.inside(self, outermost=True),
            assigned(kept_totals, _is_kept if keeps else None),
            assigned(joins_lengths, joins),
            flags,
        ):
            call = _or_in_columns if name in _OF_DATA else _or_on_values
            facade.adapter.update_weights(self)
            out = call(self, core, args, kwargs)
            facade.adapter.update_weights(self)
        if name in _MEASURING and isinstance(out, list) and self._accuracy_by_call and not accuracy_requested:
            out = out[0]
        return _finished(self, name, out, _path(args, kwargs))

    return method


#: methods with the path of a file
_OF_FILES = ("save", "save_weights", "load_weights")


def _path(args: Any, kwargs: Any) -> Any:
    """The path that a method of files is given."""
    return args[0] if args else kwargs.get("filepath", "")


def _with_folders(name: str, args: Any, kwargs: Any) -> Any:
    """The arguments of a method of files, whose folder exists; paths in `kwargs` are replaced."""
    if name != "save" and era.is_tf_keras_2():
        args = (*(_named_in_folder(path, name) for path in args[:1]), *args[1:])
        kwargs.update({key: _named_in_folder(kwargs[key], name) for key in ("filepath",) if key in kwargs})
    path = _path(args, kwargs)
    if name != "load_weights" and isinstance(path, str | os.PathLike):
        given = kwargs.get("save_format")
        _make_folder(path, name == "save" and given not in ("h5", "hdf5") and (given == "tf" or _is_saved_model(path)))
    return args


def _loss_on_tensors(value: Any) -> Any:
    """What gazelle calls in place of a loss or metric of the program; other values as they are.

    A function with `K.gradients` is called on symbolic tensors: what it computes from weights becomes nodes, too.
    """
    called = on_tensors(value)
    if called is value or not uses_name(value, "gradients"):
        return called

    @functools.wraps(called)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        builds = symbolic.any_symbolic(args, kwargs) and recorder.get() is None
        with assigned(recorder, GraphVariable) if builds else contextlib.nullcontext():
            return called(*args, **kwargs)

    return recorded


def _of_compile(model: Any, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments of `compile`, with an optimizer for this model, and functions of arrays as losses and metrics."""
    args = (*(shared_optimizers.for_model(one, model) for one in args[:1]), *args[1:])
    if "optimizer" in kwargs:
        kwargs["optimizer"] = shared_optimizers.for_model(kwargs["optimizer"], model)
    args = tuple(tree.map_structure(_loss_on_tensors, one) for one in args)
    kwargs.update((key, tree.map_structure(_loss_on_tensors, kwargs[key])) for key in _LOSSES & kwargs.keys())
    step_functions.forget(model)
    if model._graph is not None and "loss" in kwargs:
        kwargs = {**kwargs, "loss": _loss_of_outputs(kwargs["loss"], model)}
    return args, kwargs


def _of_run(model: Any, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments of other methods, with the current forms of `class_weight` and `verbose`."""
    if name in ("fit", "train_on_batch") and kwargs.get("class_weight") is not None and era.number() < 3:
        args, kwargs = class_weights.as_sample_weights(model, args, kwargs)
    if name == "fit" and len(args) > 4:  # `verbose` by position
        args = (*args[:4], renamed_arguments.value("verbose", args[4], era.number()), *args[5:])
    if "verbose" in kwargs:
        kwargs["verbose"] = renamed_arguments.value("verbose", kwargs["verbose"], era.number())
    return args, kwargs


def _finished(model: Any, name: str, out: Any, path: Any) -> Any:
    """What a method returns to the program, after what earlier versions also did at its end."""
    if name == "load_weights":
        gates.adapt(model, path)
        methods.state_comes_later(model, path)
        return LoadStatus(out)
    if name == "compile":
        adopt(model.optimizer)
        methods.restore_state(model)
        frozen.remember(model)
    if name == "save":
        saved_classes.remember(model, path)
    if name.startswith("predict"):
        return one_element.as_numbers(out)
    if name in _MEASURING and era.is_before_tf_keras_2():
        return one_element.of_numpy(out)
    return adopt(out) if name == "fit" else out


def _named_in_folder(path: Any, method: str) -> Any:
    """The file of `save_weights("folder/")`, a checkpoint of TensorFlow without a name of its own."""
    if not isinstance(path, str) or not path.endswith("/"):
        return path
    file = os.path.join(path, "weights")
    return file if method == "save_weights" or os.path.isfile(file) else path


def _is_saved_model(path: Any) -> bool:
    """Whether tf.keras 2 wrote a folder of this name, into which programs write more files."""
    is_new = isinstance(path, str) and not os.path.lexists(path)
    return era.is_tf_keras_2() and is_new and not os.path.splitext(path)[1]


def _make_folder(path: Any, is_folder: bool) -> None:
    """Create the folder of a file, as tf.keras 2 did; names without an ending of Keras were folders or checkpoints."""
    path, endings = os.path.abspath(os.fspath(path)), (".h5", ".hdf5", ".keras", ".safetensors")
    if is_folder or era.is_tf_keras_2() or not path.endswith(endings):
        os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)


def _or_on_values(model: Any, method: Function, args: Any, kwargs: Any) -> Any:
    """Call a method of a model; if its program would need values of tensors, which only Python has, uncompiled."""
    try:
        return method(*args, **kwargs)
    except Exception as error:
        if not model._records_steps and facade.adapter.needs_tape(error):
            model._records_steps = True
            return _or_on_values(model, method, args, kwargs)
        if model.run_eagerly or not facade.adapter.may_compute_values(error):
            raise
        if any("callbacks" in frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)):
            raise  # a callback of the program needed the value, after steps that were run
        text = f"The steps of model '{model.name}' need the values of tensors, so they run as plain Python, uncompiled."
        warn(f"{text}\nThe result is the same, but slower.")
        model.run_eagerly = True
        facade.adapter.prepare_uncompiled(model)
    return method(*args, **kwargs)


#: methods with samples
_OF_DATA = (*_RUNNING, "predict", "predict_on_batch")


def _or_in_columns(model: Any, method: Function, args: Any, kwargs: Any) -> Any:
    """Call a method; numbers without axes become columns, if a model does not take them, as until TensorFlow 2.6."""
    if vars(model).get("_takes_columns"):
        args, kwargs = _in_columns(args, kwargs)
    if model.built or not era.is_tf_keras_2() or not _has_no_axes(args[0] if args else kwargs.get("x")):
        return _or_on_values(model, method, args, kwargs)
    try:
        return _or_on_values(model, method, args, kwargs)
    except Exception:
        if model.built:
            raise
        model._takes_columns = True
    args, kwargs = _in_columns(args, kwargs)
    return _or_on_values(model, method, args, kwargs)


def _has_no_axes(value: Any) -> bool:
    """Whether data are numbers without axes, one for each sample."""
    if isinstance(value, TensorWrapper):
        return getattr(value, "ndim", None) == 1 and (value.dtype.is_floating or value.dtype.is_integer)
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iuf"


def _in_columns(args: Any, kwargs: Any) -> tuple[Any, Any]:
    def column(value: Any) -> Any:
        return value[:, None] if _has_no_axes(value) else value

    data = {key: kwargs[key] for key in ("x", "validation_data") if key in kwargs}
    return (*map(column, args[:1]), *args[1:]), {**kwargs, **tree.map_structure(column, data)}


def _loss_of_outputs(loss: Any, model: Any) -> Any:
    """A list of losses with one entry for each output: Keras trained outputs beyond the list without a loss."""
    missing = len(model.outputs) - len(loss) if isinstance(loss, list | tuple) else 0
    if missing <= 0:
        return loss
    warn(f"Outputs {', '.join(model.output_names[-missing:])} of model '{model.name}' have no loss: loss={loss}.")
    return [*loss, *[None] * missing]


class LoadStatus(list[str]):
    """What `load_weights` of tf.keras returned for a checkpoint: its checks have been done by then."""

    def expect_partial(self) -> LoadStatus:
        """Accept that the checkpoint has other values too."""
        return self

    assert_consumed = assert_existing_objects_matched = assert_nontrivial_match = run_restore_ops = expect_partial

    def _ipython_display_(self) -> None:
        """Print nothing where a cell ends in the call."""
