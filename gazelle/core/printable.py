"""Text that is safe to show: names from files may contain the control sequences of a terminal."""

from __future__ import annotations

_JOINERS = "\u200c\u200d"  # between letters and in emoji; they change nothing else


def printable(text: object, keep: str = "") -> str:
    r"""Replace control characters, line ends and marks that change the direction of text by their escapes.

    Args:
        text: A name, or anything whose text is to be shown.
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
