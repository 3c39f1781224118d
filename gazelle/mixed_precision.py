"""Mixed precision under Keras' names: the global policy, and the optimizer that scales the loss.

Input: names of policies, optimizers. Output: policies, optimizers. Must not import layers or models.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.core.policies import DTypePolicy, dtype_policy, set_dtype_policy
from gazelle.optimizers.loss_scale import LossScaleOptimizer

Policy = DTypePolicy
global_policy, set_global_policy = dtype_policy, set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
