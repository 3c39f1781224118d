"""Variables as arguments of what `jax.jit`, `jax.grad` and the like return, in programs that are run as Keras programs.

Guides of Keras 3 hand `model.trainable_variables` to compiled functions. JAX took anything that knows itself as an
array, and refuses it today; here a Variable is read before JAX sees it. Code of gazelle and of JAX is left alone.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

#: functions of JAX that return a function, and those that are called with values at once
TRANSFORMATIONS = (
    "checkpoint", "grad", "hessian", "jacfwd", "jacobian", "jacrev", "jit", "make_jaxpr", "pmap", "remat",
    "value_and_grad", "vmap",
)  # fmt: skip
CALLS = ("device_put", "eval_shape", "jvp", "linearize", "vjp")


def read(tree: Any) -> Any:
    """The same tree with values in the place of Variables."""
    from gazelle.core.variable import Variable

    if isinstance(tree, Variable):
        return tree.value
    if type(tree) in (list, tuple):
        return type(tree)(map(read, tree))
    return {key: read(value) for key, value in tree.items()} if type(tree) is dict else tree


class Reading:
    """A function of JAX's making whose arguments are read; all else is the function's own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*read(args), **read(kwargs))

    def __get__(self, thing: Any, owner: Any = None) -> Any:
        return self if thing is None else functools.partial(self, thing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)


def _transformation(transform: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(transform)
    def made(*args: Any, **kwargs: Any) -> Any:
        function = transform(*args, **kwargs)
        if _from_libraries():
            return function
        return Reading(function) if args else lambda f: Reading(function(f))  # @jax.jit(static_argnums=0)

    return made


def _call(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if _from_libraries() else function(*read(args), **read(kwargs))

    return called


def _from_libraries() -> bool:
    return str(sys._getframe(2).f_globals.get("__name__", "")).partition(".")[0] in ("gazelle", "jax")


_changed: dict[str, Any] = {}  # what JAX's own functions were


def begin(jax: ModuleType) -> None:
    """Let JAX's functions take Variables until `end`."""
    if not _changed:
        for names, wrapped in ((TRANSFORMATIONS, _transformation), (CALLS, _call)):
            for name in names:
                _changed[name] = getattr(jax, name)
                setattr(jax, name, wrapped(_changed[name]))


def end() -> None:
    """Give JAX its own functions back."""
    for name, function in _changed.items():
        setattr(sys.modules["jax"], name, function)
    _changed.clear()


class JaxLoader(Loader):
    """Loads JAX where a program imports it for the first time, and begins."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self.real.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__loader__ = module.__spec__.loader = self.real
        self.real.exec_module(module)
        begin(module)


def jax_spec(path: Any) -> ModuleSpec | None:
    """Where JAX is, with a loader that begins."""
    spec = PathFinder.find_spec("jax", path)
    if spec is not None:
        spec.loader = JaxLoader(spec.loader)
    return spec
