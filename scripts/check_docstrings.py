"""Check docstrings and annotations of public names: `python scripts/check_docstrings.py [packages]`.

Public names are those in `__all__` of the public namespaces, the public methods of public classes and the arguments
of their constructors. Each needs a one-sentence summary, an entry under `Args:` for every argument, `Returns:` where
a function returns something, and no argument or result annotated `Any`. A method without a docstring of its own
inherits that of the method it overrides. `check_annotations.py` looks for `Any` in the signatures of internal modules,
too. `--count` prints the number of findings per package.
"""

from __future__ import annotations

import collections
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import check_annotations

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(r"^\s+\*{0,2}(\w+)(?: \([^)]*\))?:", re.MULTILINE)
SECTION = r"^{}:\s*$(.*?)(?=^\S|\Z)"
Finding = tuple[str, str, str, str]  # package, place, name, what is missing


def namespaces() -> dict[str, types.ModuleType]:
    """The public namespaces: gazelle, and the modules in its `__all__`, recursively."""
    found: dict[str, types.ModuleType] = {}

    def visit(module: types.ModuleType) -> None:
        found[module.__name__] = module
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.ismodule(value) and value.__name__.startswith("gazelle") and value.__name__ not in found:
                visit(value)

    visit(importlib.import_module("gazelle"))
    return found


def public_names(module: types.ModuleType) -> list[str]:
    """`__all__` of a module, or what it defines and imports from gazelle without an underscore."""
    offered = getattr(module, "__all__", None)
    if offered is not None:
        return list(offered)
    names = sorted(name for name in vars(module) if not name.startswith("_"))
    return [name for name in names if getattr(vars(module)[name], "__module__", "").startswith("gazelle")]


