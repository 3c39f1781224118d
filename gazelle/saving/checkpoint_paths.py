"""Where the states of each model of each program lie."""

from __future__ import annotations

import hashlib
import os
import re
import sys

from gazelle.core.errors import StateError


class NothingKeptError(StateError, FileNotFoundError):
    """There is no kept state to go on from."""


def folder() -> str:
    """The folder of the running program."""
    program = _program()
    stem = file_name(os.path.splitext(os.path.basename(program))[0])
    return os.path.join(home(), f"{stem}-{_short(program)}")


def home() -> str:
    """The folder of all programs: `latest` in GAZELLE_HOME, else in `~/.gazelle`."""
    place = os.environ.get("GAZELLE_HOME") or os.path.join(os.path.expanduser("~"), ".gazelle")
    return os.path.join(os.path.abspath(place), "latest")


def arguments() -> str:
    """A short name for the words that the program was started with."""
    return _short("\0".join(sys.argv[1:]))


def file_name(name: str) -> str:
    """A name that is one component of a path whatever the user wrote."""
    return re.sub(r"[^\w.-]", "_", name).strip(".")[:100] or "model"


def _program() -> str:
    """The absolute path of the running program; `notebook` in the working folder for an interactive session."""
    script = sys.argv[0] if sys.argv else ""
    session = hasattr(sys, "ps1") or "ipykernel" in sys.modules or script in ("", "-", "-c")
    return os.path.abspath("notebook" if session else script)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
