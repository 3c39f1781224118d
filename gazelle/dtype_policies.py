"""Dtype policies under Keras' names: a policy says what a layer computes in, and what its weights are kept in.

In: names, dtypes, configs. Out: policies. Must not know: the layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.config import custom_object_scope, serialize_object
from gazelle.core.policies import (
    DTypePolicy,
    DTypePolicyMap,
    FloatDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    get,
)

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy",
           "deserialize", "get", "serialize"]  # fmt: skip


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The policy as a config dict.

    >>> dtype_policies.serialize(DTypePolicy("float32"))["config"]
    {'name': 'float32'}
    """
    return serialize_object(dtype_policy)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """The policy that a config dict describes.

    >>> dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float32"}})
    <DTypePolicy "float32">
    """
    with custom_object_scope(custom_objects or {}):
        policy: DTypePolicy = get(config)
        return policy
