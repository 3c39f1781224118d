"""Calls layers on tensors of the facade: tapes record a layer as one call, or the calls inside of it."""

from __future__ import annotations

import dataclasses
import functools
import weakref
from collections.abc import Callable, Hashable, Mapping
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

from gazelle.compat import facade
from gazelle.compat.backend.phase import LearningPhase
from gazelle.compat.graph_calls import call_nodes, training_given
from gazelle.compat.tensorflow import names_of_1, ragged_layers
from gazelle.compat.tensorflow.calls import boxed, call, unbox
from gazelle.compat.tensorflow.eager import autograph, compiled_calls
from gazelle.compat.tensorflow.eager.function import needs_values
from gazelle.compat.tensorflow.eager.programs import NeedsTapeError
from gazelle.compat.tensorflow.eager.recording import LooksAtValuesError, active_tapes, is_box
from gazelle.compat.tensorflow.eager.stateful import fresh_key, register_dataclasses, stateful
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.ops import sparse
from gazelle.compat.types import Arguments, Function, Keywords
from gazelle.core import names, symbolic, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.own_code import from_gazelle
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.layers import Layer, weight_tree
from gazelle.models import Sequential
from gazelle.models.graph_inputs import fitted

_layer_depth: ContextVar[int] = ContextVar("gazelle_layer_depth", default=0)
keep_alive: dict[int, Any] = {}  # objects whose ids are in program keys: an id must not be reused
_PLAIN = (bool, int, float, str)


class LayerOutputs:
    """What is done with results of layers; `probability`, whose layers return distributions, has its own."""

    def expanded(self, function: Function) -> Function:
        """A function whose result also contains what is attached to its arrays."""
        return function

    def contracted(self, out: Tree) -> Tree:
        """The result of such a function, with that attached to its arrays."""
        return out

    def mark(self, tensor: KerasTensor) -> None:
        """Prepare a symbolic tensor that a layer returns."""


layer_outputs = LayerOutputs()


def has_box(tree: Tree) -> bool:
    return any(isinstance(leaf, TensorWrapper) for leaf in jax.tree.leaves(tree, is_leaf=is_box))


def from_outside(args: Tree) -> bool:
    """Whether a call comes from user code that imports tensorflow, with NumPy arrays and no JAX arrays."""
    leaves = jax.tree.leaves(args, is_leaf=is_box)
    inside = any(isinstance(leaf, jax.Array) or symbolic.is_symbolic(leaf) for leaf in leaves)
    return bool(leaves) and not inside and facade.serves_caller()


def layer_call(original: Function, layer: Layer, args: Arguments, kwargs: Keywords) -> Tree:
    """Call a layer; `original(*args, **kwargs)` is gazelle's method, which takes arrays."""
    prepare = vars(layer.layers[0] if isinstance(layer, Sequential) and layer.layers else layer).get("_prepare_inputs")
    if args and prepare is not None:
        args = (prepare(args[0]), *args[1:])
    if args and ragged_layers.takes(layer, args[0]):
        return ragged_layers.call(layer, *args, **kwargs)
    if _is_tensor_mode(kwargs.get("training")):
        modes = [{**kwargs, "training": mode} for mode in (True, False)]
        original(*args, **modes[1])  # it makes the weights, outside of the branches
        return NAMES["cond"](kwargs["training"], *(functools.partial(original, *args, **mode) for mode in modes))
    if tracing.current() is None and symbolic.any_in_graph(args, kwargs):
        return original(*_unbox_values(args), **_unbox_values(kwargs))  # the layer becomes a node that reads variables
    if symbolic.any_symbolic(args, kwargs):
        scope = names.PATH.get()  # a `tf.name_scope` is not in the names of layers of a functional model
        with assigned(names.PATH, "" if isinstance(scope, names.OwnScope) else scope):
            return original(*unbox(args), **unbox(kwargs))
    depth, recorded = _layer_depth.get(), bool(active_tapes())  # inside of a layer, by a tape that it began
    outside = depth == 0 and from_outside((args, kwargs))
    if not (recorded or outside or has_box((args, kwargs))):
        return original(*args, **kwargs)
    with assigned(_layer_depth, depth + 1):
        if depth and not recorded:
            out = original(*unbox(args), **unbox(kwargs))
        elif _records_layers(layer):
            out = _call_layers(layer, args, kwargs)
        else:
            out = _outputs(original, layer, args, kwargs, recorded)
    return boxed(sparse.of_arrays(out))


