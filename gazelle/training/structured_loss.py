"""Losses in the structure of nested outputs: a loss at a list, tuple or dict receives the whole structure there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from gazelle import losses
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.training.outputs import is_flat_dict, per_output

if TYPE_CHECKING:
    from gazelle.core.types import LossLike, Nested, Tree

_CONTAINERS = (list, tuple, Mapping)


class Part(NamedTuple):
    """A loss, the path of the outputs that it receives, its factor, and its name in the logs."""

    path: tuple[Any, ...]
    loss: Any
    factor: Any
    name: str


class _Weighted(NamedTuple):
    loss: Any
    factor: Any


def _is_loss(entry: object) -> bool:
    return entry is None or isinstance(entry, _Weighted) or (isinstance(entry, Mapping) and "class_name" in entry)


def _is_container(entry: object) -> bool:
    return isinstance(entry, _CONTAINERS) and not _is_loss(entry)


def is_structured(loss: Nested[LossLike], y_pred: Tree, names: list[str]) -> bool:
    """Whether losses belong to parts of the outputs, not to single outputs.

    This is so for a dict with keys of nested outputs, unless it has a loss for each output, and for a list or tuple of
    losses of the whole, one of which is a container of the type of the outputs.
    """
    if not isinstance(y_pred, _CONTAINERS) or not _is_container(loss):
        return False
    if isinstance(loss, Mapping):
        if not isinstance(y_pred, Mapping) or is_flat_dict(y_pred) or all(key in names for key in loss):
            return False
        complete = len(jax.tree.leaves(loss, is_leaf=_is_loss)) == len(names)
        lists = any(isinstance(entry, (list, tuple)) for entry in loss.values())
        return all(key in y_pred for key in loss) and (lists or not complete)
    kind = Mapping if isinstance(y_pred, Mapping) else type(y_pred)
    if not isinstance(loss, (list, tuple)) or isinstance(y_pred, type(loss)):
        return False
    if kind is not Mapping and [*map(_is_container, loss)] == [isinstance(part, _CONTAINERS) for part in y_pred]:
        return False  # a list of losses for a tuple of outputs, or the reverse
    return any(isinstance(one, kind) and not _is_loss(one) for one in loss)


def parts_of(loss: Nested[LossLike], factors: Nested[float] | None, y_pred: Tree, names: list[str]) -> list[Part]:
    """The losses of the parts of nested outputs.

    Args:
        loss: the argument of `compile`.
        factors: `loss_weights`, in the structure of `loss` or as many numbers.
        y_pred: the outputs.
        names: names of the single outputs.

    Raises:
        ArgumentError: If `loss` or `factors` has another structure.
    """
    given, structure = jax.tree.flatten(loss, is_leaf=_is_loss)
    numbers = [None] * len(given) if factors is None else jax.tree.leaves(factors, is_leaf=lambda leaf: leaf is None)
    if len(numbers) != len(given):
        expected, got = f"{len(given)} numbers, one per loss", f"{len(numbers)}"
        raise ArgumentError(message("compile(loss_weights=...)", expected=expected, got=got))
    pairs = [_Weighted(losses.get(one), factor) for one, factor in zip(given, numbers, strict=True)]
    named = jax.tree.unflatten(jax.tree.structure(y_pred), names)
    return list(_find(jax.tree.unflatten(structure, pairs), y_pred, named, ()))


def _find(loss: Any, node: Any, named: Any, path: tuple[Any, ...]) -> Iterator[Part]:
    """The losses at and below a node of the outputs."""
    if isinstance(loss, _Weighted):
        if loss.loss is not None:
            yield Part(path, *loss, _name(named, path))
        return
    if isinstance(loss, (list, tuple)):
        leaves, structure = jax.tree.flatten(node)
        if len(loss) == len(leaves) and all(isinstance(one, _Weighted) for one in loss):
            loss = jax.tree.unflatten(structure, loss)
        elif not isinstance(node, type(loss)):  # several losses of one node
            for one in loss:
                yield from _find(one, node, named, path)
            return
    if isinstance(loss, _Weighted):
        yield from _find(loss, node, named, path)
        return
    keys = list(loss) if isinstance(loss, Mapping) else range(len(loss))
    known = node if isinstance(node, Mapping) else range(len(node)) if isinstance(node, (list, tuple)) else ()
    for key in keys:
        if key not in known:
            where = "".join(f"[{step!r}]" for step in path)
            raise unknown(f"output in compile(loss=...){where}", key, map(str, known))
        yield from _find(loss[key], node[key], named[key], (*path, key))


def _name(named: Any, path: tuple[Any, ...]) -> str:
    """The keys of the path; the name of an output replaces an index or stands for the path of the whole."""
    if isinstance(named, str):
        return "/".join([*map(str, path[:-1]), named if not path or isinstance(path[-1], int) else str(path[-1])])
    if path:
        return "/".join(map(str, path))
    return "_".join(map(str, named) if isinstance(named, Mapping) else jax.tree.leaves(named))


def at(path: tuple[Any, ...], tree: Tree) -> Tree:
    """The part of a structure at a path."""
    for step in path:
        tree = tree[step]
    return tree


def losses_of_outputs(loss: Nested[LossLike], y_pred: Tree, names: list[str]) -> list[Any]:
    """The loss of each output, which may be that of a structure around it; None for an output without."""
    if not is_structured(loss, y_pred, names):
        return per_output("compile(loss=...)", loss, names, spread=True)
    indices = jax.tree.unflatten(jax.tree.structure(y_pred), range(len(names)))
    found: list[Any] = [None] * len(names)
    for part in parts_of(loss, None, y_pred, names):
        for index in jax.tree.leaves(at(part.path, indices)):
            found[index] = part.loss
    return found
