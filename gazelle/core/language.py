"""The language of errors: English, or Chinese as chosen by `GAZELLE_LANG` or the locale.

A text is written in English in the code and translated where it is shown. The table is `chinese.txt`: an English text
with {names} for values, and on the next line the Chinese one. A line without an entry stays English.
"""

from __future__ import annotations

import functools
import locale
import os
import re
from collections.abc import Mapping
from pathlib import Path

TABLE = Path(__file__).with_name("chinese.txt")
#: the form of a text that `errors.message` composes
_FORM = re.compile(r"(?P<what>.+?)(?:: expected (?P<expected>.+?))?(?:(?:, |: )got (?P<got>.+?))?(?P<end>\.?)")
_SENTENCE = re.compile(r"(?<=[.?]) (?=[A-Z'])")
_VALUE = r"(?:(?![.?] [A-Z']).)+?"  # within a sentence
#: names in quotes, shapes and code, which are the same in all languages
_CODE = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|\([^()]*\)|\[[^][]*\]|\{[^{}]*\}|<[^<>]*>|\S*[_.=/]\S*|(?<!\w)[-\d]+(?!\w)"
)
_NAMED = ("first", "found", "kind", "loss", "second", "where")  # values that the table may contain
_FREE = (
    "arguments",
    "code",
    "command",
    "example",
    "known",
    "names",
    "new",
    "reason",
    "shapes",
    "signature",
)  # any text
_NUMBERS = ("n", "m", "count")  # values without spaces

Template = tuple[re.Pattern[str], str]


def is_chinese() -> bool:
    """Return whether errors are shown in Chinese.

    Returns:
        Whether `GAZELLE_LANG`, or the locale if it is not set, begins with "zh".
    """
    chosen = os.environ.get("GAZELLE_LANG", "")
    if not chosen:
        named = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        chosen = next(filter(None, named), "") or locale.getlocale()[0] or ""
    return chosen.lower().startswith(("zh", "chinese"))


def translated(text: str) -> str:
    """Return the text of an error in the user's language.

    Args:
        text: The text in English.

    Returns:
        The same text, or its translation, line by line.
    """
    return to_chinese(text) if is_chinese() else text


def to_chinese(text: str) -> str:
    """Return a text with each line that the table contains in Chinese, and other lines as they are.

    Args:
        text: The text in English.

    Returns:
        The translation.

    >>> print(to_chinese("epochs: expected an integer of at least 0, got -3."))
    epochs：应为不小于 0 的整数，实际为 -3。
    """
    return "\n".join(_line(line) or line for line in text.split("\n"))


def _line(line: str) -> str | None:
    """A line, "<what>: expected ..., got ...", or sentences; None if a part is not in the table."""
    form = _FORM.fullmatch(line)
    found = _composed(form) if form is not None and (form["expected"] or form["got"]) else None
    found = found or _lookup(line, "lines")
    if found is not None:
        return found
    for boundary in _SENTENCE.finditer(line):
        head, tail = _line(line[: boundary.start()]), _line(line[boundary.end() :])
        if head is not None and tail is not None:
            return head + tail
    return None if form is None else _composed(form)


def _composed(form: re.Match[str]) -> str | None:
    """The translation of "<what>: expected ..., got ..."."""
    what, about = form["what"], _lookup(form["what"], "what")
    rest = [(word, form[key]) for word, key in (("应为", "expected"), ("实际为", "got")) if form[key] is not None]
    if about is None and (not rest or not _is_code(what)):
        return None
    parts = [(word, _lookup(part, "values") or (part if _is_code(part) else None)) for word, part in rest]
    if any(part is None for _, part in parts):
        return None
    tail = "，".join(_spaced(f"{word}{part}") for word, part in parts)
    return f"{about or what}{'：' if tail else ''}{tail}{'。' if form['end'] else ''}"


def _is_code(part: str) -> bool:
    """Whether a part is at most one word besides names, numbers and code."""
    return len(_CODE.sub(" ", part).split()) < 2


def _lookup(text: str, section: str) -> str | None:
    for pattern, chinese in _templates(section):
        match = pattern.fullmatch(text)
        if match is not None:
            values = {name: _value(name, value) for name, value in match.groupdict().items()}
            if None not in values.values():
                return _spaced(_filled(chinese, values))
    return None


def _value(name: str, text: str) -> str | None:
    """The text in the place of {name}; None for words that no value is made of: the template is of another text."""
    if name in _FREE:
        found = _lookup(text, "names") if name in ("names", "reason") else None
        return found or (_line(text) if name == "reason" else None) or text
    found = _lookup(text, "names") or _lookup(text, "values") if name in _NAMED else None
    return found or (text if _is_code(text) else None)


def _filled(chinese: str, values: Mapping[str, str | None]) -> str:
    return re.sub(r"\{(\w+)\}", lambda field: str(values[field[1]]), chinese)


def _spaced(text: str) -> str:
    """The text with a space between Chinese and Latin characters, and none between Chinese ones."""
    text = re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", text)
    text = re.sub(r"(?<=[\u4e00-\u9fff])(?=\.?[A-Za-z0-9'(\[{<-])", " ", text)
    return re.sub(r"(?<=[A-Za-z0-9')\]}>])(?=[\u4e00-\u9fff])", " ", text)


@functools.cache
def _templates(section: str) -> list[Template]:
    """[(pattern of the English text, Chinese text)], those with most letters first."""
    found = []
    for english, chinese in table()[section]:
        parts = re.split(r"\{(\w+)\}", english)
        pattern = "".join(
            f"(?P<{part}>{_value_pattern(parts, i)})" if i % 2 else re.escape(part) for i, part in enumerate(parts)
        )
        found.append((sum(map(len, parts[::2])), re.compile(pattern), chinese))
    return [(pattern, chinese) for _, pattern, chinese in sorted(found, key=lambda entry: -entry[0])]


def _value_pattern(parts: list[str], i: int) -> str:
    """The pattern of the value at parts[i], between the texts parts[i - 1] and parts[i + 1]."""
    if parts[i - 1].endswith("'") and parts[i + 1].startswith("'"):
        return r"[^']+"  # one name in quotes, not two
    return r"\S+?" if parts[i] in _NUMBERS else _VALUE


@functools.cache
def table() -> dict[str, list[tuple[str, str]]]:
    """Return the entries of the table.

    Returns:
        {section: [(English, Chinese)]}.
    """
    out: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = out[line[1 : line.index("]")]] = []
        elif line and not line.startswith("#"):
            lines.append(line)
    return {section: list(zip(lines[::2], lines[1::2], strict=True)) for section, lines in out.items()}
