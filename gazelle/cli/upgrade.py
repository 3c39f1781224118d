"""`gazelle explain` and `gazelle upgrade`: translation of a program to the current API."""

from __future__ import annotations

import difflib
import sys


def show(program: str, upgrade: bool, write: bool) -> int:
    """Print the era and a line for each change or, for `upgrade`, a diff; `write` saves the result."""
    with open(program, encoding="utf-8") as file:
        source = file.read()
    from gazelle.compat import detect, python2, rewrite

    found = detect.detect(program)
    before = source
    try:
        if python2.first_sign(source) is not None:
            source = python2.python_3(source)
        if not upgrade:
            print("\n".join([found.summary(), *rewrite.explain(source), *rewrite.remaining(source)]))
            return 0
        new, left = rewrite.upgrade(source), rewrite.remaining(source)
    except SyntaxError as error:
        print(f"gazelle: {program}, line {error.lineno}: {error.msg}", file=sys.stderr)
        return 2
    lines, after = before.splitlines(keepends=True), new.splitlines(keepends=True)
    print("".join(difflib.unified_diff(lines, after, program, f"{program}, upgraded")), end="")
    if write and new != before:
        with open(program, "w", encoding="utf-8") as file:
            file.write(new)
    if left:
        print("\n".join([f"gazelle: rewrite by hand, or use `gazelle run {program}`:", *left]), file=sys.stderr)
    return 0
