"""In: weights, gradients, slots, a step's number, as {path: array}. Out: new weights and slots, by pure rules.

Must not know: layers, models, losses, how gradients are made, files.
"""

from gazelle.optimizers import schedules as schedules
from gazelle.optimizers.adagrad import Adadelta, Adagrad, Ftrl
from gazelle.optimizers.adam import Adam, Adamax, AdamW, Nadam
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.lamb import Adafactor, Lamb
from gazelle.optimizers.lookup import deserialize, get, serialize
from gazelle.optimizers.loss_scale import LossScaleOptimizer, scaled
from gazelle.optimizers.multi import MultiOptimizer, OptimizerMap
from gazelle.optimizers.muon import Muon
from gazelle.optimizers.optax import OptaxOptimizer
from gazelle.optimizers.schedule_free import ScheduleFreeAdamW
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
    "scaled",
    "schedules",
    "serialize",
]

for _file in ("adagrad", "adam", "sgd"):  # names of files here were names of classes once: optimizers.adam(lr=...)
    globals().pop(_file, None)
