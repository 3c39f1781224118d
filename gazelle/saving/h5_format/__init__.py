"""Files of Keras 1 and 2: whole models and weights in one `.h5`.

Input: a checked HDF5 reader. Output: configs of Keras 3, and the weights in gazelle's order. Must not depend on how a
model is built or trained.
"""

from gazelle.saving.h5_format.architecture_text import model_from_json, model_from_yaml
from gazelle.saving.h5_format.config_upgrade import ConfigUpgrade
from gazelle.saving.h5_format.optimizer_state import restore_optimizer
from gazelle.saving.h5_format.read import load_model, load_weights
from gazelle.saving.h5_format.training_config import compiled
from gazelle.saving.h5_format.write import dump, dump_weights

__all__ = [
    "ConfigUpgrade",
    "compiled",
    "dump",
    "dump_weights",
    "load_model",
    "load_weights",
    "model_from_json",
    "model_from_yaml",
    "restore_optimizer",
]
