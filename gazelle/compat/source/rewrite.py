"""Rewrites a program for current Keras, with the tables that also translate its calls at run time.

Input: source text. Output: edits (position, old text, new text), as a list for people or applied to the text. All other
text stays unchanged, including comments. What is known at run time only is not edited.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator

from gazelle.compat import tables
from gazelle.compat.arguments import renamed_arguments
from gazelle.compat.old_names import PATHS
from gazelle.compat.source import signs
from gazelle.core import outdated
from gazelle.saving.h5_format import keras1

_METHODS = {"fit_generator": "fit", "evaluate_generator": "evaluate", "predict_generator": "predict"}


@dataclasses.dataclass(frozen=True)
class Edit:
    """The replacement of the text from `start` to `end`."""

    line: int
    start: int
    end: int
    old: str
    new: str


class _Text:
    """Source text in which positions are numbers of characters."""

    def __init__(self, source: str) -> None:
        self.source, self.lines = source, source.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def at(self, line: int, column: int) -> int:
        """The position for (line, column) of an AST node, whose columns count bytes."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        lines = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        return self.at(lines[0], lines[1]), self.at(lines[2], lines[3])

    def edit(self, line: int, start: int, end: int, new: str) -> Edit:
        return Edit(line, start, end, self.source[start:end], new)


def edits(source: str) -> list[Edit]:
    """All edits, in the order of the text."""
    text, tree = _Text(source), ast.parse(source)
    found: list[Edit] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found += _of_import(text, node)
        elif isinstance(node, ast.Call):
            found += _of_call(text, node)
    return sorted(set(found), key=lambda e: (e.start, e.end))


def _of_import(text: _Text, node: ast.Import | ast.ImportFrom) -> Iterator[Edit]:
    """`from keras.layers.core import Dense` -> `from keras.layers import Dense`; np_utils -> utils."""
    start, end = text.span(node)
    statement = text.source[start:end]
    modules = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
    modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    for module in modules:
        namespace = PATHS.get(signs.keras_path(module) or "", "")
        if namespace and not namespace.startswith("gazelle.compat") and module in statement:
            root = module[: len(module) - len(str(signs.keras_path(module))) - 1]
            position = start + statement.index(module)
            yield text.edit(node.lineno, position, position + len(module), root + namespace.removeprefix("gazelle"))
    for alias in node.names if modules and isinstance(node, ast.ImportFrom) else []:
        namespace = PATHS.get(signs.keras_path(f"{modules[0]}.{alias.name}") or "", "")
        if namespace and not namespace.startswith("gazelle.compat") and len(node.names) == 1 and "(" not in statement:
            root = modules[0].split(".")[0] if not modules[0].startswith("tensorflow") else "tensorflow.keras"
            new = f"from {root} import {namespace.removeprefix('gazelle.')} as {alias.asname or alias.name}"
            yield text.edit(node.lineno, start, end, new)


def _of_call(text: _Text, call: ast.Call) -> Iterator[Edit]:
    called = signs.kind_of(call)
    if called is None or any(isinstance(a, ast.Starred) for a in call.args):
        return
    kinds, method = called
    given = [k for k in call.keywords if k.arg]
    if {"samples_per_epoch", "nb_val_samples", "val_samples"} & {k.arg for k in given}:
        return  # steps are counted in batches now, and the batch size is known at run time only
    if method in _METHODS and isinstance(call.func, ast.Attribute):
        end = text.span(call.func)[1]
        yield text.edit(call.lineno, end - len(method), end, _METHODS[method])
    yield from _by_position(text, call, kinds, method)
    sides = [k for k in given if k.arg in keras1.SIDES]
    for keyword in given:
        start = text.at(keyword.lineno, keyword.col_offset)
        new = renamed_arguments.renamed(kinds, method, str(keyword.arg))
        if keyword in sides:
            if keyword is sides[0]:
                values = ", ".join(ast.unparse(k.value) for k in sides)
                yield text.edit(keyword.lineno, start, text.span(keyword)[1], f"kernel_size=({values})")
            else:
                yield _removal(text, keyword)
        elif not new:
            yield _removal(text, keyword)
        elif new != keyword.arg:
            yield text.edit(keyword.lineno, start, start + len(str(keyword.arg)), new)
        order = getattr(keyword.value, "value", None)
        if new == "data_format" and isinstance(order, str) and keras1.data_format(order) != order:
            yield text.edit(keyword.lineno, *text.span(keyword.value), repr(keras1.data_format(order)))


