"""Knowledge distillation: a student model learns from labels and from the outputs of a trained teacher model."""

from __future__ import annotations

from gazelle.distillation.distiller import Distiller
from gazelle.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
