"""The exceptions of gazelle, for `except`: all are a `GazelleError`, and an exception of Python that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.errors import (
    ArgumentError,
    ArgumentIndexError,
    ArgumentTypeError,
    DamagedFileError,
    DataError,
    GazelleError,
    IncompatibleShapesError,
    MissingAttributeError,
    MissingFileError,
    MissingKeyError,
    MissingLengthError,
    MissingMethodError,
    ShapeError,
    StateError,
    SymbolicError,
    UnboundVariable,
    UnsafeFileError,
)
from gazelle.core.module_names import public_names

__all__ = [
    "ArgumentError",
    "ArgumentIndexError",
    "ArgumentTypeError",
    "DamagedFileError",
    "DataError",
    "GazelleError",
    "IncompatibleShapesError",
    "MissingAttributeError",
    "MissingFileError",
    "MissingKeyError",
    "MissingLengthError",
    "MissingMethodError",
    "ShapeError",
    "StateError",
    "SymbolicError",
    "UnboundVariable",
    "UnsafeFileError",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
