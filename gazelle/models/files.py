"""Models as files: `save_model` and `load_model` hand over to the room `saving`."""

from __future__ import annotations

from gazelle.saving.keras_v3 import load_model, save_model
from gazelle.saving.legacy import model_from_json

__all__ = ["load_model", "model_from_json", "save_model"]
