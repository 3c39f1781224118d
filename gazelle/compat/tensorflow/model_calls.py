"""Layers, losses and metrics on tensors of the facade: what the classes of `keras` do while it is open.

`gazelle.compat.mixins` calls these functions; gazelle's own classes are not changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import jax

from gazelle.compat.tensorflow.calls import boxed, call, unbox
from gazelle.compat.tensorflow.dataset import Dataset
from gazelle.compat.tensorflow.recording import is_box, listeners, unboxed
from gazelle.compat.tensorflow.stateful import fresh_key, stateful
from gazelle.compat.tensorflow.tape import GradientTape
from gazelle.core import symbolic, tracing
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.layers import weight_tree
from gazelle.models.graph import _fitted

_inside: ContextVar[int] = ContextVar("gazelle_layer_depth", default=0)
_seen: dict[int, Any] = {}  # layers that marks name by id: they must live as long


def has_box(tree: Any) -> bool:
    return any(isinstance(leaf, TensorWrapper) for leaf in jax.tree.leaves(tree, is_leaf=is_box))


def _from_outside(args: Any) -> bool:
    """Whether a call comes from the program itself: with NumPy's arrays, not with JAX's."""
    leaves = jax.tree.leaves(args, is_leaf=is_box)
    return bool(leaves) and not any(isinstance(leaf, jax.Array) or symbolic.is_symbolic(leaf) for leaf in leaves)


def layer_call(original: Callable[..., Any], layer: Any, args: Any, kwargs: Any) -> Any:
    """A call of a layer: `original(*args, **kwargs)` is gazelle's, on arrays."""
    if symbolic.any_symbolic(args, kwargs):
        return original(*unbox(args), **unbox(kwargs))
    depth = _inside.get()
    outside = depth == 0 and (bool(listeners()) or _from_outside((args, kwargs)))
    if not (outside or has_box((args, kwargs))):
        return original(*args, **kwargs)
    token = _inside.set(depth + 1)
    try:
        if depth:
            out = original(*unbox(args), **unbox(kwargs))
        elif _has_parts(layer):
            _inside.set(0)
            out = _by_layers(layer, args, kwargs)
        else:
            out = stateful(original, args, kwargs, _mark_of(layer), layer)
    finally:
        _inside.reset(token)
    return boxed(out)


def call_of_program(call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The `call` of a program's layer, which gazelle calls on arrays: it gets tensors, and gives arrays back."""
    if has_box((args, kwargs)) or symbolic.any_symbolic(args, kwargs):
        return call(*args, **kwargs)  # the program itself calls it
    token = _inside.set(_inside.get() + 1)
    try:
        return unbox(call(*boxed(args), **boxed(kwargs)))
    finally:
        _inside.reset(token)


def _has_parts(model: Any) -> bool:
    """Whether a tape should hear of a model's layers one by one: gradients may be asked between its outputs."""
    graph = getattr(model, "_graph", None)
    if graph is None or not listeners() or not type(model).call.__module__.startswith("gazelle."):
        return False
    return len(symbolic.leaves(graph.outputs)) > 1


def _by_layers(model: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """What a model of a graph gives, each of its layers called as if the program did it."""
    graph, outer = model._wide or model._graph, tracing.current()
    base = tracing.TraceContext(key=fresh_key()) if outer is None else outer
    given = kwargs.get("training", args[1] if len(args) > 1 else None)
    scope = dataclasses.replace(base, training=base.training if given is None else bool(given))
    inputs = graph.match(args[0] if args else kwargs["inputs"])
    values = {
        id(tensor): call(_entrance(graph, tensor), (value,), {})
        for tensor, value in zip(graph.flat_inputs, inputs, strict=True)
    }
    with tracing.entered(scope):
        for node in graph.nodes:
            outputs = symbolic.leaves(node.outputs)
            if not all(id(tensor) in values for tensor in outputs):
                words, named = symbolic.map_tree(lambda v: values.get(id(v), v), (node.args, node.kwargs))
                results = jax.tree.leaves(boxed(node.operation(*words, **named)), is_leaf=is_box)
                values.update((id(tensor), result) for tensor, result in zip(outputs, results, strict=True))
    if outer is None:
        model._eager_losses = [boxed(value) for _, value in scope.losses]
    return symbolic.map_tree(lambda tensor: values[id(tensor)], graph.outputs)


_entrances: dict[Any, Any] = {}


def _entrance(graph: Any, tensor: Any) -> Callable[[Any], Any]:
    """What brings data to the rank and dtype of an input; always the same function, so that programs are shared."""
    if (id(graph), id(tensor)) not in _entrances:
        _entrances[id(graph), id(tensor)] = lambda array: _fitted(tensor, array, graph.guessed)
    return _entrances[id(graph), id(tensor)]


def _mark_of(layer: Any) -> Any:
    """What tells a layer's program: the layer, and the plain attributes of those that others wrote."""
    _seen[id(layer)] = layer
    own = [one for one in weight_tree.named_layers(layer).values() if not type(one).__module__.startswith("gazelle.")]
    words = tuple(
        (id(one), tuple((k, v) for k, v in vars(one).items() if isinstance(v, bool | int | float | str))) for one in own
    )
    return id(layer), words


def loss_call(original: Callable[..., Any], loss: Any, args: Any, kwargs: Any) -> Any:
    """A call of a loss."""
    if not (has_box((args, kwargs)) or _from_outside((args, kwargs))):
        return unbox(original(*args, **kwargs))
    _seen[id(loss)] = loss
    return boxed(unbox(stateful(original, args, kwargs, ("loss", id(loss)))))


def as_tensors(out: Any) -> Any:
    """Results of a metric: tensors, but in a compiled step."""
    return out if _traces_alone() else boxed(out)


def _traces_alone() -> bool:
    """Whether gazelle's own step is being traced, which wants arrays."""
    scope = tracing.current()
    return scope is not None and scope.pure


def losses(layer: Any, values: list[Any]) -> list[Any]:
    """`layer.losses`, as tensors that tapes know."""
    if not listeners():
        return values if _traces_alone() else boxed(values)
    trained = weight_tree.trainable_ids(layer)
    weights = [v for v in layer.variables if v.regularizer is not None and id(v) in trained]
    added = [boxed(v) if not isinstance(v, TensorWrapper) else v for v in values[: len(values) - len(weights)]]
    return [*added, *(call(_penalty(v.regularizer), (v,), {}) for v in weights)]


def _penalty(regularizer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if regularizer not in _penalties:
        _penalties[regularizer] = lambda w: unboxed(regularizer(w))
    return _penalties[regularizer]


_penalties: dict[Any, Callable[[Any], Any]] = {}


def function_call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A function of `keras.losses`, `metrics` or `activations` where a program calls it with tensors."""
    given = (args, kwargs)
    if symbolic.any_symbolic(given) or not (has_box(given) or _from_outside(given)):
        return function(*args, **kwargs)
    return call(function, args, kwargs)


def datasets(out: Any) -> Any:
    """Data sets as those of `tf.data`."""
    return tuple(map(Dataset.of, out)) if isinstance(out, tuple) else Dataset.of(out)


def minimize(optimizer: Any, loss: Any, var_list: Any, grad_loss: Any = None, tape: Any = None) -> Any:
    """`optimizer.minimize(loss, var_list)`: one step; the loss is a function of nothing, or a tensor with its tape."""
    if callable(loss):
        with GradientTape() as tape:
            loss = loss()
    variables = list(var_list() if callable(var_list) else var_list)
    return optimizer.apply_gradients(zip(tape.gradient(loss, variables, grad_loss), variables, strict=True))
