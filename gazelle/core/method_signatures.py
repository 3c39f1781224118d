"""Checks of methods that a program overrides: whether they take the arguments that gazelle passes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from gazelle.core.errors import ArgumentTypeError, message


def check_methods(cls: type, signatures: Mapping[str, str]) -> None:
    """Check the methods that a new class defines itself.

    Args:
        cls: The class.
        signatures: The signature of each method, such as {"on_epoch_end": "(self, epoch, logs=None)"}.

    Raises:
        ArgumentTypeError: A method does not take as many positional arguments.
    """
    for name, wanted in signatures.items():
        method = vars(cls).get(name)
        if not inspect.isfunction(method):
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
