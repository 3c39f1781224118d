"""TensorFlow Probability for programs that import `tensorflow_probability`, where that package is installed.

Its distributions, bijectors, functions and so on are those of its JAX substrate; they take and return tensors of the
facade. `layers` and `util` are modules of this package: the substrate has no layers. Expected numbers: those of
TensorFlow Probability on TensorFlow.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

from gazelle.compat import namespaces
from gazelle.compat.probability import outputs
from gazelle.compat.probability.classes import SUBSTRATE, program_class, program_function
from gazelle.compat.probability.objects import is_genuine
from gazelle.compat.tensorflow import layer_calls
from gazelle.core.errors import message

layer_calls.layer_outputs = outputs.DistributionOutputs()
_ROOT = "tensorflow_probability"
#: modules below the root that are the genuine ones
_GENUINE = ("substrates", "python.internal", "python.version")
#: those of them that compare the arguments of TensorFlow's functions with their own: programs get the substrate's
_CHECKED = ("prefer_static", "tensor_util", "samplers", "distribution_util")
#: modules whose functions take and return data of pandas
_OF_PANDAS = (f"{SUBSTRATE}.sts.regularization",)


class Namespace(ModuleType):
    """`tensorflow_probability`, or a module below; `path` is its name in the substrate."""

    is_facade = is_tensorflow = True

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        spec = PathFinder.find_spec(_ROOT)
        folders = [] if spec is None else list(spec.submodule_search_locations or [])
        self.__path__ = [folder + name.removeprefix(_ROOT).replace(".", "/") for folder in folders]
        self.__dict__["_path"] = path

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return importlib.import_module(f"{_ROOT}.python.version").__version__
        if name.startswith("__"):
            raise AttributeError(name)
        if self._path == "" and name in ("python", "substrates", "layers"):
            return module(f"{_ROOT}.{name}") or importlib.import_module(f"{_ROOT}.{name}")
        inner = f"{self._path}.{name}"
        if any(f"{path}.".startswith(f"{inner}.") for path in _OWN):
            return module(f"{_ROOT}.{inner}")
        own = importlib.import_module(_OWN[self._path]) if self._path in _OWN else None
        if hasattr(own, name):
            return namespaces.converted(getattr(own, name))
        found = getattr(_substrate(self._path), name)
        return self.__dict__.setdefault(name, _converted(found, f"{self.__name__}.{name}"))

    def __dir__(self) -> list[str]:
        own = dir(importlib.import_module(_OWN[self._path])) if self._path in _OWN else []
        return sorted(name for name in {*dir(_substrate(self._path)), *own} if not name.startswith("__"))


#: module of the substrate -> that of this package with names that the substrate lacks
_OWN = {
    "layers": "gazelle.compat.probability.layers",
    "layers.util": "gazelle.compat.probability.layers.variational",
    "layers.internal.distribution_tensor_coercible": "gazelle.compat.probability.outputs",
    "util": "gazelle.compat.probability.util",
    "util.deferred_tensor": "gazelle.compat.probability.deferred_tensor",
    "bijectors": "gazelle.compat.probability.autoregressive",
}


def _substrate(path: str) -> Any:
    """A module of the substrate; its root for "layers" and the modules in it, which it lacks."""
    path = "" if path.partition(".")[0] == "layers" else path
    try:
        if SUBSTRATE not in sys.modules:
            with _without_tensorflow(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it uses names that JAX deprecates
                importlib.import_module(SUBSTRATE)
        return importlib.import_module(f"{SUBSTRATE}{path and '.'}{path}")
    except (AttributeError, ImportError) as error:
        expected = "a release for the installed JAX"
        hint = "tensorflow-probability 0.25 and before need an older JAX: pip install tfp-nightly"
        raise ImportError(
            message(f"The JAX substrate of {_ROOT}", expected=expected, got=str(error), hint=hint)
        ) from error


@contextlib.contextmanager
def _without_tensorflow() -> Iterator[None]:
    """Context manager in which TensorFlow is missing: the substrate uses parts of it if they are there."""
    names = ("tensorflow", "tensorflow.python.ops", "tensorflow.python.util")
    hidden = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(hidden)


def _converted(found: Any, name: str) -> Any:
    """What programs get for an object of the substrate."""
    if isinstance(found, ModuleType):
        return module(name) if found.__name__.startswith(_ROOT) else found
    if isinstance(found, type):
        kind: Any = found
        return found if issubclass(found, tuple | Exception) or not is_genuine(found) else program_class(kind)
    is_of_tensors = inspect.isfunction(found) and is_genuine(found) and found.__module__ not in _OF_PANDAS
    return program_function(found) if is_of_tensors else found


def module(name: str) -> ModuleType | None:
    """The module `tensorflow_probability` or one below; None if it is the genuine one."""
    path = name.removeprefix(_ROOT).removeprefix(".")
    if any(path == own or path.startswith(f"{own}.") for own in _GENUINE):
        is_checked = path.removeprefix("python.internal.") in _CHECKED
        return _namespace(name, path.removeprefix("python.")) if is_checked else None
    return _namespace(name, path.removeprefix("python").removeprefix("."))


_namespace = functools.cache(Namespace)
