"""Models: Sequential, Functional and subclassed models, with compile, fit, evaluate, predict and save.

Depends on layers, data, training and saving.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.layers.input import Input
from gazelle.models.cloning import clone_model
from gazelle.models.functional import Functional
from gazelle.models.model import Model
from gazelle.models.sequential import Sequential
from gazelle.saving.h5_format import model_from_json
from gazelle.saving.keras_v3 import load_model, save_model

__all__ = ["Functional", "Input", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
