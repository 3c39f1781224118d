"""Functions of tf on symbolic tensors that are operations of gazelle, so that files and exports know them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp

from gazelle.compat.backend.execution_order import open_dependencies
from gazelle.compat.backend.shapes import Size
from gazelle.compat.tensorflow import names as table
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager import custom_gradient
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.function_tables import TABLE
from gazelle.compat.tensorflow.names import NAMES, aliases, current_names, earlier_names, fixed_value, replace
from gazelle.compat.tensorflow.ops import nn, sizes
from gazelle.compat.tensorflow.v1.host_nodes import builds_graph
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import OPS, KerasTensor, is_symbolic
from gazelle.core.variable import Variable

_REDUCTIONS = "input_tensor=x axis=axis keepdims=keepdims"
#: the parameters of a function of NumPy in the table -> those of gazelle's operation of this name
_ELEMENTWISE = {"x": ("x", "x=x"), "x y": ("x1 x2", "x=x1 y=x2")}
#: parameters that TensorFlow and gazelle give other defaults
_DEFAULTS: dict[str, dict[str, Any]] = {"nn.gelu": {"approximate": False}, "unstack": {"axis": 0}}

#: functions that are other ones for losses, and gazelle's operations for files
_OWN = {"nn.softmax": nn.softmax}


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, KerasTensor) or (
        type(value) in (list, tuple) and any(isinstance(part, KerasTensor) for part in value)
    )


def _plain(name: str, value: Any) -> Any:
    if name == "newshape":
        fixed = fixed_value(value)
        is_unknown = [isinstance(n, Size | KerasTensor) for n in fixed] if isinstance(fixed, tuple | list) else []
        if is_unknown.count(True) == 1 and not any(type(n) is int and n == -1 for n in fixed):
            # the size follows from the others, and files can contain -1
            return tuple(-1 if unknown else n for unknown, n in zip(is_unknown, fixed, strict=True))
        return fixed
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
    earlier = earlier_names(signature.parameters)

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not any(map(_is_symbolic, (*args, *kwargs.values()))):
            return original(*args, **kwargs)
        if table.on_name is not None and kwargs.get("name"):
            given_name = kwargs.pop("name")
            made = called(*args, **kwargs)
            table.on_name(given_name, made)
            return made
        kwargs = {key: value for key, value in kwargs.items() if key != "name"}
        arguments = signature.bind(*args, **current_names(kwargs, earlier)).arguments
        given = {k: v for k, v in arguments.items() if k != "name" and v is not signature.parameters[k].default}
        if not given.keys() <= names.keys() or (name == "where" and "y" not in given):  # where(condition): indices
            return original(*args, **kwargs)
        if op in ("mean", "sum", "prod") and _is_rounded(op, given.get("input_tensor")):
            return original(*args, **kwargs)
        if name == "unstack" and isinstance(given["value"], sizes.ShapeTensor):
            return list(given["value"])
        if (name == "tile" and _is_symbolic(given["multiples"])) or (
            name == "reshape" and not _is_symbolic(given["tensor"])
        ):
            return original(*args, **kwargs)  # the operation takes no `Size`, or only next to a tensor
        options = {**_DEFAULTS.get(name, {}), **{names[k]: _plain(names[k], v) for k, v in given.items()}}
        first: list[Any] = []
        for parameter in inspect.signature(OPS[op]).parameters:
            if parameter not in options:
                break
            first.append(options.pop(parameter))
        made = OPS[op](*first, **options) if name not in _OWN else call_op(_OWN[name], tuple(first), options)
        if name == "reshape":
            _hide_inferred_size(made, *first)
        return made

    return called


def _is_rounded(op: str, x: Any) -> bool:
    """Whether a reduction has the dtype of its integers, which operations of Keras widen."""
    dtype = str(getattr(x, "dtype", ""))
    return "int" in dtype and (op == "mean" or dtype not in ("int32", "int64"))


def _hide_inferred_size(made: Any, x: Any, shape: Any) -> None:
    """Let the size in the place of -1 be unknown if the shape contains a size of another tensor, which x may lack."""
    shape = shape if isinstance(shape, tuple | list) else ()
    of_another = any(isinstance(n, Size) and any(tensor is not x for tensor in n.tensors) for n in shape)
    if of_another and any(type(n) is int and n == -1 for n in shape):
        made.shape = tuple(None if type(n) is int and n == -1 else m for n, m in zip(shape, made.shape, strict=True))


def _parameters(function: Any) -> str:
    code = inspect.unwrap(function).__code__  # a signature would be slower
    return " ".join(code.co_varnames[: code.co_argcount])


def _entries() -> Iterator[tuple[str, str]]:
    """(TensorFlow's name, operation and its parameters: "operation TensorFlow's=gazelle's ...")."""
    for names, entry in TABLE["numpy"].items():
        name, _, parameters = entry.partition(" ")
        own, renamed = _ELEMENTWISE.get(parameters, ("", ""))
        if renamed and name in OPS and _parameters(OPS[name]) == own:
            yield names.split()[0], f"{name} {renamed}"
    for names, name in TABLE["reductions"].items():
        yield names.split()[0], f"{name} {_REDUCTIONS}"
    yield from TABLE["graph"].items()


_aliases = aliases()
for _name, _entry in _entries():
    _op, *_pairs = _entry.split()
    _original = NAMES[_name]
    _called = _in_graph(_name, _original, _op, dict(pair.split("=") for pair in _pairs))
    NAMES.update(dict.fromkeys(_aliases.get(id(_original), ()), _called))

_CHANGES: dict[str, Callable[..., Any]] = {
    "cast": lambda x, dtype, **_: sizes.sizes_of(x) if "int" in name_of(dtype) else None,
    "concat": sizes.joined,
    "stack": sizes.stacked,
    "reduce_prod": sizes.product,
    "identity": lambda input, **_: sizes.sizes_of(input),
}
for _name, _change in _CHANGES.items():
    replace(NAMES[_name], sizes.keeps_sizes(_change)(NAMES[_name]))


def _identity(original: Callable[..., Any]) -> Callable[..., Any]:
    """`tf.identity`, whose result has other gradients where a program overrides them."""

    @functools.wraps(original)
    def identity(input: TensorLike, name: str | None = None) -> TensorResult:
        made = custom_gradient.overridden(input) if is_symbolic(input) else None
        if made is None and open_dependencies() and builds_graph() and not isinstance(input, KerasTensor | Variable):
            made = call_op(jnp.asarray, (unboxed(input),), {})  # a constant whose fetch runs others
        return original(input, name=name) if made is None else made

    return identity


replace(NAMES["identity"], _identity(NAMES["identity"]))
