"""In: weights, gradients, slots, a step's number, as {path: array}. Out: new weights and slots, by pure rules.

Must not know: layers, models, losses, how gradients are made, files.
"""

from gazelle.optimizers import schedules as schedules
from gazelle.optimizers.adagrad import Adadelta, Adagrad, Ftrl
from gazelle.optimizers.adam import Adam, Adamax, AdamW, Nadam
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.names import deserialize, get, serialize
from gazelle.optimizers.optax import OptaxOptimizer
from gazelle.optimizers.sgd import SGD, Lion, RMSprop

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "OptaxOptimizer",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
