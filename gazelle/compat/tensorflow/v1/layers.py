"""`tf.layers` of TensorFlow 1."""

from __future__ import annotations

import types
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat import tables
from gazelle.compat.backend.initialization import of_every_session
from gazelle.compat.backend.lifting import computes_values
from gazelle.compat.backend.updates import Update
from gazelle.compat.namespaces import namespace
from gazelle.compat.tables import pairs
from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import graphs, scopes, subgraphs
from gazelle.compat.tensorflow.v1.graph_variables import read_in_graph
from gazelle.compat.tensorflow.v1.graphs import build_graphs
from gazelle.compat.tensorflow.v1.placeholders import as_input
from gazelle.compat.types import TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import snake
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import is_symbolic
from gazelle.core.variable import Variable
from gazelle.layers import BatchNormalization

_LAYERS = pairs("""average_pooling1d=AveragePooling1D average_pooling2d=AveragePooling2D
    average_pooling3d=AveragePooling3D batch_normalization=BatchNormalization conv1d=Conv1D conv2d=Conv2D
    conv2d_transpose=Conv2DTranspose conv3d=Conv3D conv3d_transpose=Conv3DTranspose dense=Dense dropout=Dropout
    flatten=Flatten max_pooling1d=MaxPooling1D max_pooling2d=MaxPooling2D max_pooling3d=MaxPooling3D
    separable_conv1d=SeparableConv1D separable_conv2d=SeparableConv2D""")

#: class -> the arguments of its function after the inputs, in their order
_ORDERS = {
    kind: order
    for kinds, order in tables.lists("tensorflow", "layers of TensorFlow 1").items()
    for kind in kinds.split()
}

#: class -> weights whose initializer is by default that of the variable scope
_KERNELS = dict.fromkeys(("Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Dense"), ("kernel",))
_KERNELS |= dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), ("depthwise", "pointwise"))


def _defaults(kind: str) -> dict[str, Any]:
    """The arguments of a layer that the variable scope determines."""
    scope, kernels = scopes.current(), _KERNELS.get(kind, ())
    made = dict.fromkeys((f"{kernel}_initializer" for kernel in kernels), scope.initializer)
    made |= dict.fromkeys((f"{weight}_regularizer" for weight in (*kernels, "bias") if kernels), scope.regularizer)
    return {name: value for name, value in made.items() if value is not None}


def layer_function(kind: str) -> Callable[..., Any]:
    def call(inputs: Any, *args: Any, **options: Any) -> Any:
        inputs = as_input(inputs)
        build_graphs()
        options |= dict(zip(_ORDERS[kind], args, strict=False))
        training, fused = read_in_graph(options.pop("training", False)), options.pop("fused", None)
        name, reuse = options.pop("name", None), options.pop("reuse", None)
        if kind == "Dropout":
            options["rate"] = rate = read_in_graph(options.get("rate", 0.5))
            if is_symbolic(rate):  # a layer has a number
                seed = {key: options[key] for key in ("noise_shape", "seed") if key in options}
                drop = lambda: NAMES["compat.v1.nn.dropout"](inputs, rate=rate, **seed)  # noqa: E731
                return NAMES["cond"](training, drop, lambda: inputs)
        options |= {each: value for each, value in _defaults(kind).items() if options.get(each) is None}
        name = scopes.layer_name(snake(kind)) if name is None else name
        full = (scopes.current().prefix + name).removesuffix("/")
        make = lambda: getattr(namespace("gazelle.layers"), kind)(name=full, **options)  # noqa: E731
        layer = scopes.scoped(name, make, reuse)
        out = outputs(layer, inputs, training, fused)
        custom = scopes.current().custom_getter
        if custom is not None and layer.weights:
            out = outputs(_with_other_weights(layer, custom), inputs, training, fused)
        of_every_session.update(layer.weights)
        _added(layer, out)
        return out

    def outputs(layer: Any, inputs: Any, training: Any, fused: bool | None) -> Any:
        has_modes = kind in ("Dropout", "BatchNormalization")
        return _in_mode(layer, layer, inputs, training, fused) if has_modes else layer(inputs)

    return call


def _in_mode(layer: Any, call: Callable[..., Any], inputs: Any, training: Any, fused: bool | None) -> Any:
    """The output of a layer, called by `call`, for a value or a tensor `training`; adds the updates of statistics."""
    moves = isinstance(layer, BatchNormalization) and training is not False
    if graphs.eager() or computes_values() or not (moves or is_symbolic(training)):
        return call(inputs, training=bool(training))
    call(inputs, training=False)  # it makes its weights, outside of the branches
    if is_symbolic(training):
        out = subgraphs.symbolic_cond(training, *(lambda t=t: call(inputs, training=t) for t in (True, False)))
    else:
        out = _without_updates(call, inputs, training)
    if moves:
        _add_updates(layer, inputs, training, len(inputs.shape) == 4 if fused is None else fused)
    return out


