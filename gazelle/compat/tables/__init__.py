"""Tables of names and arguments of earlier versions, in text files next to this module, and short ones in the code.

A file consists of sections: `[section]`, then lines `key = value`. A line that begins with a blank continues the value
before it, `#` begins a comment, and `{key}` in a value stands for the value of that key in the section `parts`.
"""

from __future__ import annotations

import ast
import functools
import importlib
import pathlib
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from types import ModuleType
from typing import Any, NamedTuple

from gazelle.compat.types import NamedObject

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


def objects(name: str) -> dict[str, Table]:
    """A file whose lines are `names = "module:name"`, by each name; of "module:" the object has its last part.

    >>> objects("old_names")["gazelle.layers"]["CuDNNGRU"]
    'gazelle.compat.layers:CuDNNGRU'
    """
    return {
        section: {
            key: path + key.rpartition(".")[2] if path.endswith((":", ".")) else path
            for keys, path in entries.items()
            for key in keys.split()
        }
        for section, entries in read(name).items()
    }


def resolve(path: str, namespace: str) -> NamedObject:
    """The object at "module:name"; ":name" is in `namespace`, ".module:name" below it, "module" is a module itself."""
    module, _, names = path.partition(":")
    found: Any = importlib.import_module(module or namespace, namespace)
    for name in names.split(".") if names else ():
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    return found


class _Parameter(NamedTuple):
    """A parameter, further names of it in earlier versions, and the name of the function that converts its values."""

    current: Parameter
    earlier: list[str]
    kind: str


def passed_names(parameters: Sequence[str]) -> list[str]:
    """The last name of each parameter that the function of `with_parameters` receives.

    >>> passed_names(["base", "exponent/exp=2", "-name=None"])
    ['base', 'exp']
    """
    return [text.partition("=")[0].rpartition("/")[2] for text in parameters if text[0] != "-"]


def with_parameters(
    call: Callable[..., Any], parameters: Sequence[str], kinds: Mapping[str, Callable[[Any], Any]] | None = None
) -> Callable[..., Any]:
    """A function with these parameters, whose arguments `call` takes by position.

    A parameter is "name", "name=default" or "name/earlier=default", with a further name. In "name:kind=default" it is
    followed by the key of the function in `kinds` that converts its values. `call` does not take "-name", which must
    have its default if there is one other than None, and takes the constant of "=constant" at its position.

    >>> with_parameters(pow, ["base:int", "exponent/exp=2", "-name=None", "=7"], {"int": int})(base="3", exp=3)
    6
    """
    passed = [text for text in parameters if text[0] != "-"]
    constants = {number: ast.literal_eval(text[1:]) for number, text in enumerate(passed) if text[0] == "="}
    given = [text for text in parameters if text[0] != "="]
    ignored = [number for number, text in enumerate(given) if text[0] == "-"]
    parsed = [_parameter(text.lstrip("-")) for text in given]
    signature = Signature([one.current for one in parsed])
    current_names = {name: one.current.name for one in parsed for name in one.earlier}
    converters = [(number, (kinds or {})[one.kind]) for number, one in enumerate(parsed) if one.kind]
    defaults = tuple(one.current.default for one in parsed if one.current.default is not Parameter.empty)

    def function(*args: Any, **kwargs: Any) -> Any:
        missing = len(parsed) - len(args)
        if kwargs or not 0 <= missing <= len(defaults):
            bound = signature.bind(*args, **{current_names.get(name, name): kwargs[name] for name in kwargs})
            bound.apply_defaults()
            args = bound.args
        elif missing:
            args = args + defaults[-missing:]
        if not (converters or ignored or constants):
            return call(*args)
        values = list(args)
        for number, convert in converters:
            values[number] = convert(values[number])
        from gazelle.compat.arguments.ignored import check

        for number in reversed(ignored):
            parameter, value = parsed[number].current, values.pop(number)
            if parameter.default is not None and value is not None:
                check(parameter.name, value, parameter.default, getattr(call, "__name__", "a function"))
        for number, constant in constants.items():
            values.insert(number, constant)
        return call(*values)

    vars(function)["__signature__"] = signature
    return function


def _parameter(text: str) -> _Parameter:
    given, has_default, default = text.partition("=")
    names, _, kind = given.partition(":")
    name, *earlier = names.split("/")
    value = ast.literal_eval(default) if has_default else Parameter.empty
    return _Parameter(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=value), earlier, kind)


def listed(text: str) -> tuple[str, ...]:
    """The names in a text, separated by blanks.

    >>> listed("add sub")
    ('add', 'sub')
    """
    return tuple(text.split())


def pairs(text: str) -> dict[str, str]:
    """The table that a text holds, as `name=value`, separated by blanks.

    >>> pairs("sqr=square eq=equal")
    {'sqr': 'square', 'eq': 'equal'}
    """
    return dict(entry.split("=") for entry in text.split())


def defined(*modules: ModuleType) -> dict[str, Any]:
    """The public functions and classes that modules define."""
    found = ((module.__name__, item) for module in modules for item in vars(module).items())
    return {n: value for path, (n, value) in found if n[0] != "_" and getattr(value, "__module__", "") == path}
