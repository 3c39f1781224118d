"""What notebooks contain: code, outputs, and the versions and eras that these show."""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import re
from typing import Any

from gazelle.compat.source import read

#: np.__version__, tf.keras.__version__; 2.4.1, 2.2.4-tf; "TensorFlow version: 2.4.1"
_NAMED = re.compile(r"([\w.]+)\.__version__")
_STATED = re.compile(r"(?<![\d.])(\d+)\.(\d+)\.\d+[\w.]*(-tf)?")
#: names of other packages: "keras-applications>=1.0.6", "Keras Tuner version: 1.0.2"
_OTHERS = r"(?![-_](?!(?:gpu|cpu|macos|intel)\b)\w|[ \t]+(?:tuner|hub|datasets|probability|addons|text|lite|nlp|cv)\b)"
_LABELLED = re.compile(
    rf"\b(tensorflow|keras)\b{_OTHERS}[^\n\d]{{0,25}}?(?<![\d.])(\d+)\.(\d+)\.\d+(?![\w.]*-tf)", re.IGNORECASE
)
_IMPORTED = {"tf": "tensorflow", "tensorflow": "tensorflow", "keras": "keras"}
_TEXTS = ("text/plain", "text/html")
#: colours and tags, which are around the parts of a table or a bar
_STYLES = re.compile(r"\x1b\[[\d;]*[A-Za-z]|</?\w[^>\n]*>")
#: bars and tables in outputs; those of pip do not count steps
_BY_KERAS_3 = re.compile(r"\u2501{5}[^\n\r]*?/(?:step|epoch)|\u2503\s*Layer \(type\)")
_BY_KERAS_2 = re.compile(r"_{20,}\s*\n\s*Layer \(type\)|\b\d+/\d+ \[=*[=>]\.*\]")


def code_cells(text: str) -> list[str]:
    """The texts of the cells with code in a notebook, also in one of format 3, until 2015."""
    return ["".join(cell.get("source", cell.get("input"))) for cell in _cells(text)]


def _cells(text: str) -> list[Any]:
    """The cells with code."""
    book = json.loads(text)
    cells = [cell for sheet in book.get("worksheets") or [book] for cell in sheet["cells"]]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def code(text: str) -> str:
    """The text of all cells with code, as they are."""
    try:
        return "\n".join(code_cells(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def python_release(text: str) -> tuple[int, int] | None:
    """The release of Python that a notebook was saved with."""
    try:
        version = json.loads(text)["metadata"]["language_info"]["version"]
        major, minor = version.split(".")[:2]
        return int(major), int(minor)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def outputs(text: str) -> str:
    """The outputs that a notebook contains, as text without styles."""
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        return "\n".join(map(_outputs, _cells(text)))
    return ""


def _outputs(cell: Any) -> str:
    found: list[str] = []
    for output in cell.get("outputs") or ():
        data = output.get("data") or {}
        found += ["".join(part or "") for part in (output.get("text"), *map(data.get, _TEXTS))]
    return _STYLES.sub("", "\n".join(found))


def printed_versions(program: pathlib.Path) -> dict[str, tuple[int, int]]:
    """{"tensorflow": (2, 4), "keras": (2, 4)}: the versions in outputs of a notebook, of cells that print them."""
    return versions_in(text_of(program))


def text_of(program: pathlib.Path) -> str:
    """The text of a notebook, or of that next to a script, from which scripts are exported."""
    return read(program.with_suffix(".ipynb")) if program.name else ""


@functools.lru_cache(maxsize=1)  # a program is read several times
def versions_in(text: str) -> dict[str, tuple[int, int]]:
    """The versions in the outputs of the text of a notebook."""
    found: dict[str, tuple[int, int]] = {}
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        for cell in _cells(text):
            named = _NAMED.findall("".join(cell.get("source", cell.get("input"))))
            if not named:
                continue
            printed = _outputs(cell)
            stated = _STATED.findall(printed)
            pairs = zip(named, stated, strict=True) if len(named) == len(stated) else ()
            known = [(_IMPORTED[name], it[:2]) for name, it in pairs if name in _IMPORTED and not it[2]]
            known += [(name.lower(), version) for name, *version in _LABELLED.findall(printed)]
            found |= {name: (int(version[0]), int(version[1])) for name, version in known}
    return found


def era_of_outputs(outputs: str) -> int | None:
    """3 or 2, if outputs have bars or tables of Keras 3 or of an earlier release; the last run may be one of parts."""
    return 3 if _BY_KERAS_3.search(outputs) else 2 if _BY_KERAS_2.search(outputs) else None
