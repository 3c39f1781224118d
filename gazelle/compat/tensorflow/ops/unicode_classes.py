r"""Classes of characters in patterns of RE2, such as `\p{L}` for letters, as ranges that `re` understands."""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from itertools import groupby

_PARTS = re.compile(r"\\[pP](?:\{\^?\w+\}|\w)|\\.|\[\^?\]?|\]|[^\\\[\]]+", re.DOTALL)


def with_ranges(pattern: str) -> str:
    r"""Return a pattern with ranges in place of the general categories of Unicode.

    >>> bool(re.fullmatch(with_ranges(r"[\p{L}_]+\p{Nd}"), "é_2"))
    True
    """
    out, in_class = "", False
    for part in _PARTS.findall(pattern):
        if part[:2] in (r"\p", r"\P"):
            name = part[2:].strip("{}")
            ranges = _ranges(name.lstrip("^"), (part[1] == "P") != name.startswith("^"))
            part = ranges if in_class else f"[{ranges}]"
        elif part[0] in "[]":
            in_class = part != "]"
        out += part
    return out


@functools.cache
def _ranges(category: str, is_negated: bool) -> str:
    """The characters of a general category, such as "L" or "Nd", or all others."""
    numbers = range(sys.maxunicode + 1)
    out = ""
    for is_one, group in groupby(numbers, lambda n: unicodedata.category(chr(n)).startswith(category) != is_negated):
        if is_one:
            members = list(group)
            out += f"\\U{members[0]:08x}-\\U{members[-1]:08x}"
    return out
