"""On-disk cache of compiled programs that a later process loads by a key, without tracing anything.

JAX's own cache is keyed by the lowered program: a process must trace and lower it first, which takes longer than
loading the executable. Here the key is a text that describes what the program is made of.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import os
import pickle
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from gazelle.core import cache_cleanup
from gazelle.core.private_folder import PrivateFolder
from gazelle.core.types import Serialized
from gazelle.engine import compilation_cache, small_programs

if TYPE_CHECKING:
    from gazelle.core.types import Tree

_MAX_BYTES = 256 << 20  # the least recently used programs are deleted first
_MAX_MISSES = 32  # a program whose shapes change all the time computes its signatures
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
_lock = threading.RLock()  # one compilation at a time, since it switches JAX's cache off meanwhile


def usable() -> bool:
    """Whether programs are cached: on a single CPU (others are untested), in a folder only the user can write."""
    return _folder() is not None and jax.default_backend() == "cpu" and jax.device_count() == 1


class CachedProgram:
    """A function that is compiled once for each structure, shape and dtype of its arguments, across processes.

    Args:
        function: A pure function of arrays.
        donate: Positions of arguments whose buffers are donated.
        key: A text that identifies the function in every process; None if it is compiled for this process only.
    """

    def __init__(self, function: Callable[..., Any], donate: tuple[int, ...], key: str | None) -> None:
        self.function, self.donate, self.key = function, donate, key
        self._executables: dict[Hashable, Callable[..., Any]] = {}
        self._last: tuple[Any, Callable[..., Any]] | None = None  # settings and executable of the last call
        self._misses = 0  # calls for which `_last` was the wrong one

    def __call__(self, *args: Any) -> Tree:
        settings = tuple([getattr(jax.config, name) for name in _SETTINGS])
        last, mismatch = self._last, None
        if last is not None and last[0] == settings and self._misses < _MAX_MISSES:
            try:  # an executable refuses other shapes before it runs; this costs less than to compute a signature
                return last[1](*args)
            except TypeError as error:
                mismatch = error
                self._misses += 1
        leaves, structure = jax.tree.flatten(args)
        shapes = tuple([(leaf.shape, leaf.dtype, getattr(leaf, "weak_type", False)) for leaf in leaves])
        signature = structure, shapes, settings
        executable = self._executables.get(signature)
        if executable is None:
            with _lock:
                executable = self._executables.get(signature) or self._load_or_compile(repr(signature), args)
                self._executables[signature] = executable
        if mismatch is not None and last is not None and executable is last[1]:
            raise mismatch  # it is the right one
        self._last = settings, executable
        return executable(*args)

    def _load_or_compile(self, signature: str, args: Any) -> Callable[..., Any]:
        if jax.config.jax_disable_jit or jax.config.jax_debug_nans or jax.config.jax_debug_infs:
            return jax.jit(self.function, donate_argnums=self.donate)
        if self.key is None:
            lowered = jax.jit(self.function, donate_argnums=self.donate).lower(*args)
            return lowered.compile(compiler_options=small_programs.options_for(lowered) or None)
        name = _name(self.key, signature)
        return _load(name) or self._compile(name, args)

    def _compile(self, name: str, args: Any) -> Callable[..., Any]:
        def program(*args: Any) -> Any:
            return self.function(*args)

        program.__name__ = f"program_{name[:16]}"  # part of JAX's key: its cache must not mix the two up
        lowered = jax.jit(program, donate_argnums=self.donate).lower(*args)
        if "custom_call" in lowered.as_text():  # needs what only this process has registered: JAX's cache handles it
            return lowered.compile()
        with _without_jax_cache():
            compiled = lowered.compile(compiler_options=small_programs.options_for(lowered) or None)
        _save(name, compiled)
        return compiled


def load_metadata(key: str) -> Serialized:
    """Return what `save_metadata` stored under `key`, in this or an earlier process; None if there is nothing."""
    content = _read(_name(key)) if usable() else None
    return None if content is None else pickle.loads(content)


def save_metadata(key: str, value: object) -> None:
    """Store a value next to the programs: what is otherwise known only after tracing one."""
    if usable():
        _write(_name(key), pickle.dumps(value))


def _folder() -> PrivateFolder | None:
    parent = compilation_cache.folder()
    found = None if parent is None else parent.subfolder("programs")
    if found is not None:
        _sweep_at_exit(found)
    return found


@functools.cache
def _sweep_at_exit(folder: PrivateFolder) -> None:
    atexit.register(cache_cleanup.delete_old_files, folder, _MAX_BYTES)


def _name(*parts: str) -> str:
    return hashlib.sha256("\n".join([*parts, *_environment()]).encode()).hexdigest()


def _load(name: str) -> Callable[..., Any] | None:
    """The program in the file; None if it is missing or damaged."""
    from jax.experimental import serialize_executable

    content = _read(name)
    if content is None:
        return None
    try:
        program: Callable[..., Any] = serialize_executable.deserialize_and_load(*pickle.loads(content))
    except Exception:  # this jaxlib cannot load it: compile again
        return None
    return program


def _save(name: str, compiled: Any) -> None:
    from jax.experimental import serialize_executable

    with contextlib.suppress(Exception):  # it holds a constant, or something else that cannot be serialized
        _write(name, pickle.dumps(serialize_executable.serialize(compiled)))


def _read(name: str) -> bytes | None:
    folder = _folder()
    content = None if folder is None else folder.read(name)
    if content is None or hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        return None
    return content[_DIGEST:]


def _write(name: str, content: bytes) -> None:
    folder = _folder()
    if folder is not None:
        folder.write(name, hashlib.sha256(content).digest() + content)


@contextlib.contextmanager
def _without_jax_cache() -> Iterator[None]:
    """Keep a program out of JAX's cache: an executable that came from there cannot be serialized again."""
    threshold = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_persistent_cache_min_compile_time_secs", float("inf"))
    try:
        yield
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", threshold)


def _environment() -> list[str]:
    """All that a program depends on besides its key: gazelle's sources, JAX's settings, environment variables."""
    settings = [f"{name}={value}" for name, value in jax.config.values.items() if "cache" not in name]
    variables = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(("GAZELLE_", "XLA_"))]
    return [_sources(), *sorted(settings), *sorted(variables), sys.version, str(os.cpu_count())]


@functools.cache  # as they were when this process read them
def _sources() -> str:
    """Path, size and time of every source file of gazelle."""
    found = [
        f"{file.path} {(status := file.stat()).st_size} {status.st_mtime_ns}"
        for folder, _, _ in os.walk(Path(__file__).parent.parent)
        for file in os.scandir(folder)
        if file.name.endswith(".py")
    ]
    return "\n".join(sorted(found))
