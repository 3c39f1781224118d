"""The branches of a program for several versions of a package, whose names do not show which one it is for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

#: tf.__version__[0] == "2", tf_version == 1, IS_TF2, hasattr(tf, "ConfigProto")
_TEST = re.compile(
    r"\b(?:tf|tensorflow|K|keras)\.__version__|\bhasattr\((?:tf|tensorflow|K|keras)\b"
    r"|\b(?:\w*_)?(?:tf|tensorflow|keras)_?\w*version\b|\bversion_(?:tf|tensorflow|keras)\b|\b(?:is_?)?tf_?v?[12]x?\b",
    re.IGNORECASE,
)
_MOST = 5  # statements of a branch that tries names; a longer one is the program itself
_NOT_FOUND = re.compile(r"\b(?:AttributeError|ImportError|ModuleNotFoundError|Exception)\b")
_OF_TENSORFLOW = re.compile(r"\b(?:tf|tensorflow)\b")


def nodes_in(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in the branches of a statement that tests a version, or that tries a name and then another one.

    >>> [ast.unparse(each) for each in nodes_in(ast.parse("if tf.__version__ < '2': x").body[0])]
    ['x', 'x', '']
    """
    branches: list[ast.AST] = []
    if isinstance(node, ast.If) and _TEST.search(ast.unparse(node.test)):
        branches = [*node.body, *node.orelse]
    elif isinstance(node, ast.IfExp) and _TEST.search(ast.unparse(node.test)):
        branches = [node.body, node.orelse]
    elif isinstance(node, ast.Try) and len(node.body) <= _MOST and any(map(_tries_another_name, node.handlers)):
        branches = [*node.body, *node.handlers]
    for branch in branches:
        yield from ast.walk(branch)


def _tries_another_name(handler: ast.ExceptHandler) -> bool:
    """Whether a handler uses a name of TensorFlow after another one was not found."""
    is_of_names = handler.type is None or _NOT_FOUND.search(ast.unparse(handler.type)) is not None
    return is_of_names and any(_OF_TENSORFLOW.search(ast.unparse(each)) for each in handler.body)
