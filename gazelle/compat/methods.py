"""Methods of layers and models in earlier versions.

`fit_generator`, `evaluate_generator` and `predict_generator` call `fit`, `evaluate` and `predict`: Keras 1 counted
samples (samples_per_epoch), Keras 2 batches (steps_per_epoch). `add_update`, and lists of weights that programs
assign. `load_weights` of a model that is not built yet, which tf.keras accepts for its checkpoints, loads them as soon
as the weights exist: after `build`, before the first call, or when `fit` has created them.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import os
from collections.abc import Iterator
from typing import Any

from gazelle.compat import era, logs
from gazelle.compat.backend.functions import all_updates
from gazelle.compat.backend.updates import DebiasedUpdate
from gazelle.compat.classes import adopt, core_class, is_generated
from gazelle.compat.types import Arguments, Keywords, Nested, Outputs, PathLike, Scores, TensorLike
from gazelle.core import symbolic, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.variable import Variable
from gazelle.layers import Layer
from gazelle.models import Model
from gazelle.saving import keras_v3, tensorflow_format
from gazelle.training.callbacks.history import History


def _named_arguments(model: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name; those without a current equivalent keep their earlier names."""
    from gazelle.compat.arguments.translation import arguments  # imports this module through its rules

    rest, named = arguments(core_class(type(model)), method, args, kwargs, model)
    names = ("generator", "steps_per_epoch", "epochs") if method == "fit_generator" else ("generator", "steps")
    return {**dict(zip(names, rest, strict=False)), **named}


def _batch_size(batch: Any) -> int:
    """The number of samples in a batch (x, y), x, or a dict of them."""
    while isinstance(batch, (list, tuple, dict)):
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    return len(batch)


class _Samples:
    """Passes of at least `samples` samples, each of which begins where the last one ended: an epoch of Keras 1."""

    has_whole_passes = True

    def __init__(self, batches: Iterator[Any], samples: int, steps: int) -> None:
        self.batches, self.samples, self.steps = batches, samples, steps

    def __len__(self) -> int:
        return self.steps  # if all batches are as large as the first one

    def __iter__(self) -> Iterator[Any]:
        seen = 0
        while seen < self.samples and (batch := next(self.batches, None)) is not None:
            seen += _batch_size(batch)
            yield batch


def _steps(source: Any, samples: int | None) -> tuple[Any, int | None]:
    """The source, and the number of its batches for so many samples, computed from the size of the first batch."""
    if samples is None:
        return source, None
    size = getattr(source, "batch_size", None)
    if size is None and hasattr(source, "__next__"):
        first = next(source)
        source, size = itertools.chain([first], source), _batch_size(first)
    elif size is None:
        size = _batch_size(source[0])
    steps, count = math.ceil(samples / size), getattr(source, "n", None)
    if era.number() > 1 or not hasattr(source, "__next__") or (count and (count % size == 0 or samples % count == 0)):
        return source, steps
    return _Samples(source, samples, steps), None


def fit_generator(model: Model, *args: Any, **kwargs: Any) -> History:
    """Train on `fit_generator(generator, samples_per_epoch, nb_epoch)` or `(generator, steps_per_epoch, epochs)`."""
    options = _named_arguments(model, "fit_generator", args, kwargs)
    source = options.pop("generator")
    samples, validation_samples = options.pop("samples_per_epoch", None), options.pop("nb_val_samples", None)
    if samples is not None:
        source, options["steps_per_epoch"] = _steps(source, samples)
    validation = options.get("validation_data")
    if validation_samples is not None and validation is not None and not isinstance(validation, (tuple, list)):
        options["validation_data"], options["validation_steps"] = _steps(validation, validation_samples)
    if isinstance(validation, (tuple, list)):
        options.pop("validation_steps", None)
    with assigned(logs.samples_per_epoch, samples):
        return _method(model, "fit")(source, **options)


def _method(model: Any, name: str) -> Any:
    """The method of Keras for a generator; one that a subclass defines was not called before tf.keras 2."""
    kind = next(cls for cls in type(model).__mro__ if is_generated(cls))
    return functools.partial(getattr(kind, name), model) if era.is_package_before_keras_3() else getattr(model, name)


