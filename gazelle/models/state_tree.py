"""The state of a model as a tree of arrays, for custom loops in JAX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown

if TYPE_CHECKING:
    from gazelle.models.model import Model

KINDS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")


def variables(model: Model) -> dict[str, list[Any]]:
    """The variables by kind; those of the optimizer only if there is one."""
    found = {kind: getattr(model, kind) for kind in KINDS if kind != "optimizer_variables"}
    optimizer = model.optimizer
    return found if optimizer is None else {**found, "optimizer_variables": list(optimizer.variables)}


def nested(values: list[tuple[str, Any]]) -> dict[str, Any]:
    """{"a": {"b": 1}} of [("a/b", 1)]."""
    tree: dict[str, Any] = {}
    for path, value in values:
        *namespaces, last = path.split("/")
        here = tree
        for namespace in namespaces:
            here = here.setdefault(namespace, {})
        if last in here:
            raise ArgumentError(
                message(
                    "get_state_tree",
                    expected="a unique path for each variable",
                    got=f"two of '{path}'",
                    hint="Give the layers names.",
                )
            )
        here[last] = value
    return tree


def flat(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """{"a/b": 1} of {"a": {"b": 1}}."""
    out: dict[str, Any] = {}
    for name, value in tree.items():
        out |= flat(value, f"{path}{name}/") if isinstance(value, Mapping) else {path + name: value}
    return out


def read(model: Model, value_format: str) -> dict[str, Any]:
    formats = {"backend_tensor": lambda v: v.value, "numpy_array": lambda v: np.asarray(v.value)}
    if value_format not in formats:
        raise unknown("value_format", value_format, formats)
    array = formats[value_format]
    return {kind: nested([(v.key, array(v)) for v in found]) for kind, found in variables(model).items()}


def put(model: Model, tree: Mapping[str, Any]) -> None:
    known = variables(model)
    for kind, part in tree.items():
        if kind not in known:
            raise unknown("part of the state tree", kind, known)
        paths = {v.key: v for v in known[kind]}
        for path, value in flat(part).items():
            if path not in paths:
                raise unknown(f"path in {kind} of model '{model.name}'", path, paths)
            paths[path].assign(value)
