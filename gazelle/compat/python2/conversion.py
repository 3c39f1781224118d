"""Converts a program for Python 2 to Python 3."""

from __future__ import annotations

import ast
import contextlib
import linecache
import re
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from types import CodeType

from gazelle.compat.python2.syntax_tree import converted
from gazelle.compat.tables import listed
from gazelle.core.errors import StateError, message
from gazelle.core.types import Foreign

_DIVISION = re.compile(r"(?m)^[ \t]*(?:pass  # )?from __future__ import (?:\([^)]*|[^\n#]*)\bdivision\b")
#: fixers of functions whose results depend on the arguments, or that add lines: `builtins.py` and the table
#: `removed_names.txt` have these functions
_KEPT = tuple(
    f".fix_{name}" for name in listed("execfile filter intern itertools itertools_imports map reduce reload types")
)
#: it takes `np.sort(x)` for the method of a list
_WRONG = ".fix_sorted"


@lru_cache(maxsize=64)
def python_3(source: str, module: str | None = None, runs: bool = False) -> str:
    """The text of a program for Python 2 in the syntax and with the names of Python 3, line by line.

    Args:
        source: The text.
        module: The file, if it is that of a module in a package, where `import a` finds a module next to it.
        runs: Whether the text is for `compiled`, which has `map` and `filter` of Python 2.

    Raises:
        StateError: If fissix is not installed.
        SyntaxError: If the text is not Python 2, either.
    """
    tool = _tool(module is not None, runs)
    from fissix.pgen2 import parse, tokenize

    try:
        text = str(tool.refactor_string(source.rstrip() + "\n", module or "program"))
    except (parse.ParseError, tokenize.TokenError, IndentationError):
        ast.parse(source)  # raises the error of Python 3
        return source
    try:
        with _quiet():
            ast.parse(text)
    except TabError:  # in Python 2 a tab extends to the next multiple of 8 columns
        return re.sub(r"(?m)^[ \t]+", lambda indent: indent[0].expandtabs(8), text)
    except (SyntaxError, ValueError):
        pass  # reported where the text is compiled
    return text


def compiled(source: str, path: str, convert: bool = True, in_package: bool = False) -> CodeType:
    """The code of a program for Python 2.

    Args:
        source: The text.
        path: The file. Tracebacks and `inspect` show its lines as Python 3.
        convert: Whether the syntax and names are those of Python 2.
        in_package: Whether it is a module of a package.

    Raises:
        StateError: If fissix is not installed.
        SyntaxError: If the text is not Python 2, either.
    """
    text = python_3(source, path if in_package else None, runs=True) if convert else source
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    with _quiet():
        tree = converted(ast.parse(text, path), divides=not _DIVISION.search(source))
        return compile(tree, path, "exec", dont_inherit=True)


def divisions(source: str) -> list[int]:
    """The lines of a program for Python 2 with divisions that may be those of integers."""
    if _DIVISION.search(source):
        return []
    with _quiet():
        nodes = ast.walk(ast.parse(python_3(source)))
    found = [node for node in nodes if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)]
    return sorted({node.lineno for node in found if not any(map(_is_float, ast.iter_child_nodes(node)))})


def _is_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "float"
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings that Python 2 did not have, such as that of an unknown escape in a string."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)  # before Python 3.12
        yield


@cache
def _tool(in_package: bool, runs: bool) -> Foreign:
    try:
        from fissix import refactor
    except ImportError:
        raise StateError(
            message(
                "The program is written for Python 2",
                expected="the package fissix, which converts it",
                got="none",
                hint='Install it: pip install "gazelle[python2]"',
            )
        ) from None
    names = refactor.get_fixers_from_package("fissix.fixes")
    omitted = (_WRONG, *(() if in_package else (".fix_import",)), *(_KEPT if runs else ()))
    return refactor.RefactoringTool([name for name in names if not name.endswith(omitted)])
