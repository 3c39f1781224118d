"""The state of an optimizer in a checkpoint of TensorFlow, which tf.keras stores in two ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.saving import h5_format
from gazelle.saving.h5_format.weight_layout import Layout
from gazelle.saving.tensorflow_format.checkpoint import Checkpoint
from gazelle.saving.tensorflow_format.object_graph import Matches, child

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.optimizers.base import Optimizer

_LAYOUT = Layout(keras_1=False, flipped=False)


def load(optimizer: Optimizer, model: Model, checkpoint: Checkpoint, number: int | None, found: Matches) -> None:
    """Restore the number of steps, the learning rate and the slots of an optimizer, as far as they were saved.

    Args:
        optimizer: the optimizer.
        model: whose weights it updates.
        checkpoint: the checkpoint.
        number: of the object of the optimizer.
        found: the objects of the weights.
    """
    objects = checkpoint.objects
    if number is None:
        return
    listed = child(objects, number, "_variables")
    steps = child(objects, number, "iter" if listed is None else "_iterations")
    named = [] if steps is None else [("iteration", steps)]
    if listed is not None:  # since tf.keras 2.11: all variables in a list
        variables = [index for _, index in sorted((int(n), i) for n, i in objects[listed].children.items())]
        named += [(objects[index].name, index) for index in variables if index != steps]
        rate = child(objects, number, "_learning_rate")
    else:
        numbers = [found[id(v)][1] for v in model.trainable_weights if id(v) in found]
        slots = [slot for slot in objects[number].slots if slot[1] in numbers]
        kinds = list(dict.fromkeys(kind for kind, _, _ in slots))
        slots.sort(key=lambda slot: (kinds.index(slot[0]), numbers.index(slot[1])))
        momenta = child(objects, number, "momentum_cache")  # of Nadam
        named += [] if momenta is None else [("momentum_cache", momenta)]
        named += [(f"slots/{kind}", index) for kind, _, index in slots]
        rate = child(objects, number, "learning_rate")
    if rate is not None and objects[rate].key in checkpoint.entries and optimizer.current_rate() is not None:
        optimizer.learning_rate = float(checkpoint.read(objects[rate].key))
    if len(named) > 1 and all(objects[index].key in checkpoint.entries for _, index in named):
        arrays = [checkpoint.read(objects[index].key) for _, index in named]
        names = [name for name, _ in named]
        h5_format.restore_optimizer(optimizer, model, names, arrays, _LAYOUT, checkpoint.prefix)
