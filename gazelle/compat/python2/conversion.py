"""Converts a program for Python 2 to Python 3."""

from __future__ import annotations

import ast
import linecache
import re
from functools import cache, lru_cache
from types import CodeType

from gazelle.compat.tables import listed
from gazelle.core.errors import StateError, message
from gazelle.core.types import Foreign

#: the name of `functions.py` in the program
_FUNCTIONS = "_gazelle_python_2"
_DIVISION = re.compile(r"(?m)^[ \t#]*(?:pass  # )?from __future__ import [^\n]*\bdivision\b")
_PICKLE = frozenset(listed("cPickle pickle"))
_OF_PICKLE = frozenset(listed("load loads dump"))
_OF_CSV = frozenset(listed("reader DictReader"))


@lru_cache(maxsize=64)
def python_3(source: str, module: str | None = None) -> str:
    """The text of a program for Python 2 in the syntax and with the names of Python 3, line by line.

    Args:
        source: The text.
        module: The file, if it is that of a module in a package, where `import a` finds a module next to it.

    Raises:
        StateError: If fissix is not installed.
        SyntaxError: If the text is not Python 2, either.
    """
    tool = _tool(module is not None)
    from fissix.pgen2 import parse, tokenize

    try:
        text = str(tool.refactor_string(source.rstrip() + "\n", module or "program"))
    except (parse.ParseError, tokenize.TokenError, IndentationError):
        ast.parse(source)  # raises the error of Python 3
        return source
    try:
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
    text = python_3(source, path if in_package else None) if convert else source
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    tree = ast.parse(text, path)
    return compile(_Functions(divides=not _DIVISION.search(source)).convert(tree), path, "exec", dont_inherit=True)


@cache
def _tool(in_package: bool) -> Foreign:
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
    return refactor.RefactoringTool([name for name in names if in_package or not name.endswith(".fix_import")])


class _Functions(ast.NodeTransformer):
    """Replaces operations that Python 3 has, too, but with another meaning, by those of `functions.py`."""

    def __init__(self, divides: bool) -> None:
        self._divides = divides
        self._modules: dict[str, str] = {}  # name in the program -> "pickle" or "csv"

    def convert(self, tree: ast.Module) -> ast.Module:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in (*_PICKLE, "csv"):
                        self._modules[alias.asname or alias.name] = "csv" if alias.name == "csv" else "pickle"
        tree = self.visit(tree)
        first = 1 if ast.get_docstring(tree, clean=False) is not None else 0
        while any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body[first : first + 1]):
            first += 1
        tree.body.insert(first, ast.parse(f"from gazelle.compat.python2 import functions as {_FUNCTIONS}").body[0])
        return ast.fix_missing_locations(tree)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not (self._divides and isinstance(node.op, ast.Div)):
            return node
        return ast.copy_location(_call("divide", node.left, node.right), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not (self._divides and isinstance(node.op, ast.Div)):
            return node
        before = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.copy_location(ast.Assign([node.target], _call("divide_in_place", before, node.value)), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Name) and called.id == "open":
            node.func = _function("open_file")
        elif isinstance(called, ast.Attribute) and called.attr == "decode":
            node = _call("decode", called.value, *node.args, keywords=node.keywords)
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            module = self._modules.get(called.value.id)
            if module == "pickle" and called.attr in _OF_PICKLE:
                node.func = _function(f"{called.attr}_pickle")
            elif module == "csv" and called.attr in _OF_CSV and node.args:
                node.args[0] = _call("lines_of", node.args[0])
        return node


def _function(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name(_FUNCTIONS, ast.Load()), name, ast.Load())


def _call(name: str, *arguments: ast.expr, keywords: list[ast.keyword] | None = None) -> ast.Call:
    return ast.Call(_function(name), list(arguments), keywords or [])
