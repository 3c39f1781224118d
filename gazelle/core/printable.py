"""Text that is safe to print: names from files may contain control sequences for a terminal."""

from __future__ import annotations

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
