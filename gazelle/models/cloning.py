"""Copies of models with new weights, in which layers can be replaced."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gazelle import tree
from gazelle.core import symbolic
from gazelle.core.errors import ArgumentError, message
from gazelle.core.registry import custom_object_scope
from gazelle.core.serialization import rebuild
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Nested
from gazelle.layers.base import Layer
from gazelle.layers.input import Input, InputLayer
from gazelle.models.functional import Functional, takes_a_graph, with_added
from gazelle.models.model import Model
from gazelle.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Nested[KerasTensor] | None = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Model:
    """Create a model of the same structure with new weights, compiled in the same way if the model is.

    Args:
        model: a model.
        input_tensors: symbolic tensors instead of new Inputs.
        clone_function: returns the layer that replaces a layer; Inputs are not passed to it.
        call_function: `(layer, *args, **kwargs) -> outputs`, calls the new layers.
        recursive: also clone the layers of models inside the model; otherwise they are passed to `clone_function`.

    Returns:
        The new model.

    Raises:
        ArgumentError: it is no model, or its layers cannot be replaced.

    Example:
    >>> model = Sequential([Input((3,)), layers.Dense(2, name="top"), layers.Dropout(0.5)])
    >>> without = lambda layer: layers.Identity(name="as_is") if "dropout" in layer.name else type(layer).from_config(layer.get_config())
    >>> [layer.name for layer in clone_model(model, clone_function=without).layers]
    ['top', 'as_is']
    """  # noqa: E501
    if not hasattr(type(model), "compile_from_config"):
        raise ArgumentError(
            message(
                "clone_model",
                expected="a model",
                got=f"a {type(model).__name__}",
                hint="To copy a layer without its weights: type(layer).from_config(layer.get_config()).",
            )
        )
    copy = _copy(model, input_tensors, clone_function, call_function, recursive)
    config = model.get_compile_config() if model.compiled else None
    if config is not None and not copy.compiled:
        with custom_object_scope(_functions(model)):
            copy.compile_from_config(config)
    return copy


def _functions(model: Model) -> dict[str, Any]:
    """The losses and metrics of the program that a model is compiled with, by name."""
    arguments = model._compile_state.arguments if model._compile_state is not None else {}
    given = tree.flatten([arguments.get(name) for name in ("loss", "metrics", "weighted_metrics")])
    return {each.__name__: each for each in given if inspect.isroutine(each)}


def _copy(model: Model, input_tensors: Any, clone_function: Any, call_function: Any, recursive: bool) -> Model:
    """The clone, not compiled."""
    if input_tensors is None and clone_function is None and call_function is None:
        return rebuild(model, built=not model._was_given_more)  # its first call builds it with all arguments
    copies = _Copies(clone_function or rebuild, call_function, recursive)
    call = call_function or (lambda layer, *args, **kwargs: layer(*args, **kwargs))
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ArgumentError(
                message(
                    "clone_model: call_function",
                    expected="a model made from inputs and outputs",
                    got="a Sequential, whose layers are called one after another",
                )
            )
        heads = symbolic.leaves(input_tensors) or [layer for layer in model._layers if isinstance(layer, InputLayer)]
        return Sequential([*heads[:1], *map(copies, model.layers)], name=model.name, trainable=model.trainable)
    if model._graph is None:
        raise ArgumentError(
            message(
                f"clone_model of '{model.name}'",
                expected="a Functional or Sequential model, whose layers can be replaced",
                got=f"{type(model).__name__}, which defines its own call",
                hint="Without clone_function and input_tensors, it is cloned from its get_config().",
            )
        )
    graph = with_added(model)
    if graph.auxiliary.tensors:  # which may be computed by layers of nested models
        for operation in model._graph.operations:
            copies.share_layers(operation)
    inputs, outputs, losses, reports = _called_again(graph, input_tensors, copies, call)
    made = type(model) if takes_a_graph(type(model)) else Functional
    clone = made(inputs=inputs, outputs=outputs, name=model.name, trainable=model.trainable)
    if graph.auxiliary.tensors and clone._extended_graph is None:
        clone._compute_too(losses, reports)
    return clone


class _Copies:
    """One copy for each layer, even if it is called several times."""

    def __init__(self, function: Callable[[Any], Any], call: Callable[..., Any] | None, recursive: bool) -> None:
        self.function, self.call, self.recursive = function, call, recursive
        self.made: dict[int, Any] = {}

    def __call__(self, layer: Any) -> Any:
        if not isinstance(layer, Layer):  # an operation: it has no weights
            return layer
        if id(layer) not in self.made:
            made = self._inside(layer) if self.recursive else None
            self.made[id(layer)] = self.function(layer) if made is None else made
        return self.made[id(layer)]

    def share_layers(self, model: Any) -> None:
        """Copy a nested model now; the copies of its layers are those inside of its copy."""
        if hasattr(type(model), "layers"):
            self._share(model, self(model))

    def _share(self, model: Any, copy: Any) -> None:
        for layer, of_copy in zip(model.layers, copy.layers, strict=False):
            self.made.setdefault(id(layer), of_copy)
            if hasattr(type(layer), "layers") and hasattr(type(of_copy), "layers"):
                self._share(layer, of_copy)

    def _inside(self, layer: Any) -> Model | None:
        """The clone of a model whose layers can be replaced, else None."""
        if isinstance(layer, Sequential):
            return clone_model(layer, clone_function=self.function, recursive=True)
        if getattr(layer, "_graph", None) is None:
            return None
        return clone_model(layer, None, self.function, self.call, recursive=True)


def _called_again(graph: Any, given: Any, copies: _Copies, call: Callable[..., Any]) -> tuple[Any, ...]:
    """Repeat the calls of a graph with other layers, from new Inputs or from given tensors."""
    heads = (
        symbolic.leaves(given)
        if given is not None
        else [
            Input(batch_shape=t.shape, dtype=t.dtype, name=name)
            for t, name in zip(graph.flat_inputs, graph.input_names, strict=True)
        ]
    )
    alike = given is None or type(given) is type(graph.inputs)
    if len(heads) != len(graph.flat_inputs) or (isinstance(graph.inputs, dict) and not alike):
        raise ArgumentError(
            message(
                "clone_model: input_tensors",
                expected=f"{len(graph.flat_inputs)} tensors, in the structure of model.input",
                got=f"{len(heads)} in a {type(given).__name__}",
            )
        )
    known = {id(old): new for old, new in zip(graph.flat_inputs, heads, strict=True)}

    def renewed(tree: Any) -> Any:
        return symbolic.map_tree(lambda value: known.get(id(value), value), tree)

    for node in graph.nodes:
        outputs = symbolic.leaves(node.outputs)
        if all(id(tensor) in known for tensor in outputs):
            continue
        args, kwargs = renewed((node.args, node.kwargs))
        results = symbolic.leaves(call(copies(node.operation), *args, **kwargs))
        known.update((id(old), new) for old, new in zip(outputs, results, strict=True))
    added = graph.auxiliary
    return tuple(map(renewed, (graph.inputs, graph.outputs, added.losses, added.reports)))
