"""`tf.contrib.layers`, which is also `tf.contrib.slim`: layers as functions, whose weights are variables of a scope."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import gazelle
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import depending
from gazelle.compat.classes import compat_class
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.convolutions import inner_sizes
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.graph_variables import get_variable, read_in_graph
from gazelle.compat.tensorflow.v1.layers import layer_function
from gazelle.compat.tensorflow.v1.scopes import variable_scope
from gazelle.compat.types import Nested, Option, TensorLike, TensorResult
from gazelle.core.context_variables import pushed
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import is_symbolic

#: function -> the arguments that the open `arg_scope`s set
_scopes: list[dict[str, dict[str, Any]]] = [{}]
#: the arguments of layers with weights after their own, and the defaults
_WEIGHTED: dict[str, Any] = {
    "activation_fn": lambda x: NAMES["nn.relu"](x),
    "normalizer_fn": None,
    "normalizer_params": None,
    "weights_initializer": None,
    "weights_regularizer": None,
    "biases_initializer": gazelle.initializers.Zeros(),
    "biases_regularizer": None,
}
_LAST = {"reuse": None, "variables_collections": None, "outputs_collections": (), "trainable": True, "scope": None}
_NEEDED = object()


@named("contrib.framework.add_arg_scope")
def add_arg_scope(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `arg_scope` set arguments of a function."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**_scopes[-1].get(key, {}), **kwargs})

    key = called._key_op = f"{function.__module__}.{function.__qualname__}"
    return called


@named("contrib.framework.arg_scope")
@contextlib.contextmanager
def arg_scope(list_ops_or_scope: Option, **kwargs: Any) -> Iterator[dict[str, dict[str, Any]]]:
    """Set arguments of functions that are called inside, or all those of an earlier `arg_scope`."""
    is_scope = isinstance(list_ops_or_scope, dict)
    scope = {**(list_ops_or_scope if is_scope else _scopes[-1])}
    for function in () if is_scope else list_ops_or_scope:
        scope[function._key_op] = {**scope.get(function._key_op, {}), **kwargs}
    with pushed(_scopes, scope):
        yield scope


@named("contrib.layers.utils.collect_named_outputs")
def collect_named_outputs(collections: str | Sequence[str] | None, alias: str, outputs: TensorResult) -> TensorResult:
    """`slim.utils.collect_named_outputs`: add a tensor, which gets a further name, to collections."""
    if collections:
        vars(outputs).setdefault("aliases", []).append(alias)
        scopes.add_to_collections(collections, outputs)
    return outputs


@named("contrib.layers.utils.convert_collection_to_dict")
def convert_collection_to_dict(collection: str, clear_collection: bool = False) -> dict[str, TensorResult]:
    """`slim.utils.convert_collection_to_dict`: the tensors of a collection by their further names."""
    found = {alias: x for x in scopes.get_collection(collection) for alias in vars(x)["aliases"]}
    if clear_collection:
        scopes.get_collection_ref(collection).clear()
    return found


@named("contrib.layers.utils.last_dimension")
def last_dimension(shape: Sequence[int | None], min_rank: int = 1) -> int:
    """`slim.utils.last_dimension`: the last size of a shape.

    Raises:
        ValueError: It is unknown, or there are fewer axes.
    """
    if len(shape) < min_rank or shape[-1] is None:
        expected = f"at least {min_rank} axes, of which the last has a known size"
        raise ArgumentError(message("last_dimension", expected=expected, got=tuple(shape)))
    return int(shape[-1])


def _layer(names: str, default: str, last: Mapping[str, Any] = _LAST, **own: Any) -> Callable[[Any], Any]:
    """Register a function of (inputs, the arguments) as a layer in a scope, followed by its activation. A decorator."""
    parameters = {"inputs": _NEEDED, **own, **last}

    def decorate(compute: Callable[[Any, Any], Any]) -> Any:
        def layer(*args: Any, **kwargs: Any) -> Any:
            given = {**parameters, **dict(zip(parameters, args, strict=False)), **kwargs}
            wrong = [name for name in given if name not in parameters or given[name] is _NEEDED]
            if wrong or len(args) > len(parameters):
                what = f"tf.contrib.layers.{layer.__name__}"
                raise ArgumentError(message(what, expected=f"the arguments {', '.join(parameters)}", got=wrong))
            options = SimpleNamespace(**given)
            with variable_scope(options.scope, default, reuse=given.get("reuse")) as options.opened:
                made = compute(options.inputs, options)
                if given.get("activation_fn") is not None:
                    made = options.activation_fn(made)
            return collect_named_outputs(given.get("outputs_collections"), options.opened.name, made)

        layer.__name__ = layer.__qualname__ = names.split()[0]
        taking = add_arg_scope(layer)
        named(*(f"contrib.layers.{name}" for name in names.split()))(taking)
        return taking

    return decorate


def _weighted(names: str, default: str, rank: int, **own: Any) -> Callable[[Any], Any]:
    """Register a function of (inputs, the arguments), which returns a weighted sum. A decorator."""

    def decorate(compute: Callable[[Any, Any], Any]) -> Any:
        def finished(x: Any, options: Any) -> Any:
            options.first = str(getattr(options, "data_format", None)).startswith("NC")
            options.channels = x.shape[1 if options.first else -1]
            options.rank = 1 if default == "Conv" and rank == 2 and len(x.shape) == 3 else rank  # as before 1.5
            for name in ("kernel_size", "stride", "rate"):
                if hasattr(options, name):
                    sizes = inner_sizes(getattr(options, name), options.rank, options.data_format)
                    setattr(options, name, [*map(int, sizes)])
            x = compute(x, options)
            if options.normalizer_fn is not None:
                return options.normalizer_fn(x, **options.normalizer_params or {})
            if options.biases_initializer is not None:
                return _with_bias(x, options, options.biases_initializer, options.biases_regularizer)
            return x

        return _layer(names, default, _LAST, **own, **_WEIGHTED)(finished)

    return decorate


def _with_bias(x: Any, options: Any, initializer: Any, regularizer: Any) -> Any:
    channels = x.shape[1 if options.data_format == "NCHW" else -1]
    bias = get_variable("biases", [channels], None, initializer, regularizer, options.trainable)
    return NAMES["nn.bias_add"](x, bias, data_format=options.data_format)


def _kernel(options: Any, *shape: Any, name: str = "weights") -> Any:
    initializer = options.weights_initializer or NAMES["contrib.layers.xavier_initializer"]()
    return get_variable(name, shape, None, initializer, options.weights_regularizer, options.trainable)


_KERNEL = {"num_outputs": _NEEDED, "kernel_size": _NEEDED}
_CONVOLUTION = {**_KERNEL, "stride": 1, "padding": "SAME", "data_format": None, "rate": 1}


def _convolution(x: Any, options: Any) -> Any:
    kernel = _kernel(options, *options.kernel_size, options.channels, options.num_outputs)
    given = {"data_format": options.data_format, "dilations": options.rate}
    return NAMES[f"nn.conv{options.rank}d"](x, kernel, options.stride, options.padding, **given)


for _rank in (1, 2, 3):
    _weighted(f"conv{_rank}d convolution{_rank}d", "Conv", _rank, **_CONVOLUTION)(_convolution)

_TRANSPOSED = {**_KERNEL, "stride": 1, "padding": "SAME", "data_format": "NHWC"}


def _transposed(x: Any, options: Any) -> Any:
    kernel = _kernel(options, *options.kernel_size, options.num_outputs, options.channels)
    more = 0 if options.padding.upper() == "SAME" else 1
    inner = x.shape[2:] if options.first else x.shape[1:-1]
    sizes = [
        int(n) * step + more * max(size - step, 0)
        for n, step, size in zip(inner, options.stride, options.kernel_size, strict=True)
    ]
    shape = [-1, options.num_outputs, *sizes] if options.first else [-1, *sizes, options.num_outputs]
    given = options.stride, options.padding, options.data_format
    return NAMES[f"nn.conv{len(sizes)}d_transpose"](x, kernel, shape, *given)


for _rank, _format in ((2, "NHWC"), (3, "NDHWC")):
    _names = f"conv{_rank}d_transpose convolution{_rank}d_transpose"
    _weighted(_names, f"Conv{_rank}d_transpose", _rank, **_TRANSPOSED | {"data_format": _format})(_transposed)


_SEPARABLE = {**_KERNEL, "depth_multiplier": 1, "stride": 1, "padding": "SAME", "data_format": "NHWC", "rate": 1}
_SEPARABLE |= {"pointwise_initializer": None}


@_weighted("separable_conv2d separable_convolution2d", "SeparableConv2d", 2, **_SEPARABLE)
def _separable(x: Any, options: Any) -> Any:
    depth = options.channels * options.depth_multiplier
    kernel = _kernel(
        options, *options.kernel_size, options.channels, options.depth_multiplier, name="depthwise_weights"
    )
    strides = [1, *options.stride, 1]
    given = {"data_format": options.data_format, "dilations": options.rate}
    x = NAMES["nn.depthwise_conv2d"](x, kernel, strides, options.padding, **given)
    if options.num_outputs is None:
        return x
    options.weights_initializer = options.pointwise_initializer or options.weights_initializer
    return NAMES["nn.conv2d"](
        x, _kernel(options, 1, 1, depth, options.num_outputs, name="pointwise_weights"), 1, "SAME"
    )


def _dense(x: Any, options: Any) -> Any:
    options.data_format = None
    kernel = _kernel(options, options.channels, options.num_outputs)
    return NAMES["matmul"](x, kernel) if len(x.shape) == 2 else NAMES["tensordot"](x, kernel, 1)


@_layer(
    "embed_sequence",
    "EmbedSequence",
    {"scope": None, "reuse": None},
    vocab_size=None,
    embed_dim=None,
    unique=False,
    initializer=None,
    regularizer=None,
    trainable=True,
)
def _embedded(x: Any, options: Any) -> Any:
    if options.reuse and options.vocab_size is None:
        weights = get_variable("embeddings")
    else:
        shape = [options.vocab_size, options.embed_dim]
        weights = get_variable("embeddings", shape, None, options.initializer, options.regularizer, options.trainable)
    return NAMES["nn.embedding_lookup"](weights, x)


fully_connected = _weighted("fully_connected", "fully_connected", 0, num_outputs=_NEEDED)(_dense)
for _name, _activation in (("linear", None), ("relu", "nn.relu"), ("relu6", "nn.relu6"), ("elu", "nn.elu")):
    _function = functools.partial(
        fully_connected, activation_fn=_activation and (lambda x, name=_activation: NAMES[name](x))
    )
    _function._key_op = fully_connected._key_op
    named(f"contrib.layers.{_name}")(_function)


_AFFINE = {"center": True, "scale": True, "activation_fn": None}


def _standardized(x: Any, axes: list[int], epsilon: float) -> Any:
    mean, variance = NAMES["nn.moments"](x, axes, keepdims=True)
    return (x - mean) * NAMES["math.rsqrt"](variance + epsilon)


def _affine(x: Any, options: Any) -> Any:
    """Gamma x + beta."""
    make = lambda name, kind: get_variable(name, [x.shape[-1]], None, kind(), None, options.trainable)  # noqa: E731
    beta = make("beta", gazelle.initializers.Zeros) if options.center else 0
    gamma = make("gamma", gazelle.initializers.Ones) if options.scale else 1
    return x * gamma + beta


@_layer("layer_norm", "LayerNorm", _LAST, **_AFFINE)
def _layer_norm(x: Any, options: Any) -> Any:
    return _affine(_standardized(x, list(range(1, len(x.shape))), 1e-12), options)


@_layer("instance_norm", "InstanceNorm", _LAST, center=True, scale=True, epsilon=1e-6, activation_fn=None)
def _instance_norm(x: Any, options: Any) -> Any:
    return _affine(_standardized(x, list(range(1, len(x.shape) - 1)), options.epsilon), options)


_GROUPS: dict[str, Any] = {"groups": 32, "channels_axis": -1, "reduction_axes": (-3, -2), "center": True, "scale": True}


@_layer("group_norm", "GroupNorm", _LAST, **_GROUPS, epsilon=1e-6, activation_fn=None, mean_close_to_zero=False)
def _group_norm(x: Any, options: Any) -> Any:
    if options.channels_axis not in (-1, len(x.shape) - 1):
        raise ArgumentError(message("channels_axis of group_norm", expected="-1", got=options.channels_axis))
    shape, rank = NAMES["shape"](x), len(x.shape)
    parts = NAMES["concat"]([shape[:-1], [options.groups, x.shape[-1] // options.groups]], 0)
    axes = [*(axis % rank for axis in options.reduction_axes), rank]
    scaled = _standardized(NAMES["reshape"](x, parts), axes, options.epsilon)
    return _affine(NAMES["reshape"](scaled, shape), options)


_STATISTICS: dict[str, Any] = {"decay": 0.999, "center": True, "scale": False, "epsilon": 0.001, "activation_fn": None}
_STATISTICS |= {"param_initializers": None, "param_regularizers": None, "updates_collections": "update_ops"}
_STATISTICS |= {"is_training": True, "fused": None, "data_format": "NHWC", "zero_debias_moving_mean": False}


@_layer("batch_norm", "BatchNorm", _LAST, **_STATISTICS)
def _batch_norm(x: Any, options: Any) -> Any:
    initializers = {f"{name}_initializer": made for name, made in (options.param_initializers or {}).items()}
    regularizers = {f"{name}_regularizer": made for name, made in (options.param_regularizers or {}).items()}
    key = scopes.GraphKeys.UPDATE_OPS
    updates = scopes.get_collection_ref(key)
    count = len(updates)
    x = layer_function("BatchNormalization")(
        x,
        axis=1 if options.data_format == "NCHW" else -1,
        momentum=options.decay,
        **{name: getattr(options, name) for name in ("epsilon", "center", "scale", "trainable")},
        **initializers,
        **regularizers,
        training=options.is_training,
        fused=len(x.shape) in (2, 4) if options.fused is None else options.fused,
        name="",
    )
    if options.updates_collections != key:
        made, updates[count:] = updates[count:], []
        if options.updates_collections is None:
            with depending(made):
                x = NAMES["identity"](x)
        else:
            for update in made:
                scopes.add_to_collections(options.updates_collections, update)
    return x


_ENDS = {"outputs_collections": (), "scope": None}
_POOLING = {"kernel_size": _NEEDED, "stride": 2, "padding": "VALID", "data_format": "NHWC"}


def _pooling(name: str) -> Callable[[Any, Any], Any]:
    return lambda x, given: NAMES[name](x, given.kernel_size, given.stride, given.padding, given.data_format)


for _rank, _format in ((2, "NHWC"), (3, "NDHWC")):
    for _kind in ("max", "avg"):
        _name = f"{_kind}_pool{_rank}d"
        _default = f"{_kind.title()}Pool{_rank}D"
        _layer(_name, _default, _ENDS, **_POOLING | {"data_format": _format})(_pooling(f"nn.{_name}"))


@_layer("dropout", "Dropout", _ENDS, keep_prob=0.5, noise_shape=None, is_training=True)
def _dropout(x: Any, options: Any) -> Any:
    drop = lambda: NAMES["compat.v1.nn.dropout"](x, options.keep_prob, options.noise_shape)  # noqa: E731
    is_training = read_in_graph(options.is_training)
    if is_symbolic(is_training):
        return NAMES["cond"](is_training, drop, lambda: x)
    return drop() if is_training else x


_layer("flatten", "Flatten", _ENDS)(lambda x, _: layer_function("Flatten")(x))
_layer("softmax", "softmax", {"scope": None})(lambda x, _: NAMES["nn.softmax"](x))
_layer("one_hot_encoding", "OneHotEncoding", _ENDS, num_classes=_NEEDED, on_value=1.0, off_value=0.0)(
    lambda x, options: NAMES["one_hot"](x, options.num_classes, options.on_value, options.off_value)
)
_layer("bias_add", "BiasAdd", _LAST, activation_fn=None, initializer=None, regularizer=None, data_format=None)(
    lambda x, options: _with_bias(x, options, options.initializer or gazelle.initializers.Zeros(), options.regularizer)
)


def _repeated(
    inputs: TensorLike, layer: Callable[..., Any], calls: Iterable[Sequence[Any]], default: str, options: dict[str, Any]
) -> TensorResult:
    """A layer once for each list of arguments in `calls`, in scopes that are numbered from 1."""
    scope = options.pop("scope", None)
    with variable_scope(scope, default):
        name = scope or getattr(layer, "__name__", None) or layer.func.__name__
        for i, args in enumerate(calls, 1):
            inputs = layer(inputs, *args, scope=f"{name}_{i}", **options)
    return inputs


@named("contrib.layers.stack")
def stack(inputs: TensorLike, layer: Callable[..., Any], stack_args: Nested[Option], **kwargs: Any) -> TensorResult:
    """`tf.contrib.layers.stack`: a layer for each element of `stack_args`, its argument or arguments."""
    calls = [args if isinstance(args, list | tuple) else [args] for args in stack_args]
    return _repeated(inputs, layer, calls, "Stack", kwargs)


@named("contrib.layers.repeat")
def repeat(inputs: TensorLike, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any) -> TensorResult:
    """`tf.contrib.layers.repeat`: a layer several times with the same arguments."""
    return _repeated(inputs, layer, [args] * repetitions, "Repeat", kwargs)


_L1, _L2, _L1L2 = (compat_class(getattr(gazelle.regularizers, name)) for name in ("L1", "L2", "L1L2"))
named("contrib.layers.l1_regularizer")(ignores("scope")(lambda scale: _L1(scale)))
# half the sum of squares, as tf.nn.l2_loss
named("contrib.layers.l2_regularizer")(ignores("scope")(lambda scale: _L2(scale / 2)))
named("contrib.layers.l1_l2_regularizer")(
    ignores("scope")(lambda scale_l1=1.0, scale_l2=1.0: _L1L2(scale_l1, scale_l2 / 2))
)


@named("contrib.layers.apply_regularization")
def apply_regularization(
    regularizer: Callable[[Any], TensorResult], weights_list: Sequence[Option] | None = None
) -> TensorResult:
    """`tf.contrib.layers.apply_regularization`: the sum of the penalties of weights, which is a loss, too."""
    weights = scopes.get_collection(scopes.GraphKeys.WEIGHTS) if weights_list is None else weights_list
    total = sum((regularizer(w) for w in weights), NAMES["constant"](0.0))
    scopes.add_to_collection(scopes.GraphKeys.REGULARIZATION_LOSSES, total)
    return total
