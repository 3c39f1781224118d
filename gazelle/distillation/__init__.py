"""In: a trained model and one to be trained. Out: a model that learns from labels and from what the first one computes.

Must not know: how a step is run.
"""

from __future__ import annotations

from gazelle.distillation.distiller import Distiller
from gazelle.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
