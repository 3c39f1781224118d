"""`updates` of layers and models of Keras 1 and 2: what they assign to their variables in training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import jax

from gazelle.compat import era
from gazelle.compat.backend.updates import StateUpdate
from gazelle.compat.types import Nested, TensorLike
from gazelle.core.symbolic import Node, symbolic_leaves
from gazelle.core.variable import Variable, is_variable
from gazelle.layers import RNN, BatchNormalization, Layer, weight_tree
from gazelle.models import Model


def of_layer(layer: Layer, inputs: Nested[TensorLike] = None) -> list[StateUpdate]:
    """The updates of the calls of a layer, or of those in a model; or of its calls on `inputs` if there are any."""
    if not era.is_before_tf_keras_2():
        return []
    given = {id(tensor) for tensor in symbolic_leaves(inputs)}
    nodes = [node for node in layer._call_nodes if given & {id(tensor) for tensor in node.inputs}]
    if not nodes:
        nodes = layer._graph.nodes if isinstance(layer, Model) and layer._graph is not None else layer._call_nodes
    return list(_of_nodes(nodes))


def _of_nodes(nodes: Iterable[Node]) -> Iterator[StateUpdate]:
    for node in nodes:
        if isinstance(node.operation, Layer):
            for variable in _states(node.operation):
                yield StateUpdate(variable, symbolic_leaves(node.outputs)[0], layer=node.operation)


def _states(layer: Layer) -> Iterator[Variable]:
    """The variables that a layer, and those in it, assign in training."""
    for one in weight_tree.named_layers(layer).values():
        if isinstance(one, BatchNormalization) and one.trainable:
            yield from (one.moving_mean, one.moving_variance)
        elif isinstance(one, RNN) and one.stateful:
            yield from (v for v in jax.tree.leaves(one.states, is_leaf=is_variable) if is_variable(v))
