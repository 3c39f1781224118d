"""Dtype policies under Keras' names: the dtype that a layer computes in and that of its weights.

Input: names, dtypes, configs. Output: policies. Must not import layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core.module_names import public_names
from gazelle.core.policies import (
    AWQDTypePolicy,
    DTypePolicy,
    DTypePolicyMap,
    FloatDTypePolicy,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
    get,
)
from gazelle.core.registry import custom_object_scope
from gazelle.core.serialization import serialize_object
from gazelle.core.types import Config

__all__ = [
    "AWQDTypePolicy",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "get",
    "serialize",
]


def serialize(dtype_policy: DTypePolicy) -> Config:
    """Return a dtype policy as a config.

    Args:
        dtype_policy: The policy.

    Returns:
        A dict that JSON can hold.

    Example:
        >>> dtype_policies.serialize(DTypePolicy("float32"))["config"]
        {'name': 'float32'}
    """
    return serialize_object(dtype_policy)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """Return the dtype policy that a config describes.

    Args:
        config: A config, as from `serialize`.
        custom_objects: Further names that the config may use: {name: class}.

    Returns:
        The policy.

    Example:
        >>> dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float32"}})
        <DTypePolicy "float32">
    """
    with custom_object_scope(custom_objects or {}):
        policy: DTypePolicy = get(config)
    return policy


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
