"""Names that rooms had once, and where what they name stands now."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from gazelle.core.config import REGISTRY
from gazelle.core.era import NOTHING
from gazelle.legacy.paths import PATHS

_OLD = "gazelle.legacy.layers"
_LAYERS = ("AtrousConvolution1D", "AtrousConvolution2D", "CuDNNGRU", "CuDNNLSTM", "Deconvolution2D", "Deconvolution3D",
           "Highway", "LocallyConnected1D", "LocallyConnected2D", "MaxoutDense", "Merge", "ParametricSoftplus", "SReLU",
           "ThresholdedReLU", "TimeDistributedDense", "merge")  # fmt: skip
_OPTIMIZERS = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam", "Ftrl")

#: room -> name of old -> "module:name" that it means; ":name" is a name of the same room, "module" a whole module
NAMES: dict[str, dict[str, str]] = {
    "gazelle": {"Model": ":Model"},
    "gazelle.layers": {
        **{name: f"{_OLD}:{name}" for name in _LAYERS},
        "AtrousConv1D": f"{_OLD}:AtrousConvolution1D", "AtrousConv2D": f"{_OLD}:AtrousConvolution2D",
        "Deconv2D": f"{_OLD}:Deconvolution2D", "Deconv3D": f"{_OLD}:Deconvolution3D",
        "Recurrent": "gazelle.legacy.recurrent:Recurrent",
        "Sequential": "gazelle.models:Sequential",
        "Model": "gazelle.models:Model", "K": "gazelle.backend", "Node": "gazelle.core.symbolic:Node",
        "Convolution2DTranspose": ":Conv2DTranspose", "GlobalAvgPool": ":GlobalAveragePooling2D",
    },
    "gazelle.models": {
        "Graph": "gazelle.legacy.graph:Graph", "Merge": "gazelle.legacy.layers:Merge", "Layer": "gazelle.layers:Layer",
        "Container": ":Model", "InputLayer": "gazelle.layers:InputLayer",
        "model_from_yaml": "gazelle.saving.legacy:model_from_yaml",
        "model_from_config": "gazelle.layers:deserialize", "K": "gazelle.backend",
    },
    "gazelle.optimizers": {
        **{name.lower(): f":{name}" for name in _OPTIMIZERS}, "TFOptimizer": ":OptaxOptimizer", "Nadam": ":Nadam",
    },
    "gazelle.regularizers": {
        "l1l2": ":L1L2", "WeightRegularizer": ":L1L2", "L1L2Regularizer": ":L1L2",
        **{name: f"gazelle.legacy.regularizers:{name}" for name in (
            "activity_l1", "activity_l2", "activity_l1l2", "ActivityRegularizer", "EigenvalueRegularizer")},
    },
    "gazelle.losses": {"Reduction": "gazelle.legacy.losses:Reduction"},
    "gazelle.constraints": {"maxnorm": ":MaxNorm", "nonneg": ":NonNeg", "unitnorm": ":UnitNorm"},
    "gazelle.metrics": {name: f"gazelle.legacy.metrics:{name}" for name in (
        "precision", "recall", "fbeta_score", "fmeasure", "matthews_correlation")},
    "gazelle.utils": {"plot": ":plot_model", "print_summary": "gazelle.models.summary:summary",
                      "visualize_util": "gazelle.utils", "ReductionV2": "gazelle.legacy.losses:Reduction",
                      "deserialize_keras_object": ":deserialize_keras_object"},
    "gazelle.callbacks": {"BaseLogger": ":Callback"},  # what it summed up, the loop sums up
    "gazelle.wrappers": {},
}  # fmt: skip
#: room -> module whose public names the room has too, where it does not have them itself
ALSO: dict[str, str] = {
    "gazelle.backend": "gazelle.legacy.backend",
    "gazelle.preprocessing": "gazelle.legacy.preprocessing",
    "gazelle.preprocessing.image": "gazelle.legacy.preprocessing.image",
    "gazelle.preprocessing.sequence": "gazelle.legacy.preprocessing.sequence",
    "gazelle.utils": "gazelle.legacy.utils",
}
#: room -> tables of names in configs, which were names of the room, too: losses.mse, metrics.mean_absolute_error
_TABLES = {"losses": ("losses",), "metrics": ("losses", "metrics"), "initializers": ("initializers",),
           "activations": ("activations",), "constraints": ("constraints",)}  # fmt: skip


def name(room: str, name: str) -> Any:
    """What `name` meant in a room that does not have it today."""
    where = NAMES.get(room, {}).get(name)
    if where is not None:
        path, _, inner = where.partition(":")
        module = importlib.import_module(path or room)
        return getattr(module, inner) if inner else module
    short = room.partition(".")[2]
    path = PATHS.get(f"{short}.{name}" if short else name, "")
    if path:
        return importlib.import_module(path)
    for table in _TABLES.get(short, ()):
        if name in REGISTRY[table]:
            return REGISTRY[table][name]
    if room in ALSO:
        return _also(ALSO[room], name)
    parent = PATHS.get(short)
    return getattr(importlib.import_module(parent), name, NOTHING) if parent and parent != room else NOTHING


def classes() -> bool:
    """Enter the classes that are gone into the tables of names in configs; False where they are there."""
    rooms = [f"gazelle.legacy.{part}" for part in ("layers", "regularizers")]
    missing = [room for room in rooms if room not in sys.modules]
    for room in missing:
        importlib.import_module(room)
    return bool(missing)


def names(room: str) -> list[str]:
    """The names of then that `from room import *` gave."""
    return list(NAMES.get(room, ()))


def _also(room: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(room), name, NOTHING)
    except ModuleNotFoundError as error:
        if error.name != room:
            raise
        return NOTHING
