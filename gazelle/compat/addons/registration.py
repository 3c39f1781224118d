"""Registration of classes and functions under the names by which files of tensorflow_addons refer to them."""

from __future__ import annotations

from typing import TypeVar

from gazelle.core.registry import register_keras_serializable

Registered = TypeVar("Registered")


def addon(target: Registered) -> Registered:
    """Register a class or function of tensorflow_addons; files state its module, too.

    Args:
        target: The class or function.
    """
    if isinstance(target, type) and hasattr(target, "_namespace"):
        target._keras_module = f"tensorflow_addons.{target._namespace}"  # type: ignore[attr-defined]
    registered: Registered = register_keras_serializable("Addons")(target)
    return registered
