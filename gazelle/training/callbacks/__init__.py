"""Callbacks: those who listen to a training run, from the history to the progress display.

In: events and logs from the loop. Out: records, files, changed rates, the wish to stop.
Must not know: how a step is computed, which layers a model has.
"""

from gazelle.training.callbacks.averages import SwapEMAWeights
from gazelle.training.callbacks.backup import BackupAndRestore
from gazelle.training.callbacks.base import Callback, CallbackList, listens_to_batches
from gazelle.training.callbacks.checkpoint import ModelCheckpoint
from gazelle.training.callbacks.csv import CSVLogger
from gazelle.training.callbacks.functions import LambdaCallback
from gazelle.training.callbacks.history import History
from gazelle.training.callbacks.orbax import OrbaxCheckpoint
from gazelle.training.callbacks.progbar_logger import ProgbarLogger
from gazelle.training.callbacks.progress import Progress
from gazelle.training.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from gazelle.training.callbacks.remote import RemoteMonitor
from gazelle.training.callbacks.stopping import EarlyStopping, TerminateOnNaN
from gazelle.training.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "Progress",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "listens_to_batches",
]
