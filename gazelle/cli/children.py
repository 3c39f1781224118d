"""Python processes that a program starts (subprocess, os.system): `keras` and its other names refer to gazelle, too."""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec

from gazelle.cli import eras, import_aliases
from gazelle.core import engines

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")
_VARIABLE = "GAZELLE_CHILDREN"


def prepare(number: int | None, image_data_format: str | None) -> None:
    """Let Python processes of this environment that are started from now on call `begin`."""
    os.environ[_VARIABLE] = json.dumps((sys.prefix, number, image_data_format))
    before = os.environ.get("PYTHONPATH")
    if before is None or not before.startswith(_FOLDER):
        os.environ["PYTHONPATH"] = _FOLDER + os.pathsep + before if before else _FOLDER


def begin(name: str) -> ModuleSpec | None:
    """Install gazelle in a process that a program has started, before the import of `name`, whose spec it returns."""
    _, number, image_data_format = json.loads(os.environ[_VARIABLE])
    program, source = eras.main_program()
    eras.begin(program, source, number, image_data_format)
    import_aliases.activate()
    engines.select_keras_backend(os.environ.get("KERAS_BACKEND", ""))
    return import_aliases.Aliases().find_spec(name)
