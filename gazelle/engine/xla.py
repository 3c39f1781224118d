"""The default engine: XLA through `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from gazelle.engine import kept
from gazelle.engine.base import Engine
from gazelle.engine.cache import remember_programs
from gazelle.engine.memory import keep_memory


class XLA(Engine):
    """XLA compiles a program as a whole, and keeps what it compiled on disk."""

    title = "XLA"
    fuses_loops = True

    def compile(
        self, function: Callable[..., Any], donate: tuple[int, ...] = (), key: str | None = None
    ) -> Callable[..., Any]:
        remember_programs()
        keep_memory()
        if key is not None and kept.usable():
            return kept.Kept(function, donate, key)
        return jax.jit(function, donate_argnums=donate)

    def devices(self) -> list[str]:
        return [f"{device.platform}:{device.id}" for device in jax.devices()]
