"""The tree of layers and variables under a layer: paths, weights, values, penalties.

Functions over any layer or model. Children are found by walking the attributes of an object, also inside lists, tuples
and dicts, each time a function is called; those of user-defined layers are put in the order of `tracking_order`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core import conventions, tracing
from gazelle.core.errors import ShapeError, StateError, message
from gazelle.core.names import snake
from gazelle.core.prng import SeedGenerator
from gazelle.core.variable import Variable, lock_variables
from gazelle.layers import tracking_order

if TYPE_CHECKING:
    from gazelle.core.types import Array, ArrayLike
    from gazelle.layers.base import Layer

#: attributes whose layers are not those of the object
UNTRACKED = frozenset(
    {
        "_config",
        "_call_nodes",
        "_eager_losses",
        "_build_shapes",
        "optimizer",
        "history",
        "_seed_generator",
        tracking_order.ASSIGNMENTS,
    }
)
#: types of most attributes, which contain no layers
PLAIN = frozenset({type(None), bool, int, float, str, bytes})


def is_layer(value: object) -> bool:
    """Return whether `value` is a layer or a model: an object that the tree has a node for."""
    return getattr(type(value), "_tracks_weights", False)


def parts_of(value: object) -> list[Any] | None:
    """Return the values in a list, tuple or dict, or in an object such as a `tf.Module`; None for others.

    The class of such an object has `_contains_weights`: its attributes are searched, as those of a layer are.
    """
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if not getattr(type(value), "_contains_weights", False):
        return None
    parts = [part for _, part in sorted(vars(value).items())]
    return sorted(parts, key=lambda part: not isinstance(part, Variable))  # its own variables first, as in TensorFlow


def children(layer: Layer) -> list[Layer | Variable]:
    """Return the layers and variables in the attributes of a layer, in the order in which they were added."""
    members = _members(layer)
    if tracking_order.ASSIGNMENTS in layer.__dict__:
        return tracking_order.in_order(layer, members)
    return [member for _, _, member in members]


def _members(layer: Layer) -> list[tuple[str, int, Any]]:
    """Return (attribute, index in its list, layer or variable) in the order of the attributes."""
    found: list[tuple[str, int, Any]] = []
    for key, value in layer.__dict__.items():
        kind = type(value)
        if kind in PLAIN or key in UNTRACKED:
            continue
        if getattr(kind, "_tracks_weights", False) or isinstance(value, Variable):
            found.append((key, 0, value))
        elif isinstance(value, (list, tuple, dict)):
            for index, part in enumerate(value.values() if isinstance(value, dict) else value):
                if type(part) in PLAIN:
                    continue
                if getattr(type(part), "_tracks_weights", False):
                    found.append((key, index, part))
                else:
                    found += [(key, index, member) for member in collect([part], [], (id(value),))]
        elif isinstance(value, SeedGenerator):
            found.append((key, 0, value.state))
        elif getattr(kind, "_contains_weights", False):
            found += [(key, 0, member) for member in collect([value], [])]
    return found


def sublayers(layer: Layer) -> list[Layer]:
    """Return the layers directly under `layer`."""
    return list({id(v): v for v in children(layer) if not isinstance(v, Variable)}.values())


def named_layers(layer: Layer) -> dict[str, Layer]:
    """Return {path: layer} of a layer (path '') and all layers below it.

    A path consists of the names of the layers on the way, with automatic names numbered within their parent: it does
    not depend on other models in the process.
    """
    out: dict[str, Layer] = {}
    seen: set[int] = set()

    def walk(layer: Layer, path: str) -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        out[path] = layer
        members = _members(layer)
        inside = {id(child): child for _, _, child in members if not isinstance(child, Variable)}
        names: dict[int, str] = {}
        used: Counter[str] = Counter()  # equal names are numbered in the order of the attributes
        for key, child in inside.items():
            kind = snake(type(child).__name__)
            name = kind if child.auto_named or is_automatic(child.name, kind) else child.name
            unique = name
            while unique in used:  # also by a name that was given to a layer of another class
                used[name] += 1
                unique = f"{name}_{used[name]}"
            used[unique] = 0
            names[key] = unique
        if tracking_order.ASSIGNMENTS in layer.__dict__:
            inside = {id(child): child for child in tracking_order.in_order(layer, members) if id(child) in inside}
        for key, child in inside.items():
            walk(child, f"{path}/{names[key]}" if path else names[key])

    walk(layer, "")
    return out


def is_automatic(name: str, kind: str) -> bool:
    """Return whether a name is an automatic one, `dense` or `dense_7`, of this process or of a file."""
    start, _, number = name.rpartition("_")
    return name == kind or (start == kind and number.isdigit())


def named_variables(layer: Layer) -> dict[str, Variable]:
    """Return {path: variable} of all variables in the tree, and set the variables' `key`.

    These paths are the keys of the optimizer's state, of checkpoints and of `summary()`.
    """
    out: dict[str, Variable] = {}
    seen: set[int] = set()
    for path, owner in named_layers(layer).items():
        for _, _, variable in _members(owner):  # whose order decides about equal names
            if isinstance(variable, Variable) and id(variable) not in seen:
                seen.add(id(variable))
                base = key = f"{path}/{variable.name}" if path else variable.name
                number = 0
                while key in out:
                    key, number = f"{base}_{number + 1}", number + 1
                variable.key = key
                out[key] = variable
    return out


def trainable_ids(layer: Layer) -> set[int]:
    """Return the ids of the weights that training changes: `trainable` is true for them and for their owners.

    As in Keras 3, a layer that was unfrozen after a layer around it was frozen is trained, but not if the outermost
    layer is frozen.
    """
    if not layer.trainable:
        return set()
    return {id(v) for v, frozen in _with_frozen(layer, False, {}) if v.trainable and v.persistent and not frozen}


def trainable_weights(layer: Layer) -> list[Variable]:
    """Return the variables among `weights` that training changes; the tree is walked once."""
    found: dict[int, Variable] = {}
    trained: set[int] = set()
    if not layer.trainable:
        return []
    for variable, frozen in _with_frozen(layer, False, {}):
        if variable.trainable and variable.persistent:
            found.setdefault(id(variable), variable)
            if not frozen:
                trained.add(id(variable))
    return [variable for key, variable in found.items() if key in trained]


def _with_frozen(layer: Layer, frozen: bool, seen: dict[int, bool]) -> Iterator[tuple[Variable, bool]]:
    """Yield the variables in the order of `weights`, each with whether an owner is frozen; a shared one repeatedly.

    A layer that frozen and other layers share is not frozen; `seen` is True for layers that were frozen so far.
    """
    frozen = not layer.trainable or (frozen and not layer._unfrozen)
    if id(layer) in seen and (frozen or not seen[id(layer)]):
        return
    seen[id(layer)] = frozen
    below = []
    for child in children(layer):
        if isinstance(child, Variable):
            yield child, frozen
        else:
            below.append(child)
    for child in below:
        yield from _with_frozen(child, frozen, seen)


def weights(layer: Layer) -> list[Variable]:
    """Return all persistent variables in the order of `own_weights` of each layer."""
    out = [v for owner in named_layers(layer).values() for v in own_weights(owner)]
    return list({id(v): v for v in out}.values())


def own_weights(layer: Layer) -> list[Variable]:
    """Return the persistent variables of one layer, without those of the layers inside it.

    As in Keras, those that were made trainable are first; freezing a variable later does not move it.
    """
    own = {id(v): v for v in children(layer) if isinstance(v, Variable) and v.persistent}.values()
    return [v for v in own if v.made_trainable] + [v for v in own if not v.made_trainable]


def get_values(variables: Sequence[Variable]) -> list[np.ndarray]:
    """Return copies of weights as NumPy arrays, all of the same training step."""
    with lock_variables(variables):
        return [v.numpy() for v in variables]


def set_values(layer: Layer, variables: Sequence[Variable], values: Sequence[ArrayLike]) -> None:
    """Assign all weights of a layer, in the given order.

    Raises:
        ShapeError: the number of arrays or a shape differs.
    """
    arrays = [_array(value) for value in values]
    label = f"{type(layer).__name__} '{layer.name}'"
    if len(variables) != len(arrays):
        built = "" if layer.built else " Build it first: its weights do not exist yet."
        raise ShapeError(
            message(
                f"set_weights of {label}",
                expected=f"{len(variables)} arrays",
                got=f"{len(arrays)}",
                hint=f"Pass the result of get_weights() of an equal layer.{built}",
            )
        )
    wrong = [
        f"{v.key}: expected {v.shape}, got {a.shape}"
        for v, a in zip(variables, arrays, strict=True)
        if v.shape != a.shape
    ]
    if wrong:
        raise ShapeError(f"set_weights of {label} does not fit.\n" + "\n".join(wrong))
    with lock_variables(variables):
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)


def _array(value: Any) -> Any:
    """A NumPy array; inside of a compiled call its tracer."""
    own = value.value if isinstance(value, Variable) else value
    return own if isinstance(own, jax.core.Tracer) else np.asarray(own)


def count_params(layer: Layer) -> int:
    """Return the number of elements of all weights.

    Raises:
        StateError: the layer is not built.
    """
    if not layer.built:
        label = f"{type(layer).__name__} '{layer.name}'"
        raise StateError(message(f"{label} is not built yet", hint="Call it on data or give input_shape."))
    return sum(v.size for v in weights(layer))


def losses(layer: Layer) -> list[Array]:
    """Return the values that the last call passed to `add_loss` and the penalties of the regularizers, of the tree."""
    layers = list(named_layers(layer).values())
    scope = tracing.current()
    if scope is not None:
        ids = {id(each) for each in layers}
        called = [value for owner, value in scope.losses if id(owner) in ids]
    else:
        called = [value for each in layers for value in each._eager_losses]
    return called + [v.regularizer(v.value) for v in penalized(layer) if v.regularizer is not None]


def penalized(layer: Layer) -> list[Variable]:
    """Return the weights whose regularizers are a part of the loss: those that are trained, by convention all."""
    found = [v for v in named_variables(layer).values() if v.regularizer is not None]
    if conventions.active.frozen_weights_are_penalized:
        return found
    trainable = trainable_ids(layer)
    return [v for v in found if id(v) in trainable]


def collect(values: Iterable[Any], found: list[Any], around: tuple[int, ...] = ()) -> list[Any]:
    """Append to `found` the layers and variables in `values` and in the lists, tuples and dicts among them; return it.

    around: the ids of the containers around `values`, one of which may contain itself.
    """
    for value in values:
        kind = type(value)
        if kind in PLAIN:
            continue
        if getattr(kind, "_tracks_weights", False) or isinstance(value, Variable):
            found.append(value)
        elif isinstance(value, SeedGenerator):
            found.append(value.state)
        elif id(value) not in around and (parts := parts_of(value)) is not None:
            collect(parts, found, (*around, id(value)))
    return found
