"""Constants of graphs that `Session.run` is fed values for: tensors of the graph replace them."""

from __future__ import annotations

from typing import Any

import jax

from gazelle.compat.backend import sessions
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.constant_calls import ConstantCall, call_of, constants_of, is_constant
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.v1 import placeholders, scopes
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import Node
from gazelle.core.tensor_wrapper import TensorWrapper


def feedable(tensor: TensorLike, fetches: Nested[TensorLike]) -> TensorResult:
    """The tensor, or the one of the graph that takes the place of a constant.

    Raises:
        ArgumentError: No call of the graph takes the constant, or what was computed from it.
    """
    if not is_constant(tensor):
        return tensor
    made = _in_graph(tensor)
    _connect(tensor, fetches)
    if not sessions.depend(with_inputs(fetches), made):
        hint = "Make it with tf.placeholder_with_default, and its value can be fed."
        got = f"the constant {scopes.name_of_constant(tensor)!r}"
        raise ArgumentError(message("feed_dict", expected="placeholders and what follows them", got=got, hint=hint))
    return made


def with_inputs(fetches: Nested[TensorLike]) -> Nested[TensorLike]:
    """The fetches, with tensors of the graph in place of constants that were fed, and of what follows from them."""
    return jax.tree.map(lambda one: getattr(one, "_in_graph", one), fetches, is_leaf=is_box)


def _connect(constant: TensorWrapper, fetches: Nested[TensorLike]) -> None:
    """Let all that fetches depend on take the tensor in place of the constant, once for each list of fetches."""
    flat = jax.tree.leaves(fetches, is_leaf=is_box)
    connected = vars(constant).setdefault("_connected", {})
    key = tuple(map(id, flat))
    if key in connected:
        return
    connected[key] = flat  # so that their ids stay theirs

    def replaced(node: Node, argument: Any) -> Any:
        known = constants_of(node).get(id(argument), constant if argument is constant.array else argument)
        return _following(known)

    sessions.replace_arguments(list(map(_following, flat)), replaced)


def _in_graph(constant: TensorWrapper) -> Any:
    """The tensor of the graph for a constant: what it was computed from is in the graph, too, since that may be fed."""
    waiting = [constant]
    while waiting:
        one = waiting[-1]
        how = call_of(one)
        missing = [leaf for leaf in _constants_in(how) if not hasattr(leaf, "_in_graph")]
        if not missing or hasattr(one, "_in_graph"):
            waiting.pop()
            if not hasattr(one, "_in_graph"):
                vars(one)["_in_graph"] = placeholders.placeholder_with_default(one) if how is None else _made_by(how)
        else:
            waiting += missing
    return vars(constant)["_in_graph"]


def _made_by(how: ConstantCall) -> Any:
    """The result of the same call of tensors of the graph."""
    args, kwargs = jax.tree.unflatten(how.structure, [getattr(leaf, "_in_graph", leaf) for leaf in how.leaves])
    return jax.tree.leaves(call(how.function, args, kwargs), is_leaf=is_box)[how.index]


def _constants_in(how: ConstantCall | None) -> list[TensorWrapper]:
    return [leaf for leaf in how.leaves if is_constant(leaf)] if how else []


def _following(value: Any) -> Any:
    """A constant as a tensor of the graph, if it follows from one that is there; other values unchanged."""
    return _in_graph(value) if is_constant(value) and _follows(value) else value


def _follows(constant: TensorWrapper) -> bool:
    """Whether a constant, or one from which it was computed, is in the graph; each is looked at once."""
    waiting, seen = [constant], set[int]()
    while waiting:
        one = waiting.pop()
        if hasattr(one, "_in_graph"):
            return True
        if id(one) not in seen:
            seen.add(id(one))
            waiting += _constants_in(call_of(one))
    return False