def _is_tensor_mode(training: Any) -> bool:
    """Whether the argument `training` of a call is a tensor of TensorFlow 1, for which both modes are branches."""
    is_tensor = isinstance(training, KerasTensor) and not isinstance(training, LearningPhase)
    return (is_tensor or hasattr(training, "writes_graphs")) and names_of_1.active()


def _outputs(original: Function, layer: Layer, args: Arguments, kwargs: Keywords, recorded: bool) -> Tree:
    """The outputs of a layer as one compiled call, or as those of its parts where `call` looks at values."""
    if recorded and (attributes := _outer_tensors(layer)):
        if compiled_calls.is_library_code(layer):
            return _call_with(original, layer, args, kwargs, attributes)
        return _call_parts(original, layer, args, kwargs)
    if layer in _looks_at_values:
        return _call_parts(original, layer, args, kwargs)
    library = functools.partial(compiled_calls.is_library_code, layer)
    watched = recorded and _has_user_defined(layer)
    before = _stored_tensors(layer) if watched else {}
    values = [(variable, variable._value) for variable in layer.variables] if watched else []
    try:
        function = layer_outputs.expanded(original)
        out = layer_outputs.contracted(
            stateful(function, args, kwargs, program_key(layer), layer, library, is_watched=recorded)
        )
        if watched and _stored_tensors(layer).keys() - before.keys():  # a loss may be computed from them
            for variable, value in values:
                variable._value = value
            raise LooksAtValuesError
        return out
    except LooksAtValuesError:
        _looks_at_values.add(layer)
        parts = _call_layers if _records_layers(layer) else functools.partial(_call_parts, original)
        return parts(layer, args, kwargs)


def _unbox_values(tree: Tree) -> Tree:
    """Replace the tensors in a tree by arrays, except the variables of a graph."""
    return symbolic.map_in_order(lambda v: v if isinstance(v, Variable) else unbox(v), tree, is_box)


#: layers of which a tape records the calls inside, since a replay of `call` would not have the values it looks at
_looks_at_values: weakref.WeakSet[Layer] = weakref.WeakSet()


def _outer_tensors(layer: Layer) -> list[tuple[Layer, str]]:
    """Attributes of a layer, or of one in it, that hold tensors of tapes, which a replay would take as constants."""
    found = []
    for one in weight_tree.named_layers(layer).values():
        for name, value in vars(one).items():
            stored = [value] if isinstance(value, TensorWrapper) else value
            if isinstance(stored, list | tuple) and stored and not weight_tree.is_layer(stored[0]):
                known = [v.array for v in jax.tree.leaves(stored, is_leaf=is_box) if isinstance(v, TensorWrapper)]
                if known and any(tape.is_affected_by(known) for tape in active_tapes()):
                    found.append((one, name))
    return found


def _has_user_defined(layer: Layer) -> bool:
    """Whether a layer, or one in it, is user-defined, so that its `call` may store tensors."""
    return not all(from_gazelle(type(one)) for one in weight_tree.named_layers(layer).values())


def _stored_tensors(layer: Layer) -> dict[tuple[int, str, int], Any]:
    """Tensors in attributes of a user-defined layer and of those in it, also in lists and dicts."""
    found: dict[tuple[int, str, int], Any] = {}
    for one in weight_tree.named_layers(layer).values():
        for name, value in vars(one).items() if not from_gazelle(type(one)) else ():
            if isinstance(value, TensorWrapper | list | tuple | dict) and name not in weight_tree.UNTRACKED:
                leaves = jax.tree.leaves(value, is_leaf=lambda leaf: is_box(leaf) or weight_tree.is_layer(leaf))
                found |= {(id(one), name, id(leaf)): leaf for leaf in leaves if isinstance(leaf, TensorWrapper)}
    return found


def _call_with(original: Function, layer: Layer, args: Arguments, kwargs: Keywords, attributes: list[Any]) -> Tree:
    """Call a layer whose attributes hold tensors (`layer.kernel = kernel - rate * gradient`) as a function of them."""

    def function(values: list[Any], *args: Any, **kwargs: Any) -> Any:
        before = [vars(one)[name] for one, name in attributes]
        try:
            for (one, name), value in zip(attributes, values, strict=True):
                vars(one)[name] = value
            return original(*args, **kwargs)
        finally:
            for (one, name), value in zip(attributes, before, strict=True):
                vars(one)[name] = value

    return stateful(function, ([vars(one)[name] for one, name in attributes], *args), kwargs, None, layer)