def _measured(model: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    options = _named_arguments(model, f"{method}_generator", args, kwargs)
    source, samples = options.pop("generator"), options.pop("val_samples", None)
    if samples is not None:
        source, options["steps"] = _steps(source, samples)
    return _method(model, method)(source, **{"verbose": 0, **options})


def evaluate_generator(model: Model, *args: Any, **kwargs: Any) -> Scores:
    """Evaluate `evaluate_generator(generator, val_samples)` or `(generator, steps)`."""
    return _measured(model, "evaluate", args, kwargs)


def predict_generator(model: Model, *args: Any, **kwargs: Any) -> Outputs:
    """Predict `predict_generator(generator, val_samples)` or `(generator, steps)`; labels are ignored."""
    if not era.is_package_before_keras_3() or len(model.inputs) == 1:
        return _measured(model, "predict", args, kwargs)
    options = _named_arguments(model, "predict_generator", args, kwargs)
    batches = source = options["generator"]
    if not hasattr(source, "__next__"):
        options.setdefault("steps", len(source))
        batches = map(source.__getitem__, range(len(source)))
    # a list has the inputs; only a tuple was (x, y)
    options["generator"] = ((batch,) if isinstance(batch, list) else batch for batch in batches)
    return _measured(model, "predict", (), options)


def counter(step: str, model: Model) -> Variable:
    """Return `_train_counter` and the like of tf.keras; only the batches of trainings are counted."""
    if step == "train" and model.compiled:
        return adopt(model.optimizer.iterations)
    own: Variable = vars(model).setdefault(f"_{step}_counter", Variable(0, dtype="int32"))
    return adopt(own)


def add_update(layer: Layer, updates: Nested[object], inputs: TensorLike = None) -> None:
    """Assign values in training, from pairs (variable, value) or lists of them; `K.update` has done so already."""
    scope = tracing.current()
    for index, update in enumerate(all_updates([updates]) if scope is not None else ()):
        if isinstance(update, DebiasedUpdate):
            counts = vars(layer).setdefault("_counts_of_averages", {})
            if index not in counts:  # in the first call
                counts[index] = Variable(0.0, trainable=False, persistent=False, name="count")
        if scope is not None and scope.training and isinstance(update, DebiasedUpdate):
            update.assign(counts[index])
        elif scope is not None and scope.training:
            waiting: list[Any] | None = vars(layer).get("_updates_of_call")
            if waiting is None:
                update.variable.assign(update.value)
            else:
                waiting.append(update)


@contextlib.contextmanager
def updates_after_call(layer: Layer) -> Iterator[None]:
    """Assign what the call of a layer gives `add_update` at its end: the call reads the old values, as in graphs."""
    waiting: list[Any] = []
    vars(layer)["_updates_of_call"] = waiting
    try:
        yield
        for update in waiting:
            update.variable.assign(update.value)
    finally:
        vars(layer).pop("_updates_of_call", None)


_WAITING = "_deferred_weights"  # attribute of a model whose weights wait
#: attribute of a model without an optimizer: the checkpoint that it was loaded from
_OF_OPTIMIZER = "_checkpoint_of_optimizer"
_WITHOUT_OPTIMIZER = (".h5", ".hdf5", ".keras", ".json", ".safetensors")


def _text_of(filepath: PathLike | None) -> str:
    return os.fspath(filepath) if isinstance(filepath, str | os.PathLike) else ""


def state_comes_later(model: Model, filepath: PathLike | None) -> None:
    """Note that the state of an optimizer in a checkpoint is restored by `compile`, as tf.keras 2 did."""
    path = _text_of(filepath)
    vars(model).pop(_OF_OPTIMIZER, None)
    has_state = os.path.exists(path) and not path.endswith(_WITHOUT_OPTIMIZER)
    if has_state and era.is_tf_keras_2() and model.optimizer is None:
        vars(model)[_OF_OPTIMIZER] = path


def restore_state(model: Model) -> None:
    """Restore the state of the optimizer of a model that was loaded from a checkpoint before it was compiled."""
    path = vars(model).pop(_OF_OPTIMIZER, None)
    if path is not None and model.optimizer is not None and os.path.exists(path):
        weights = model.get_weights()
        Model.load_weights(model, path)
        model.set_weights(weights)  # they may have been changed since


def can_load_later(model: Model, filepath: PathLike | None) -> bool:
    """Whether the weights in a file are loaded later; a missing file is an error at once.

    Files in the format HDF5 are not: tf.keras, too, needs a built model for them.
    """
    path = _text_of(filepath)
    if model.built or path in ("", "latest") or path.endswith(_WITHOUT_OPTIMIZER):
        return False
    if not tensorflow_format.is_checkpoint(path):
        keras_v3.existing(path)
    return True


def load_later(model: Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Load weights when the model is built."""
    vars(model)[_WAITING] = (args, kwargs)


def load_waiting(model: Model) -> None:
    """Load the weights that wait for a model, if it has been built; a value cannot be stored in a trace."""
    if _WAITING in vars(model) and model.built and model.weights and not tracing.is_traced():
        args, kwargs = vars(model).pop(_WAITING)
        Model.load_weights(model, *args, **kwargs)


def build_first(model: Model, args: Arguments, kwargs: Keywords) -> None:
    """Build a model whose weights wait, before it is called on these arguments; several are what it is built on."""
    if _WAITING not in vars(model) or model.built or tracing.is_traced():
        return
    if len(args) < 2:
        inputs = args[0] if args else kwargs.get("inputs")
        model.build(symbolic.map_tree(lambda leaf: (None, *leaf.shape[1:]), inputs))
        return
    waiting = vars(model).pop(_WAITING)
    model(*args, **kwargs)
    vars(model)[_WAITING] = waiting
    load_waiting(model)
