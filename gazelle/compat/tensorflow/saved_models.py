"""`tf.saved_model`: models of Keras as `model.keras`; functions, which the genuine TensorFlow writes and runs."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping
from typing import Any

import jax

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.namespaces import root
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.checkpoints import Module
from gazelle.compat.tensorflow.eager.function import Function
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.function_tables import TABLE
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.tensor_specs import TensorSpec
from gazelle.compat.types import PathLike, TensorLike, TensorResult
from gazelle.core import symbolic
from gazelle.core.errors import ArgumentError, message
from gazelle.export.formats import writer
from gazelle.export.signature import Exportable, of_function
from gazelle.layers import saved_model
from gazelle.models import Model

for _names, _value in TABLE["constants of SavedModel"].items():
    for _name in _names.split():
        NAMES[f"saved_model.{_name}"] = NAMES[f"saved_model.{_name.rpartition('.')[2]}"] = ast.literal_eval(_value)


@named("saved_model.save")
def save(
    obj: object, export_dir: PathLike | TensorLike, signatures: object = None, options: object = None
) -> TensorResult:
    """`tf.saved_model.save` of a model of Keras, or of functions of a `tf.Module` with an `input_signature`."""
    if isinstance(obj, Model):
        os.makedirs(text(export_dir), exist_ok=True)
        return obj.save(text(export_dir))
    if Module not in type(obj).__mro__:
        return refuse()
    writer("tf_saved_model")  # raises if TensorFlow is not installed
    from gazelle.export.saved_model import write

    given = signatures if isinstance(signatures, Mapping) else {"serving_default": signatures} if signatures else {}
    attributes = {
        name: getattr(obj, name) for name in dir(type(obj)) if isinstance(vars(type(obj)).get(name), Function)
    }
    functions = {**attributes, **given}
    endpoints = {
        name: (program(obj, function), False)
        for name, function in functions.items()
        if isinstance(function, Function) and function.input_signature is not None
    }
    if not endpoints:
        hint = "Give it one: @tf.function(input_signature=[tf.TensorSpec(...)])."
        raise ArgumentError(message(f"SavedModel of {obj!r}", expected="a function with a signature", hint=hint))
    return write(endpoints, text(export_dir), shared=True)


@ignores("custom_objects@2 as_text@3 input_signature@4 serving_only@5")
def export_saved_model(model: Model, saved_model_path: PathLike | TensorLike) -> TensorResult:
    """`tf.keras.experimental.export_saved_model` of TensorFlow 1.14 to 2.1."""
    return save(model, saved_model_path)


def program(module: Module, function: Function) -> Exportable:
    """The program of a function for the shapes and dtypes of its signature."""
    variables = {f"variable_{i}": variable for i, variable in enumerate(module.variables)}

    def compute(*arrays: Any) -> Any:
        return jax.tree.map(unboxed, function(*boxed(list(arrays))), is_leaf=is_box)

    return of_function(compute, variables, list(function.input_signature or ()))


@named("saved_model.load", "compat.v2.saved_model.load", "saved_model.load_v2")
def load(export_dir: PathLike | TensorLike, tags: object = None, options: object = None) -> TensorResult:
    """`tf.saved_model.load`: a model of Keras with the signature "serving_default", or functions of TensorFlow."""
    path = text(export_dir)
    if not any(os.path.exists(os.path.join(path, name)) for name in ("model.keras", "keras_metadata.pb")):
        return LoadedFunctions(saved_model.load(path))
    model = root("tensorflow.keras").models.load_model(path)
    vars(model)["signatures"] = {"serving_default": Signature(model)}
    return model


class LoadedFunctions:
    """The functions of a SavedModel as attributes and in `signatures`, for tensors of gazelle. No tape records them."""

    def __init__(self, saved: TensorResult) -> None:
        self._saved = saved
        self.signatures = {name: _called(function) for name, function in saved.signatures.items()}

    def __getattr__(self, name: str) -> TensorResult:
        value = getattr(self._saved, name)
        if callable(value):
            return _called(value)
        return jax.tree.map(lambda v: boxed(v.numpy()) if hasattr(v, "numpy") else v, value)

    def __call__(self, *args: TensorLike, **kwargs: TensorLike) -> TensorResult:
        return _called(self._saved)(*args, **kwargs)


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of TensorFlow for tensors of gazelle."""

    def call(*args: Any, **kwargs: Any) -> Any:
        plain = jax.tree.map(lambda v: unboxed(v) if is_box(v) else v, (args, kwargs), is_leaf=is_box)
        positional, by_name = saved_model.tensors(plain)
        return boxed(jax.tree.map(lambda v: v.numpy(), function(*positional, **by_name)))

    return call


class Signature:
    """The signature "serving_default" of a model of Keras: inputs by name or by their order, outputs by name."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __call__(self, *args: TensorLike, **inputs: TensorLike) -> dict[str, TensorResult]:
        """Call the model."""
        names = [tensor.name for tensor in symbolic.leaves(self._model.inputs)]
        by_name = [inputs[name] for name in names] if set(names) == set(inputs) else inputs.values()
        given = list(args or by_name)
        out = self._model(given[0] if len(given) == 1 else given)
        outputs = out if isinstance(out, (list, tuple)) else [out]
        return _Outputs(zip(self._model.output_names, outputs, strict=False))

    @property
    def structured_input_signature(self) -> tuple[tuple[()], dict[str, TensorSpec]]:
        """The specs of the inputs by name."""
        tensors = symbolic.leaves(self._model.inputs)
        return (), _specs([tensor.name for tensor in tensors], tensors)

    @property
    def structured_outputs(self) -> dict[str, TensorSpec]:
        """The specs of the outputs by name."""
        return _specs(self._model.output_names, symbolic.leaves(self._model.outputs))


class _Outputs(dict[str, TensorResult]):
    """The outputs of a signature, also as "output_1", the name in TensorFlow 2.0 without an input layer."""

    def __missing__(self, key: str) -> TensorResult:
        numbered = {f"output_{number}": value for number, value in enumerate(self.values(), 1)}
        return numbered[key]


def _specs(names: list[str], tensors: list[Any]) -> dict[str, TensorSpec]:
    return {name: TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in zip(names, tensors, strict=True)}


@named("saved_model.contains_saved_model")
def contains_saved_model(export_dir: PathLike | TensorLike) -> bool:
    """`tf.saved_model.contains_saved_model`: whether a folder has a model."""
    return any(os.path.isfile(os.path.join(text(export_dir), name)) for name in ("model.keras", "saved_model.pb"))


def refuse(*_: Any, **__: Any) -> TensorResult:
    """Raise an error: other things than models are graphs of TensorFlow."""
    hint = 'Write model.save("model.keras") and keras.models.load_model("model.keras").'
    raise ArgumentError(message("SavedModel", expected="a model of Keras", got="graphs of TensorFlow", hint=hint))
