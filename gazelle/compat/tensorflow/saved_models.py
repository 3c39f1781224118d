"""`tf.saved_model` for models of Keras: a folder with the file `model.keras`, and the folders that TensorFlow wrote."""

from __future__ import annotations

import functools
import os
from types import SimpleNamespace
from typing import Any

from gazelle.compat.namespaces import root
from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import PathLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.models import Model


@named("saved_model.save", "keras.experimental.export_saved_model")
def save(
    obj: object, export_dir: PathLike | TensorLike, signatures: object = None, options: object = None
) -> TensorResult:
    """`tf.saved_model.save` of a model of Keras."""
    if not isinstance(obj, Model):
        return refuse()
    os.makedirs(text(export_dir), exist_ok=True)
    return obj.save(text(export_dir))


@named("saved_model.load", "compat.v2.saved_model.load", "saved_model.load_v2")
def load(export_dir: PathLike | TensorLike, tags: object = None, options: object = None) -> TensorResult:
    """`tf.saved_model.load` of a model of Keras, with the signature "serving_default"."""
    model = root("tensorflow.keras").models.load_model(text(export_dir))
    vars(model)["signatures"] = {"serving_default": functools.partial(_serve, model)}
    return model


def _serve(model: Model, *args: TensorLike, **inputs: TensorLike) -> dict[str, TensorResult]:
    """{name of the layer: output} of the model for inputs by their order."""
    given = list(args or inputs.values())
    out = model(given[0] if len(given) == 1 else given)
    return dict(zip(model.output_names, out if isinstance(out, (list, tuple)) else [out], strict=False))


@named("saved_model.contains_saved_model")
def contains_saved_model(export_dir: PathLike | TensorLike) -> bool:
    """`tf.saved_model.contains_saved_model`: whether a folder has a model."""
    return any(os.path.isfile(os.path.join(text(export_dir), name)) for name in ("model.keras", "saved_model.pb"))


def refuse(*_: Any, **__: Any) -> TensorResult:
    """Raise an error: other things than models are graphs of TensorFlow."""
    hint = 'Write model.save("model.keras") and keras.models.load_model("model.keras").'
    raise ArgumentError(message("SavedModel", expected="a model of Keras", got="graphs of TensorFlow", hint=hint))


_CONVERTERS = listed("""from_keras_model from_keras_model_file from_saved_model from_concrete_functions
    from_session""")
named("lite.TFLiteConverter")(SimpleNamespace(**dict.fromkeys(_CONVERTERS, refuse)))
