"""Imports the modules of a project that is written for Python 2."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import decode_source
from types import CodeType, ModuleType

from gazelle.compat.python2.conversion import compiled
from gazelle.compat.python2.detection import Sign, first_import_of_neighbor, first_sign, is_for_both

#: the folder of the library of Python
_INSTALLED = os.path.join(os.path.dirname(os.path.realpath(os.__file__)), "")


class Modules(MetaPathFinder):
    """Finds modules as `PathFinder` does, and converts those for Python 2, except in installed packages.

    Args:
        folder: That of the program.
        all_of_2: Whether the program is written for Python 2, so that all modules there are, too.
        found: Called with the file and the sign of each module that is written for Python 2.
    """

    def __init__(self, folder: str, all_of_2: bool, found: Callable[[str, Sign], None]) -> None:
        self._folder, self._all_of_2, self._found = os.path.join(os.path.realpath(folder), ""), all_of_2, found

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return spec
        file = os.path.realpath(spec.loader.path)
        if file.startswith(_INSTALLED) or "-packages" in file or fullname.partition(".")[0] == "gazelle":
            return spec
        try:
            source = decode_source(spec.loader.get_data(spec.loader.path))
            sign = first_sign(source, by_names=self._all_of_2 and file.startswith(self._folder))
            if sign is None and ("." in fullname or spec.submodule_search_locations):
                sign = first_import_of_neighbor(source, os.path.dirname(file), fullname.rpartition(".")[2])
        except (OSError, SyntaxError, UnicodeError):
            return spec
        if sign is not None:
            self._found(spec.loader.path, sign)
        if sign is not None or (self._all_of_2 and file.startswith(self._folder)):
            spec.loader = _Loader(fullname, spec.loader.path, sign is not None or not is_for_both(source))
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, convert: bool) -> None:
        super().__init__(fullname, path)
        self._convert = convert

    def get_code(self, fullname: str) -> CodeType:
        """The converted code, which is not stored: it differs from what Python 3 makes of the file."""
        source = decode_source(self.get_data(self.path))
        return compiled(source, self.path, self._convert, in_package="." in fullname or self.is_package(fullname))
