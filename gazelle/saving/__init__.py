"""Saving and loading of models, weights and checkpoints: written atomically, read safely.

Input: models by their interface (layers, variables, configs), and paths. Output: files, models, weights.
Independent of the classes of layers and models and of the training loop.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.core.registry import custom_object_scope, register_keras_serializable
from gazelle.saving.atomic import replace_file
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import latest, newest
from gazelle.saving.config import model_to_json
from gazelle.saving.file_editor import KerasFileEditor
from gazelle.saving.h5_format import model_from_json
from gazelle.saving.keras_v3 import load_model, save_model
from gazelle.saving.registration import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    serialize_keras_object,
)
from gazelle.saving.state_file import read_state, write_state
from gazelle.saving.weights import load_weights, save_weights

__all__ = [
    "Autosave",
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "latest",
    "load_model",
    "load_weights",
    "model_from_json",
    "model_to_json",
    "newest",
    "read_state",
    "register_keras_serializable",
    "replace_file",
    "save_model",
    "save_weights",
    "serialize_keras_object",
    "write_state",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
