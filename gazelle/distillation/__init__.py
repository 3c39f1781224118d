"""Knowledge distillation: a student model learns from labels and from the outputs of a trained teacher model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.distillation.distiller import Distiller
from gazelle.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
