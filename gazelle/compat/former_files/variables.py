"""The arrays that files of Keras 2 contain for layers and optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.compat import era, old_names
from gazelle.compat.optimizers import former_optimizers
from gazelle.compat.tables import listed
from gazelle.saving import keras_weight_order, tf_keras_optimizer

if TYPE_CHECKING:
    from gazelle.core.variable import Variable
    from gazelle.models import Model

Named = list[tuple[str, Any]]
#: others, such as wrappers, have a state of their own, in the order of Keras 3
OF_TF_KERAS = frozenset(listed("SGD RMSprop Adam AdamW Adagrad Adadelta Adamax Nadam Ftrl Lion Adafactor"))


def of_weights(weights: list[Variable]) -> Named:
    """The names and arrays of the weights of a layer."""
    return [(_name(v), v.numpy()) for v in weights]


def _name(variable: Any) -> str:
    """The name of a variable in TensorFlow, "dense/kernel:0"."""
    name = str(variable.name)
    return name if name.endswith(":0") else old_names.weight_name(variable.path)


def of_optimizer(model: Model) -> Named:
    """The number of steps, and the slots of the trained weights if there are any yet, as in tf.keras since 2.11."""
    optimizer: Any = model.optimizer
    if type(optimizer).__name__ not in OF_TF_KERAS:
        return [(v.key, v.numpy()) for v in keras_weight_order.optimizer_variables(model)]
    params = {key: v.value for key, v in keras_weight_order.trained_weights(model).items()}
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


def by_slots(model: Model) -> Named:
    """Steps, shared numbers and slots as before tf.keras 2.11: a slot of all weights, then the next one.

    Args:
        model: the model.
    """
    optimizer: Any = model.optimizer
    params = {key: v.value for key, v in keras_weight_order.trained_weights(model).items()}
    name, state = type(optimizer).__name__, optimizer.state
    found: Named = [(f"{name}/iterations:0", np.asarray(optimizer.iterations.numpy(), np.int64))]
    if not optimizer.fits(params):
        return found
    found = found if former_optimizers.has_steps(name) else []
    scalars = () if era.is_package_before_2_3() else optimizer.scalars
    found += [(f"{name}/m_schedule:0", np.asarray(state[scalar][""])) for scalar in scalars]
    order = [(slot, key) for slot, key in optimizer.keras_order([*params]) if key in params and key in state[slot]]
    slots = dict.fromkeys(slot for slot, _ in order)
    if name == "Ftrl":  # by weights
        return [*found, *((f"{name}/{key}/{slot}:0", np.asarray(state[slot][key])) for key in params for slot in slots)]
    arrays = [state[slot][key] for slot in slots for key in params]
    if era.standalone() and name == "SGD" and not slots:
        arrays = [np.zeros(value.shape, value.dtype) for value in params.values()]
    if era.standalone() and name == "Adam" and "velocity_hat" not in slots:
        arrays += [np.zeros(1, "float32")] * len(params)
    return [*found, *((f"training/{name}/slot_{n}:0", np.asarray(array)) for n, array in enumerate(arrays))]
