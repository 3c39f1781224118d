"""Detects programs for Python 2 by names and syntax that Python 3 does not have."""

from __future__ import annotations

import ast
import functools
import pathlib
import re
import sys
import warnings
from importlib.machinery import PathFinder
from typing import NamedTuple

from gazelle.compat.source import notebooks, read
from gazelle.compat.tables import listed
from gazelle.core.types import PathLike

#: built-in functions and modules that Python 3 does not have
_NAMES = frozenset(listed("xrange raw_input unicode unichr basestring long"))
_MODULES = frozenset(
    listed("""__builtin__ BaseHTTPServer ConfigParser HTMLParser Queue StringIO Tkinter cPickle cStringIO commands
        cookielib httplib urllib2 urlparse""")
)
#: methods of dicts that Python 3 does not have; pandas had `iteritems`
_METHODS = frozenset(listed("iterkeys itervalues has_key iteritems"))
#: in programs for both versions
_OF_BOTH = re.compile(
    r"\bversion_info\b|(?i:py[23])\b|\bsix\b|\bfuture\.|\bpast\.|\bbuiltins\b"
    r"|except \(?(?:NameError|Import|ModuleNotFound)"
)
_COMMENT = re.compile(r"(?m)(?:^|\s)#.*$")
_PARENTHESES = re.compile("Missing parentheses in call to '(.+?)'")
_SYNTAX = re.compile(
    r"""(?x) ^ \s* (?: print \s+ (?: [\w"'] | >> ) | exec \s+ [\w"'] | raise \s+ [\w.]+ , )
        | except \s+ \(? [\w.]+ (?: , \s* [\w.]+ )* \)? \s* , \s* \w+ \s* : | [\w)] \s* <>
        | \b \d+ [lL] \b | \b [uU][rR] ["'] | ` \w | \b lambda \s* \( | \b def \s+ \w+ \( .* \( """
)


class Sign(NamedTuple):
    """What only Python 2 has in a program, and its line."""

    line: int
    what: str


@functools.lru_cache(maxsize=64)
def syntax_tree(source: str) -> ast.Module:
    """The syntax tree of a text; what Python warns about is shown when the program is compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


@functools.lru_cache(maxsize=64)
def nodes_of(tree: ast.Module) -> tuple[ast.AST, ...]:
    """The nodes of a syntax tree, through which a walk takes as long as parsing."""
    return tuple(ast.walk(tree))


def first_sign(source: str, by_names: bool = True) -> Sign | None:
    """The first sign that a program is written for Python 2; None if there is none, or if it is for both versions.

    Args:
        source: The text.
        by_names: Whether names that Python 3 does not have are a sign, not only syntax.

    >>> first_sign("print 'loss', loss")
    Sign(line=1, what='print')
    >>> first_sign("for i in xrange(10): pass")
    Sign(line=1, what='xrange')
    >>> first_sign("print('loss')")
    """
    try:
        tree = syntax_tree(source)
    except SyntaxError as error:
        repaired = _without_mistakes(source, error)
        if repaired != source:
            return first_sign(repaired, by_names)
        line = "".join(source.splitlines()[(error.lineno or 1) - 1 :][:1])
        missing = _PARENTHESES.match(error.msg)
        if not (missing or _SYNTAX.search(line)):
            return None
        return Sign(error.lineno or 1, missing[1] if missing else error.msg)
    except ValueError:
        return None
    if not by_names:
        return None
    if is_for_both(source):  # what always runs is for Python 2 alone
        always: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        return _first_name(ast.Module(always, []), frozenset())
    return _first_name(tree, _METHODS - {"iteritems"} if "pandas" in source else _METHODS)


def first_import_of_neighbor(source: str, folder: str, own_name: str = "") -> Sign | None:
    """The first import in a module of a package that only Python 2 finds: that of a module next to it, by its name.

    A module that imports its own name means another package: in Python 2 it would have imported itself.
    """
    try:
        tree = syntax_tree(source)
    except (SyntaxError, ValueError):
        return None
    if any(map(_is_for_python_3, ast.walk(tree))):  # the name is that of an optional package, too
        return None
    for node in tree.body:  # imports in functions, `if` and `try` may be of an optional package
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        for name in (name.partition(".")[0] for name in names):
            file = pathlib.Path(folder, name)
            is_there = file.with_suffix(".py").is_file() or (file / "__init__.py").is_file()
            if is_there and name != own_name and name not in sys.modules and PathFinder.find_spec(name) is None:
                return Sign(node.lineno, f"import {name}")
    return None


def _is_for_python_3(node: ast.AST) -> bool:
    """Whether Python 2 had no such syntax, or an import is relative, as in packages for both."""
    if isinstance(node, ast.FunctionDef):
        arguments = [*node.args.args, *node.args.kwonlyargs]
        return node.returns is not None or bool(node.args.kwonlyargs) or any(one.annotation for one in arguments)
    return isinstance(node, ast.AnnAssign | ast.JoinedStr) or (isinstance(node, ast.ImportFrom) and node.level > 0)


def _without_mistakes(source: str, error: SyntaxError) -> str:
    """The text without what Python 2 took, but what is also a mistake in Python 3: alone it is no sign."""
    if isinstance(error, TabError):
        return source.expandtabs(8)
    if "'unicodeescape'" in error.msg:
        return re.sub(r"(?<!\\)\\(?=[UuNx])", r"\\\\", source)
    return re.sub(r"(?<![\w.])0+(?=[1-7][0-7]*\b(?!\.))", "", source) if "leading zeros" in error.msg else source


def sign_of_notebook(path: PathLike) -> Sign | None:
    """The sign of a notebook that was saved with Python 2."""
    version = notebooks.python_release(read(pathlib.Path(path)))
    return Sign(1, "its kernel") if version is not None and version < (3, 0) else None


def is_for_both(source: str) -> bool:
    """Whether a program looks up the version of Python that runs it.

    >>> is_for_both("from six.moves import cPickle"), is_for_both("import cPickle  # not of six")
    (True, False)
    """
    return _OF_BOTH.search(_COMMENT.sub("", source)) is not None


def _lists_of_calls(node: ast.BinOp | ast.Subscript) -> list[str]:
    """The built-in functions whose results are taken as lists, which they are in Python 2: `map(f, x) + y`."""
    functions = {"map", "filter", "zip"}
    used = [node.value] if isinstance(node, ast.Subscript) else []
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        used, functions = [node.left, node.right], functions | {"range"}
    calls = [one.func for one in used if isinstance(one, ast.Call)]
    return [function.id for function in calls if isinstance(function, ast.Name) and function.id in functions]


def _first_name(tree: ast.Module, methods: frozenset[str]) -> Sign | None:
    modules: list[Sign] = []
    names: list[Sign] = []
    defined: set[str] = set()
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            modules += [Sign(node.lineno, alias.name) for alias in node.names if alias.name in _MODULES]
            defined |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules += [Sign(node.lineno, node.module)] if node.module in _MODULES and not node.level else []
            defined |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and node.id in _NAMES:
            if isinstance(node.ctx, ast.Load):
                names.append(Sign(node.lineno, node.id))
            else:
                defined.add(node.id)
        elif isinstance(node, ast.BinOp | ast.Subscript):
            names += [Sign(node.lineno, name) for name in _lists_of_calls(node)]
        elif isinstance(node, ast.Attribute) and node.attr in methods:
            names.append(Sign(node.lineno, node.attr))
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
    return min((*modules, *(sign for sign in names if sign.what not in defined)), default=None)
