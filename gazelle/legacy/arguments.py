"""Arguments of constructors and methods in today's words."""

from __future__ import annotations

from typing import Any


def arguments(owner: type, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """(args, kwargs) of a call to `owner.method` as today's signature has them."""
    return args, kwargs
