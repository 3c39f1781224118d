"""Dtype policies: the dtype that a layer computes in, and the dtype of its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from gazelle.core import dtypes, names
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, ArgumentTypeError, message, unknown
from gazelle.core.serialization import deserialize, serialize_object
from gazelle.core.types import PolicyLike

MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}
#: quantization modes that need inputs of the layers, and all modes
CALIBRATED = ("gptq", "awq")
QUANTIZED = ("int8", "int4", "float8", *CALIBRATED)


class DTypePolicy(Configurable):
    """The dtype that a layer computes in, and the dtype of its weights.

    'mixed_bfloat16' and 'mixed_float16' compute in half precision on weights of float32; the name of a dtype sets
    both. 'float64' needs JAX's 64 bits.

    Args:
        name: Such a name; None is `gazelle.config.dtype_policy()`.

    Raises:
        ArgumentError: If the name is unknown.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    _namespace = "dtype_policies"
    _keras_module = "keras"
    _aliases = ("FloatDTypePolicy", "Policy")  # its names in other configs
    quantization_mode: str | None = None
    name: str
    compute_dtype: str
    variable_dtype: str

    def __init__(self, name: str | None = None) -> None:
        self.name = dtype_policy().name if name is None else name
        self.compute_dtype, self.variable_dtype = _parsed(self.name)

    def __eq__(self, other: object) -> bool:
        plain = (DTypePolicy, FloatDTypePolicy)
        same = type(other) is type(self) or (type(self) in plain and type(other) in plain)
        return same and getattr(other, "name", None) == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        name = "DTypePolicy" if type(self) is FloatDTypePolicy else type(self).__name__
        return f'<{name} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """An alias of `DTypePolicy`, as in Keras.

    Args:
        name: See `DTypePolicy`.
    """

    _keras_module = "keras.dtype_policies"


class QuantizedDTypePolicy(DTypePolicy):
    """Quantized weights.

    Args:
        mode: 'int8', 'int4' or 'float8'.
        source_name: Name of the policy of the computation; None is `gazelle.config.dtype_policy()`.

    Raises:
        ArgumentError: If the mode is unknown.

    Example:
        >>> QuantizedDTypePolicy("int8", "float32")
        <QuantizedDTypePolicy "int8_from_float32">
    """

    _keras_module = "keras.dtype_policies"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        if source_name == "":
            raise ArgumentError(message("source_name of a quantized policy", expected="a policy or None", got="''"))
        self.source_name = source_name = source_name or dtype_policy().name
        self.name = f"{mode}_from_{source_name}"
        self.quantization_mode = mode = mode.split("/")[0]
        self.compute_dtype, self.variable_dtype = _parsed(source_name)
        if mode not in QUANTIZED:
            raise unknown("quantization", mode, QUANTIZED)
        if mode == "int8" and self.compute_dtype == "float16":
            raise ArgumentError(message("int8 weights", expected="computation in float32 or bfloat16", got="float16"))


class Int4DTypePolicy(QuantizedDTypePolicy):
    """Weights of 4 bits with a scale for each block of weights.

    Args:
        mode: 'int4/<size>': `size` weights share a scale; -1 gives each channel one scale.
        source_name: Name of the policy of the computation; None is `gazelle.config.dtype_policy()`.

    Raises:
        ArgumentError: If the mode has another form.

    Example:
        >>> Int4DTypePolicy("int4/128", "float32").block_size
        128
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        size = re.fullmatch(r"int4/(-1|[1-9]\d*)", mode)
        if size is None:
            raise ArgumentError(message("mode of Int4DTypePolicy", expected="'int4/-1' or 'int4/128'", got=repr(mode)))
        super().__init__(mode, source_name)
        self.block_size = int(size[1])


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """Weights of 2, 3, 4 or 8 bits that were quantized by GPTQ, with a scale and a zero point for each group of rows.

    Args:
        mode: 'gptq/<bits>/<size>': `size` rows of a column share a scale; -1 gives each column one scale.
        source_name: Name of the policy of the computation; None is `gazelle.config.dtype_policy()`.

    Raises:
        ArgumentError: If the mode has another form.

    Example:
        >>> GPTQDTypePolicy("gptq/4/128", "float32").group_size
        128
    """

    bits = (2, 3, 4, 8)

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        self.weight_bits, self.group_size = _bits_and_size("gptq", self.bits, mode)
        super().__init__(mode, source_name)


