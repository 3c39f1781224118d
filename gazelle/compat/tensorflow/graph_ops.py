"""Functions of tf on symbolic tensors that are operations of gazelle, so that files and exports know them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.names import NAMES, fixed_value
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.core.symbolic import OPS, KerasTensor
from gazelle.core.variable import Variable

_REDUCTIONS = "input_tensor=x axis=axis keepdims=keepdims keep_dims=keepdims reduction_indices=axis"
#: TensorFlow's name -> operation and its parameters, in their order: "operation TensorFlow's=gazelle's ..."
_AS_OPS = {
    **{
        f"reduce_{name}": f"{op} {_REDUCTIONS}"
        for name, op in {
            "all": "all",
            "any": "any",
            "max": "max",
            "mean": "mean",
            "min": "min",
            "prod": "prod",
            "std": "std",
            "sum": "sum",
            "variance": "var",
        }.items()
    },
    **{
        name: f"{op} x=x1 y=x2"
        for name, op in {
            "add": "add",
            "divide": "divide",
            "equal": "equal",
            "greater": "greater",
            "greater_equal": "greater_equal",
            "less": "less",
            "less_equal": "less_equal",
            "logical_and": "logical_and",
            "logical_or": "logical_or",
            "maximum": "maximum",
            "minimum": "minimum",
            "multiply": "multiply",
            "not_equal": "not_equal",
            "pow": "power",
            "subtract": "subtract",
        }.items()
    },
    **{
        name: f"{name} x=x"
        for name in ("abs", "cos", "exp", "negative", "round", "sign", "sin", "sqrt", "square", "tanh")
    },
    "cast": "cast x=x dtype=dtype",
    "clip_by_value": "clip t=x clip_value_min=x_min clip_value_max=x_max",
    "concat": "concatenate values=xs axis=axis",
    "expand_dims": "expand_dims input=x axis=axis dim=axis",
    "math.log": "log x=x",
    "matmul": "matmul a=x1 b=x2",
    "nn.elu": "elu features=x",
    "nn.gelu": "gelu features=x approximate=approximate",
    "nn.leaky_relu": "leaky_relu features=x alpha=negative_slope",
    "nn.log_softmax": "log_softmax logits=x axis=axis",
    "nn.relu": "relu features=x",
    "nn.relu6": "relu6 features=x",
    "nn.selu": "selu features=x",
    "nn.silu": "silu features=x",
    "nn.softmax": "softmax logits=x axis=axis",
    "nn.softplus": "softplus features=x",
    "reshape": "reshape tensor=x shape=newshape",
    "squeeze": "squeeze input=x axis=axis squeeze_dims=axis",
    "stack": "stack values=x axis=axis",
    "tile": "tile input=x multiples=repeats",
    "transpose": "transpose a=x perm=axes",
    "unstack": "unstack value=x num=num axis=axis",
    "where": "where condition=condition x=x1 y=x2",
}
#: parameters that TensorFlow and gazelle give other defaults
_DEFAULTS: dict[str, dict[str, Any]] = {"nn.gelu": {"approximate": False}, "unstack": {"axis": 0}}


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, KerasTensor) or (
        type(value) in (list, tuple) and any(isinstance(part, KerasTensor) for part in value)
    )


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, KerasTensor | Variable):
        return value
    if name == "dtype":
        return name_of(value)
    if type(value) in (list, tuple) and _is_symbolic(value):
        return [_plain(name, part) for part in value]
    return unboxed(value) if name in ("x", "xs", "x1", "x2", "condition") else fixed_value(value)


def _in_graph(name: str, original: Callable[..., Any], op: str, names: Mapping[str, str]) -> Callable[..., Any]:
    """The function, which calls an operation of gazelle on symbolic tensors if it has all the arguments given."""
    signature = inspect.signature(original)

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not any(map(_is_symbolic, (*args, *kwargs.values()))):
            return original(*args, **kwargs)
        arguments = signature.bind(*args, **{k: v for k, v in kwargs.items() if k != "name"}).arguments
        given = {k: v for k, v in arguments.items() if k != "name" and v is not signature.parameters[k].default}
        if not given.keys() <= names.keys() or (name == "where" and "y" not in given):  # where(condition): indices
            return original(*args, **kwargs)
        options = {**_DEFAULTS.get(name, {}), **{names[k]: _plain(names[k], v) for k, v in given.items()}}
        first: list[Any] = []
        for parameter in inspect.signature(OPS[op]).parameters:
            if parameter not in options:
                break
            first.append(options.pop(parameter))
        return OPS[op](*first, **options)

    return called


for _name, _entry in _AS_OPS.items():
    _op, *_pairs = _entry.split()
    _original = NAMES[_name]
    _called = _in_graph(_name, _original, _op, dict(pair.split("=") for pair in _pairs))
    NAMES.update((alias, _called) for alias, target in list(NAMES.items()) if target is _original)
