"""Identity of the running program: whose checkpoints are whose."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import re
import sys
from types import CodeType
from typing import Any, Literal

#: options that request resuming or set the number of epochs: they may differ between two runs of one training
_NEUTRAL = re.compile(r"--?(resume|continue|(n|num|max)?[-_]?epochs?)(=.*)?", re.IGNORECASE)
_NEUTRAL_VALUE = re.compile(r"\d+|true|false|yes|no|on|off|force", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Program:
    """The running program.

    Attributes:
        kind: what it is; a "pipe" is text on the standard input, which has no name: no other run is the same program.
        label: short name for the folder of its checkpoints.
        key: equal for the runs of one program.
        text: description for the user; equal for the runs of one program.
        interactive: whether the same code may run several times in one process.
        arguments: the command-line arguments, without options that request resuming or set the
            number of epochs.
    """

    kind: Literal["script", "notebook", "session", "command", "pipe"]
    label: str
    key: str
    text: str
    arguments: list[str]
    interactive: bool = False

    @property
    def folder(self) -> str:
        """Name of the folder of its checkpoints."""
        stem = re.sub(r"[^\w.-]", "_", self.label).strip(".")[:100] or "program"
        return f"{stem}-{short_hash(self.key)}"


def running_program() -> Program:
    """Identify the running program.

    A notebook is identified by what its front end states: the name of the session (Jupyter), a variable in the
    notebook (VS Code), the id of the notebook (Colab), else by the file of the connection to its kernel.

    >>> running_program().kind in ("script", "command")
    True
    """
    shell = _shell()
    interactive = shell is not None or hasattr(sys, "ps1")
    script = sys.argv[0] if sys.argv else ""
    arguments = compared_arguments(sys.argv[1:]) if len(sys.argv) > 1 else []
    if script not in ("-c", "", "-") and (not interactive or _is_run_here(script)):
        path = os.path.abspath(script)
        label = os.path.splitext(os.path.basename(path))[0]
        return Program("session" if interactive else "script", label, path, f"program {path}", arguments, interactive)
    if shell is not None and hasattr(shell, "kernel"):
        name = os.path.normpath(os.path.join(_first_folder(), _notebook_name(shell)))
        label = os.path.splitext(os.path.basename(name))[0]
        return Program("notebook", label, name, f"notebook {name}", [], True)
    folder = _working_folder()
    if interactive:
        return Program("session", "session", folder, f"interactive session in {folder}", [], True)
    if script == "-c":
        code = _command()
        text = f"python -c in {folder}, text {short_hash(code)}"
        return Program("command", "command", f"{folder}\0{code}", text, arguments)
    text = f"piped program in {folder}, process {os.getpid()}"
    return Program("pipe", "piped", folder, text, arguments)


def current_cell() -> int | CodeType | None:
    """Identify the running cell of a notebook or statement of an interactive session; None in other programs.

    Each execution of a cell has its own number: running it again starts from the first `fit` in it.
    """
    shell = _shell()
    if shell is not None:
        return int(getattr(shell, "execution_count", 0))
    if not hasattr(sys, "ps1"):
        return None
    code, frame = None, sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code if frame.f_globals.get("__name__") == "__main__" else code
    return code


def compared_arguments(arguments: list[str]) -> list[str]:
    """Remove options that request resuming or set the number of epochs.

    >>> compared_arguments(["--resume", "--lr", "0.1", "--epochs", "30", "--n-epochs=3"])
    ['--lr', '0.1']
    """
    kept, skip = [], False
    for argument in arguments:
        if skip and _NEUTRAL_VALUE.fullmatch(argument):
            skip = False
            continue
        neutral = _NEUTRAL.fullmatch(argument)
        skip = neutral is not None and neutral[3] is None
        kept += [] if neutral else [argument]
    return kept


@functools.lru_cache(256)
def short_hash(text: str) -> str:
    """Eight hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _shell() -> Any:
    """The running shell of IPython, if any."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None


def _is_run_here(script: str) -> bool:
    """Whether a session runs a script, as %run and Spyder do, instead of the file that started the session."""
    return script.endswith(".py") and not script.endswith(("launcher.py", "__main__.py")) and os.path.isfile(script)


def _notebook_name(shell: Any) -> str:
    variables = getattr(shell, "user_ns", {})
    name = variables.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    if name := name or os.environ.get("COLAB_NOTEBOOK_ID"):
        return str(name)
    connection = getattr(getattr(shell.kernel, "parent", None), "connection_file", None)
    files = [argument for argument in sys.argv[1:] if argument.endswith(".json")]
    return os.path.basename(connection or next(iter(files), "notebook"))


@functools.cache
def _first_folder() -> str:
    """The working folder of the first call: `%cd` does not make a notebook another one."""
    return _working_folder()


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return "(a removed folder)"


def _command() -> str:
    """The text of `python -c text`."""
    options = iter(sys.orig_argv[1:])
    for option in options:
        if not option.startswith("-") or option.startswith("--"):
            continue
        for position, letter in enumerate(option[1:], 2):
            if letter in "cmWX":
                value = option[position:] or next(options, "")
                if letter == "c":
                    return value
                break
    return ""
