"""Operators of classes, all by one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gazelle.compat.tables import listed

_UNARY = listed("neg pos abs invert")
_COMPARISONS = listed("lt le gt ge eq ne")


def exceeds_32_bits(value: object, tensor: object) -> bool:
    """Whether a number is an integer such as -2 ** 32 + 1, which JAX does not take, and the tensor has floats."""
    return isinstance(value, int) and abs(value) >= 2**31 and "float" in str(getattr(tensor, "dtype", ""))


def add_operators(cls: type[Any], names: Iterable[str], operate: Callable[..., Any]) -> None:
    """Define `a + b` as operate("add", a, b), `-a` as operate("neg", a) and so on, for these names of `operator`."""
    for name in names:
        method = name.strip("_")
        if name in _UNARY:
            setattr(cls, f"__{method}__", lambda self, n=name: operate(n, self))
            continue
        setattr(cls, f"__{method}__", lambda self, other, n=name: operate(n, self, other))
        if name not in _COMPARISONS:
            setattr(cls, f"__r{method}__", lambda self, other, n=name: operate(n, other, self))
