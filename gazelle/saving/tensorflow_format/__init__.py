"""Files of tf.keras in TensorFlow's formats: SavedModel folders and checkpoints.

Input: paths. Output: models built from their configs, and weights. The functions in a SavedModel are never run.
"""

from gazelle.saving.tensorflow_format.checkpoint import Checkpoint, is_checkpoint
from gazelle.saving.tensorflow_format.object_graph import members
from gazelle.saving.tensorflow_format.read import is_saved_model, load_model, load_weights, restore

__all__ = ["Checkpoint", "is_checkpoint", "is_saved_model", "load_model", "load_weights", "members", "restore"]
