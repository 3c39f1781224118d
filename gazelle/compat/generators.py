"""`fit_generator`, `evaluate_generator` and `predict_generator` in terms of `fit`, `evaluate` and `predict`.

Keras 1 counted samples (samples_per_epoch), Keras 2 batches (steps_per_epoch).
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from gazelle.compat.classes import core_class


def _named_arguments(model: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name; those without a current equivalent keep their earlier names."""
    from gazelle.compat.arguments import arguments  # imports this module through its rules

    rest, named = arguments(core_class(type(model)), method, args, kwargs, model)
    names = ("generator", "steps_per_epoch", "epochs") if method == "fit_generator" else ("generator", "steps")
    return {**dict(zip(names, rest, strict=False)), **named}


def _batch_size(batch: Any) -> int:
    """The number of samples in a batch (x, y), x, or a dict of them."""
    while isinstance(batch, (list, tuple, dict)):
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    return len(batch)


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
    return source, math.ceil(samples / size)


def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
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
    return model.fit(source, **options)


def _measured(model: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    options = _named_arguments(model, f"{method}_generator", args, kwargs)
    source, samples = options.pop("generator"), options.pop("val_samples", None)
    if samples is not None:
        source, options["steps"] = _steps(source, samples)
    return getattr(model, method)(source, **{"verbose": 0, **options})


def evaluate(model: Any, *args: Any, **kwargs: Any) -> Any:
    """Evaluate `evaluate_generator(generator, val_samples)` or `(generator, steps)`."""
    return _measured(model, "evaluate", args, kwargs)


def predict(model: Any, *args: Any, **kwargs: Any) -> Any:
    """Predict `predict_generator(generator, val_samples)` or `(generator, steps)`; labels are ignored."""
    return _measured(model, "predict", args, kwargs)