class AWQDTypePolicy(QuantizedDTypePolicy):
    """Weights of 4 bits that were quantized by AWQ, with a scale and a zero point for each group of rows.

    Args:
        mode: 'awq/4/<size>': `size` rows of a column share a scale; -1 gives each column one scale.
        source_name: Name of the policy of the computation; None is `gazelle.config.dtype_policy()`.

    Raises:
        ArgumentError: If the mode has another form.

    Example:
        >>> AWQDTypePolicy("awq/4/64", "mixed_bfloat16").weight_bits
        4
    """

    bits = (4,)

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        self.weight_bits, self.group_size = _bits_and_size("awq", self.bits, mode)
        super().__init__(mode, source_name)


def _bits_and_size(method: str, bits: tuple[int, ...], mode: str) -> tuple[int, int]:
    """The two numbers of a mode such as 'gptq/4/128'."""
    found = re.fullmatch(rf"{method}/(\d+)/(-1|[1-9]\d*)", mode)
    if found is None or int(found[1]) not in bits:
        expected = f"'{method}/4/-1' or '{method}/4/128' with {' or '.join(map(str, bits))} bits"
        raise ArgumentError(message(f"mode of {method.upper()}DTypePolicy", expected=expected, got=repr(mode)))
    return int(found[1]), int(found[2])


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Products of floats of 8 bits, with scales that follow the largest magnitudes of the last steps.

    Args:
        mode: 'float8'.
        source_name: Name of the policy of the computation; None is `gazelle.config.dtype_policy()`.
        amax_history_length: Number of steps whose largest magnitudes are kept.

    Raises:
        ArgumentTypeError: If `amax_history_length` is no integer.

    Example:
        >>> QuantizedFloat8DTypePolicy("float8", "mixed_bfloat16").amax_history_length
        1024
    """

    default_amax_history_length = 1024

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise ArgumentTypeError(
                message("amax_history_length", expected="a number of steps", got=repr(amax_history_length))
            )

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and getattr(other, "amax_history_length", None) == self.amax_history_length

    __hash__ = DTypePolicy.__hash__


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """A policy for each layer, by its path or a regular expression for the whole path.

    Args:
        default_policy: Policy, or its name, of layers that nothing matches; None is the global policy.
        policy_map: {path or regular expression: policy}.

    Raises:
        ArgumentError: If `policy_map` is no dict.

    Example:
        >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("bfloat16")})
        >>> policies["encoder/dense"].name, policies["decoder/dense"].name
        ('bfloat16', 'float32')
    """

    _keras_module = "keras.dtype_policies"

    def __init__(self, default_policy: PolicyLike = None, policy_map: Mapping[str, Any] | None = None) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ArgumentError(message("default_policy", expected="a policy", got="a DTypePolicyMap"))
        if policy_map is not None and not isinstance(policy_map, dict):
            raise ArgumentTypeError(message("policy_map", expected="a dict", got=repr(policy_map)))
        self._default = None if default_policy is None else get(default_policy)
        self.policy_map = {path: get(policy) for path, policy in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers without a matching entry."""
        return dtype_policy() if self._default is None else self._default

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the default policy, with the prefix map_."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:  # type: ignore[override]
        """The dtype that the default policy computes in."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:  # type: ignore[override]
        """The dtype of weights in the default policy."""
        return self.default_policy.variable_dtype

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self.policy_map:
            return self.policy_map[path]
        found = [pattern for pattern in self.policy_map if re.fullmatch(pattern, path)]
        if len(found) > 1:
            raise ArgumentError(message(f"Layer '{path}' in a DTypePolicyMap", expected="one pattern", got=found))
        return self.policy_map[found[0]] if found else self.default_policy

    def __setitem__(self, path: str, policy: PolicyLike) -> None:
        if path in self.policy_map:
            hint = "Delete it first: del policies[path]."
            raise ArgumentError(message(f"'{path}' is in the DTypePolicyMap already", hint=hint))
        self.policy_map[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self.policy_map[path]

    def __contains__(self, path: object) -> bool:
        return path in self.policy_map

    def __iter__(self) -> Iterator[str]:
        return iter(self.policy_map)

    def __len__(self) -> int:
        return len(self.policy_map)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DTypePolicyMap)
            and self.policy_map == other.policy_map
            and self.default_policy == other.default_policy
        )

    __hash__ = DTypePolicy.__hash__

    def __repr__(self) -> str:
        return f"<DTypePolicyMap default={self.default_policy.name}, {self.policy_map}>"

    def get_config(self) -> dict[str, Any]:
        default = None if self._default is None else serialize_object(self._default)
        return {"default_policy": default, "policy_map": {p: serialize_object(v) for p, v in self.policy_map.items()}}


def _parsed(name: Any) -> tuple[str, str]:
    """(compute dtype, variable dtype)."""
    if not isinstance(name, str):
        raise ArgumentTypeError(
            message("name of DTypePolicy", expected="text such as 'mixed_bfloat16'", got=repr(name))
        )
    if name in MIXED:
        return MIXED[name], "float32"
    if name not in (*dtypes.NAMES, "float", "int"):
        raise unknown("dtype policy", name, (*MIXED, *dtypes.NAMES))
    dtype = dtypes.standardize(name)
    dtype = dtypes.available(dtype)
    return dtype, dtype


def get(identifier: PolicyLike) -> DTypePolicy:
    """Return the dtype policy for an identifier.

    Args:
        identifier: A name, a dtype, a config or a policy; None is the global policy.

    Returns:
        The policy.

    Raises:
        ArgumentError: If it describes no policy.

    Example:
        >>> get("mixed_float16").compute_dtype, get(jnp.bfloat16).name, get("int8_from_float32").quantization_mode
        ('float16', 'bfloat16', 'int8')
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        found = deserialize(identifier, "dtype_policies")
        if isinstance(found, DTypePolicy):
            return found
        raise ArgumentError(message("dtype policy", expected="the config of one", got=dict(identifier)))
    if isinstance(identifier, str):
        mode, split, source = identifier.partition("_from_")
        if split:
            quantized = (cls for start, cls in _BY_START.items() if mode.startswith(start))
            return next(quantized, QuantizedDTypePolicy)(mode, source)
        return DTypePolicy(identifier)
    return DTypePolicy(dtypes.standardize(identifier))


#: what the mode of a quantized policy begins with -> its class
_BY_START: dict[str, type[QuantizedDTypePolicy]] = {
    "int4/": Int4DTypePolicy,
    "gptq": GPTQDTypePolicy,
    "awq": AWQDTypePolicy,
    "float8": QuantizedFloat8DTypePolicy,
}
_global: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers without one of their own: `floatx()` unless `set_dtype_policy` was called.

    Returns:
        The policy.

    Example:
        >>> dtype_policy()
        <DTypePolicy "float32">
    """
    return DTypePolicy(dtypes.floatx()) if _global is None else _global


def set_dtype_policy(policy: PolicyLike) -> None:
    """Set the policy of layers that are created from now on.

    Args:
        policy: A policy or its name; None is `floatx()`.

    Example:
        >>> set_dtype_policy("mixed_bfloat16")
        >>> gazelle.layers.Dense(2)(np.ones((1, 3))).dtype
        dtype(bfloat16)
        >>> set_dtype_policy("float32")
    """
    global _global
    _global = None if policy is None else get(policy)


@names.on_clear
def _reset() -> None:
    global _global
    _global = None
