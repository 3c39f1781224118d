"""JAX's persistent compilation cache, switched on with a folder of gazelle's own.

JAX opens the files of its cache without looking at their owner. So all files are checked when the cache is switched on,
and the folder before each lookup. JAX's limit of the size is not used: it takes a lock, for which each compilation
waits up to ten seconds while another process holds it, and looks at all files at each write. The size is limited once a
day, when a process ends.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import platform
import warnings
from pathlib import Path
from typing import Any

import jax
import jaxlib.version

from gazelle.core import cache_cleanup
from gazelle.core.private_folder import PrivateFolder, open_folder, user_cache

_MAX_BYTES = 1 << 30  # of JAX's files; the least recently used are deleted first
_MIN_SECONDS = 0.05  # programs that compile faster are not stored
_HINT = "Each process compiles its programs again. GAZELLE_COMPILE_CACHE names another folder; 0 means none."
_LOOKUP = "/jax/compilation_cache/compile_requests_use_cache"  # JAX reports this event before it reads a file
_WRITE = "/jax/compilation_cache/cache_misses"  # and this before it writes one
_state = {"on": False, "written": False}


def folder() -> PrivateFolder | None:
    """Return the cache folder; None if the user has set JAX's own cache, or GAZELLE_COMPILE_CACHE=0.

    GAZELLE_COMPILE_CACHE may name the folder; the default is `gazelle` in the user's cache folder. Each kind of
    processor has a subfolder: a program compiled for one may crash on another.
    """
    found = _folder()
    return found if found is not None and found.is_intact() else None


@functools.cache  # once per process
def _folder() -> PrivateFolder | None:
    setting = os.environ.get("GAZELLE_COMPILE_CACHE", "")
    if jax.config.jax_compilation_cache_dir is not None or setting.lower() in ("0", "no", "off", "false"):
        return None
    base = Path(os.path.expanduser(setting)) if setting else user_cache() / "gazelle"
    return open_folder(base / _machine(), _HINT)


def enable_compilation_cache() -> None:
    """Switch JAX's persistent compilation cache on, if there is a folder for it."""
    found = folder()
    if found is not None and jax.config.jax_compilation_cache_dir is None and found.check_files():
        _register()
        _state.update(on=True)
        jax.config.update("jax_compilation_cache_max_size", -1)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", _MIN_SECONDS)
        jax.config.update("jax_compilation_cache_dir", str(found.path))


@functools.cache  # once per process
def _register() -> None:
    # another process may be writing the file, or the disk has become full: the program is compiled
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache entry")
    jax.monitoring.register_event_listener(_listen)
    atexit.register(_close)


def _listen(event: str, **_: Any) -> None:
    """Switch JAX's cache off before it reads from a folder that has changed."""
    if event == _LOOKUP and _state["on"] and folder() is None:
        from jax.experimental.compilation_cache import compilation_cache as of_jax

        _state.update(on=False)
        found = _folder()
        if found is not None and jax.config.jax_compilation_cache_dir == str(found.path):
            jax.config.update("jax_compilation_cache_dir", None)
        of_jax.reset_cache()
    elif event == _WRITE:
        _state.update(written=True)


def _close() -> None:
    """Limit the size of the cache when the process ends."""
    found = _folder()
    if found is not None and _state["on"] and _state["written"]:
        cache_cleanup.restrict_files(found)
        cache_cleanup.delete_old_files(found, _MAX_BYTES)


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
