"""Files: models, weights and states of training, written atomically and read safely.

In: models by what they offer (layers, variables, configs), paths. Out: files, models, weights.
Must not know: the classes of layers and models, how a model is trained.
"""

from gazelle.core.config import custom_object_scope, register_keras_serializable
from gazelle.saving.atomic import replace_file
from gazelle.saving.config import model_from_json, model_to_json
from gazelle.saving.keras_v3 import load_model, save_model
from gazelle.saving.latest import Keeper, latest
from gazelle.saving.state_file import read_state, write_state
from gazelle.saving.weights import load_weights, save_weights

__all__ = [
    "Keeper",
    "custom_object_scope",
    "latest",
    "load_model",
    "load_weights",
    "model_from_json",
    "model_to_json",
    "read_state",
    "register_keras_serializable",
    "replace_file",
    "save_model",
    "save_weights",
    "write_state",
]
