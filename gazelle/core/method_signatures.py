"""Checks of methods that a program overrides: whether they take the arguments that gazelle passes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.own_code import from_gazelle


def check_methods(cls: type, signatures: Mapping[str, str]) -> None:
    """Check the methods of a class whose objects are about to be used.

    A module may define classes that cannot be called so and use them in its own way, so a definition is no error.

    Args:
        cls: The class.
        signatures: The signature of each method, such as {"on_epoch_end": "(self, epoch, logs=None)"}.

    Raises:
        ArgumentTypeError: A method does not take as many positional arguments.
    """
    for name, wanted in signatures.items():
        method = getattr(cls, name, None)
        if not inspect.isfunction(method) or from_gazelle(method):
            continue
        try:
            inspect.signature(method).bind(*wanted.split(","))
        except TypeError:
            raise ArgumentTypeError(
                message(
                    f"{cls.__name__}.{name} cannot be called",
                    expected=f"def {name}{wanted}",
                    got=f"def {name}{inspect.signature(method)}",
                )
            ) from None
