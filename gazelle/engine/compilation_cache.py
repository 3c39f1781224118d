"""Compiled programs kept on disk, so that the next run of a program need not compile them."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from pathlib import Path

import jax
import jaxlib.version

_MOST = 1 << 30  # bytes; what was not used for longest goes first
_WORTH = 0.05  # seconds of compilation from which a program is kept


@functools.cache  # once per process
def folder() -> Path | None:
    """Where programs are kept; None where the user has set JAX's own cache, or GAZELLE_COMPILE_CACHE=0.

    GAZELLE_COMPILE_CACHE may name the folder; by default it is `gazelle` in the user's cache folder. Each kind of
    processor has its own below it: a program compiled for one may crash on another.
    """
    wanted = os.environ.get("GAZELLE_COMPILE_CACHE", "")
    if jax.config.jax_compilation_cache_dir is not None or wanted.lower() in ("0", "no", "off", "false"):
        return None
    place = Path(wanted) if wanted else _users_cache() / "gazelle"
    place = place / _machine()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written: compile each time
        return None
    return place if os.access(place, os.W_OK) else None


def remember_programs() -> None:
    """Switch JAX's persistent compilation cache on, where there is a folder for it."""
    place = folder()
    if place is not None and jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_max_size", _MOST)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _WORTH)
        jax.config.update("jax_compilation_cache_dir", str(place))


def _users_cache() -> Path:
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
    words = "\n".join([platform.machine(), platform.processor(), features, jax.__version__, jaxlib.version.__version__])
    return hashlib.sha256(words.encode()).hexdigest()[:16]
