"""Functions of TensorFlow as operations of a graph: tf.keras 2 stores calls of `tf.concat(x, axis)` by their names.

Input: the config of a TFOpLambda. Output: the config of an operation of Keras 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gazelle.core.operation_names import class_of

if TYPE_CHECKING:
    from gazelle.core.types import Serialized

#: operation: functions of TensorFlow, the one that is written first; then its arguments after the first one, as
#: `argument` or `argument in TensorFlow=argument of the operation`
_TABLE = """
absolute: math.abs
add: __operators__.add math.add; y
all: math.reduce_all; axis keepdims
any: math.reduce_any; axis keepdims
arccos: math.acos
arcsin: math.asin
arctan: math.atan
arctan2: math.atan2; x=x2
argmax: math.argmax compat.v1.argmax; axis
argmin: math.argmin compat.v1.argmin; axis
argsort: argsort; axis
binary_crossentropy: keras.backend.binary_crossentropy; output from_logits
broadcast_to: broadcast_to; shape
cast: cast; dtype
categorical_crossentropy: keras.backend.categorical_crossentropy; output from_logits axis
ceil: math.ceil
clip: clip_by_value; clip_value_min=x_min clip_value_max=x_max
concatenate: concat; axis
convert_to_tensor: convert_to_tensor
copy: identity
cos: math.cos
cosh: math.cosh
cumprod: math.cumprod; axis
cumsum: math.cumsum; axis
divide: math.truediv math.divide; y
elu: nn.elu
equal: math.equal __operators__.eq; y
erf: math.erf
exp: math.exp
expand_dims: expand_dims compat.v1.expand_dims; axis
expm1: math.expm1
flip: reverse; axis
floor: math.floor
floor_divide: math.floordiv compat.v1.floor_div; y
gelu: nn.gelu; approximate
greater: math.greater; y
greater_equal: math.greater_equal; y
isfinite: math.is_finite
isinf: math.is_inf
isnan: math.is_nan
leaky_relu: nn.leaky_relu; alpha=negative_slope
less: math.less; y
less_equal: math.less_equal; y
log: math.log
log1p: math.log1p
log_sigmoid: math.log_sigmoid
log_softmax: nn.log_softmax; axis
logical_and: math.logical_and; y
logical_not: math.logical_not
logical_or: math.logical_or; y
logsumexp: math.reduce_logsumexp; axis keepdims
matmul: linalg.matmul; b=x2
max: math.reduce_max; axis keepdims
maximum: math.maximum; y
mean: math.reduce_mean; axis keepdims
min: math.reduce_min; axis keepdims
minimum: math.minimum; y
mod: math.floormod; y
multiply: math.multiply; y
negative: math.negative
norm: norm compat.v1.norm; ord axis keepdims
normalize: math.l2_normalize; axis
not_equal: math.not_equal __operators__.ne; y
one_hot: one_hot; depth=num_classes axis
ones_like: ones_like compat.v1.ones_like
pad: pad compat.v1.pad; paddings=pad_width mode constant_values
power: math.pow; y
prod: math.reduce_prod; axis keepdims
reciprocal: math.reciprocal
relu: nn.relu
relu6: nn.relu6
repeat: repeat; repeats axis
reshape: reshape; shape=newshape
roll: roll; shift axis
round: math.round
rsqrt: math.rsqrt
selu: nn.selu
sigmoid: math.sigmoid
sign: math.sign
silu: nn.silu
sin: math.sin
sinh: math.sinh
softmax: nn.softmax; axis
softplus: math.softplus
softsign: nn.softsign
sort: sort; axis
sparse_categorical_crossentropy: keras.backend.sparse_categorical_crossentropy; output from_logits axis
sqrt: math.sqrt
square: math.square
squeeze: compat.v1.squeeze squeeze; axis
stack: stack; axis
std: math.reduce_std; axis keepdims
stop_gradient: stop_gradient
subtract: math.subtract; y
sum: math.reduce_sum; axis keepdims
take: compat.v1.gather gather; indices axis
tan: math.tan
tanh: math.tanh
tile: tile; multiples=repeats
transpose: compat.v1.transpose transpose; perm=axes
var: math.reduce_variance; axis keepdims
where: where; x=x1 y=x2
zeros_like: zeros_like compat.v1.zeros_like
"""
#: arguments of TensorFlow that have no effect on the values
_NO_EFFECT = frozenset({"name", "conjugate", "validate_shape"})
#: values that the operation has without the argument
_DEFAULTS = (("ord", "euclidean"), ("constant_values", 0))
_OTHERS = (("direction", "ASCENDING"), ("batch_dims", 0), ("validate_indices", True))
_LAYER = "tf>TFOpLambda"  # of a config that is converted
LOSSES = "keras.losses."  # what the names of losses begin with
CONSTANT = "_CONSTANT_VALUE"  # in the place of a layer's name, where the first argument is no tensor
#: operations whose further arguments are operands, which belong to the call
_OPERANDS = frozenset({"y", "x2", "x1", "indices", "key", "output", "y_pred"})


class Function(NamedTuple):
    """A function of TensorFlow.

    Attributes:
        operation: the name of the operation.
        arguments: {argument of the function: argument of the operation}, in their order, without the first one.
    """

    operation: str
    arguments: dict[str, str]


def _read() -> tuple[dict[str, Function], dict[str, tuple[str, dict[str, str]]]]:
    by_function, by_operation = {}, {}
    for line in _TABLE.strip().splitlines():
        operation, _, rest = line.partition(": ")
        names, _, arguments = rest.partition("; ")
        pairs = {one.partition("=")[0]: one.rpartition("=")[2] for one in arguments.split()}
        by_function.update(dict.fromkeys(names.split(), Function(operation, pairs)))
        by_operation[operation] = names.split()[0], pairs
    return by_function, by_operation


#: function -> operation, and operation -> function; both with {argument of the function: argument of the operation}
FUNCTIONS, OPERATIONS = _read()
_SLICING = Function("get_item", {"slice_spec": "key"})
FUNCTIONS["nn.sigmoid"], FUNCTIONS["nn.tanh"] = FUNCTIONS["math.sigmoid"], FUNCTIONS["math.tanh"]


def function_of(operation: str) -> tuple[str, dict[str, str]]:
    """The function of TensorFlow that computes an operation, and {its argument: the operation's argument}.

    Args:
        operation: the name of an operation of Keras 3, or the last part of a function's name.
    """
    if operation == "get_item":
        return "__operators__.getitem", {"slice_spec": "key"}
    if operation in OPERATIONS:
        return OPERATIONS[operation]
    name = next((name for name in FUNCTIONS if name.rpartition(".")[2] == operation), operation)
    return name, FUNCTIONS[name].arguments if name in FUNCTIONS else {}


def is_function(node: Mapping[str, Any]) -> bool:
    """Whether a config is that of a function of TensorFlow, as tf.keras 2 wrote it.

    Args:
        node: the config of a layer.
    """
    config = node.get("config")
    if node.get("class_name") == "SlicingOpLambda":
        return True
    is_one = node.get("class_name") == "TFOpLambda" and node.get("registered_name") != _LAYER
    return is_one and isinstance(config, Mapping) and "function" in config


def without_squared_difference(entries: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The layers of a graph, `math.squared_difference` as the two operations that Keras 3 has for it."""
    for entry in entries:
        config = entry.get("config") or {}
        if entry.get("class_name") != "TFOpLambda" or config.get("function") != "math.squared_difference":
            yield entry
            continue
        name = f"{entry['name']}_difference"
        yield {**entry, "name": name, "config": {**config, "name": name, "function": "math.subtract"}}
        calls = [[name, number, 0, {}] for number in range(len(entry["inbound_nodes"]))]
        yield {**entry, "config": {**config, "function": "math.square"}, "inbound_nodes": calls}


def to_operation(node: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a TFOpLambda, whose calls are in the form of Keras 2, to an operation with calls in the form of Keras 3.

    A function that is in no operation, or with other arguments, stays a layer that calls it.

    Args:
        node: the config of a layer, for which `is_function` is True.

    >>> call = ["x", 0, 0, {"y": 2.0, "name": None}]
    >>> made = to_operation({"class_name": "TFOpLambda", "config": {"function": "math.pow"}, "inbound_nodes": [call]})
    >>> made["class_name"], made["inbound_nodes"][0]["args"][1]
    ('Power', 2.0)
    """
    config = node["config"]
    name = str(config.get("function"))
    of_loss = name.startswith(LOSSES)
    calls_in_file = node.get("inbound_nodes") or ()
    known = of_loss or node.get("class_name") == "SlicingOpLambda" or name in FUNCTIONS
    if not known or not all(_fits(call, FUNCTIONS.get(name)) for call in calls_in_file):
        return _layer(node)
    by_default = Function(name[len(LOSSES) :], {"y_pred": "y_pred"}) if of_loss else _SLICING
    function = FUNCTIONS.get(name, by_default)
    options: dict[str, Any] = {}
    calls = []
    for call in calls_in_file:
        calls.append({"args": _call(call, function, options), "kwargs": {}})
    module, class_name = ("keras.losses", function.operation) if of_loss else class_of(function.operation)
    out = {**node, "module": module, "class_name": class_name}
    out.pop("build_config", None)
    return {**out, "registered_name": None, "config": {"name": config.get("name"), **options}, "inbound_nodes": calls}


def _further(call: Any) -> dict[str, Any]:
    """The arguments after the first one."""
    first = call
    while isinstance(first[0], list):
        first = first[0]
    return first[3] if len(first) > 3 else {}


def _fits(call: Any, function: Function | None) -> bool:
    """Whether the operation has all arguments of a call that are no defaults."""
    if function is None:
        return True
    for name, value in _further(call).items():
        target = function.arguments.get(name)
        if target is None and name not in _NO_EFFECT and value not in (None, False) and (name, value) not in _OTHERS:
            return False
        if target not in _OPERANDS and _has_tensor(_shape(value) if target == "newshape" else value):
            return False
    return True


def _shape(value: Any) -> Any:
    """A shape whose only unknown size is a tensor, such as `tf.shape(x)[0]`, with -1 in its place."""
    if not isinstance(value, list) or -1 in value or sum(map(_has_tensor, value)) != 1 or _is_place(value):
        return value
    return [-1 if _has_tensor(size) else size for size in value]


def _is_place(value: list[Any]) -> bool:
    return len(value) > 2 and isinstance(value[0], str) and type(value[1]) is int


def _has_tensor(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    return _is_place(value) or any(map(_has_tensor, value))


def _layer(node: Mapping[str, Any]) -> dict[str, Any]:
    """A layer that calls a function of TensorFlow, with calls in the form of Keras 3."""
    config = {key: node["config"][key] for key in ("name", "function") if key in node["config"]}
    calls = []
    for call in node.get("inbound_nodes") or ():
        keywords = {key: _value(value) for key, value in _further(call).items() if key != "name"}
        calls.append({"args": [_first(call)], "kwargs": keywords})
    kept = {key: value for key, value in node.items() if key != "build_config"}
    return {**kept, "module": None, "registered_name": _LAYER, "config": config, "inbound_nodes": calls}


def _first(call: Any) -> Any:
    """The first argument: a tensor, a constant, or a list of them."""
    return [_first(entry) for entry in call] if isinstance(call[0], list) else _tensor(call)


def _call(call: Any, function: Function, options: dict[str, Any]) -> list[Any]:
    """The operands of a call; its arguments that are no operands are added to `options`."""
    operands: dict[str, Any] = {}
    for name, value in _further(call).items():
        target = function.arguments.get(name)
        if target in _OPERANDS:
            operands[target] = _key(_value(value)) if target == "key" else _value(value)
        elif target in ("mode", "newshape"):
            options[target] = value.lower() if target == "mode" else _value(_shape(value))
        elif target is not None and value is not None and (target, value) not in _DEFAULTS:
            options[target] = _value(value)
        elif target is None and name not in _NO_EFFECT and value not in (None, False):
            options[name] = _value(value)  # refused by the operation, with its name
    return [_first(call), *(operands[name] for name in function.arguments.values() if name in operands)]


def _tensor(entry: Any) -> Any:
    """The tensor or the constant of ["name", node, output, {...}]."""
    if entry[0] == CONSTANT:
        return _value(entry[2])
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(entry[:3])}}


def _value(value: Serialized) -> Any:
    if isinstance(value, list):
        if len(value) in (3, 4) and isinstance(value[0], str) and type(value[1]) is int:
            return _tensor(value)
        return [_value(one) for one in value]
    return value


def _key(value: Any) -> Any:
    """An index: tables with start, stop and step are slices."""
    if isinstance(value, list):
        return [_key(one) for one in value]
    if isinstance(value, Mapping) and value.keys() <= {"start", "stop", "step"}:
        config = {name: value.get(name) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": config}
    return value
