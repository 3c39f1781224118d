"""What all processes of a job must have in common when `fit` starts: data, settings, seeds and weights."""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data
from gazelle.core import arrays
from gazelle.core.errors import DataError, StateError, message
from gazelle.engine import processes
from gazelle.models.fingerprint import TrainingFingerprint
from gazelle.saving import fingerprint as fingerprints

if TYPE_CHECKING:
    from gazelle.models.fitting import FitOptions
    from gazelle.models.model import Model
    from gazelle.training.trainer import Trainer

_HINT = (
    "Each process runs the same program, and loads the same data and weights or draws them from the same seed; "
    "batch_size counts the samples of all processes together."
)


def check(
    model: Model, trainer: Trainer, source: data.Source, validation: data.Source | None, options: FitOptions
) -> bool:
    """Compare the processes.

    Args:
        model: the model.
        trainer: its trainer.
        source: the data.
        validation: the validation data, if any.
        options: the arguments of `fit`.

    Returns:
        Whether the state is divided over the processes.

    Raises:
        DataError: a process has other data.
        StateError: a process has other settings, another seed or other weights.
    """
    settings = TrainingFingerprint(model, trainer, source, validation, [], options.of_batches(source)).parts
    settings |= {"program": None, "arguments": None, "epochs": options.epochs, "initial_epoch": options.initial_epoch}
    if parted := getattr(source, "readers", 1) > 1:  # each process reads its own part of a batch
        settings = {**settings, "data": None, "validation": None}
    weights = [value for value in trainer.live.values().values() if not arrays.is_divided(value)]
    mine = {
        "The number of samples or batches": [source.steps, getattr(source, "count", None)],
        "The first batch": None if parted else _checksums(source.sample),
        "The settings": settings,
        "The seed": source.seed,
        "The weights": [_checksums(weights), arrays.divided_checksum],
    }
    first, *others = processes.gather(mine, "the start of fit")
    for name, (number, other) in itertools.product(mine, enumerate(others, 1)):
        if name == "The settings":  # what is not known is no difference
            different = fingerprints.differences(first[name], other[name])
            got = fingerprints.listed(different, ("in process 0", f"in process {number}")).strip()
        else:
            got = "" if other[name] == first[name] else "other values"
        if got:
            kind = DataError if name in ("The number of samples or batches", "The first batch") else StateError
            raise kind(message(f"{name} of process {number}", expected="the same as in process 0", got=got, hint=_HINT))
    return arrays.is_divided(trainer.live.arrays())


def _checksums(value: Any) -> list[Any]:
    """The dtypes, shapes and checksums of the arrays of a structure."""
    found = map(np.asarray, jax.tree.leaves(value))
    return [[str(array.dtype), array.shape, zlib.crc32(array.tobytes())] for array in found]
