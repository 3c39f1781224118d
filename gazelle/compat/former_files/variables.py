"""The arrays that files of Keras 2 contain for layers and optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.compat.tables import listed
from gazelle.layers import weight_tree
from gazelle.saving import keras_weight_order, tf_keras_optimizer
from gazelle.saving.h5_format.weight_layout import weights_of

if TYPE_CHECKING:
    from gazelle.layers import Layer
    from gazelle.models import Model

Named = list[tuple[str, Any]]
#: others, such as wrappers, have a state of their own, in the order of Keras 3
_OF_TF_KERAS = frozenset(listed("SGD RMSprop Adam AdamW Adagrad Adadelta Adamax Nadam Ftrl Lion Adafactor"))


def of_layer(layer: Layer) -> Named:
    """The names and arrays of a layer: trained ones first."""
    return [(_name(v), v.numpy()) for v in weights_of(layer)]


def _name(variable: Any) -> str:
    """The name of a variable in TensorFlow, "dense/kernel:0"."""
    name = str(variable.name)
    return name if name.endswith(":0") else f"{variable.key}:0"


def of_optimizer(model: Model) -> Named:
    """The number of steps, and the slots of the trained weights if there are any yet."""
    optimizer: Any = model.optimizer
    if type(optimizer).__name__ not in _OF_TF_KERAS:
        return [(v.key, v.numpy()) for v in keras_weight_order.optimizer_variables(model)]
    weight_tree.named_variables(model)  # sets the keys of the variables, by which the slots are found
    params = {v.key: v.value for v in model.trainable_weights}
    found: Named = [("iteration:0", np.asarray(optimizer.iterations.numpy(), np.int64))]
    if not optimizer.fits(params):
        return found
    state, name = optimizer.state, type(optimizer).__name__
    for slot, key in tf_keras_optimizer.columns(optimizer, state, params):
        array = state[slot][key] if slot else np.zeros(params[key].shape, params[key].dtype)
        found.append((f"{name}/{slot or 'm'}/{key}:0", np.asarray(array)))
    # the Nadam of Keras 2, whose schedule files of tf.keras 2.11 and later cannot hold
    scalars = optimizer.scalars if hasattr(optimizer, "schedule_decay") else ()
    return [*found, *((f"{name}/{scalar}:0", np.asarray(state[scalar][""])) for scalar in scalars)]
