"""Which engine runs programs: the choice, before any engine is loaded."""

from __future__ import annotations

import dataclasses
import os
from importlib.machinery import PathFinder

from gazelle.core.errors import GazelleError, unknown


class EngineError(GazelleError, ImportError):
    """An engine was chosen whose package is not installed."""


@dataclasses.dataclass(frozen=True)
class EngineInfo:
    """What has to be installed for an engine: the package that is imported, and gazelle's extra that brings it."""

    package: str
    extra: str

    @property
    def installed(self) -> bool:
        """Whether the package is there; it is not imported, and no stand-in of that name counts."""
        return PathFinder.find_spec(self.package) is not None

    @property
    def hint(self) -> str:
        return f'pip install "gazelle[{self.extra}]"'


ENGINES = {
    "xla": EngineInfo("jax", "cpu"),
    "tensorflow": EngineInfo("tensorflow", "tensorflow"),
    "pytensor": EngineInfo("pytensor", "theano"),
}
#: other names: those of Keras' backends
ALIASES = {"jax": "xla", "theano": "pytensor"}

_chosen: str | None = None


def engine() -> str:
    """The name of the engine that programs are made for: 'xla', unless `set_engine` or GAZELLE_ENGINE say otherwise.

    >>> engine()
    'xla'
    """
    if _chosen is None:
        set_engine(os.environ.get("GAZELLE_ENGINE") or "xla")
    assert _chosen is not None
    return _chosen


def set_engine(name: str) -> None:
    """Choose the engine of the models that are compiled from now on.

    Args:
        name: 'xla' (or 'jax'), 'tensorflow', or 'pytensor' (or 'theano').

    Raises:
        ArgumentError: no such engine. EngineError: its package is not installed; the text says how to install it.

    >>> set_engine("jax")
    >>> engine()
    'xla'
    """
    global _chosen
    found = ALIASES.get(name, name)
    if found not in ENGINES:
        raise unknown("engine", name, (*ENGINES, *ALIASES))
    if not ENGINES[found].installed:
        raise EngineError(
            f"The engine {name!r} needs {ENGINES[found].package}, which is not installed.\n{ENGINES[found].hint}"
        )
    _chosen = found


def select_keras_backend(backend: str) -> str:
    """Choose the engine that a program's KERAS_BACKEND means; what there is to tell about it, in a line, or ''.

    GAZELLE_ENGINE goes before. Where the engine's package is not installed, XLA runs the program.
    """
    if os.environ.get("GAZELLE_ENGINE") or not backend:
        return ""
    found = ALIASES.get(backend, backend)
    if found not in ENGINES:
        return f"KERAS_BACKEND={backend}: gazelle has no such engine; the program runs on XLA."
    if not ENGINES[found].installed:
        known = ENGINES[found]
        return f"KERAS_BACKEND={backend}: {known.package} is not installed ({known.hint}); the program runs on XLA."
    set_engine(found)
    return ""
