"""The selected engine, before any engine is imported."""

from __future__ import annotations

import dataclasses
import os
from importlib.machinery import PathFinder

from gazelle.core.errors import GazelleError, unknown


class EngineError(GazelleError, ImportError):
    """The package of the selected engine is not installed."""


@dataclasses.dataclass(frozen=True)
class EngineInfo:
    """The package that an engine needs, and the extra of gazelle that installs it."""

    package: str
    extra: str

    @property
    def installed(self) -> bool:
        """Whether the package is installed, without importing it; modules that imitate it do not count."""
        return PathFinder.find_spec(self.package) is not None

    @property
    def hint(self) -> str:
        return f'pip install "gazelle[{self.extra}]"'


ENGINES = {
    "xla": EngineInfo("jax", "cpu"),
    "tensorflow": EngineInfo("tensorflow", "tensorflow"),
    "pytensor": EngineInfo("pytensor", "theano"),
}
#: names of Keras' backends
ALIASES = {"jax": "xla", "theano": "pytensor"}

_selected: str | None = None


def engine() -> str:
    """Return the name of the engine that runs programs: 'xla' unless `set_engine` or GAZELLE_ENGINE select another.

    Returns:
        'xla', 'tensorflow' or 'pytensor'.

    Example:
        >>> engine()
        'xla'
    """
    if _selected is None:
        set_engine(os.environ.get("GAZELLE_ENGINE") or "xla")
    assert _selected is not None
    return _selected


def set_engine(name: str) -> None:
    """Select the engine of models that are compiled from now on.

    Args:
        name: 'xla' (or 'jax'), 'tensorflow', or 'pytensor' (or 'theano').

    Raises:
        ArgumentError: If there is no such engine. EngineError: If its package is not installed.

    Example:
        >>> set_engine("jax")
        >>> engine()
        'xla'
    """
    global _selected
    found = ALIASES.get(name, name)
    if found not in ENGINES:
        raise unknown("engine", name, (*ENGINES, *ALIASES))
    if not ENGINES[found].installed:
        raise EngineError(
            f"The engine {name!r} needs {ENGINES[found].package}, which is not installed.\n{ENGINES[found].hint}"
        )
    _selected = found


def select_keras_backend(backend: str) -> str:
    """Select the engine that corresponds to KERAS_BACKEND. GAZELLE_ENGINE takes precedence.

    If the engine's package is not installed, XLA is used.

    Args:
        backend: Value of KERAS_BACKEND, '' if it is not set.

    Returns:
        A message of one line, or ''.
    """
    if os.environ.get("GAZELLE_ENGINE") or not backend:
        return ""
    found = ALIASES.get(backend, backend)
    if found == "torch":  # layers compute on XLA, and programs with tensors of PyTorch
        missing = PathFinder.find_spec("torch") is None
        return "KERAS_BACKEND=torch: PyTorch is not installed; the program runs on XLA." if missing else ""
    if found not in ENGINES:
        return f"KERAS_BACKEND={backend}: gazelle has no such engine; the program runs on XLA."
    if not ENGINES[found].installed:
        known = ENGINES[found]
        return f"KERAS_BACKEND={backend}: {known.package} is not installed ({known.hint}); the program runs on XLA."
    set_engine(found)
    return ""
