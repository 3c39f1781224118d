"""Operations of a graph, such as `ops.sum(x)` or `x + y`, in the config of a functional model."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core import symbolic
from gazelle.core.errors import unknown
from gazelle.core.operation_names import class_of, is_input, operation_of
from gazelle.core.serialization import deserialize, target_of
from gazelle.core.symbolic import OPS

if TYPE_CHECKING:
    from gazelle.core.symbolic import Node


#: of the entries of operations: functions in `ops`, and losses that were called on symbolic tensors
MODULES = ("keras.src.ops", "keras.losses")


def split(node: Node) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """Split arguments as Keras does: operands belong to the call, all others to the constructor of the operation.

    Args:
        node: a call of an operation.

    Returns:
        (args, kwargs, options): operands by position; those that follow an omitted one by name; the others.
    """
    signature = inspect.signature(node.operation.function)
    given = signature.bind(*node.args, **node.kwargs).arguments
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    options: dict[str, Any] = {}
    is_complete = True
    for name, parameter in signature.parameters.items():
        value = given.get(name)
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:  # operands of einsum, each an input of its own
            args += given.get(name, ())
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            options |= given.get(name, {})
        elif symbolic.any_symbolic(value) or is_input(node.operation.name, name):
            if name not in given:
                is_complete = False
            elif is_complete:
                args.append(value)
            else:
                kwargs[name] = value
        elif name in given:
            options[name] = value
    return args, kwargs, options


def read(entry: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the layer of an entry of a graph, or the function that calls its operation.

    Args:
        entry: from the list `layers` of the config.
    """
    if str(entry.get("module", "")).startswith(MODULES):
        function = target_of(entry)
        if function is None:
            raise unknown("operation in the config", entry["class_name"], [class_of(n)[1] for n in OPS])
        parameters = inspect.signature(function).parameters
        options = {k: deserialize(v) for k, v in entry["config"].items() if k not in ("name", "trainable")}
        if not isinstance(options.get("dtype"), str) or "dtype" not in parameters:
            options.pop("dtype", None)  # that of an operation without such an argument: its policy
        if entry["class_name"] == "GetItem":  # JSON has no tuples
            return lambda x, key: function(x, tuple(key) if isinstance(key, list) else key)
        if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values()):
            leading = [options.pop(name) for name in itertools.takewhile(options.__contains__, parameters)]
            return functools.partial(function, *leading, **options)
        return functools.partial(_call, function, operation_of(entry["class_name"]), options)
    return deserialize(entry, "layers")


def _call(function: Any, operation: str, options: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Call an operation: the options of its constructor may be between the arguments of its call."""
    free = [name for name in inspect.signature(function).parameters if name not in options]
    inputs = [name for name in free if is_input(operation, name)]
    return function(**dict(zip(inputs if len(inputs) >= len(args) else free, args, strict=False)), **kwargs, **options)
