"""The callbacks under the name that Keras programs use: `gazelle.callbacks.EarlyStopping` and so on."""

from gazelle.training.callbacks import *  # noqa: F403
from gazelle.training.callbacks import __all__  # noqa: F401
