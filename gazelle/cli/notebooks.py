"""Notebooks as programs: the code cells in order, without syntax that only notebooks support."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from gazelle.core.errors import DamagedFileError, message

_ASSIGNED = re.compile(r"(\w[\w, ]*= *)([!%].*)")  # the output of a command
_ENVIRONMENT = re.compile(r"%(?:set_)?env +(\w+)[= ](.*)")
#: text up to the next three quotes, a comment or a string of one line
_QUOTES = r"""[^'"#]*(?:('{3}|"{3})|\#.*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|['"])"""
_PYTHON_2 = re.compile(
    r"from __future__ import (\s*,?\s*(absolute_import|division|print_function|unicode_literals|with_statement))+\s*"
)


def source(path: str) -> str:
    """The code of a notebook; lines that begin with % or ! and cells that begin with %% are omitted.

    So are imports of Python 2 from `__future__`, which a notebook may have in any cell.
    """
    try:
        with open(path, encoding="utf-8") as file:
            book = json.load(file)
        sheets = book.get("worksheets") or [book]  # of format 3, until 2015
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        texts = ["".join(cell.get("source", cell.get("input"))) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            message(f"{path!r} is no notebook", expected="JSON with cells of code", got=error)
        ) from None
    return "\n".join(map(plain, texts))


def plain(cell: str) -> str:
    r"""A cell as Python, with the same number of lines and without magic commands.

    >>> plain("%matplotlib inline\nx = 1")
    'pass  # %matplotlib inline\nx = 1'
    >>> print(plain("print('%d'\n      % 3)"))
    print('%d'
          % 3)
    >>> plain("%time x = f(1)\nfiles = !ls")
    'x = f(1)\nfiles = []  # !ls'
    """
    first, *rest = cell.split("\n")
    if first.startswith(("%%writefile", "%%file")):
        name = first.split()[-1]
        return f"open({name!r}, 'w').write({chr(10).join(rest)!r})" + "\n" * len(rest)
    whole = first.startswith("%%") and not first.startswith(("%%time", "%%capture"))
    lines, continued, quote, depth = [], False, "", 0
    for line in (first, *rest):
        inside = quote or depth > 0  # of a string or brackets: a % is an operator there
        lines.append(line if inside else f"# {line}" if continued else _line(line, whole))
        continued = line.endswith("\\") and lines[-1] != line
        if lines[-1] == line:
            quote, brackets = _scan(line, quote)
            depth += brackets
    return "\n".join(lines)


def _scan(line: str, quote: str) -> tuple[str, int]:
    """The quotes of a string of several lines that is open at the end of a line, and how many brackets it opens.

    `quote` is what is open at its start. Closed brackets are subtracted; those in strings and comments do not count.
    """
    position, brackets = 0, 0
    while position < len(line):
        if not quote:
            code = re.split("['\"#]", line[position:], maxsplit=1)[0]
            brackets += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        found = re.compile(rf"(?:\\.|[^\\])*?({quote})" if quote else _QUOTES).match(line, position)
        if found is None:
            break
        quote, position = ("" if quote else found[1] or ""), found.end()
    return quote, brackets


def _line(line: str, omitted: bool) -> str:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if code.startswith("%time "):
        return indent + code.removeprefix("%time ")
    if not omitted and (assigned := _ASSIGNED.match(code)):
        return f"{indent}{assigned[1].replace(',', ' =')}[]  # {assigned[2]}"
    if not omitted and (variable := _ENVIRONMENT.match(code)):
        return f"{indent}__import__('os').environ[{variable[1]!r}] = {variable[2].strip()!r}"
    if (
        omitted
        or code.startswith(("%", "!", "?"))
        or _PYTHON_2.fullmatch(code)
        or (code.rstrip().endswith("?") and "#" not in code)
    ):
        return f"{indent}pass  # {code}"
    return line


class Shell:
    """What `get_ipython()` returns in a program: its commands do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None
