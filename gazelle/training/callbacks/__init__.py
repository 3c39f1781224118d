"""Callbacks: objects whose methods `fit`, `evaluate` and `predict` call at events.

Input: events and logs from the loop. Output: records, files, changed learning rates, the request to stop.
Independent of the training step and of the layers of a model.
"""

from gazelle.training.callbacks.base import Callback, LambdaCallback
from gazelle.training.callbacks.callback_list import CallbackList
from gazelle.training.callbacks.checkpoint import BackupAndRestore, ModelCheckpoint
from gazelle.training.callbacks.history import History
from gazelle.training.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from gazelle.training.callbacks.loggers import CSVLogger, RemoteMonitor
from gazelle.training.callbacks.orbax import OrbaxCheckpoint
from gazelle.training.callbacks.profiler import Profiler
from gazelle.training.callbacks.progress import ProgbarLogger, Progress
from gazelle.training.callbacks.rate_finder import LearningRateFinder
from gazelle.training.callbacks.stopping import EarlyStopping, TerminateOnNaN
from gazelle.training.callbacks.swap_ema import SwapEMAWeights
from gazelle.training.callbacks.tensorboard import TensorBoard
from gazelle.training.callbacks.trackers import MLflowTracker, Tracker, WandbTracker

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateFinder",
    "LearningRateScheduler",
    "MLflowTracker",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "Profiler",
    "ProgbarLogger",
    "Progress",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "Tracker",
    "WandbTracker",
]
