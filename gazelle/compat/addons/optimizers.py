"""`tfa.optimizers`: what `keras.optimizers` has not."""

from gazelle.compat.addons import (
    adaptive_optimizers,
    cyclical_learning_rate,
    optimizer_wrappers,
    projected_optimizers,
    weight_decay_optimizers,
)
from gazelle.compat.namespaces import names_of
from gazelle.compat.tables import defined
from gazelle.optimizers import Optimizer as KerasLegacyOptimizer

_names = defined(
    adaptive_optimizers, cyclical_learning_rate, optimizer_wrappers, projected_optimizers, weight_decay_optimizers
)
globals().update(_names)
__all__ = [*_names, "KerasLegacyOptimizer"]
__getattr__ = names_of("gazelle.optimizers")