def _call_parts(original: Function, layer: Layer, args: Arguments, kwargs: Keywords) -> Tree:
    """Call a layer so that a tape records the calls inside."""
    outer = tracing.current()
    scope = tracing.TraceContext(key=fresh_key()) if outer is None else outer
    args, kwargs = jax.tree.map(_on_device, (args, dict(kwargs)), is_leaf=is_box)
    with tracing.entered(scope):
        out = original(*unbox(args), **unbox(kwargs))
    if outer is None:
        layer._eager_losses = [boxed(value) for _, value in scope.losses]
    return out


def _on_device(value: Tree) -> Tree:
    """A tensor as the array with which the layer computes, so that a tape finds it."""
    is_host = (
        isinstance(value, TensorWrapper) and isinstance(value.array, np.ndarray) and value.array.dtype.kind in "fc"
    )
    return call(jax.numpy.asarray, (value,), {}) if is_host or isinstance(value, Variable) else value


def user_defined_call(call: Function, args: Arguments, kwargs: Keywords) -> Tree:
    """Run the `call` of a user-defined layer, which gazelle calls on arrays: with tensors, converting the result."""
    if has_box((args, kwargs)) or symbolic.any_symbolic(args, kwargs):
        return call(*args, **kwargs)  # called by user code
    with assigned(_layer_depth, _layer_depth.get() + 1):
        out = call(*boxed(args), **boxed(kwargs))
        register_dataclasses(out)
        return unbox(sparse.as_outputs(out))


def without_values(function: Function, error: Exception) -> Function | None:
    """The function with `if` and `while` on tensors compiled, if an error in it means that a value was needed."""
    return autograph.rewritten(function) if needs_values(error) else None


def may_compute_values(error: Exception) -> bool:
    """Whether an error means that a value was needed, outside of a program that is being traced."""
    return needs_values(error) and not tracing.is_traced()


def needs_tape(error: Exception) -> bool:
    """Whether a step must run again with a tape, for `tf.gradients` in it."""
    return isinstance(error, NeedsTapeError) and not tracing.is_traced()


def _records_layers(model: Any) -> bool:
    """Whether a tape records the layers of a model one by one, for gradients between its outputs or inside of it."""
    graph = getattr(model, "_graph", None)
    complete = graph is not None and model.built  # the graph of a Sequential may end at a layer that looks at values
    if not complete or not active_tapes() or not from_gazelle(type(model).call):
        return False
    return model in _looks_at_values or len(symbolic.leaves(graph.outputs)) > 1


def _call_layers(model: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Call the layers of a functional model one by one, as user code would."""
    _layer_depth.set(0)  # `layer_call` resets it
    args, kwargs = jax.tree.map(_on_device, (args, dict(kwargs)), is_leaf=is_box)
    outer = tracing.current()
    base = tracing.TraceContext(key=fresh_key()) if outer is None else outer
    scope = dataclasses.replace(base, training=training_given(args, kwargs, base.training))
    with tracing.entered(scope):
        out = call_nodes(model._extended_graph or model._graph, args, kwargs, _fit_input, _call_operation, is_box)
    if outer is None:
        model._eager_losses = [boxed(value) for _, value in scope.losses]
    return out


def _fit_input(graph: Any, tensor: Any, value: Any) -> Any:
    return call(_input_function(graph, tensor), (value,), {})


def _call_operation(operation: Any, args: Any, kwargs: Any) -> Any:
    """Call an operation of a graph on tensors; a function, unlike a layer, does not record itself."""
    if isinstance(operation, Layer) or getattr(operation, "runs_on_host", False):
        return boxed(operation(*args, **kwargs))
    keep_alive[id(operation)] = operation
    return boxed(call(operation, args, kwargs))


_input_functions: dict[Any, Any] = {}


def _input_function(graph: Any, tensor: Any) -> Callable[[Any], Any]:
    """The function that converts data to the rank and dtype of an input; cached, so that programs are shared."""
    if (id(graph), id(tensor)) not in _input_functions:
        _input_functions[id(graph), id(tensor)] = lambda array: fitted(tensor, array, graph.guessed)
    return _input_functions[id(graph), id(tensor)]


def program_key(layer: Layer) -> Hashable:
    """The key of a layer's program: the layer, and the plain attributes and functions of all layers in it."""
    keep_alive[id(layer)] = layer
    parts: list[Any] = [id(layer)]
    for one in weight_tree.named_layers(layer).values():
        parts.append(id(one))
        for name, value in vars(one).items():
            if type(value) in _PLAIN:
                if name != "_draws":  # counts calls
                    parts += (name, value)
            elif callable(value) and not weight_tree.is_layer(value):
                keep_alive[id(value)] = value
                parts += (name, id(value))
    return tuple(parts)
