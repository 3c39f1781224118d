"""Replaces what Python 3 has, too, but with another meaning: operators, methods, functions, modules, scopes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from gazelle.compat.python2 import builtins
from gazelle.compat.python2.library import MODULES
from gazelle.compat.tables import listed

#: the name of `functions.py` in the program
_FUNCTIONS = "_gazelle_python_2"
#: methods of strings, lists and arrays
_METHODS = frozenset(listed("decode encode itemset newbyteorder ptp sort tostring translate"))
_OPERATORS = {f"__{place}div__": f"__{place}truediv__" for place in ("", "r", "i")}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def converted(tree: ast.Module, divides: bool) -> ast.Module:
    """The tree with the meaning of Python 2.

    Args:
        tree: That of the program after the conversion of its syntax.
        divides: Whether `/` rounds down for integers.
    """
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}.intersection(builtins.__all__))
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | _Function):
            _share_variables(scope)
    tree = _Functions(divides).visit(tree)
    first = 1 if ast.get_docstring(tree, clean=False) is not None else 0
    while any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body[first : first + 1]):
        first += 1
    imports = f"from gazelle.compat.python2 import functions as {_FUNCTIONS}\n"
    if names:
        imports += f"from gazelle.compat.python2.builtins import {', '.join(names)}"
    tree.body[first:first] = ast.parse(imports).body
    return ast.fix_missing_locations(tree)


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions and classes in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, _Function | ast.ClassDef):
            yield from _inside(node)


def _share_variables(scope: ast.AST) -> None:
    """Assign the variables of list comprehensions also in the function, if it reads them elsewhere."""
    nodes = list(_inside(scope))
    hidden = {id(inner) for node in nodes for part in _own_scopes(node) for inner in ast.walk(part)}
    lists = [node for node in nodes if isinstance(node, ast.ListComp) and id(node) not in hidden]
    if not lists:
        return
    within = {id(inner) for node in nodes if isinstance(node, _COMPREHENSIONS) for inner in ast.walk(node)}
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in within}
    for node in lists:
        for generator in node.generators:
            targets = [n for n in ast.walk(generator.target) if isinstance(n, ast.Name)]
            if not any(target.id in read for target in targets):
                continue
            values: list[ast.expr] = []
            for target in targets:
                inner = f"_{target.id}_of_list"
                values.append(ast.NamedExpr(ast.Name(target.id, ast.Store()), ast.Name(inner, ast.Load())))
                target.id = inner
            generator.ifs.insert(0, ast.List(values, ast.Load()))  # which is true


def _own_scopes(node: ast.AST) -> Sequence[ast.AST]:
    """The parts of a comprehension that have a scope of their own, or in which Python 3 allows no assignment."""
    if isinstance(node, ast.ListComp):
        return [generator.iter for generator in node.generators]
    return [node] if isinstance(node, _COMPREHENSIONS) else ()


class _Functions(ast.NodeTransformer):
    def __init__(self, divides: bool) -> None:
        self._divides = divides

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            if alias.name in MODULES:
                alias.asname = alias.asname or alias.name
                alias.name = f"gazelle.compat.python2.library.{alias.name}"
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module in MODULES and not node.level:
            node.module = f"gazelle.compat.python2.library.{node.module}"
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.name = _OPERATORS.get(node.name, node.name)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = _OPERATORS.get(node.id, node.id)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        """The variable remains after the handler, and the error has its message."""
        self.generic_visit(node)
        if node.name is not None:
            inner = f"_{node.name}_of_handler"
            value = _call("caught", ast.Name(inner, ast.Load()))
            assignment = ast.Assign([ast.Name(node.name, ast.Store())], value)
            node.body.insert(0, ast.copy_location(assignment, node))
            node.name = inner
        return node

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

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        sides = (node.left, node.comparators[0])
        if len(node.ops) > 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq) or not any(map(_is_text, sides)):
            return node
        return ast.copy_location(_call("equals" if isinstance(node.ops[0], ast.Eq) else "differs", *sides), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Name) and called.id == "str" and len(node.args) > 1:
            node.func = _function("text")
        elif isinstance(called, ast.Attribute) and called.attr in _METHODS:
            node = _call(called.attr, called.value, *node.args, keywords=node.keywords)
        return node


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _function(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name(_FUNCTIONS, ast.Load()), name, ast.Load())


def _call(name: str, *arguments: ast.expr, keywords: list[ast.keyword] | None = None) -> ast.Call:
    return ast.Call(_function(name), list(arguments), keywords or [])
