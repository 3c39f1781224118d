"""The default engine: XLA through `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from gazelle.engine import executable_cache
from gazelle.engine.base import Engine
from gazelle.engine.compilation_cache import enable_compilation_cache
from gazelle.engine.malloc import retain_freed_memory


class XLA(Engine):
    """XLA compiles whole programs, which are cached on disk."""

    title = "XLA"

    def compile(
        self, function: Callable[..., Any], donate: tuple[int, ...] = (), key: str | None = None
    ) -> Callable[..., Any]:
        enable_compilation_cache()
        retain_freed_memory()
        if (key is not None or donate) and executable_cache.usable():
            return executable_cache.CachedProgram(function, donate, key)
        return jax.jit(function, donate_argnums=donate)

    def devices(self) -> list[str]:
        return [f"{device.platform}:{device.id}" for device in jax.devices()]
