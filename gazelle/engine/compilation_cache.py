"""JAX's persistent compilation cache, switched on with a folder of gazelle's own."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from pathlib import Path

import jax
import jaxlib.version

_MAX_BYTES = 1 << 30  # the least recently used programs are deleted first
_MIN_SECONDS = 0.05  # programs that compile faster are not stored


@functools.cache  # once per process
def folder() -> Path | None:
    """Return the cache folder; None if the user has set JAX's own cache, or GAZELLE_COMPILE_CACHE=0.

    GAZELLE_COMPILE_CACHE may name the folder; the default is `gazelle` in the user's cache folder. Each kind of
    processor has a subfolder: a program compiled for one may crash on another.
    """
    setting = os.environ.get("GAZELLE_COMPILE_CACHE", "")
    if jax.config.jax_compilation_cache_dir is not None or setting.lower() in ("0", "no", "off", "false"):
        return None
    path = (Path(setting) if setting else _user_cache() / "gazelle") / _machine()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written: compile each time
        return None
    return path if os.access(path, os.W_OK) else None


def enable_compilation_cache() -> None:
    """Switch JAX's persistent compilation cache on, if there is a folder for it."""
    path = folder()
    if path is not None and jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_max_size", _MAX_BYTES)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _MIN_SECONDS)
        jax.config.update("jax_compilation_cache_dir", str(path))


def _user_cache() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _machine() -> str:
    """A name for this kind of processor with this compiler."""
    features = ""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            features = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        pass
    parts = [platform.machine(), platform.processor(), features, jax.__version__, jaxlib.version.__version__]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
