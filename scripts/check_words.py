"""Check that code and documents use the field's standard terms: `python scripts/check_words.py [paths]`.

Comments, docstrings and other strings are checked against WORDS, identifiers against NAMES, the text of Markdown
files (without code) against WORDS or, in Chinese files, CHINESE. Each finding is printed as `file:line: word -> use`.
Without paths everything is checked.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKED = (
    *("gazelle", "docs", "examples", "benchmarks", "scripts"),
    *("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile"),
)
SKIPPED = (
    "scripts/check_words.py",
    "docs/deviations.md",
)  # the first contains the table itself, the others are generated from class names

#: pattern in prose -> the field's term. Matched as whole words, without regard to case.
WORDS = {
    r"mend(s|ed|ing)?": "fix, hint",
    r"rooms?": "package, module",
    r"(of|in) the house": "of the library",
    r"whole numbers?": "integer",
    r"(?<!negative )slopes?": "gradient",
    r"way back": "backward pass",
    r"of old": "legacy, of earlier Keras",
    r"(older|old|their|its|other) words": "earlier Keras API, arguments",
    r"words of": "arguments of, names of",
    r"word for word": "verbatim",
    r"told|tells?|telling": "reported, prints, distinguishes",
    r"says?|said": "states, specifies, reads, returns",
    r"asks?|asked|asking": "requests, requires, calls",
    r"knows": "has, stores, depends on",
    r"wants?|wanted": "requires, needs",
    r"meets?": "is combined with, receives",
    r"speaks?|spoke|spoken": "uses, reports",
    r"listens?|listened|listening": "has callbacks, subscribes",
    r"remembers?|remembered": "stores",
    r"trusts": "assumes",
    r"stands? (?!for\b)\w+|stands?(?=[.,;:])": "is",
    r"hands(?! ?-?on)": "passes, returns",
    r"in the hands of": "with the stateful API",
    r"seats?": "file lock",
    r"keepers?": "autosave",
    r"kept states?": "checkpoint, saved state",
    r"(is|are|was|that is) no numbers?": "is NaN",
    r"beside": "next to, alongside, compared with",
    r"chances?": "random bits, probability",
    r"anew": "again, from scratch",
    r"(go|goes|went|going) on": "resumes, continues",
    r"for ever": "indefinitely",
    r"who(m)?ever": "callers, code that",
    r"whatever": "any, force",
    r"unasked": "by default",
    r"today's": "current",
    r"leases?": "state owner",
    r"settle[ds]?": "flush",
    r"touched": "modified, invalidated",
    r"tally|tallies": "metrics state",
    r"(?-i:pace)": "steps per call",
    r"generations": "rotation",
    r"strangers?": "others, third parties",
    r"answers (to|for)": "accepts, handles",
    r"(a|the|this|that|its|their) share|shares? of": "fraction",
    r"(?<!decimal )places": "indices, positions",
    r"pieces?(?! ?wise)": "part, chunk, transform",
    r"foreign(?! function)": "external, third-party",
    r"street": "path",
    r"trunks?": "base, backbone",
}

#: identifiers: a part of a name between underscores or capitals -> use
PARTS = {
    "mend": "hint",
    "room": "namespace, module",
    "rooms": "namespaces",
    "slope": "gradient",
    "slopes": "gradients",
    "chance": "probability, random_bits",
    "keeper": "autosave",
    "seat": "file_lock",
    "seats": "file_locks",
    "lease": "owner",
    "settle": "flush",
    "touched": "invalidated",
    "whatever": "force",
    "tally": "metrics_state",
    "tallies": "metrics_state",
    "pace": "steps_per_call",
    "skeleton": "abstract_clone",
    "told": "reported, given",
    "beside": "alongside",
    "asks": "condition, request",
    "asked": "requested",
    "anew": "again",
}
#: identifiers: a whole name -> use
WHOLE = {
    "words": "arguments, options, kwargs",
    "places": "indices, positions",
    "pieces": "parts, transforms",
    "held": "validation, tracked",
    "hands": "stateful",
    "foreign": "external",
}
NAMES_ALLOWED = re.compile(r"negative_slope|NEGATIVE_SLOPE|room_temperature")
#: files about text, in which a word is a word
TEXTS = re.compile(r"preprocessing/text|/text\.py$|compat/preprocessing|datasets/|lookup|vectorization")

#: terms in Chinese documents -> the usual term
CHINESE = {
    "房间": "包、模块",
    "整数据的数": "整数",
    "不是数的数": "NaN",
    "坡度": "梯度",
    "看守": "自动保存",
    "座位": "文件锁",
    "租约": "状态所有者",
    "老话": "旧版 API",
    "旧词": "旧版 API",
    "旧的说法": "旧写法",
    "随机之事": "随机数",
    "躯干": "主干网络",
}

PROSE = re.compile(
    r"(?<![\w'-])(?:" + "|".join(f"(?P<w{i}>{pattern})" for i, pattern in enumerate(WORDS)) + r")(?![\w-])",
    re.IGNORECASE,
)
USES = list(WORDS.values())
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
FORMATTED = re.compile(r"[rR]?[fF][rR]?[\"']")
CODE = re.compile(r"``[^`]*``|`[^`]*`|\]\([^)]*\)|https?://\S+")
Finding = tuple[Path, int, str, str]


def prose(path: Path, line: int, text: str) -> Iterator[Finding]:
    """Findings in a text that starts at `line`; inline code, links and examples are not prose."""
    for number, row in enumerate(text.split("\n"), line):
        if row.lstrip().startswith((">>>", "...")):
            continue
        for match in PROSE.finditer(CODE.sub(lambda code: " " * len(code[0]), row)):
            if "slope" in match[0].lower() and "activation" in path.name:
                continue  # the slope of a piecewise linear function
            if "words" in match[0].lower() and TEXTS.search(path.as_posix()):
                continue
            yield path, number, match[0], USES[int(match.lastgroup[1:])]  # type: ignore[index]


def identifier(path: Path, line: int, name: str) -> Iterator[Finding]:
    """Findings in one name."""
    if NAMES_ALLOWED.search(name):
        return
    if name in WHOLE and not (name == "words" and TEXTS.search(path.as_posix())):
        yield path, line, name, WHOLE[name]
    for part in CAMEL.findall(name):
        if part.lower() in PARTS:
            yield path, line, name, PARTS[part.lower()]


def python_file(path: Path) -> Iterator[Finding]:
    """Findings in comments, strings and names of a Python file."""
    text_kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.NAME:
            yield from identifier(path, token.start[0], token.string)
        elif token.type in text_kinds:
            text = token.string
            if FORMATTED.match(text):  # Python 3.11 has one token for a formatted string and the names in it
                text = re.sub(r"\{[^{}]*\}", lambda value: " " * len(value[0]), text)
            yield from prose(path, token.start[0], text)


def text_file(path: Path) -> Iterator[Finding]:
    """Findings in the text of a Markdown file or the Makefile, without fenced code and released changes."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.DOTALL | re.MULTILINE)
    if path.name == "CHANGELOG.md":
        text = re.split(r"^## \[?\d", text, maxsplit=1, flags=re.MULTILINE)[0]
    if ".zh-CN." in path.name:
        for number, row in enumerate(text.split("\n"), 1):
            yield from ((path, number, word, use) for word, use in CHINESE.items() if word in row)
    else:
        yield from prose(path, 1, text)


def files(paths: list[str]) -> Iterator[Path]:
    """Python and Markdown files under the given paths, relative to the repository root."""
    for name in paths:
        path = (ROOT / name) if not Path(name).is_absolute() else Path(name)
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in found:
            if (file.suffix in (".py", ".md") or file.name == "Makefile") and file.relative_to(
                ROOT
            ).as_posix() not in SKIPPED:
                yield file


def findings(paths: list[str]) -> list[Finding]:
    """All findings under some paths."""
    return [
        finding for file in files(paths) for finding in (python_file(file) if file.suffix == ".py" else text_file(file))
    ]


def main(arguments: list[str]) -> int:
    found = findings(arguments or list(CHECKED))
    for path, line, word, use in found:
        print(f"{path.relative_to(ROOT)}:{line}: {word} -> {use}")
    print(f"{len(found)} words to replace" if found else "words: clean", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
