"""Outputs by name: how losses, labels, weights and metrics given as one, a list or a dict find their output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, DataError, message, unknown

if TYPE_CHECKING:
    from gazelle.core.types import Nested, Tree


def output_names(y_pred: Tree, names: list[str] | None) -> list[str]:
    """A name for each output: the keys of a dict, the graph's layer names, else output_1, output_2 ..."""
    if is_flat_dict(y_pred):
        return sorted(y_pred)
    count = len(jax.tree.leaves(y_pred))
    if names is not None and len(names) == count:
        return list(names)
    return [f"output_{i + 1}" for i in range(count)]


def log_names(names: list[str], of_graph: list[str] | None) -> list[str]:
    """The names in the logs of outputs with these names: those of the graph if there is one, also for a dict."""
    return names if of_graph is None or len(of_graph) != len(names) else of_graph


def are_unnamed(y_pred: Tree, names: list[str] | None) -> bool:
    """Whether several outputs have no names, so that the logs have those of losses and metrics alone."""
    if is_flat_dict(y_pred) or conventions.active.outputs_are_numbered:
        return False
    return len(jax.tree.leaves(y_pred)) not in (1, len(names or ()))


def flat_outputs(y_pred: Tree, names: list[str]) -> list[Any]:
    """The outputs in the order of their names."""
    return [y_pred[name] for name in names] if is_flat_dict(y_pred) else jax.tree.leaves(y_pred)


def is_flat_dict(outputs: Tree) -> bool:
    """Whether outputs are a dict without other structures in it: its keys are the names of the outputs."""
    return isinstance(outputs, Mapping) and not any(isinstance(v, (Mapping, list, tuple)) for v in outputs.values())


class _KeepsOrder(dict[Any, Any]):
    """A dict whose order of keys JAX keeps; it sorts the keys of others."""


jax.tree_util.register_pytree_node(
    _KeepsOrder,
    lambda own: (tuple(own.values()), tuple(own)),
    lambda names, values: _KeepsOrder(zip(names, values, strict=True)),
)


def keep_order(outputs: Tree) -> Tree:
    """Outputs whose dicts keep the order of their keys in compiled programs."""
    return _replace_dicts(outputs, dict, _KeepsOrder)


def with_dicts(outputs: Tree) -> Tree:
    """Undo `keep_order`."""
    return _replace_dicts(outputs, _KeepsOrder, dict)


def _replace_dicts(tree: Tree, former: type[dict[Any, Any]], new: type[dict[Any, Any]]) -> Tree:
    if isinstance(tree, jax.Array | np.ndarray):  # most models have one output
        return tree

    def replace(node: Any) -> Any:
        if type(node) is not former:
            return node
        return new((key, _replace_dicts(value, former, new)) for key, value in node.items())

    return jax.tree.map(replace, tree, is_leaf=lambda node: type(node) is former)


def per_output(what: str, value: Nested[Any], names: list[str], *, spread: bool = False) -> list[Any]:
    """`value` as a list with one entry per output. `spread`: a single value counts for every output."""
    if isinstance(value, (list, tuple)) and not value:
        value = None
    if isinstance(value, Mapping):
        return _of_dict(what, value, names)
    if len(names) == 1:
        if not isinstance(value, (list, tuple)):
            return [value]
        if spread and len(value) != 1:
            raise ArgumentError(message(what, expected=f"one entry, for output '{names[0]}'", got=len(value)))
        return [value[0] if len(value) == 1 else value]
    if isinstance(value, (list, tuple)):
        return _of_list(what, value, names)
    if value is None or spread:
        return [value] * len(names)
    raise ArgumentError(
        message(
            what,
            expected=f"one entry per output ({', '.join(names)})",
            got=repr(value),
            hint="Give a list or a dict by output name.",
        )
    )


def _of_dict(what: str, value: Mapping[str, Any], names: list[str]) -> list[Any]:
    """The entries of a dict by names of outputs, or in the structure of nested outputs."""
    if _is_nested(value, names, is_data=not what.startswith("compile")):
        flat = jax.tree.leaves(value, is_leaf=lambda leaf: leaf is None)
        if len(flat) == len(names):
            return flat
    wrong = [key for key in value if key not in names]
    if wrong:
        raise unknown(f"output in {what}", wrong[0], names)
    return _entries(what, [value.get(name) for name in names])


def _of_list(what: str, value: Sequence[Any], names: list[str]) -> list[Any]:
    """The entries of a list of several outputs, or in the structure of nested outputs."""
    if len(value) == len(names):
        return _entries(what, list(value))
    flat = jax.tree.leaves(value, is_leaf=lambda leaf: leaf is None)
    if len(flat) == len(names):
        return flat
    raise ArgumentError(
        message(
            what,
            expected=f"{len(names)} entries, one per output ({', '.join(names)})",
            got=f"{len(value)}",
            hint=f"Or give a dict such as {{'{names[0]}': ...}}.",
        )
    )


def _entries(what: str, entries: list[Any]) -> list[Any]:
    """The entries; a list with the one loss of an output becomes this loss."""
    return list(map(_single, entries)) if what == "compile(loss=...)" else entries


def _is_nested(value: Mapping[Any, Any], names: list[str], is_data: bool) -> bool:
    """Whether a dict has structures in it: dicts, and in data lists and tuples if its keys are not names of outputs.

    In arguments of `compile` a list has several losses or metrics of one output.
    """
    kinds = (Mapping, list, tuple) if is_data and not all(key in names for key in value) else Mapping
    return any(isinstance(one, kinds) for one in value.values())


def _single(value: Any) -> Any:
    """The item of a list with one item; other values as they are."""
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def targets_of(y: Tree, names: list[str], functions: list[Any]) -> list[Any]:
    """The target of each output; outputs without a loss need none, and may be left out."""
    with_loss = [index for index, function in enumerate(functions) if function is not None]
    given = list(y) if isinstance(y, (list, tuple)) else [y]
    nested = any(isinstance(one, (list, tuple, dict)) for one in given)
    if y is None or nested or isinstance(y, Mapping) or len(with_loss) == len(names) or len(given) != len(with_loss):
        if len(names) > 1 and y is not None and not isinstance(y, (Mapping, list, tuple)):
            raise DataError(
                message(
                    "y",
                    expected=f"one array per output ({', '.join(names)})",
                    got="one array",
                    hint="Give a list or a dict by output name.",
                )
            )
        return per_output("y", y, names)
    targets: list[Any] = [None] * len(names)
    for index, target in zip(with_loss, given, strict=True):
        targets[index] = target
    return targets
