"""Dtype policies under Keras' names: a policy says what a layer computes in, and what its weights are kept in.

In: names, dtypes, configs. Out: policies. Must not know: the layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core.config import serialize_object, with_custom_objects
from gazelle.core.module_names import public_names
from gazelle.core.policies import (
    DTypePolicy,
    DTypePolicyMap,
    FloatDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    get,
)

__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "deserialize",
    "get",
    "serialize",
]


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The policy as a config dict.

    >>> dtype_policies.serialize(DTypePolicy("float32"))["config"]
    {'name': 'float32'}
    """
    return serialize_object(dtype_policy)


@with_custom_objects
def deserialize(config: Mapping[str, Any]) -> DTypePolicy:
    """The policy that a config dict describes.

    >>> dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float32"}})
    <DTypePolicy "float32">
    """
    policy: DTypePolicy = get(config)
    return policy


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
