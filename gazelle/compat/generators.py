"""fit_generator and its like: `fit`, `evaluate` and `predict` take generators themselves now.

Keras 1 counted samples (samples_per_epoch), Keras 2 batches (steps_per_epoch).
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from gazelle.compat.classes import core_class


def _words(model: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name: old names of the era, as far as they have no counterpart today."""
    from gazelle.compat.arguments import arguments  # whose rules import this module

    rest, words = arguments(core_class(type(model)), method, args, kwargs, model)
    names = ("generator", "steps_per_epoch", "epochs") if method == "fit_generator" else ("generator", "steps")
    return {**dict(zip(names, rest, strict=False)), **words}


def _size_of(batch: Any) -> int:
    """The number of samples in a batch (x, y), x, or a dict of them."""
    while isinstance(batch, (list, tuple, dict)):
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    return len(batch)


def _steps(source: Any, samples: int | None) -> tuple[Any, int | None]:
    """The source, and how many of its batches hold so many samples: the first one tells."""
    if samples is None:
        return source, None
    size = getattr(source, "batch_size", None)
    if size is None and hasattr(source, "__next__"):
        first = next(source)
        source, size = itertools.chain([first], source), _size_of(first)
    elif size is None:
        size = _size_of(source[0])
    return source, math.ceil(samples / size)


def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
    """fit_generator(generator, samples_per_epoch, nb_epoch, ...) or (generator, steps_per_epoch, epochs, ...)."""
    words = _words(model, "fit_generator", args, kwargs)
    source = words.pop("generator")
    samples, held = words.pop("samples_per_epoch", None), words.pop("nb_val_samples", None)
    if samples is not None:
        source, words["steps_per_epoch"] = _steps(source, samples)
    validation = words.get("validation_data")
    if held is not None and validation is not None and not isinstance(validation, (tuple, list)):
        words["validation_data"], words["validation_steps"] = _steps(validation, held)
    if isinstance(validation, (tuple, list)):
        words.pop("validation_steps", None)
    return model.fit(source, **words)


def evaluate(model: Any, *args: Any, **kwargs: Any) -> Any:
    """evaluate_generator(generator, val_samples) or (generator, steps)."""
    words = _words(model, "evaluate_generator", args, kwargs)
    source, samples = words.pop("generator"), words.pop("val_samples", None)
    if samples is not None:
        source, words["steps"] = _steps(source, samples)
    return model.evaluate(source, **{"verbose": 0, **words})


def predict(model: Any, *args: Any, **kwargs: Any) -> Any:
    """predict_generator(generator, val_samples) or (generator, steps): labels that it gives are left out."""
    words = _words(model, "predict_generator", args, kwargs)
    source, samples = words.pop("generator"), words.pop("val_samples", None)
    if samples is not None:
        source, words["steps"] = _steps(source, samples)
    return model.predict(source, **{"verbose": 0, **words})
