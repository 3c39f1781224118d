"""Compiled programs that a later process takes up as they are: found by a key, without tracing anything.

JAX's own cache is asked with the program itself, so that a process must trace and lower it first, which takes longer
than loading what was compiled. Here the key is a text that says what the program is made of.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import jax

from gazelle.engine import compilation_cache

_MOST = 256 << 20  # bytes; what was not used for longest goes first
_DIGEST = 32  # bytes of the checksum before the program
#: settings of JAX that hold for a thread, as arguments of the same shapes may come under others
_SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_debug_nans",
    "jax_debug_infs",
    "jax_disable_jit",
    "jax_numpy_dtype_promotion",
    "jax_default_device",
)
_lock = threading.RLock()  # one at a time compiles, since JAX's cache stands aside meanwhile


def usable() -> bool:
    """Whether programs are kept: on the one CPU that was tried, in a folder that nobody else can write."""
    folder = compilation_cache.folder()
    if folder is None or jax.default_backend() != "cpu" or jax.device_count() > 1:
        return False
    about = folder.stat()
    return os.name == "nt" or (about.st_uid == os.getuid() and not about.st_mode & 0o022)


class Kept:
    """A function that is compiled for each kind of arguments once, in whichever process came first.

    key: the same text for the same function only, whatever the process.
    """

    def __init__(self, function: Callable[..., Any], donate: tuple[int, ...], key: str) -> None:
        self.function, self.donate, self.key = function, donate, key
        self._ready: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, *args: Any) -> Any:
        leaves, structure = jax.tree.flatten(args)
        settings = tuple([getattr(jax.config, name) for name in _SETTINGS])
        shapes = tuple([(leaf.shape, leaf.dtype, getattr(leaf, "weak_type", False)) for leaf in leaves])
        kind = structure, shapes, settings
        ready = self._ready.get(kind)
        if ready is None:
            with _lock:
                ready = self._ready[kind] = self._ready.get(kind) or self._find(repr(kind), args)
        return ready(*args)

    def _find(self, kind: str, args: Any) -> Callable[..., Any]:
        if jax.config.jax_disable_jit or jax.config.jax_debug_nans or jax.config.jax_debug_infs:
            return jax.jit(self.function, donate_argnums=self.donate)
        path = _path(self.key, kind)
        return _load(path) or self._compile(path, args)

    def _compile(self, path: Path, args: Any) -> Callable[..., Any]:
        def program(*args: Any) -> Any:
            return self.function(*args)

        program.__name__ = f"program_{path.name[:16]}"  # the name is part of JAX's key: what it holds is another's
        lowered = jax.jit(program, donate_argnums=self.donate).lower(*args)
        if "custom_call" in lowered.as_text():  # it needs what only this process has set up: JAX's cache has it
            return lowered.compile()
        with _not_in_the_other_cache():
            compiled = lowered.compile()
        _save(path, compiled)
        return compiled


def recall(key: str) -> Any:
    """What `remember` was given, in this process or an earlier one; None where it is not known."""
    whole = _read(_path(key)) if usable() else None
    return None if whole is None else pickle.loads(whole)


def remember(key: str, value: Any) -> None:
    """Keep a value beside the programs: what can be known of one without tracing it."""
    if usable():
        _write(_path(key), pickle.dumps(value))


def _path(*words: str) -> Path:
    folder = compilation_cache.folder()
    assert folder is not None
    return folder / "programs" / hashlib.sha256("\n".join([*words, *_around()]).encode()).hexdigest()


def _load(path: Path) -> Callable[..., Any] | None:
    """The program in the file; None where there is none that is whole."""
    from jax.experimental import serialize_executable

    whole = _read(path)
    if whole is None:
        return None
    try:
        program: Callable[..., Any] = serialize_executable.deserialize_and_load(*pickle.loads(whole))
    except Exception:  # whatever this jaxlib has against it: it is compiled anew
        return None
    return program


def _save(path: Path, compiled: Any) -> None:
    from jax.experimental import serialize_executable

    with contextlib.suppress(Exception):  # it holds a constant, or something else that cannot be written
        _write(path, pickle.dumps(serialize_executable.serialize(compiled)))


def _read(path: Path) -> bytes | None:
    try:
        whole = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    return whole[_DIGEST:] if hashlib.sha256(whole[_DIGEST:]).digest() == whole[:_DIGEST] else None


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # a full disk: compile each time
        path.parent.mkdir(mode=0o700, exist_ok=True)
        part.write_bytes(hashlib.sha256(content).digest() + content)
        part.replace(path)
        _tidy(path.parent)


def _tidy(folder: Path) -> None:
    """Let the programs go that were not used for longest, until the rest is within bounds."""
    files = sorted(((about := file.stat()).st_mtime, about.st_size, file) for file in folder.iterdir())
    namespace = _MOST
    for _, size, file in reversed(files):
        namespace -= size
        if namespace < 0:
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def _not_in_the_other_cache() -> Iterator[None]:
    """What JAX's cache gave back cannot be written once more: keep the program out of it."""
    least = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_persistent_cache_min_compile_time_secs", float("inf"))
    try:
        yield
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", least)


def _around() -> list[str]:
    """All that takes part in a program besides what it is made of: gazelle itself, settings, the environment."""
    settings = [f"{name}={value}" for name, value in jax.config.values.items() if "cache" not in name]
    said = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(("GAZELLE_", "XLA_"))]
    return [_sources(), *sorted(settings), *sorted(said), sys.version, str(os.cpu_count())]


@functools.cache  # as they were when this process read them
def _sources() -> str:
    """Which state of gazelle's own code this is."""
    found = [
        f"{file.path} {(about := file.stat()).st_size} {about.st_mtime_ns}"
        for folder, _, _ in os.walk(Path(__file__).parent.parent)
        for file in os.scandir(folder)
        if file.name.endswith(".py")
    ]
    return "\n".join(sorted(found))
