"""Callbacks under their names in Keras, such as `gazelle.callbacks.EarlyStopping`."""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.training.callbacks import *  # noqa: F403
from gazelle.training.callbacks import __all__  # noqa: F401

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
