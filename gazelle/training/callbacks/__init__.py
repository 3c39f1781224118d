"""Callbacks: those who listen to a training run, from the history to the progress display.

In: events and logs from the loop. Out: records, files, changed rates, the wish to stop.
Must not know: how a step is computed, which layers a model has.
"""

from gazelle.training.callbacks.base import Callback, CallbackList, listens_to_batches
from gazelle.training.callbacks.checkpoint import ModelCheckpoint
from gazelle.training.callbacks.csv import CSVLogger
from gazelle.training.callbacks.functions import LambdaCallback
from gazelle.training.callbacks.history import History
from gazelle.training.callbacks.progress import Progress
from gazelle.training.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from gazelle.training.callbacks.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "Progress",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
    "listens_to_batches",
]
