"""`gazelle explain` and `gazelle upgrade`: translation of a program to the current API."""

from __future__ import annotations

import difflib
import sys
import tokenize

from gazelle.cli import notebooks


def _read(program: str) -> tuple[str, str]:
    with tokenize.open(program) as file:
        return file.read(), file.encoding


def show(program: str, upgrade: bool, write: bool) -> int:
    """Print the era and a line for each change or, for `upgrade`, a diff; `write` saves the result."""
    from gazelle.compat import python2
    from gazelle.compat.source import detect, rewrite
    from gazelle.core.errors import DamagedFileError, StateError

    is_notebook = program.endswith(".ipynb")
    if write and is_notebook:
        print(
            f"gazelle upgrade: --write changes programs only: change the cells of {program!r} by hand", file=sys.stderr
        )
        return 2
    try:
        before, encoding = (notebooks.source(program), "utf-8") if is_notebook else _read(program)
        source = before
        found = detect.detect(program, source if is_notebook else None)
        changes, left = [], []
        sign = python2.first_sign(source)
        if sign is not None:
            changes.append(f"line {sign.line}: Python 2 ({sign.what}) -> Python 3")
            left += [f"line {line}: / of two integers rounded down; use //" for line in python2.divisions(source)]
            source = python2.python_3(source)
        left += rewrite.remaining(source)
        if not upgrade:
            print("\n".join([found.summary(), *changes, *rewrite.explain(source), *left]))
            return 0
        new = rewrite.upgrade(source)
    except (StateError, DamagedFileError) as error:
        print(f"gazelle: {program}: {error}", file=sys.stderr)
        return 2
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        print(f"gazelle: {program}{line}: {error.msg}", file=sys.stderr)
        return 2
    lines, after = before.splitlines(keepends=True), new.splitlines(keepends=True)
    print("".join(difflib.unified_diff(lines, after, program, f"{program}, upgraded")), end="")
    if write and new != before:
        with open(program, "w", encoding=encoding) as file:
            file.write(new)
    if left:
        print("\n".join([f"gazelle: rewrite by hand, or use `gazelle run {program}`:", *left]), file=sys.stderr)
    return 0
