"""gazelle: the Keras way of building networks, on JAX."""

from gazelle import (
    activations,
    callbacks,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
    saving,
    utils,
)
from gazelle.command.aliases import install, load_ipython_extension, uninstall
from gazelle.core.dtypes import DTypePolicy
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer
from gazelle.layers.input import Input
from gazelle.layers.spec import InputSpec
from gazelle.models.functional import Functional
from gazelle.models.model import Model
from gazelle.models.sequential import Sequential
from gazelle.models.settings import set_validation_from
from gazelle.saving.latest import latest

__version__ = "0.1.0"

__all__ = [
    "DTypePolicy", "Functional", "Input", "InputSpec", "KerasTensor", "Layer", "Model", "Sequential", "Variable",
    "activations", "callbacks", "constraints", "datasets", "initializers", "install", "latest", "layers",
    "load_ipython_extension", "losses", "metrics", "models", "ops", "optimizers", "regularizers", "saving",
    "set_validation_from", "uninstall", "utils",
]  # fmt: skip
