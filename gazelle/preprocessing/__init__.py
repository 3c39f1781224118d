"""Keras names for data utilities: `preprocessing.image`, `preprocessing.sequence`, and three dataset functions."""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.data.folder_datasets import image_dataset_from_directory, text_dataset_from_directory
from gazelle.data.sequences import timeseries_dataset_from_array
from gazelle.preprocessing import image, sequence

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
