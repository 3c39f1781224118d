"""Notebooks as programs: the code cells in order, without syntax that only notebooks support."""

from __future__ import annotations

import json
import re

from gazelle.core.errors import DamagedFileError, message

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
    """
    lines = cell.split("\n")
    whole = lines[0].startswith("%%") and not lines[0].startswith(("%%time", "%%capture"))
    return "\n".join(_line(line, whole) for line in lines)


def _line(line: str, magic: bool) -> str:
    code = line.lstrip()
    if (
        magic
        or code.startswith(("%", "!", "?"))
        or _PYTHON_2.fullmatch(code)
        or (code.rstrip().endswith("?") and "#" not in code)
    ):
        return f"{line[: len(line) - len(code)]}pass  # {code}"
    return line
