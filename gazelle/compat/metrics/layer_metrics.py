"""Layers as metrics of Keras 2.1 and 2.2: their variables have the state of an epoch, `reset_states` sets it back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gazelle.compat.arguments.columns import as_column
from gazelle.core.types import Array, ArrayLike, Config, Shape
from gazelle.core.variable import Variable
from gazelle.layers import Layer, weight_tree
from gazelle.metrics import Metric


class LayerMetric(Metric, abstract=True):
    """The metric of a layer that is called on (y_true, y_pred); its result is that of the last call.

    Args:
        layer: The layer, whose variables start from zero in each epoch.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__(name=layer.name)
        self.layer = layer
        self.states = list(weight_tree.named_variables(layer).values())
        self.last = Variable(0.0, name="last", trainable=False)

    def _build(self, y_true_shape: Shape | None, y_pred_shape: Shape) -> None:
        """Call a layer without variables once: it may create them in its first call, as those of keras-metrics do."""
        if not self.states:
            labels, outputs = (
                np.zeros([size or 1 for size in shape], "float32")
                for shape in (y_true_shape or y_pred_shape, y_pred_shape)
            )
            self.layer(as_column(labels), outputs)
            self.states = list(weight_tree.named_variables(self.layer).values())

    @property
    def __name__(self) -> str:
        """The name that the program gave the layer, by which a file refers to it if the layer has no config."""
        return self.layer.__name__

    @property
    def get_config(self) -> Callable[[], Config]:
        """That of the layer, if it has one."""
        return self.layer.get_config

    def update_state(self, y_true: Array, y_pred: Array, sample_weight: ArrayLike | None = None) -> None:
        """Call the layer on a batch; labels (n,) reach it as (n, 1)."""
        self.last.assign(self.layer(as_column(y_true), y_pred))

    def result(self) -> Array:
        """Return what the layer returned for the last batch."""
        return self.last.value

    def reset_state(self) -> None:
        """Set the variables to zero."""
        for variable in (*self.states, self.last):
            variable.assign(variable.value * 0)
