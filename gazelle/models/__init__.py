"""Models: layers -> one forward. Compile, fit, evaluate, predict and save only delegate to the rooms that do it.

In: layers, symbolic tensors. Out: Sequential, Functional and subclassed models. Must not know: how a step is computed.
"""

from gazelle.layers.input import Input
from gazelle.models.cloning import clone_model
from gazelle.models.files import load_model, model_from_json, save_model
from gazelle.models.functional import Functional
from gazelle.models.model import Model
from gazelle.models.sequential import Sequential

__all__ = ["Functional", "Input", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
