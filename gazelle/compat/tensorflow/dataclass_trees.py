"""Data classes as results of layers: JAX must know their fields, in which the arrays are."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from gazelle.compat.tensorflow.recording import is_box


def register(out: object) -> None:
    """Register the data classes in a result, so that functions of JAX find the arrays in them."""
    for leaf in jax.tree.leaves(out, is_leaf=is_box):
        if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type) and not is_box(leaf):
            _register_class(type(leaf))
            register(leaf)


def _register_class(cls: type) -> None:
    names = tuple(field.name for field in dataclasses.fields(cls))

    def values_of(instance: Any) -> tuple[tuple[Any, ...], None]:
        return tuple(getattr(instance, name) for name in names), None

    def with_values(_: None, values: tuple[Any, ...]) -> Any:
        made: Any = object.__new__(cls)  # its constructor may check the values, of which some are no arrays here
        for name, value in zip(names, values, strict=True):
            object.__setattr__(made, name, value)
        return made

    jax.tree_util.register_pytree_node(cls, values_of, with_values)