def _with_other_weights(layer: Any, custom: Callable[..., Any]) -> Any:
    """A copy of a layer with the variables that the custom getter of the scope returns in place of its own."""
    made = type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_custom"})
    made.build(layer.input.shape)
    for name, own in list(vars(layer).items()):
        if isinstance(own, Variable):
            full = variable_names.without_output(own)
            setattr(made, name, custom(lambda *_, v=own, **__: v, full, shape=own.shape, trainable=own.trainable))
    return made


def _added(layer: Any, out: Any) -> None:
    """Let the graph have the penalty of the outputs of a layer, and weights that are not trained."""
    if is_symbolic(out) and getattr(layer, "activity_regularizer", None) is not None:
        total = scopes.penalty_of(layer.activity_regularizer, out)
        size = NAMES["cast"](NAMES["shape"](out)[0], out.dtype)
        scopes.add_to_collection(scopes.GraphKeys.REGULARIZATION_LOSSES, total / size)
    for weight in () if layer.trainable else layer.weights:
        weight.trainable = False  # optimizers and collections of the graph look at variables, not at layers


def _without_updates(call: Callable[..., Any], inputs: Any, training: Any) -> Any:
    """Call a layer in a part of the graph, where it assigns nothing itself."""
    part = subgraphs.SubGraph(lambda: call(inputs, training=bool(training)), ())
    return subgraphs.node(lambda _, captured: part.run((), captured), [part], ())


class _Scoped:
    """A base class of the classes of `tf.layers`, whose weights have the names of the variable scope."""

    def __init__(self, *args: Any, name: str | None = None, _reuse: Any = None, **options: Any) -> None:
        kind = snake(type(self).__name__)
        full = scopes.current().prefix + (name or kind) if graphs.active() else name
        super().__init__(*args, name=full, **options)  # type: ignore[call-arg]
        vars(self).update(_own_name=name or kind, _reuse=_reuse, _is_placed=False, _same=None)

    def __call__(self, inputs: Any, *args: Any, **options: Any) -> Any:
        layer = self._in_scope() if graphs.active() else self
        if layer is not self:
            return layer(inputs, *args, **options)
        inputs, call = jax.tree.map(as_input, inputs, is_leaf=is_box), super().__call__
        training = read_in_graph(options.get("training", args[0] if args else None))
        if training is None or not isinstance(self, BatchNormalization):
            out = call(inputs, *args, **options)
        else:
            out = _in_mode(self, call, inputs, training, self.fused)
        if graphs.active():
            _added(self, out)
        return out

    def _in_scope(self) -> Any:
        """The layer with the name that it gets in the variable scope of its first call, where it may be another one."""
        own = vars(self)
        if not own["_is_placed"] and not self.built:
            name = scopes.layer_name(own["_own_name"])
            found = scopes.scoped(name, lambda: self, own["_reuse"])
            if found is self:
                self.name = scopes.current().prefix + name
            own.update(_is_placed=True, _same=None if found is self else found)
        return own["_same"] or self


def _layer_class(kind: str) -> Any:
    base: Any = getattr(namespace("gazelle.layers"), kind)
    body = {"__doc__": base.__doc__, "__module__": base.__module__}
    return types.new_class(kind, (_Scoped, base), {"abstract": True}, lambda members: members.update(body))


def _add_updates(layer: Any, inputs: Any, training: Any, fused: bool) -> None:
    """Add the updates of moving statistics to the collection, from which programs run them.

    A fused operation, which normalizes images, divides the squares by one less than their number.
    """
    axis = (layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis) % len(inputs.shape)
    axes = tuple(i for i in range(len(inputs.shape)) if i != axis)

    def moved(x: Any, mean: Any, variance: Any, training: Any) -> Any:
        count = x.size / x.shape[axis]
        unbiased = count / max(count - 1, 1) if fused else 1
        new = [jnp.mean(x, axes), jnp.var(x, axes) * unbiased]
        rate = jnp.where(jnp.asarray(training, bool), 1 - layer.momentum, 0.0)
        return [old + (now - old) * rate for old, now in zip(map(jnp.asarray, (mean, variance)), new, strict=True)]

    statistics = layer.moving_mean, layer.moving_variance
    values = call_op(moved, (inputs, *statistics, training), {})
    for variable, value in zip(statistics, values, strict=True):
        scopes.add_to_collection(scopes.GraphKeys.UPDATE_OPS, Update(variable, value, adds=True))


for _name, _kind in _LAYERS.items():
    named(f"layers.{_name}")(layer_function(_kind))
    named(f"layers.{_kind}")(_layer_class(_kind))
named("layers.Layer")(_layer_class("Layer"))


@named("estimator.model_to_estimator")
def estimator(*_: Any, **__: Any) -> TensorResult:
    """Raise an error: a Keras model is no estimator."""
    hint = "Train the Keras model itself: model.fit."
    raise ArgumentError(message("tf.estimator", expected="a Keras model", got="an estimator", hint=hint))


#: `tf.keras.estimator`
keras_estimator = SimpleNamespace(model_to_estimator=estimator)
