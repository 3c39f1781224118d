"""Where calls of gazelle meet tensors: while the façade is there, layers, losses and metrics take and give tensors.

The classes themselves know nothing of it: `opened` lays a method around theirs, `closed` takes it away again.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

from gazelle import activations, losses, metrics, utils
from gazelle.compat.tensorflow.calls import boxed, call, unbox
from gazelle.compat.tensorflow.dataset import Dataset
from gazelle.compat.tensorflow.recording import is_box, listeners, unboxed
from gazelle.compat.tensorflow.stateful import fresh_key, stateful
from gazelle.compat.tensorflow.tape import GradientTape
from gazelle.core import symbolic, tracing
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.layers.tree import Tree
from gazelle.losses.base import Loss
from gazelle.losses.target_shapes import TARGETS
from gazelle.metrics.base import Metric
from gazelle.models.graph import _fitted
from gazelle.models.model import Model
from gazelle.models.step_methods import has_two_arguments
from gazelle.optimizers import LossScaleOptimizer, transforms
from gazelle.optimizers.base import Optimizer

_inside: ContextVar[int] = ContextVar("gazelle_layer_depth", default=0)
_undo: list[Callable[[], None]] = []
_seen: dict[int, Any] = {}  # layers that marks name by id: they must live as long


def has_box(tree: Any) -> bool:
    return any(isinstance(leaf, TensorWrapper) for leaf in jax.tree.leaves(tree, is_leaf=is_box))


def _from_outside(args: Any) -> bool:
    """Whether a call comes from the program itself: with NumPy's arrays, not with JAX's."""
    leaves = jax.tree.leaves(args, is_leaf=is_box)
    return bool(leaves) and not any(isinstance(leaf, jax.Array) or symbolic.is_symbolic(leaf) for leaf in leaves)


# The taps ------------------------------------------------------------------------------------------------------------


def _layer_call(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if symbolic.any_symbolic(args, kwargs):
            return original(self, *unbox(args), **unbox(kwargs))
        depth = _inside.get()
        outside = depth == 0 and (bool(listeners()) or _from_outside((args, kwargs)))
        if not (outside or has_box((args, kwargs))):
            return original(self, *args, **kwargs)
        token = _inside.set(depth + 1)
        try:
            if depth:
                out = original(self, *unbox(args), **unbox(kwargs))
            elif _has_parts(self):
                _inside.set(0)
                out = _by_layers(self, args, kwargs)
            else:
                out = stateful(functools.partial(original, self), args, kwargs, _mark_of(self), self)
        finally:
            _inside.reset(token)
        return boxed(out)

    return called


def _has_parts(model: Any) -> bool:
    """Whether a tape should hear of a model's layers one by one: gradients may be asked between its outputs."""
    graph = getattr(model, "_graph", None)
    if graph is None or not listeners() or not type(model).call.__module__.startswith("gazelle."):
        return False
    return len(symbolic.leaves(graph.outputs)) > 1


