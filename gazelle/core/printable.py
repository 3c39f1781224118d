"""Text that is safe to print: names from files may contain control sequences for a terminal."""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d"  # joiners inside words and emoji, without other effects


def printable(text: object, keep: str = "") -> str:
    r"""Replace control characters, line ends and marks that change the direction of text by their escapes.

    Args:
        text: A name, or any object, which is converted to text.
        keep: Characters that are not replaced.

    Returns:
        The text, in one line unless `keep` contains line ends.

    >>> printable("red \x1b[31m")
    'red \\x1b[31m'
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _JOINERS or c in keep else ascii(c)[1:-1] for c in text)


_IRREGULAR = {"axes": "axis", "batches": "batch", "boundaries": "boundary", "classes": "class", "processes": "process"}
_NOUNS = (
    "arrays|boundaries|batches|axes|bytes|channels|classes|columns|devices|epochs|features|files|images|inputs|labels|"
    "layers|others|outputs|parts|processes|rows|samples|steps|tensors|units|values|weights"
)
_ONE = re.compile(rf"(?<![\w.,:/-])1 ({_NOUNS})\b")


def singular(text: str) -> str:
    """Replace the plural of a noun after the number 1.

    Args:
        text: A sentence with numbers.

    Returns:
        The sentence, with "1 row" for "1 rows".

    >>> singular("nan at x[3, 1], 1 rows in all, 11 rows, 0.1 units")
    'nan at x[3, 1], 1 row in all, 11 rows, 0.1 units'
    """
    return _ONE.sub(lambda m: f"1 {_IRREGULAR.get(m[1], m[1][:-1])}", text)
