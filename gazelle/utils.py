"""Utility functions and classes under their names in Keras, such as `gazelle.utils.to_categorical`."""

from typing import TYPE_CHECKING

from gazelle.core.dtypes import standardize as standardize_dtype
from gazelle.core.module_names import public_names
from gazelle.core.named_values import Config
from gazelle.core.names import clear_session
from gazelle.core.prng import set_random_seed
from gazelle.core.registry import custom_object_scope, register_keras_serializable
from gazelle.core.settings import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from gazelle.core.symbolic import is_symbolic as is_keras_tensor
from gazelle.data.arrays import normalize, pack_x_y_sample_weight, unpack_x_y_sample_weight
from gazelle.data.buckets import bucket_by_length
from gazelle.data.folder_datasets import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from gazelle.data.images import array_to_img, img_to_array, load_img, save_img
from gazelle.data.labels import to_categorical
from gazelle.data.pydataset import PyDataset
from gazelle.data.samples import batched
from gazelle.data.sequences import pad_sequences, timeseries_dataset_from_array
from gazelle.data.splitting import split_dataset
from gazelle.datasets.download import get_file
from gazelle.drawing import model_to_dot, plot_model
from gazelle.features.feature_space import FeatureSpace
from gazelle.models.graph import get_source_inputs
from gazelle.ops.image import bounding_boxes
from gazelle.saving.registration import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    serialize_keras_object,
)
from gazelle.training.callbacks.progbar import Progbar

Sequence = PyDataset  # its name in Keras 2

__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "batched",
    "bounding_boxes",
    "bucket_by_length",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