def section(doc: str, title: str) -> str:
    """The text below a section heading of a Google style docstring, empty where there is none."""
    match = re.search(SECTION.format(title), doc, re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


def is_any(annotation: object) -> bool:
    """Whether an annotation is missing or bare `Any`."""
    return annotation is inspect.Parameter.empty or annotation is Any or annotation in ("Any", "typing.Any")


def parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    """Named parameters of a function: no `self`, `*args`, `**kwargs`, nothing private."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return []
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p for p in found if p.kind not in variadic and p.name not in ("self", "cls") and not p.name.startswith("_")]


def summary(doc: str) -> Iterator[str]:
    """Findings in the first line."""
    first, _, rest = doc.partition("\n")
    if not first:
        yield "no docstring"
    elif not first.rstrip().endswith((".", "?", ":")) and "  " not in first:
        yield "the first line is not one sentence"
    elif rest and rest.split("\n")[0].strip():
        yield "no blank line after the first line"


def callable_findings(function: Callable[..., object], doc: str, with_result: bool) -> Iterator[str]:
    """Findings in the sections for arguments and result."""
    entries = set(ENTRY.findall(section(doc, "Args")))
    for parameter in parameters(function):
        if parameter.name not in entries:
            yield f"no entry under Args for `{parameter.name}`"
        if is_any(parameter.annotation):
            yield f"argument `{parameter.name}` is annotated Any"
    if not with_result:
        return
    try:
        result = inspect.signature(function).return_annotation
    except (ValueError, TypeError):
        return
    if is_any(result):
        yield "the result is annotated Any"
    if result not in (None, "None", typing.NoReturn, "NoReturn") and not re.search(
        r"^(Returns|Yields):", doc, re.MULTILINE
    ):
        yield "no Returns"


def location(value: object) -> str:
    """`file:line` of a class or function, relative to the repository root."""
    plain = inspect.unwrap(value) if callable(value) else value
    code = getattr(plain, "__code__", None)
    if code is not None:
        file, line = code.co_filename, code.co_firstlineno
    else:
        module = sys.modules.get(getattr(plain, "__module__", None) or "")
        file, line = getattr(module, "__file__", None) or "?", getattr(plain, "__firstlineno__", 1)
    path = Path(file)
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}"


def package(value: object, namespace: str) -> str:
    """The package that owns a name, as a path: gazelle/layers, gazelle/random.py."""
    module = getattr(value, "__module__", None) or namespace
    if not module.startswith("gazelle"):
        module = namespace
    parts = module.split(".")[:2]
    path = "/".join(parts)
    return path + ".py" if (ROOT / f"{path}.py").exists() else path


def class_findings(cls: type, owner: str) -> Iterator[Finding]:
    """Findings in a class, its constructor and its public methods from gazelle's base classes."""
    doc = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    place = location(cls)
    for text in summary(doc):
        yield owner, place, cls.__name__, text
    init = inspect.unwrap(cls.__init__)  # type: ignore[misc]
    source = next(base for base in cls.__mro__ if "__init__" in vars(base))
    inherited = source is not cls and not source.__name__.startswith("_")  # described in the public base class
    if not inherited and init is not object.__init__ and not issubclass(cls, (BaseException, tuple)):
        for text in callable_findings(init, doc, with_result=False):
            yield owner, place, cls.__name__, text
    for base in cls.__mro__:
        if base.__module__.startswith("gazelle"):
            yield from member_findings(base)


def member_findings(cls: type) -> Iterator[Finding]:
    """Findings in the public methods and properties that a class itself defines."""
    owner = package(cls, cls.__module__)
    for name, member in vars(cls).items():
        if name.startswith("_") or inspect.isclass(member):
            continue
        plain = member.__func__ if isinstance(member, staticmethod | classmethod) else member
        label = f"{cls.__name__}.{name}"
        if isinstance(plain, property):
            if not inspect.getdoc(plain):
                yield owner, location(plain.fget), label, "no docstring"
            if plain.fget and is_any(getattr(plain.fget, "__annotations__", {}).get("return", Any)):
                yield owner, location(plain.fget), label, "the result is annotated Any"
        elif inspect.isfunction(plain):
            own = inspect.cleandoc(plain.__doc__ or "")
            inherited = next((b.__dict__[name] for b in cls.__mro__[1:] if name in b.__dict__), None)
            if not own and inherited is not None:
                continue
            for text in (*summary(own), *callable_findings(plain, own, with_result=True)):
                yield owner, location(plain), label, text


def findings() -> list[Finding]:
    """All findings, each object once."""
    found: dict[Finding, None] = {}
    seen: set[int] = set()
    for namespace, module in namespaces().items():
        for name in public_names(module):
            value = getattr(module, name)
            if inspect.ismodule(value) or id(value) in seen:
                continue
            seen.add(id(value))
            owner = package(value, namespace)
            if inspect.isclass(value):
                if value.__module__.startswith("gazelle"):
                    found.update(dict.fromkeys(class_findings(value, owner)))
            elif callable(value):
                doc = inspect.getdoc(value) or ""
                for text in (*summary(doc), *callable_findings(value, doc, with_result=True)):
                    found[owner, location(value), f"{namespace}.{name}", text] = None
    for place, name, text in check_annotations.findings():
        owner = "/".join(place.split("/")[:2]).partition(":")[0]
        if not any((name, text) == (f[2], f[3]) and f[1].partition(":")[0] == place.partition(":")[0] for f in found):
            found[owner, place, name, text] = None
    return list(found)


def main(arguments: list[str]) -> int:
    found = findings()
    if "--count" in arguments:
        for owner, number in sorted(collections.Counter(owner for owner, *_ in found).items()):
            print(f"{number:5} {owner}")
        return 0
    chosen = {name.rstrip("/") for name in arguments}
    found = [f for f in found if not chosen or f[0] in chosen]
    for _, place, name, text in sorted(found, key=lambda f: (f[1].partition(":")[0], f[2])):
        print(f"{place}: {name}: {text}")
    print(f"{len(found)} findings" if found else "docstrings: clean", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
