"""Calls of layers on tensors: those of gazelle as one node in the graph of PyTorch, those of a program on tensors."""

from __future__ import annotations

import functools
from typing import Any

import jax
import torch

from gazelle.compat.graph_calls import call_nodes, training_given
from gazelle.compat.pytorch import recorded_calls
from gazelle.compat.pytorch.dispatch import TorchTensor, by_program, is_inside_trace, on_tensors
from gazelle.compat.pytorch.tensors import boxed, has_tensor, is_box, unbox
from gazelle.compat.tensorflow.eager.compiled_calls import is_library_code
from gazelle.compat.tensorflow.layer_calls import program_key
from gazelle.compat.types import Arguments, Function, Keywords
from gazelle.core import shape_inference, symbolic, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.own_code import from_gazelle
from gazelle.core.types import Tree
from gazelle.layers import Layer, weight_tree
from gazelle.models.graph_inputs import fitted


def layer_call(original: Function, layer: Layer, args: Arguments, kwargs: Keywords) -> Tree:
    """Call a layer; `original(*args, **kwargs)` is gazelle's method, which takes arrays."""
    given = (args, kwargs)
    if symbolic.any_symbolic(*given):
        return original(*unbox(args), **unbox(dict(kwargs)))
    if shape_inference.infers_shapes.get():  # of a `call` that cannot be traced: the values have no meaning
        out = original(*unbox(args), **unbox(dict(kwargs)))
        return boxed(out) if has_tensor(given) else out
    gives_tensors = has_tensor(given) or by_program()
    if not (gives_tensors or on_tensors.get()) or is_inside_trace(given):
        return original(*args, **kwargs)
    outer = tracing.current()
    scope = tracing.TraceContext() if outer is None else outer
    with tracing.entered(scope):
        out = _call(original, layer, scope, args, dict(kwargs))
    if outer is None:
        _store_losses(layer, scope.losses)
    return out if gives_tensors else unbox(out)


def _store_losses(layer: Layer, found: list[tuple[Layer, Any]]) -> None:
    """Store the losses of a call in the layers that added them, in the place of those of earlier calls."""
    inside = {id(one): one for one in weight_tree.named_layers(layer).values()}
    for one in inside.values():
        one._eager_losses = []
    for owner, value in found:
        inside.get(id(owner), layer)._eager_losses.append(boxed(value))


def _call(
    original: Function, layer: Layer, scope: tracing.TraceContext, args: Arguments, kwargs: dict[str, Any]
) -> Tree:
    run = getattr(layer, "run_module", None)
    if run is not None:
        return run(*boxed(args), **{"training": scope.training, **boxed(kwargs)})
    is_own = not from_gazelle(type(layer).call)
    if is_own:
        args, kwargs = jax.tree.map(functools.partial(_cast, layer), (args, kwargs), is_leaf=is_box)
        with assigned(on_tensors, True):
            return boxed(original(*unbox(args), **unbox(kwargs)))
    library = is_library_code(layer)
    if not library and getattr(layer, "_graph", None) is not None and layer.built:
        return _call_nodes(layer, scope, args, kwargs)
    key = program_key(layer) if library else None
    return recorded_calls.call(original, args, kwargs, key, layer, is_compiled=library)


def _cast(layer: Layer, value: Any) -> Any:
    """A float tensor in the dtype in which a layer computes, so that its array is not converted later."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or not getattr(layer, "autocast", True):
        return value
    return value.to(getattr(torch, layer.compute_dtype, value.dtype))


def _call_nodes(model: Any, scope: tracing.TraceContext, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call the layers and operations of a functional model one by one."""
    before = scope.training
    scope.training = training_given(args, kwargs, before)
    try:
        return call_nodes(model._extended_graph or model._graph, args, kwargs, _fit_input, _call_operation, is_box)
    finally:
        scope.training = before


def _fit_input(graph: Any, tensor: Any, value: Any) -> Any:
    function = functools.partial(fitted, tensor, guessed=graph.guessed)
    return recorded_calls.call(function, (_as_tensor(value),), {}, is_compiled=False)


def _call_operation(operation: Any, args: Any, kwargs: Any) -> Any:
    if isinstance(operation, Layer):
        return boxed(operation(*args, **kwargs))
    return boxed(TorchTensor.dispatch(operation, args, kwargs))


def _as_tensor(value: Any) -> Any:
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value)
