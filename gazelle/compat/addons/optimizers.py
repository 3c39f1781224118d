"""`tfa.optimizers`: what `keras.optimizers` has not."""

from gazelle.compat.addons.adaptive_optimizers import AdaBelief, LazyAdam, NovoGrad, RectifiedAdam, Yogi
from gazelle.compat.addons.cyclical_learning_rate import (
    CyclicalLearningRate,
    ExponentialCyclicalLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from gazelle.compat.addons.names import names_of
from gazelle.compat.addons.optimizer_wrappers import SWA, AveragedOptimizerWrapper, Lookahead, MovingAverage
from gazelle.compat.addons.optimizer_wrappers import AddonsMultiOptimizer as MultiOptimizer
from gazelle.compat.addons.projected_optimizers import COCOB, LAMB, ConditionalGradient, ProximalAdagrad
from gazelle.compat.addons.weight_decay_optimizers import (
    SGDW,
    DecoupledWeightDecayExtension,
    extend_with_decoupled_weight_decay,
)
from gazelle.compat.addons.weight_decay_optimizers import AddonsAdamW as AdamW

__all__ = [
    "COCOB",
    "LAMB",
    "SGDW",
    "SWA",
    "AdaBelief",
    "AdamW",
    "AveragedOptimizerWrapper",
    "ConditionalGradient",
    "CyclicalLearningRate",
    "DecoupledWeightDecayExtension",
    "ExponentialCyclicalLearningRate",
    "LazyAdam",
    "Lookahead",
    "MovingAverage",
    "MultiOptimizer",
    "NovoGrad",
    "ProximalAdagrad",
    "RectifiedAdam",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
    "Yogi",
    "extend_with_decoupled_weight_decay",
]
__getattr__ = names_of("gazelle.optimizers")
