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

_found = defined(
    adaptive_optimizers, cyclical_learning_rate, optimizer_wrappers, projected_optimizers, weight_decay_optimizers
)
_names = {name.removeprefix("Addons"): value for name, value in _found.items()}
globals().update(_names)
__all__ = list(_names)
__getattr__ = names_of("gazelle.optimizers")
