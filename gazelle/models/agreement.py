"""What all processes of a job must have in common when `fit` starts: data, settings, seeds and weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from gazelle import data
from gazelle.core import arrays
from gazelle.core.errors import DataError, StateError, message
from gazelle.engine import processes
from gazelle.saving import fingerprint as fingerprints

if TYPE_CHECKING:
    from gazelle.training.trainer import Trainer

_HINT = (
    "Each process runs the same program, and loads the same data and weights or draws them from the same seed; "
    "batch_size counts the samples of all processes together."
)


def check(trainer: Trainer, source: data.Source, settings: fingerprints.Fingerprint) -> None:
    """Compare the processes, in one exchange unless they differ.

    Args:
        trainer: the trainer of the model.
        source: the data.
        settings: the arguments of the layers, of `compile` and of `fit`.

    Raises:
        DataError: a process has other data.
        StateError: a process has other settings, another seed or other weights.
    """
    if parted := getattr(source, "readers", 1) > 1:  # each process reads its own part of a batch
        settings = {**settings, "data": None, "validation": None}
    weights = [value for value in trainer.live.values().values() if not arrays.is_divided(value)]
    values = {
        "The number of samples or batches": [source.steps or -1, getattr(source, "count", -1)],
        "The first batch": None if parted else source.sample,
        "The settings": np.frombuffer(json.dumps(settings).encode(), np.uint8),
        "The seed": source.seed,
        "The weights": [weights, arrays.divided_checksum],
    }
    found = processes.gather([processes.checksum(value) for value in values.values()], "the start of fit")
    for name, column in zip(values, found.T, strict=True):
        if (column == column[0]).all():
            continue
        other, got = int(np.argmax(column != column[0])), "other values"
        if name == "The settings":
            different = fingerprints.differences(processes.of_process(settings), settings)
            sides = "in process 0", f"in process {other}"
            got = processes.of_process(fingerprints.listed(different, sides).strip(), other)
            if not got:  # what is not known is no difference
                continue
        kind = DataError if name in ("The number of samples or batches", "The first batch") else StateError
        raise kind(message(f"{name} of process {other}", expected="the same as in process 0", got=got, hint=_HINT))
