"""Tables of names and arguments of earlier versions, in text files next to this module.

A file consists of sections: `[section]`, then lines `key = value`. A line that begins with a blank continues the value
before it, `#` begins a comment, and `{key}` in a value stands for the value of that key in the section `parts`.
"""

from __future__ import annotations

import ast
import functools
import pathlib
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any

Table = dict[str, str]


@functools.cache
def read(name: str) -> dict[str, Table]:
    """The sections of a file.

    >>> read("positional_arguments")["KERAS_1"]["Lambda"]
    'function output_shape arguments'
    """
    text = pathlib.Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8")
    sections: dict[str, Table] = {}
    for line in text.replace("\n ", " ").splitlines():
        if line.startswith("["):
            entries = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition(" =")
            entries[key] = " ".join(value.split())
    parts = sections.pop("parts", None)
    if parts:
        for entries in sections.values():
            entries.update({key: value.format_map(parts) for key, value in entries.items() if "{" in value})
    return sections


def lists(name: str, section: str) -> dict[str, tuple[str, ...]]:
    """A section whose values are lists of names."""
    return {key: tuple(value.split()) for key, value in read(name)[section].items()}


def with_parameters(call: Callable[..., Any], parameters: Sequence[str]) -> Callable[..., Any]:
    """A function with these parameters, "name" or "name=default", whose arguments `call` takes by position.

    >>> with_parameters(pow, ["base", "exponent=2"])(base=3)
    9
    """
    signature = Signature([_parameter(text) for text in parameters])

    def function(*args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) < len(parameters):
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        return call(*args)

    vars(function)["__signature__"] = signature
    return function


def _parameter(text: str) -> Parameter:
    name, has_default, default = text.partition("=")
    value = ast.literal_eval(default) if has_default else Parameter.empty
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=value)
