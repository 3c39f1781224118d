"""The order of weights in Keras 1 and 2: in layers and lists all trained ones first, in a model layer by layer.

In models of the package `keras`, too, the trained ones are first in `weights`, but not in `get_weights`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gazelle.compat import era
from gazelle.core.variable import Variable
from gazelle.layers import RNN, Layer, tracking_order, weight_tree
from gazelle.models import Model, Sequential


def weights(layer: Layer) -> list[Variable]:
    """The weights of a layer or model; those of the layers inside follow its own, in a model they come first."""
    if era.is_package_before_keras_3():
        found = _trained(layer) + _frozen(layer)
    elif isinstance(layer, Model):
        found = [v for group in _groups(layer) for v in _of_layers(group)] + weight_tree.own_weights(layer)
    else:
        found = [*_of_layer(layer, True), *_of_layer(layer, False)]
    return list({id(v): v for v in found}.values())


def in_order(layer: Layer, found: list[Variable]) -> list[Variable]:
    """Variables of a layer or model in the order of its weights."""
    numbers = {id(v): number for number, v in enumerate(weights(layer))}
    return sorted(found, key=lambda v: numbers.get(id(v), len(numbers)))


def trained_in_order(layer: Layer, found: list[Variable]) -> list[Variable]:
    """Variables that training changes, whose order is another one only if a model or RNN has weights of its own."""
    models = (one for one in weight_tree.named_layers(layer).values() if isinstance(one, Model | RNN))
    return in_order(layer, found) if any(map(weight_tree.own_weights, models)) else found


def of_values(layer: Layer) -> list[Variable]:
    """The weights in the order of `get_weights`."""
    if not (isinstance(layer, Model) and era.is_package_before_keras_3()):
        return weights(layer)
    of_layer = of_values if era.number() == 1 and isinstance(layer, Sequential) else weights
    found = [v for inner in weight_tree.sublayers(layer) for v in of_layer(inner)] + weight_tree.own_weights(layer)
    return list({id(v): v for v in found}.values())


def _trained(layer: Layer) -> list[Variable]:
    if not layer.trainable:
        return []
    own = [v for v in weight_tree.own_weights(layer) if v.made_trainable]
    return _joined(layer, own, [v for inner in weight_tree.sublayers(layer) for v in _trained(inner)])


def _joined(layer: Layer, own: list[Variable], inside: list[Variable]) -> list[Variable]:
    """Own weights come first, but a recurrent layer of Keras 1 had no cell: its subclass extended the list."""
    return inside + own if era.number() == 1 and isinstance(layer, RNN) else own + inside


def _frozen(layer: Layer) -> list[Variable]:
    """The weights that training does not change; in a frozen model, those that it changes otherwise come first."""
    inside = weight_tree.sublayers(layer)
    own = weight_tree.own_weights(layer)
    fixed = [v for v in own if not v.made_trainable]
    others = _joined(layer, fixed, [v for inner in inside for v in _frozen(inner)])
    if layer.trainable:
        return others
    trained = [v for inner in inside for v in _trained(inner)]
    return _joined(layer, [v for v in own if v.made_trainable], trained) + others


def _of_layers(layers: Sequence[Layer]) -> list[Variable]:
    if len(layers) == 1:
        return weights(layers[0])
    return [v for trained in (True, False) for layer in layers for v in _of_layer(layer, trained)]


def _of_layer(layer: Layer, trained: bool) -> list[Variable]:
    """The weights that training changes, or the others; all those of a frozen layer are among the others."""
    inside = weight_tree.sublayers(layer)
    if not layer.trainable:
        return [] if trained else [*weight_tree.own_weights(layer), *(v for inner in inside for v in weights(inner))]
    own = [v for v in weight_tree.own_weights(layer) if v.made_trainable == trained]
    of_layers = [v for inner in inside for v in _of_layer(inner, trained)]
    return [*of_layers, *own] if isinstance(layer, Model) else [*own, *of_layers]


def _groups(model: Model) -> Iterator[list[Layer]]:
    """The layers in each attribute of a model: one, or those in a list or a dict."""
    if model._graph is not None or isinstance(model, Sequential):
        yield from ([layer] for layer in weight_tree.sublayers(model))
        return
    known = {id(layer) for layer in weight_tree.sublayers(model)}
    noted, time, values_of = vars(model).get(tracking_order.ASSIGNMENTS, {}), 0, []
    for name, value in vars(model).items():
        time = noted.get(name, (time,))[0]  # a layer in the place of another one is the last
        values_of += [] if name in weight_tree.UNTRACKED else [(time, value)]
    for _, value in sorted(values_of, key=lambda pair: pair[0]):
        found: list[Any] = []
        values = [value[key] for key in sorted(value, key=str)] if isinstance(value, dict) else [value]
        weight_tree.collect(values, found)
        yield [layer for layer in found if id(layer) in known]
