"""The Chinese versions of generated pages: `python scripts/chinese_pages.py` writes them from the English ones.

A page consists of texts, which `scripts/chinese_pages.txt` contains in both languages, and of names and figures,
which are copied. A text that the table lacks is an error, so that no English one is left on a Chinese page. The
scripts that generate the English pages call `write`.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: page -> whether the first column of its tables is translated; it contains names otherwise
PAGES = {"bad-arguments": True, "deviations": False, "engines": False}

TABLE = Path(__file__).with_suffix(".txt")
#: what is the same in both languages: numbers, code, the names of the targets
COPIED = re.compile(r"[-\d.,e+% ]*|`[^`]+`|TensorFlow|PyTensor|ONNX|<!--.*-->|\|[-|: ]+\|", re.DOTALL)


@functools.cache
def texts() -> dict[str, str]:
    """English -> Chinese, of paragraphs, headings and cells."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(zip(lines[::2], lines[1::2], strict=True))


@functools.cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    """The texts with values: (pattern of the English one, Chinese one)."""
    found = [(english, chinese) for english, chinese in texts().items() if "{" in english]
    escaped = [(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(english)), chinese) for english, chinese in found]
    return [(re.compile(english, re.DOTALL), chinese) for english, chinese in escaped]


def text(english: str) -> str:
    """The Chinese text of a paragraph, a heading or a cell."""
    if (found := texts().get(english)) is not None:
        return found
    for pattern, chinese in patterns():
        if (match := pattern.fullmatch(english)) is not None:
            return chinese.format(**match.groupdict())
    if COPIED.fullmatch(english):
        return english
    raise SystemExit(f"scripts/chinese_pages.txt has no Chinese text for {english!r}")


def row(line: str, first: bool) -> str:
    """A row of a table, whose first cell is translated or a name."""
    name, *rest = (cell.strip() for cell in line.strip("|").split("|"))
    return "| " + " | ".join([text(name) if first else name, *map(text, rest)]) + " |"


def translated(page: str, first: bool) -> str:
    """The Chinese version of a page; `first`: whether the first column of its tables is translated."""
    out: list[str] = []
    for block in re.split(r"(?<=\n)(?=\n|#|\||<!--)|(?<=-->\n)", page):  # a paragraph, a heading, a row
        line = block.strip()
        space = block[: len(block) - len(block.lstrip("\n"))]
        if line.startswith("#"):
            mark, _, title = line.partition(" ")
            line = f"{mark} {text(title)}"
        elif line.startswith("|") and not COPIED.fullmatch(line):
            line = row(line, first or not out[-1].startswith("|"))
        elif line and not COPIED.fullmatch(line):
            line = text(" ".join(line.split("\n")))
        out.append(f"{space}{line}\n" if line else space)
    return "".join(out)


def write(page: Path) -> None:
    """Write the Chinese version of an English page next to it."""
    chinese = translated(page.read_text(encoding="utf-8"), PAGES[page.stem])
    page.with_suffix(".zh-CN.md").write_text(chinese, encoding="utf-8")


if __name__ == "__main__":
    for name in PAGES:
        write(DOCS / f"{name}.md")