def _removal(text: _Text, keyword: ast.keyword) -> Edit:
    """Remove a keyword, with the comma before it, or after it if it is the first."""
    start, end = text.span(keyword)
    before = text.source[:start].rstrip()
    if before.endswith(","):
        start = len(before) - 1
    else:
        rest = text.source[end:]
        end += len(rest) - len(rest.lstrip().removeprefix(",").lstrip(" ")) if rest.lstrip().startswith(",") else 0
    return text.edit(keyword.lineno, start, end, "")


def _by_position(text: _Text, call: ast.Call, kinds: list[str], method: str) -> Iterator[Edit]:
    """`Conv2D(32, 3, 3)` -> `Conv2D(32, (3, 3))`, with names for the arguments after it."""
    integers = {"Conv2D": 3, "Conv3D": 4}.get(kinds[0], 99)
    is_keras_1 = any(renamed_arguments.is_old(kinds, method, str(k.arg)) for k in call.keywords)
    order = tables.read("positional_arguments")["KERAS_1"]
    names = order.get(kinds[0] if method == "__init__" else f"{kinds[0]}.{method}", "").split()
    numbers = all(isinstance(getattr(a, "value", 0), int) for a in call.args[1:integers])
    rest = call.args[1:]
    if len(call.args) >= integers and numbers:
        values = ", ".join(ast.unparse(a) for a in call.args[1:integers])
        start, end = text.span(call.args[1])[0], text.span(call.args[integers - 1])[1]
        yield text.edit(call.lineno, start, end, f"({values})")
        rest = call.args[integers:]
    elif not is_keras_1 or integers != 99 or method != "__init__":
        return
    for position, argument in enumerate(call.args):
        if (
            argument in rest
            and position < len(names)
            and not renamed_arguments.is_activation(getattr(argument, "value", None))
        ):
            name = renamed_arguments.renamed(kinds, method, names[position]) or names[position]
            start = text.span(argument)[0]
            yield text.edit(argument.lineno, start, start, f"{name}=")


def explain(source: str) -> list[str]:
    """A line for each edit, with the line number, the old and the new text."""
    return [f"line {e.line}: {e.old.strip() or '(by position)'} -> {e.new or '(nothing)'}" for e in edits(source)]


def upgrade(source: str) -> str:
    """The text with all edits applied; of overlapping edits only the first is applied."""
    out, done = [], 0
    for edit in edits(source):
        if edit.start >= done:
            out += [source[done : edit.start], edit.new]
            done = edit.end
    return "".join([*out, source[done:]])


def remaining(source: str) -> list[str]:
    """A line for each outdated argument and method that `upgrade` leaves: what replaces it depends on the model."""
    found = {(s.line, s.what) for s in signs.signs(upgrade(source))[0] if s.last < 3}
    lines = [(line, what, _by_hand(what)) for line, what in sorted(found)]
    return [f"line {line}: {what} is not rewritten{hint}" for line, what, hint in lines if hint or what.endswith("=)")]


def _by_hand(what: str) -> str:
    """What replaces an argument or method, "" if there is no short answer."""
    if what.endswith("(decay=)"):
        return f"; use {outdated.DECAY}"
    method = outdated.METHODS.get(what.removeprefix("."))
    return f"; use {method}" if method else ""
