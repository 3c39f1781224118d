"""Data sources for the methods of a model: preprocessing on the host, checks against the inputs, and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle import data
from gazelle.core import symbolic
from gazelle.core.errors import ArgumentError, ShapeError, english, message
from gazelle.core.types import Data
from gazelle.models import checks, settings, step_methods
from gazelle.models.graph import Graph
from gazelle.models.host_preprocessing import HostPreprocessing, host_preprocessing_of
from gazelle.models.text_inputs import TextInputs
from gazelle.models.trainers import get_trainer
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.models.model import Model


def make_source(model: Model, x: Data | None, *args: Any, **kwargs: Any) -> data.Source:
    """The source of batches for user data."""

    def any_rows() -> bool:
        return any(step_methods.overrides(model, name) for name in step_methods.STEP_METHODS)

    return data.make_source(x, *args, preprocess=preprocessing_for(model, x), any_rows=any_rows, **kwargs)


def checked_trainer(model: Model, method: str, source: data.Source) -> Trainer:
    """The trainer, after comparing the data with the inputs of the model."""
    _check_inputs(model, method, source)
    try:
        trainer = get_trainer(model, method, source.sample[0])
    except ShapeError as error:
        if not checks.look_swapped(source):
            raise
        raise ShapeError(f"{english(error).partition(chr(10))[0]}\n{checks.SWAPPED}") from None
    checks.check_ids(_traced_graph(model), source)
    return trainer


def _check_inputs(model: Model, method: str, source: data.Source) -> None:
    """Compare the data with the inputs of the model, unless a step of the user decides what to give it."""
    if not step_methods.decides_inputs(model, method):
        checks.check_inputs(_traced_graph(model), source)


def preprocessing_for(model: Model, x: Data | None) -> HostPreprocessing | TextInputs | None:
    """What converts strings among the inputs on the host; None if the model takes none."""
    first = getattr(model, "_layers", None) or [None]
    if not model.built and getattr(first[0], "runs_on_host", False):
        sample: Any = _first_batch(x) if data.is_stream(x) else x
        if sample is not None and data.is_text(sample):
            model._ensure_built((symbolic.KerasTensor((None, *np.shape(sample)[1:]), "string"),), {})
    graph = model._graph
    if graph is None or (graph.takes_strings and step_methods.is_customized(model)):
        return model._text_inputs
    return host_preprocessing_of(model) if graph.takes_strings else None


def _first_batch(x: Any) -> Any:
    """The samples of the first batch of a stream that can be restarted, else None."""
    batch = None if hasattr(x, "__next__") else next(iter(x), None)
    return batch[0] if isinstance(batch, (tuple, list)) and batch else batch


def _traced_graph(model: Model) -> Graph | None:
    """The compiled graph, which follows the layers that run on the host."""
    preprocessing = host_preprocessing_of(model)
    return model._graph if preprocessing is None else preprocessing.rest


def split(
    model: Model, x: Data, y: Data | None, weight: Data | None, fraction: float, side: str | None
) -> tuple[Any, Any, Any, Data]:
    """(x, y, weight, validation data) with a fraction of the samples split off."""
    preprocessing = preprocessing_for(model, x)
    x = x if preprocessing is None else preprocessing(x)
    if data.is_stream(x):
        raise ArgumentError(
            message(
                "validation_split",
                expected="arrays",
                got=f"a {type(x).__name__}",
                hint="Give validation_data with its own generator or dataset.",
            )
        )
    arrays = tuple(data.as_arrays(n, v, lazy=True) for n, v in (("x", x), ("y", y), ("sample_weight", weight)))
    data.check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)))
    side = settings.validation_from(side)
    rest, split_off = data.split(arrays, fraction, side == "start")
    checks.warn_lost_classes(rest[1], split_off[1], side)
    return *rest, split_off


def validation_source(
    model: Model, validation_data: Data | None, batch_size: int | None, steps: int | None
) -> data.Source | None:
    """The source of the samples that `fit` validates on, if there are any; they are checked."""
    if validation_data is None:
        return None
    x, y, weight = checks.validation_pair(validation_data)
    source = make_source(model, x, y, weight, batch_size=batch_size, steps=steps, what="validation_")
    _check_inputs(model, "evaluate", source)
    get_trainer(model, "fit").prepare_validation(source)
    return source
