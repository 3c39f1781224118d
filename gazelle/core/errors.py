"""Every message a user reads is composed here: what was written, expected, got, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GazelleError(Exception):
    """The parent of the errors that gazelle raises about what a user wrote."""


class ShapeError(GazelleError, ValueError):
    """Data or a tensor has another shape than a layer, loss or model expects."""


class DataError(GazelleError, ValueError):
    """The values given to `fit`, `evaluate` or `predict` cannot be trained on."""


class ArgumentError(GazelleError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(ArgumentError, TypeError):
    """A call whose arguments do not fit the signature."""


class StateError(GazelleError, RuntimeError):
    """A call came too early or too late: not built, not compiled, already closed."""


class UnboundVariable(GazelleError, RuntimeError):  # noqa: N818 - it says what is the case
    """A variable was read inside a pure call that did not receive it."""


class DamagedFileError(GazelleError, OSError, ValueError):
    """A file is cut, changed, or not of the format it claims."""


class UnsafeFileError(GazelleError, ValueError):
    """A file asks for something a data file must not do."""


def message(what: str, *, expected: object = None, got: object = None, hint: str = "") -> str:
    """Compose "<what>: expected ..., got .... / <mend>" from the parts that are given."""
    parts = [f"{word} {value}" for word, value in (("expected", expected), ("got", got)) if value is not None]
    first = f"{what}: {', '.join(parts)}." if parts else f"{what}."
    return f"{first}\n{hint}" if hint else first


def nearest(name: object, known: Iterable[str]) -> list[str]:
    """The known names that look most like `name`, at most three; upper and lower case count little."""
    names = sorted(set(known))
    low = {n.lower(): n for n in reversed(names)}
    same = [n for n in names if n.lower() == str(name).lower()]
    close = same or difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    return close or [low[n] for n in difflib.get_close_matches(str(name).lower(), low, n=3, cutoff=0.6)]


def unknown(kind: str, name: object, known: Iterable[str], hint: str = "") -> ArgumentError:
    """An identifier that no table holds, with the nearest names that one does."""
    names = sorted(set(known))
    near = nearest(name, names)
    nearby = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Known: {', '.join(names)}."
    return ArgumentError(f"Unknown {kind} {name!r}.\n{nearby}{' ' + hint if hint else ''}")
