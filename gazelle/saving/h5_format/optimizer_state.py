"""The state of an optimizer in a file of Keras 1, 2 or 3 in the old layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.traceback import warn
from gazelle.core.variable import Variable
from gazelle.saving import hdf5, keras_weight_order, tf_keras_optimizer
from gazelle.saving.h5_format.weight_layout import Layout, gathered, laid_out, leaves
from gazelle.saving.safetensors import Array

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.optimizers.base import Optimizer

#: names of slots: "Adam/dense/kernel/m:0", "training/Adam/m_0:0", since tf.keras 2.11 "Adam/m/dense/kernel:0"
_KINDS = frozenset(
    (
        *("m", "v", "vhat", "momentum", "velocity", "rms", "mg", "average_gradient", "accumulator", "linear"),
        *("accum_grad", "accum_var", "accumulated_grad", "accumulated_delta_var"),
    )
)
_KERAS_3 = re.compile(r"_(momentum|velocity)$")


def load(model: Model, reader: hdf5.Reader, layout: Layout, weights: list[str]) -> None:
    """Assign the slots and the number of steps in the file to the model's optimizer.

    weights: the names of all weights in the file, layer by layer.
    """
    names = [str(n) for n in np.ravel(reader.attributes_of("optimizer_weights").get("weight_names", [])).tolist()]
    paths = [f"optimizer_weights/{name}" for name in names]
    if not names or any(path not in reader.declared for path in paths):
        return
    optimizer = model.optimizer
    if len(optimizer.own_variables()) == 1 and names[1:2] and "learning_rate" in names[1]:  # now a schedule: `decay`
        del names[1], paths[1]
    arrays = [reader.read(path, *reader.declared[path]) for path in paths]
    trainable = [name for name in weights if not re.search(r"_running_(mean|std)(:0)?$", name)]
    order = np.argsort(np.argsort(trainable)) if layout.keras_1 and trainable else None  # Keras 1 sorted them by name
    restore_optimizer(optimizer, model, names, arrays, layout, reader.label, order)


def restore_optimizer(
    optimizer: Optimizer,
    model: Model,
    names: list[str],
    arrays: list[Array],
    layout: Layout,
    label: str,
    order: np.ndarray | None = None,
) -> None:
    """Assign arrays to the slots and the number of steps of an optimizer, or warn that they do not match.

    model: whose weights the optimizer updates.
    names: of the arrays in the file.
    label: the name of the file, for the warning.
    order: positions of the trainable weights among the arrays of a slot; None is the order of the model.
    """
    found = keras_weight_order.trained_weights(model)
    trained, params = [*found.values()], {key: v.value for key, v in found.items()}
    optimizer.overwrite(v.key for v in trained if v.overwrite_with_gradient)
    fresh = optimizer.init(params)
    columns = [(slot, key) for slot, key in optimizer.keras_order([*params]) if key in fresh.get(slot, {})]
    state: Any = (
        tf_keras_optimizer.restored(optimizer, fresh, params, arrays) if names[0].startswith("iteration") else None
    )
    shares_slots = any(not key and slot not in optimizer.scalars for slot, key in columns)
    if state is None and columns and (names[0].endswith("/iteration") or shares_slots):
        state = _in_order(optimizer, fresh, columns, arrays)
    if state is None:
        shared = [n for n, a in enumerate(arrays[:2]) if n and a.shape == () and optimizer.scalars]  # of Nadam
        kinds = [slot for slot in fresh if slot not in optimizer.scalars]
        rest = [n for n in range(len(names)) if n not in shared]
        state = _slots(model, trained, kinds, fresh, [names[n] for n in rest], [arrays[n] for n in rest], layout, order)
        if state is not None:
            state[1].update({name: {"": arrays[n]} for name, n in zip(optimizer.scalars, shared, strict=False)})
    if state is None:
        warn(f"The state of the optimizer in '{label}' does not match '{optimizer.name}': it is reset.")
        return
    steps, slots = state
    optimizer.state = {name: dict(found) for name, found in slots.items()} | {
        name: values for name, values in fresh.items() if name not in slots
    }
    if steps is not None:
        optimizer.own_variables()[0].assign(steps)


def _in_order(optimizer: Optimizer, fresh: Any, columns: Any, arrays: list[Array]) -> Any:
    """As `_slots`, for the last arrays in the order of Keras 3; those before them are other variables."""
    before = len(arrays) - len(columns)
    own = optimizer.own_variables()
    wanted = [fresh[name][key].shape for name, key in columns]
    if before not in (0, len(own)) or [a.shape for a in arrays[before:]] != wanted:
        return None
    for variable, array in zip(own, arrays[:before], strict=False):
        variable.assign(array)
    slots: dict[str, dict[str, Array]] = {}
    for (name, key), array in zip(columns, arrays[before:], strict=True):
        slots.setdefault(name, {})[key] = array
    return None, slots


def _kind(name: str) -> str | None:
    """The slot that an array in a file is of, by its name."""
    parts = name.removesuffix(":0").split("/")
    last = re.sub(r"(_\d+)+$", "", parts[-1])
    if last in _KINDS:
        return last
    if len(parts) > 2 and parts[1] in _KINDS:
        return parts[1]
    found = _KERAS_3.search(last)
    return found[1] if found else None


def _slots(
    model: Model,
    trained: list[Variable],
    slots: list[str],
    fresh: Mapping[str, Mapping[str, Any]],
    names: list[str],
    arrays: list[Array],
    layout: Layout,
    order: Any,
) -> tuple[Array | None, dict[str, dict[str, Array]]] | None:
    """(steps, {slot: {path: array}}) if the number of arrays is right."""
    steps = None
    if arrays and arrays[0].shape == ():
        steps, names, arrays = arrays[0], names[1:], arrays[1:]
    rates = [n for n, a in enumerate(arrays[:1]) if a.shape == () and "learning_rate" in names[n]]
    names, arrays = names[len(rates) :], arrays[len(rates) :]
    size = len(arrays) // 3
    if len(arrays) == 3 * size == 3 * len(trained) and all(a.shape == (1,) for a in arrays[2 * size :]):
        names, arrays = names[: 2 * size], arrays[: 2 * size]  # Adam of Keras 2 without amsgrad
    kept = [name for name in slots if trained]
    for count in range(len(kept), 0, -1):
        found = _divided(model, trained, kept[:count], fresh, names, arrays, layout, order)
        if found is not None:
            return steps, found
    return (steps, {}) if not arrays or not kept else None  # SGD also stored velocities without momentum


def _take_turns(names: list[str], count: int) -> bool:
    """Whether the slots of a weight follow each other, m, v, m, v ..., and not m, m ... v, v."""
    if len({_kind(name) for name in names[:2]} - {None}) == 2:
        return True
    weights = [name.rpartition("/")[0] for name in names[: count + 1]]
    return len(set(weights[:count])) == 1 and weights[-1] != weights[0]


def _divided(
    model: Model,
    trained: list[Variable],
    slots: list[str],
    fresh: Mapping[str, Mapping[str, Any]],
    names: list[str],
    arrays: list[Array],
    layout: Layout,
    order: Any,
) -> dict[str, dict[str, Array]] | None:
    size = len(arrays) // len(slots)
    if size * len(slots) != len(arrays) or not arrays:
        return None
    turns = _take_turns(names, len(slots))
    groups = [arrays[n :: len(slots)] if turns else arrays[n * size : (n + 1) * size] for n in range(len(slots))]
    owner = {id(v): leaf for leaf in leaves(model) for v in leaf.weights}
    parts = [(leaf, len(leaf.trainable_weights)) for leaf in leaves(model) if leaf.trainable_weights]
    out: dict[str, dict[str, Array]] = {}
    for slot, group in zip(slots, groups, strict=True):
        if order is not None and len(order) == len(group):
            group = [group[n] for n in order]
        group = gathered(parts, group) if layout.keras_1 else group
        if len(group) != len(trained):
            return None
        placed = [laid_out(owner.get(id(v)), v, a, layout) for v, a in zip(trained, group, strict=True)]
        if any(a.shape != np.shape(fresh[slot][v.key]) for v, a in zip(trained, placed, strict=True)):
            return None
        out[slot] = {v.key: a for v, a in zip(trained, placed, strict=True)}
    return out
