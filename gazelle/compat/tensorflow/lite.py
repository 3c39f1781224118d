"""`tf.lite`: the genuine TensorFlow converts models of gazelle to LiteRT files, and runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.namespaces import root
from gazelle.compat.tensorflow.calls import unbox
from gazelle.compat.tensorflow.checkpoints import Module
from gazelle.compat.tensorflow.dtypes import DType
from gazelle.compat.tensorflow.eager.function import Function
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.saved_models import program
from gazelle.compat.types import PathLike, TensorLike, TensorResult
from gazelle.engine.tensorflow_library import tf
from gazelle.export.formats import writer
from gazelle.export.signature import Exportable, of_model
from gazelle.models import Model


class _Genuine:
    """A class of constants of `tf.lite`, which is imported when it is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> TensorResult:
        writer("litert")  # raises if TensorFlow is not installed
        return getattr(getattr(tf.lite, self._name), name)


named("lite.Optimize")(_Genuine("Optimize"))
named("lite.OpsSet")(_Genuine("OpsSet"))


@named("lite.Interpreter")
def interpreter(model_path: str | None = None, model_content: bytes | None = None, **options: Any) -> TensorResult:
    """`tf.lite.Interpreter`."""
    writer("litert")
    return tf.lite.Interpreter(model_path, model_content=model_content, **options)


@named("lite.RepresentativeDataset")
def representative_dataset(input_gen: Callable[[], Iterator[object]]) -> Callable[[], Iterator[object]]:
    """`tf.lite.RepresentativeDataset`."""
    return input_gen


@named("lite.TFLiteConverter")
class TFLiteConverter:
    """`tf.lite.TFLiteConverter`: its attributes are those of the genuine converter, set before `convert`."""

    def __init__(self, exportable: Exportable, batch_independent: bool) -> None:
        writer("litert")
        self._exportable, self._batch_independent = exportable, batch_independent
        self.target_spec = tf.lite.TargetSpec([tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS])

    @classmethod
    def from_keras_model(cls, model: Model) -> TFLiteConverter:
        return cls(of_model(model), model._is_batch_independent())

    @classmethod
    @ignores("signature_keys tags")
    def from_saved_model(cls, saved_model_dir: PathLike | TensorLike) -> TFLiteConverter:
        return cls.from_keras_model(root("tensorflow.keras").models.load_model(text(saved_model_dir)))

    from_keras_model_file = from_saved_model

    @classmethod
    def from_concrete_functions(cls, funcs: Sequence[Function], trackable_obj: Module | None = None) -> TFLiteConverter:
        (function,) = funcs
        return cls(program(trackable_obj or Module(), function), False)

    def convert(self) -> bytes:
        """The content of the file."""
        from gazelle.export.saved_model import litert

        settings = {name: _genuine_dtype(value) for name, value in vars(self).items() if not name.startswith("_")}
        samples = settings.get("representative_dataset")
        if samples is not None:
            settings["representative_dataset"] = lambda: ([*map(unbox, sample)] for sample in samples())
        return litert(self._exportable, self._batch_independent, settings)


def _genuine_dtype(value: object) -> object:
    return tf.as_dtype(value.name) if isinstance(value, DType) else value
