"""Names of dtypes, the default float type, and the policy that a layer computes under."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import unknown

FLOATS = ("bfloat16", "float16", "float32", "float64")
NAMES = (*FLOATS, "bool", "complex64", "complex128", *(f"{s}int{b}" for s in ("", "u") for b in (8, 16, 32, 64)))

_floatx = "float32"


def floatx() -> str:
    """The float type of new weights and of data that comes without one."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type: 'bfloat16', 'float16', 'float32' or 'float64'."""
    global _floatx
    if value not in FLOATS:
        raise unknown("float type", value, FLOATS)
    _floatx = value


def standardize(dtype: Any) -> str:
    """The name of a dtype however it was written; None is the default float type."""
    if dtype is None:
        return floatx()
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    if name is None:
        name = jnp.dtype(dtype).name
    name = {"float": floatx(), "int": "int32"}.get(name, name)
    if name not in NAMES:
        raise unknown("dtype", dtype, NAMES)
    return str(name)


def is_float(dtype: Any) -> bool:
    """True for every real floating type, bfloat16 included."""
    return bool(jnp.issubdtype(dtype, jnp.floating))


def device_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype that an array of `dtype` has once it is on the device (64 bits become 32 without x64)."""
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype))


class DTypePolicy:
    """The dtype a layer computes in and the dtype its weights are kept in; here one and the same."""

    def __init__(self, name: Any = None) -> None:
        if isinstance(name, DTypePolicy):
            name = name.name
        if isinstance(name, dict):
            name = name["config"]["name"]
        self.name: str = standardize(name)

    @property
    def compute_dtype(self) -> str:
        return self.name

    @property
    def variable_dtype(self) -> str:
        return self.name

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<DTypePolicy {self.name!r}>"
