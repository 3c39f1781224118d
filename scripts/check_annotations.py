"""Find bare `Any` in public signatures of all modules, internal ones included; `check_docstrings.py` runs this.

A public signature is that of a function, or of a method of a class, whose names have no leading underscore; `__init__`
and `__call__` are public, too. `*args: Any` and `**kwargs: Any` are allowed where a method accepts what an override
or a wrapped function takes, but not in constructors: those name what they pass on, as `**kwargs: Unpack[LayerOptions]`.
`annotations.txt` lists how many findings a file may still have: these numbers may only be lowered.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED = Path(__file__).with_name("annotations.txt")
BARE = ("Any", "Any | None", "None | Any", "Optional[Any]", "typing.Any")
Finding = tuple[int, str, str]  # line, function, what is annotated Any


def is_public(name: str) -> bool:
    """Whether a name is public."""
    return not name.startswith("_") or name in ("__init__", "__call__")


def is_bare(annotation: ast.expr | None) -> bool:
    """Whether an annotation is `Any`, also as text."""
    text = annotation.value if isinstance(annotation, ast.Constant) else annotation and ast.unparse(annotation)
    return text in BARE


def in_function(function: ast.FunctionDef | ast.AsyncFunctionDef, label: str) -> Iterator[Finding]:
    """Findings in one signature."""
    given = function.args
    checked = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    if function.name == "__init__":
        checked += [one for one in (given.vararg, given.kwarg) if one is not None]
    for parameter in checked:
        if is_bare(parameter.annotation):
            yield parameter.lineno, label, f"argument `{parameter.arg}` is annotated Any"
    if is_bare(function.returns):
        yield function.lineno, label, "the result is annotated Any"


def in_source(source: str) -> list[Finding]:
    """Findings in the text of a module, in the order of its functions."""

    def visit(node: ast.AST, prefix: str) -> Iterator[Finding]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                if is_public(child.name):
                    yield from in_function(child, prefix + child.name)
            elif isinstance(child, ast.ClassDef):
                if is_public(child.name):
                    yield from visit(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.If | ast.Try | ast.With):
                yield from visit(child, prefix)

    return list(visit(ast.parse(source), ""))


def allowed() -> dict[str, int]:
    """{path: number of findings} of the files that are not finished."""
    lines = ALLOWED.read_text().splitlines()
    return {path: int(count) for path, count in (line.split() for line in lines if not line.startswith("#"))}


def compare(found: dict[str, list[Finding]], limits: dict[str, int]) -> Iterator[tuple[str, str, str]]:
    """(place, function, text) for each file with more findings than its limit, or fewer, or a limit without a file."""
    for path in sorted(found.keys() | limits.keys()):
        here, limit = found.get(path, []), limits.get(path, 0)
        if len(here) > limit:
            for line, label, text in here:
                yield f"{path}:{line}", label, text
        elif len(here) < limit:
            yield f"{path}:1", ALLOWED.name, f"{limit} bare Any are allowed, {len(here)} are left: lower the number"


def findings() -> list[tuple[str, str, str]]:
    """(place, function, text) of the whole package."""
    files = sorted((ROOT / "gazelle").rglob("*.py"))
    found = {path.relative_to(ROOT).as_posix(): in_source(path.read_text()) for path in files}
    return list(compare(found, allowed()))
