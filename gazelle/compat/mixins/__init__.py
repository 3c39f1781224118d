"""What the classes of `keras` add to those of gazelle: arguments and attributes of earlier versions, facade tensors.

A mixin comes before gazelle's class in the method resolution order (see `classes`), so `super()` is gazelle's class.
"""

from __future__ import annotations

from typing import Any

from gazelle.compat.classes import MIXINS, ROOTS
from gazelle.compat.mixins import layers, losses, masks, models, sequences, training, variables
from gazelle.compat.mixins.common import CompatObject
from gazelle.constraints import Constraint
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.initializers import Initializer
from gazelle.layers import (
    RNN,
    ActivityRegularization,
    Concatenate,
    GroupQueryAttention,
    GRUCell,
    Lambda,
    Layer,
    MultiHeadAttention,
    Normalization,
    SimpleRNNCell,
    TextVectorization,
    TimeDistributed,
    Wrapper,
)
from gazelle.layers.merging import _Merge
from gazelle.losses import Loss
from gazelle.metrics import Metric
from gazelle.models import Model, Sequential
from gazelle.optimizers import LossScaleOptimizer, Optimizer
from gazelle.optimizers.schedules import LearningRateSchedule
from gazelle.regularizers import Regularizer
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.checkpoint import ModelCheckpoint
from gazelle.training.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from gazelle.training.callbacks.monitor import Monitor
from gazelle.training.callbacks.stopping import EarlyStopping

_MIXINS: dict[Any, type] = {
    Layer: layers.LayerMixin,
    ActivityRegularization: layers.ActivityRegularizationMixin,
    _Merge: masks.MergeMixin,
    Concatenate: masks.ConcatenateMixin,
    Lambda: layers.LambdaMixin,
    Normalization: layers.NormalizationMixin,
    RNN: sequences.RecurrentMixin,
    **dict.fromkeys((SimpleRNNCell, GRUCell), sequences.CellMixin),
    TextVectorization: layers.TextVectorizationMixin,
    TimeDistributed: masks.TimeDistributedMixin,
    Wrapper: layers.WrapperMixin,
    Model: models.ModelMixin,
    Sequential: models.SequentialMixin,
    Initializer: losses.InitializerMixin,
    Loss: losses.LossMixin,
    Metric: losses.MetricMixin,
    Optimizer: training.OptimizerMixin,
    LossScaleOptimizer: training.LossScaleMixin,
    Monitor: training.MonitorMixin,
    **dict.fromkeys((LearningRateScheduler, ReduceLROnPlateau), training.RateMixin),
    EarlyStopping: training.StoppingMixin,
    ModelCheckpoint: training.CheckpointMixin,
    KerasTensor: variables.SymbolicTensor,
    Variable: variables.VariableMixin,
    **dict.fromkeys((MultiHeadAttention, GroupQueryAttention), sequences.AttentionMixin),
    **dict.fromkeys((Regularizer, Constraint), losses.RegularizerMixin),
    **dict.fromkeys((LearningRateSchedule, Callback), CompatObject),
}
MIXINS.update(_MIXINS)
ROOTS.extend((Layer, Loss, Metric, Optimizer, LearningRateSchedule, Initializer, Regularizer, Constraint, Callback))
