"""Exceptions, and the form of all error messages: what was written, expected and received, and how to fix it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

from gazelle.core import language
from gazelle.core.own_code import from_gazelle
from gazelle.core.printable import printable, singular

LOST = 75  # exit code of a process that ends because another one of its job did: EX_TEMPFAIL, "try again"


class GazelleError(Exception):
    """Base class of the errors that gazelle raises about a program."""

    def __str__(self) -> str:
        text = Exception.__str__(self)  # not that of KeyError, which is the repr
        return singular(printable(language.translated(text), keep="\n\t"))


class ShapeError(GazelleError, ValueError):
    """Data or a tensor has another shape than a layer, loss or model expects."""


class IncompatibleShapesError(ShapeError, TypeError):
    """The arrays of an operation have shapes that do not fit; JAX raises a TypeError or a ValueError."""


class DataError(GazelleError, ValueError):
    """The data given to `fit`, `evaluate` or `predict` cannot be used."""


class MissingFileError(DataError, FileNotFoundError):
    """There is no such file or folder."""


class ArgumentError(GazelleError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument has another type, or a call does not fit the signature."""


class ArgumentIndexError(ArgumentError, IndexError):
    """An axis or an index is out of range."""


class StateError(GazelleError, RuntimeError, ValueError):
    """A call at the wrong time: not built, not compiled, already closed. Keras raises a ValueError or RuntimeError."""


class MissingAttributeError(StateError, AttributeError):
    """An attribute that an object does not have yet, so that `hasattr` is False."""


class MissingKeyError(ArgumentError, KeyError):
    """There is no such key."""


class MissingMethodError(GazelleError, NotImplementedError):
    """A subclass does not define a method that it needs."""


class SymbolicError(StateError, TypeError):
    """A symbolic tensor was used where Python or NumPy needs values."""


class MissingLengthError(SymbolicError, AttributeError):
    """A symbolic tensor has no length, since the number of its samples is unknown."""


class UnboundVariable(GazelleError, RuntimeError):  # noqa: N818 - the name states the problem
    """A variable was read inside a pure call that did not receive it."""


class DamagedFileError(GazelleError, OSError, ValueError):
    """A file is cut, changed, or not of the format it claims."""


class UnsafeFileError(GazelleError, ValueError, TypeError):
    """A file requests something that a data file must not do. Keras raises a TypeError for unknown classes."""


def english(error: BaseException) -> str:
    """Return the text of an error before it is translated, for a text that contains it.

    Args:
        error: The error.

    Returns:
        The text.
    """
    return Exception.__str__(error) if isinstance(error, GazelleError) else str(error)


def message(what: str, *, expected: object = None, got: object = None, hint: str = "") -> str:
    """Compose the text of an error: "<what>: expected ..., got ....", with the hint on a line of its own.

    Args:
        what: What the error is about: an argument, a layer, a file.
        expected: What would be valid.
        got: What was received.
        hint: How to fix it.

    Returns:
        The text.
    """
    parts = [f"{word} {value}" for word, value in (("expected", expected), ("got", got)) if value is not None]
    first = f"{what}: {', '.join(parts)}." if parts else f"{what}."
    return f"{first}\n{hint}" if hint else first


def nearest(name: object, known: Iterable[str]) -> list[str]:
    """Return at most three of the known names that are most similar to `name`; case has little weight."""
    names, given = sorted(set(known)), str(name).lower()
    low = {n.lower(): n for n in reversed(names)}
    same = [n for n in names if n.lower() == given]
    close = same or difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    close = close or [low[n] for n in difflib.get_close_matches(given, low, n=3, cutoff=0.6)]
    return close or [n for n in names if len(given) > 1 and n.lower().startswith(given)][:3]


_LISTED = 40  # names that an error lists


def unknown(kind: str, name: object, known: Iterable[str], hint: str = "") -> ArgumentError:
    """Return the error for an unknown identifier, with the most similar known names.

    Args:
        kind: What is identified, such as "loss".
        name: The unknown identifier.
        known: The known names.
        hint: Another sentence; it replaces a long list of known names.

    Returns:
        The exception to raise.
    """
    names = sorted(set(known))
    near = nearest(name, names)
    short = [n for n in names if n.islower()] if len(names) > _LISTED else names  # without the names of classes
    listed = f"{', '.join(short[:_LISTED])}{', ...' if len(short) > _LISTED else ''}"
    nearby = (
        f"Did you mean {' or '.join(map(repr, near))}?"
        if near
        else ""
        if hint and len(names) > _LISTED
        else f"Known: {listed or 'none'}."
    )
    return ArgumentError(f"Unknown {kind} {name!r}.\n{f'{nearby} {hint}'.strip()}")


def missing_file(path: str | os.PathLike[str]) -> MissingFileError:
    """Return the error for a path at which there is no file, with similar names in its folder.

    Args:
        path: The path.

    Returns:
        The exception to raise.
    """
    folder, name = os.path.split(os.fspath(path))
    near = nearest(name, os.listdir(folder or ".")) if os.path.isdir(folder or ".") else []
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Is the path right?"
    got = f"none of this name in '{os.path.abspath(folder)}'"
    return MissingFileError(message(f"'{os.fspath(path)}' cannot be read", expected="a file", got=got, hint=hint))


def missing_method(owner: object, signature: str) -> MissingMethodError:
    """Return the error for a method that the class of `owner` lacks, with a method that it has under another name.

    Args:
        owner: The object without the method.
        signature: The method, such as "call(self, x)".

    Returns:
        The exception to raise.
    """
    cls, name = type(owner), signature.partition("(")[0]
    bases = cls.__mro__[: next(i for i, base in enumerate(cls.__mro__) if from_gazelle(base))]
    own = [n for base in bases for n, value in vars(base).items() if callable(value) and n != name]
    other = next((n for n in _OTHER_NAMES.get(name, ()) if n in own), None)
    near = other or next(iter(nearest(name, [n for n in own if not n.startswith("_")])), None)
    hint = f"Rename its method {near!r}: def {signature}: ..." if near else f"Define it: def {signature}: ..."
    return MissingMethodError(message(f"{cls.__name__} has no {name} method", hint=hint))


#: names that the method has in other libraries
_OTHER_NAMES = {
    "call": ("forward", "__call__", "apply", "predict"),
    "update_state": ("update", "__call__", "add"),
    "result": ("compute", "value"),
}
