"""Names that Python, NumPy, SciPy and scikit-learn had when a program was written: only the program finds them.

Input: the table `removed_names.txt`. Output: attributes and modules with what has replaced them. Installed packages see
their modules unchanged, so that they do not take them for earlier releases.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType

from gazelle.compat import tables
from gazelle.compat.removed_names import arguments, classes
from gazelle.compat.types import NamedObject
from gazelle.core.loaders import Then

#: the folders of the library of Python and of installed packages
_INSTALLED = tuple({path for name, path in sysconfig.get_paths().items() if name.endswith(("lib", "stdlib"))})
#: a module with nothing but a warning
_EMPTY = "scipy.misc"
_TABLE = tables.objects("removed_names")
_PACKAGES = {name.rpartition(".")[0] for name in _TABLE} - {""}


def activate() -> None:
    """Let programs find the removed names, in modules that are loaded and in those that they import."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
        for name in (_TABLE.keys() | classes.MODULES) & sys.modules.keys():
            _provide(sys.modules[name])
        arguments.activate(_is_of_program)


def deactivate() -> None:
    """Undo `activate`."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    arguments.deactivate()
    classes.remove()
    for name in _TABLE.keys() & sys.modules.keys():
        found = vars(sys.modules[name]).get("__getattr__")
        if isinstance(found, _Names):
            found.remove()


class _Names:
    """The function `__getattr__` of a module, called for names that it does not have."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._before = module, vars(module).get("__getattr__")
        self._names = _TABLE[module.__name__]

    def __call__(self, name: str) -> NamedObject:
        if name in self._names and _is_of_program(sys._getframe(1)):
            return tables.resolve(self._names[name], self._module.__name__)
        if self._before is not None:
            return self._before(name)
        raise AttributeError(f"module {self._module.__name__!r} has no attribute {name!r}", name=name, obj=self._module)

    def remove(self) -> None:
        """Give the module its former function back."""
        if self._before is None:
            del vars(self._module)["__getattr__"]
        else:
            vars(self._module)["__getattr__"] = self._before


def _provide(module: ModuleType) -> None:
    classes.provide(module, _is_of_program)
    if module.__name__ in _PACKAGES:
        vars(module).setdefault("__path__", [])  # scipy.sparse.linalg.eigen is a module now
    if module.__name__ in _TABLE and not isinstance(vars(module).get("__getattr__"), _Names):
        vars(module)["__getattr__"] = _Names(module)


def _is_of_program(frame: FrameType) -> bool:
    """Whether the code of a frame is neither that of Python nor of an installed package."""
    file = frame.f_code.co_filename
    return not file.startswith(_INSTALLED) and not str(frame.f_globals.get("__name__")).startswith("gazelle.")


class _Finder(MetaPathFinder, Loader):
    """Adds the names to the modules that are imported; a module that does not exist has only these."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _TABLE and fullname not in _PACKAGES and fullname not in classes.MODULES:
            return None
        spec = None if fullname in (_EMPTY, "distutils.version") else PathFinder.find_spec(fullname, path, target)
        if fullname == "distutils":  # that of setuptools, which has all modules
            others = (finder for finder in sys.meta_path if "distutils" in type(finder).__module__)
            spec = next((found for each in others if (found := each.find_spec(fullname, path, target))), None)
        if spec is not None and spec.loader is not None:
            spec.loader = Then(spec.loader, _provide)
        elif fullname.partition(".")[0] in ("imp", "distutils") or fullname.partition(".")[0] in sys.modules:
            spec = ModuleSpec(fullname, self, is_package=fullname in _PACKAGES)
        return spec

    def exec_module(self, module: ModuleType) -> None:
        _provide(module)