def _by_layers(model: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """What a model of a graph gives, each of its layers called as if the program did it."""
    graph, outer = model._wide or model._graph, tracing.current()
    base = tracing.Scope(key=fresh_key()) if outer is None else outer
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


def _own_step(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Model._with_state`: a `train_step(self, data)` that others wrote is given tensors."""

    @functools.wraps(original)
    def found(self: Any, name: str, parts: Any) -> Any:
        step = original(self, name, parts)
        if getattr(type(self), name).__module__.startswith("gazelle.") or has_two_arguments(getattr(self, name)):
            return step
        return lambda data: unbox(step(boxed(data)))

    return found


def _mark_of(layer: Any) -> Any:
    """What tells a layer's program: the layer, and the plain attributes of those that others wrote."""
    _seen[id(layer)] = layer
    own = [one for one in weight_tree.named_layers(layer).values() if not type(one).__module__.startswith("gazelle.")]
    words = tuple(
        (id(one), tuple((k, v) for k, v in vars(one).items() if isinstance(v, bool | int | float | str))) for one in own
    )
    return id(layer), words


def _user_call(original: Callable[..., Any]) -> Callable[..., Any]:
    """`Layer._call_arrays` for classes that others wrote: their `call` is given tensors."""

    @functools.wraps(original)
    def called(self: Any, scope: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        cls = type(self)
        if cls.call.__module__.startswith("gazelle.") or "call" in self.__dict__:
            return unbox(original(self, scope, args, kwargs))  # an activation or a lambda may be the program's
        method = self.call

        def boxing(*inner: Any, **words: Any) -> Any:
            del self.__dict__["call"]
            token = _inside.set(_inside.get() + 1)
            try:
                return unbox(method(*boxed(inner), **boxed(words)))
            finally:
                _inside.reset(token)
                self.__dict__["call"] = boxing

        self.__dict__["call"] = boxing
        try:
            return original(self, scope, args, kwargs)
        finally:
            self.__dict__.pop("call", None)

    return called


def _loss_call(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not (has_box((args, kwargs)) or _from_outside((args, kwargs))):
            return original(self, *args, **kwargs)
        _seen[id(self)] = self
        return boxed(unbox(stateful(functools.partial(original, self), args, kwargs, ("loss", id(self)))))

    return called


def _plain(original: Callable[..., Any]) -> Callable[..., Any]:
    """A method that takes arrays where it is given tensors."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        return original(self, *unbox(args), **unbox(kwargs))

    return called


def _boxing(original: Callable[..., Any]) -> Callable[..., Any]:
    """A method whose results are tensors outside of compiled steps."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = original(self, *unbox(args), **unbox(kwargs))
        return out if _traces_alone() else boxed(out)

    return called


def _traces_alone() -> bool:
    """Whether gazelle's own step is being traced, which wants arrays."""
    scope = tracing.current()
    return scope is not None and scope.pure


def _unboxing(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function of gazelle that calls the program's, and wants arrays."""

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        return unbox(original(*args, **kwargs))

    return called


def _losses(original: Any) -> Any:
    """`layer.losses`, as tensors that tapes know."""

    def read(self: Any) -> Any:
        values = original.fget(self)
        if not listeners():
            return values if _traces_alone() else boxed(values)
        trained = weight_tree.trainable_ids(self)
        weights = [v for v in self.variables if v.regularizer is not None and id(v) in trained]
        added = [boxed(v) if not isinstance(v, TensorWrapper) else v for v in values[: len(values) - len(weights)]]
        return [*added, *(call(_penalty(v.regularizer), (v,), {}) for v in weights)]

    return property(read)


def _penalty(regularizer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if regularizer not in _penalties:
        _penalties[regularizer] = lambda w: unboxed(regularizer(w))
    return _penalties[regularizer]


_penalties: dict[Any, Callable[[Any], Any]] = {}


def _lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a room that takes and gives tensors where the program calls it with them."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        given = (args, kwargs)
        if symbolic.any_symbolic(given) or not (has_box(given) or _from_outside(given)):
            return function(*args, **kwargs)
        return call(function, args, kwargs)

    if function in TARGETS:
        TARGETS[called] = TARGETS[function]
    return called


_NOT_LIFTED = ("as_loss", "check_labels", "deserialize", "get", "serialize")


def opened() -> None:
    """Lay the taps."""
    if _undo:
        return
    _lay(Layer, "__call__", _layer_call)
    _lay(Layer, "_call_arrays", _user_call)
    _lay(Loss, "__call__", _loss_call)
    _lay(Metric, "__call__", _boxing)
    _lay(Tree, "losses", _losses)
    _lay(Optimizer, "apply", _plain)
    for cls in _classes(Metric):
        if "result" in cls.__dict__:
            _lay(cls, "result", _boxing)
        if "update_state" in cls.__dict__:
            _lay(cls, "update_state", _plain)
    _lay(transforms, "constrain", _unboxing)
    _lay(Model, "_with_state", _own_step)
    _lay(Model, "_loss_of", _unboxing)
    for name in ("train_step", "test_step", "predict_step"):
        _lay(Model, name, _plain)
    for name in ("save", "save_weights"):
        _lay(Model, name, _making_folder)
    _put(LossScaleOptimizer, "get_scaled_loss", LossScaleOptimizer.scale_loss)
    _put(LossScaleOptimizer, "get_unscaled_gradients", lambda self, grads: grads)  # `apply` scales them back
    _put(Optimizer, "minimize", _minimize)
    _put(Metric, "reset_states", lambda self: self.reset_state())
    _put(jax.Array, "numpy", _numpy)
    for name in ("image", "text", "audio"):
        _lay(utils, f"{name}_dataset_from_directory", _dataset)
    _lay(utils, "timeseries_dataset_from_array", _dataset)
    for namespace in (losses, metrics, activations):
        for name, value in list(vars(namespace).items()):
            module = getattr(value, "__module__", "") or ""
            own = callable(value) and not isinstance(value, type) and f"{module}.".startswith(namespace.__name__ + ".")
            if own and name[0] != "_" and name not in _NOT_LIFTED:
                _lay(namespace, name, _lifted)


def _classes(cls: type[Any]) -> list[type[Any]]:
    """The class and those below it that gazelle wrote."""
    children = [child for child in cls.__subclasses__() if child.__module__.startswith("gazelle.")]
    return [cls, *(one for child in children for one in _classes(child))]


def _lay(owner: Any, name: str, around: Callable[[Any], Any]) -> None:
    original = vars(owner)[name]
    setattr(owner, name, around(original))
    _undo.append(lambda: setattr(owner, name, original))


def _put(owner: Any, name: str, value: Any) -> None:
    if not hasattr(owner, name):
        setattr(owner, name, value)
        _undo.append(lambda: delattr(owner, name))


def _numpy(array: jax.Array) -> Any:
    """Arrays of JAX that reach the program by a way where no tap lies answer to tensors' commonest word, too."""
    return np.asarray(array)[()]


def _making_folder(original: Callable[..., Any]) -> Callable[..., Any]:
    """`save` and `save_weights` of TensorFlow make the folder that a path names."""

    @functools.wraps(original)
    def made(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        os.makedirs(os.path.dirname(os.path.abspath(os.fspath(filepath))), exist_ok=True)
        return original(self, filepath, *args, **kwargs)

    return made


def _minimize(self: Any, loss: Any, var_list: Any, grad_loss: Any = None, name: Any = None, tape: Any = None) -> Any:
    """`optimizer.minimize(loss, var_list)`: one step; the loss is a function of nothing, or a tensor with its tape."""
    if callable(loss):
        with GradientTape() as tape:
            loss = loss()
    variables = list(var_list() if callable(var_list) else var_list)
    return self.apply_gradients(zip(tape.gradient(loss, variables, grad_loss), variables, strict=True))


def _dataset(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a data set, which the program finds to be one of `tf.data`."""

    @functools.wraps(original)
    def made(*args: Any, **kwargs: Any) -> Any:
        out = original(*args, **kwargs)
        return tuple(map(Dataset.of, out)) if isinstance(out, tuple) else Dataset.of(out)

    return made


def closed() -> None:
    """Take the taps away."""
    while _undo:
        _undo.pop()()
