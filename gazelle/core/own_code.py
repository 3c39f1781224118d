"""Whether code belongs to gazelle or to a program that uses it."""

from __future__ import annotations


def from_gazelle(thing: object) -> bool:
    """Return whether a class, function or method is defined in gazelle.

    Those that a program defines with `exec` may have no module.

    Args:
        thing: the class, function or method.

    Returns:
        A boolean.

    >>> from_gazelle(gazelle.layers.Dense.call), from_gazelle(gazelle.ops.exp), from_gazelle(print)
    (True, True, False)
    """
    return (getattr(thing, "__module__", None) or "").startswith("gazelle.")
