"""Rules for the arguments of single classes and methods, where a table of names is not enough.

A rule is a function rule(instance, args, kwargs) -> (args, kwargs). The keywords have their current names already. A
rule may change the class of `instance` to a subclass in this package that computes as an earlier version did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rule = Callable[[Any, tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]

RULES: dict[str, Rule] = {}


def rule(*keys: str) -> Callable[[Any], Any]:
    """Register a function(instance, kwargs), which changes kwargs in place, for "Class" or "Class.method"."""

    def enter(function: Callable[[Any, dict[str, Any]], None]) -> Any:
        def with_args(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            function(instance, kwargs)
            return args, kwargs

        if known := RULES.keys() & set(keys):
            raise ValueError(f"A rule for {sorted(known)} is registered already.")
        RULES.update(dict.fromkeys(keys, with_args))
        return function

    return enter


from gazelle.compat.rules import layers, models, training  # noqa: E402, F401 - they enter their rules
