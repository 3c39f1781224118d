"""Deep learning with the API of Keras, on JAX.

    import gazelle
    from gazelle.layers import Dense

    model = gazelle.Sequential([gazelle.Input((4,)), Dense(8, activation="relu"), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=5)
    model.predict(x)

Models
    Sequential, Model, Input     build a model; help(gazelle.Model.fit) lists the arguments of fit
    gazelle.models               the same, load_model, clone_model
    gazelle.layers               Dense, Conv2D, LSTM, Embedding, Dropout ...
    gazelle.applications         known architectures
Training
    gazelle.optimizers           Adam, SGD ..., optimizers.schedules
    gazelle.losses, gazelle.metrics
    gazelle.callbacks            EarlyStopping, ModelCheckpoint, TensorBoard, LearningRateFinder ...
    gazelle.regularizers, gazelle.initializers, gazelle.constraints, gazelle.activations
    gazelle.mixed_precision, gazelle.distribution, gazelle.distillation, gazelle.quantizers
Data and files
    gazelle.datasets             data sets; datasets.local(name) needs no network
    gazelle.utils                folders of images and text, FeatureSpace, set_random_seed ...
    gazelle.preprocessing        images and sequences, as in earlier Keras
    gazelle.saving, gazelle.export   load_model, save_model; ONNX, StableHLO, SavedModel
    latest()                     path of the newest checkpoint
Arrays and settings
    gazelle.ops, gazelle.random, gazelle.tree    functions of arrays
    gazelle.config               devices, engine, dtype, tracebacks
    gazelle.backend, gazelle.dtype_policies, gazelle.visualization
    gazelle.errors               the exceptions
    gazelle.wrappers             models as estimators of scikit-learn

help(gazelle.layers.Dense) describes a class; `gazelle run program.py` runs programs of earlier Keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

from gazelle.core import module_names as _module_names
from gazelle.core import registry as _registry
from gazelle.core import traceback as _traceback

if TYPE_CHECKING:
    from gazelle import (
        activations,
        applications,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        distillation,
        distribution,
        dtype_policies,
        errors,
        export,
        initializers,
        layers,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        preprocessing,
        quantizers,
        random,
        regularizers,
        saving,
        tree,
        utils,
        visualization,
        wrappers,
    )
    from gazelle.cli.import_aliases import install, load_ipython_extension, uninstall
    from gazelle.core.names import name_scope
    from gazelle.core.operation import Operation
    from gazelle.core.policies import DTypePolicy, FloatDTypePolicy
    from gazelle.core.remat import RematScope, remat
    from gazelle.core.scopes import StatelessScope, SymbolicScope, device
    from gazelle.core.symbolic import KerasTensor
    from gazelle.core.variable import Variable
    from gazelle.initializers.base import Initializer
    from gazelle.layers.base import Layer
    from gazelle.layers.input import Input
    from gazelle.layers.input_spec import InputSpec
    from gazelle.losses.base import Loss
    from gazelle.metrics.base import Metric
    from gazelle.models.functional import Function, Functional
    from gazelle.models.model import Model
    from gazelle.models.sequential import Sequential
    from gazelle.models.settings import set_validation_from
    from gazelle.optimizers.base import Optimizer
    from gazelle.quantizers.absmax import Quantizer
    from gazelle.regularizers import Regularizer
    from gazelle.saving.checkpoint_paths import latest

__version__ = "0.1.0"

__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "Functional",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Quantizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "Variable",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "device",
    "distillation",
    "distribution",
    "dtype_policies",
    "errors",
    "export",
    "initializers",
    "install",
    "latest",
    "layers",
    "load_ipython_extension",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "remat",
    "saving",
    "set_validation_from",
    "tree",
    "uninstall",
    "utils",
    "version",
    "visualization",
    "wrappers",
]

#: the module that a name of the root comes from; it is imported at the first access to the name
_HOMES = {
    **dict.fromkeys(("install", "load_ipython_extension", "uninstall"), "gazelle.cli.import_aliases"),
    "name_scope": "gazelle.core.names",
    "Operation": "gazelle.core.operation",
    **dict.fromkeys(("DTypePolicy", "FloatDTypePolicy"), "gazelle.core.policies"),
    **dict.fromkeys(("RematScope", "remat"), "gazelle.core.remat"),
    **dict.fromkeys(("StatelessScope", "SymbolicScope", "device"), "gazelle.core.scopes"),
    "KerasTensor": "gazelle.ops.base",  # with its operators
    "Variable": "gazelle.core.variable",
    "Initializer": "gazelle.initializers.base",
    "Layer": "gazelle.layers.base",
    "Input": "gazelle.layers.input",
    "InputSpec": "gazelle.layers.input_spec",
    "Loss": "gazelle.losses.base",
    "Metric": "gazelle.metrics.base",
    "Function": "gazelle.models.functional",
    "Functional": "gazelle.models.functional",
    "Model": "gazelle.models.model",
    "Sequential": "gazelle.models.sequential",
    "set_validation_from": "gazelle.models.settings",
    "Optimizer": "gazelle.optimizers.base",
    "Quantizer": "gazelle.quantizers.absmax",
    "Regularizer": "gazelle.regularizers",
    "latest": "gazelle.saving.checkpoint_paths",
}


def version() -> str:
    """Return the version of gazelle.

    Returns:
        The version, such as "2.0.0".
    """
    return __version__


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A package or a name of the root, imported now; the nearest names where there is none."""
        if name in _HOMES:
            value = getattr(importlib.import_module(_HOMES[name]), name)
        elif name in __all__:
            value = importlib.import_module(f"gazelle.{name}")
        else:
            raise _module_names.missing_name(__name__, name, __all__)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)


_traceback.show_short()
_registry.REGISTRY.complete_by(lambda: importlib.import_module("gazelle.models"))
