"""Notebooks as programs: the code cells in order, without syntax that only notebooks support."""

from __future__ import annotations

import json

from gazelle.core.errors import DamagedFileError, message


def source(path: str) -> str:
    """The code of a notebook; lines that begin with % or ! and cells that begin with %% are omitted."""
    try:
        with open(path, encoding="utf-8") as file:
            cells = json.load(file)["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
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
    if magic or code.startswith(("%", "!", "?")) or (code.rstrip().endswith("?") and "#" not in code):
        return f"{line[: len(line) - len(code)]}pass  # {code}"
    return line
