"""Calls the nodes of a functional model one by one on tensors, so that a library records each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

from gazelle.compat.types import Arguments, Function, Keywords
from gazelle.core import symbolic
from gazelle.core.masks import get_mask, remove_mask, set_mask
from gazelle.core.types import Tree
from gazelle.models.graph import Graph
from gazelle.models.graph_inputs import match


def call_nodes(
    graph: Graph,
    args: Arguments,
    kwargs: Keywords,
    fit_input: Callable[[Any, Any, Any], Any],
    call: Callable[[Function, Arguments, Keywords], Tree],
    is_box: Callable[[Any], bool],
) -> Tree:
    """Call a functional model on tensors.

    Args:
        graph: The graph of the model.
        args: The arguments of the call.
        kwargs: The keyword arguments of the call.
        fit_input: A function of the graph, a symbolic input and its tensor, which fits the tensor to the input.
        call: A function of a layer or operation and its arguments, which returns tensors.
        is_box: Whether a value is a tensor.

    Returns:
        The outputs of the model.
    """
    inputs = match(graph, args[0] if args else kwargs["inputs"])
    pairs = zip(graph.flat_inputs, inputs, strict=True)
    values = {id(tensor): fit_input(graph, tensor, value) for tensor, value in pairs}
    with _masks_of(list(values.values()), kwargs.get("mask", args[2] if len(args) > 2 else None)):
        _call_each(graph, values, call, is_box)
    return symbolic.map_tree(lambda tensor: values[id(tensor)], graph.outputs)


def _call_each(
    graph: Graph,
    values: dict[int, Any],
    call: Callable[[Function, Arguments, Keywords], Tree],
    is_box: Callable[[Any], bool],
) -> None:
    """Add the outputs of all nodes to `values`."""
    for node in graph.nodes:
        outputs = symbolic.leaves(node.outputs)
        if not all(id(tensor) in values for tensor in outputs):
            args, kwargs = symbolic.map_tree(lambda v: values.get(id(v), v), (node.args, node.kwargs))
            results = jax.tree.leaves(call(node.operation, args, kwargs), is_leaf=is_box)
            values.update((id(tensor), result) for tensor, result in zip(outputs, results, strict=True))


@contextlib.contextmanager
def _masks_of(tensors: list[Any], mask: Tree) -> Iterator[None]:
    """Let the arrays of tensors carry masks within the context: one for the first tensor, or a list of them.

    A tape records these arrays, so that copies with masks (`core.masks.with_masks`) would have no gradient.
    """
    arrays = [getattr(tensor, "array", tensor) for tensor in tensors]
    given = mask if isinstance(mask, list | tuple) else [mask]
    new = [
        (array, getattr(its, "array", its))
        for array, its in zip(arrays, given, strict=False)
        if its is not None and get_mask(array) is None
    ]
    for array, its in new:
        set_mask(array, its)
    try:
        yield
    finally:
        for array, _ in new:
            remove_mask(array)


def training_given(args: Arguments, kwargs: Keywords, default: bool | None) -> bool | None:
    """The argument `training` of the call of a model, or a default."""
    given = kwargs.get("training", args[1] if len(args) > 1 else None)
    return default if given is None else bool(given)
