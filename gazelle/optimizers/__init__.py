"""Optimizers: pure rules from weights, gradients, slots and a step number to new weights and slots.

All arrays are in dicts {path: array}. Depends on no layer, model, loss or file.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.optimizers import schedules as schedules
from gazelle.optimizers.adafactor import Adafactor, Lamb
from gazelle.optimizers.adagrad import Adadelta, Adagrad, Ftrl
from gazelle.optimizers.adam import Adam, Adamax, AdamW, Nadam, ScheduleFreeAdamW
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.lookup import deserialize, get, serialize
from gazelle.optimizers.loss_scale import LossScaleOptimizer
from gazelle.optimizers.multi import MultiOptimizer, OptimizerMap
from gazelle.optimizers.muon import Muon
from gazelle.optimizers.optax import OptaxOptimizer
from gazelle.optimizers.sgd import SGD, Lion, RMSprop

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "OptaxOptimizer",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

for _module in ("adagrad", "adam", "sgd"):  # names of classes in earlier Keras: optimizers.adam(lr=...)
    globals().pop(_module, None)

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
