"""Notebooks as programs: the code cells in order, without syntax that only notebooks support."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from gazelle.core.errors import DamagedFileError, message

_PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)")  # in copies of a session
#: magic commands that need no %, and what follows them if the line is not Python
_AUTOMATIC = re.compile(
    r"(?:cat|cd|conda|cp|ls|mkdir|mv|pip|pwd|rm|rmdir|tensorflow_version)"
    r"(?: +(?![-+*/%|&<>=]?= ?|(?:in|is|and|or|if) )[^( ].*)?"
)
#: commands that change what the rest of a program finds: they run
_EFFECTIVE = re.compile(r"%(?P<magic>cd|mkdir|pylab|run)(?: +(?P<line>.*))?|!(?P<shell>mkdir +[^&;|<>]*)")
_ASSIGNED = re.compile(r"(\w[\w, ]*= *)([!%].*)")  # the output of a command
_ENVIRONMENT = re.compile(r"%(?:set_)?env +(\w+)[= ](.*)")
#: text up to the next three quotes, a comment or a string of one line
_QUOTES = r"""[^'"#]*(?:('{3}|"{3})|\#.*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|['"])"""
_PYTHON_2 = re.compile(
    r"from __future__ import (\s*,?\s*(absolute_import|division|print_function|unicode_literals|with_statement))+\s*"
)


def source(path: str) -> str:
    """The code of a notebook; lines that begin with % or ! and cells that begin with %% are omitted.

    But `%cd`, `%mkdir`, `!mkdir`, `%run` and `%pylab` take effect. Omitted are also imports of Python 2 from
    `__future__`, which a notebook may have in any cell.
    """
    from gazelle.compat.source import notebooks

    try:
        with open(path, encoding="utf-8") as file:
            texts = notebooks.code_cells(file.read())
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            message(f"{path!r} is no notebook", expected="JSON with cells of code", got=error)
        ) from None
    code = "\n".join(texts)
    closes = re.search("pyplot|pylab", code) and not re.search(r"%matplotlib +(?!inline)\w", code)
    return ("\nget_ipython().end_cell()\n" if closes else "\n").join(map(plain, texts))


def plain(cell: str) -> str:
    r"""A cell as Python, with the same number of lines and without magic commands.

    >>> plain("%matplotlib inline\nx = 1")
    'pass  # %matplotlib inline\nx = 1'
    >>> print(plain("print('%d'\n      % 3)"))
    print('%d'
          % 3)
    >>> plain("%time x = f(1)\nfiles = !ls")
    'x = f(1)\nfiles = []  # !ls'
    """
    blank = len(cell) - len(cell.lstrip("\n"))
    first, *rest = _unindented(cell[blank:].split("\n"))
    if first.startswith(("%%writefile", "%%file")):
        name = first.split()[-1]
        return "\n" * blank + f"open({name!r}, 'w').write({chr(10).join(rest)!r})" + "\n" * len(rest)
    if first.startswith("%%") and not first.startswith(("%%time", "%%capture")):
        return "\n" * blank + "\n".join(f"# {line}" for line in (first, *rest))
    lines, continued, quote, depth = [""] * blank, False, "", 0
    for line in (first, *rest):
        inside = quote or depth > 0  # of a string or brackets: a % is an operator there
        lines.append(line if inside else f"# {line}" if continued else _line(line))
        continued = line.endswith("\\") and lines[-1] != line
        if lines[-1] == line:
            quote, brackets = _scan(line, quote)
            depth += brackets
    return "\n".join(lines)


def _unindented(lines: list[str]) -> list[str]:
    """The lines without the indent and the prompts that the first one has, as the kernel takes them."""
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    lines = [line.removeprefix(indent) for line in lines]
    return [_PROMPT.sub("", line) for line in lines] if _PROMPT.match(lines[0]) else lines


def _scan(line: str, quote: str) -> tuple[str, int]:
    """The quotes of a string of several lines that is open at the end of a line, and how many brackets it opens.

    `quote` is what is open at its start. Closed brackets are subtracted; those in strings and comments do not count.
    """
    position, brackets = 0, 0
    while position < len(line):
        if not quote:
            code = re.split("['\"#]", line[position:], maxsplit=1)[0]
            brackets += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        found = re.compile(rf"(?:\\.|[^\\])*?({quote})" if quote else _QUOTES).match(line, position)
        if found is None:
            break
        quote, position = ("" if quote else found[1] or ""), found.end()
    return quote, brackets


def _line(line: str) -> str:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if not indent and _AUTOMATIC.fullmatch(code):
        code = f"%{code}"
    if code.startswith("%time "):
        return indent + code.removeprefix("%time ")
    if assigned := _ASSIGNED.match(code):
        if assigned[2].startswith("%time "):
            return f"{indent}{assigned[1]}{assigned[2].removeprefix('%time ')}"
        return f"{indent}{assigned[1].replace(',', ' =')}[]  # {assigned[2]}"
    if variable := _ENVIRONMENT.match(code):
        return f"{indent}__import__('os').environ[{variable[1]!r}] = {variable[2].strip()!r}"
    if effective := _EFFECTIVE.fullmatch(code.partition(" #")[0].rstrip()):
        name, _, rest = (effective["shell"] or f"{effective['magic']} {effective['line'] or ''}").partition(" ")
        return f"{indent}get_ipython().run_line_magic({name!r}, {rest.strip()!r})"
    if (
        code.startswith(("%", "!", "?"))
        or _PYTHON_2.fullmatch(code)
        or (code.rstrip().endswith("?") and "#" not in code)
    ):
        return f"{indent}pass  # {code}"
    return line


class Shell:
    """What `get_ipython()` returns in a program: the commands for folders and programs; the others do nothing."""

    def run_line_magic(self, name: str, line: str, *_: object) -> None:
        """Run `%cd`, `%mkdir`, `%pylab` or `%run`."""
        variables = vars(sys.modules["__main__"])
        arguments = shlex.split(_expanded(line, variables))
        paths = [os.path.expanduser(word) for word in arguments if not word.startswith("-")]
        if name in ("cd", "mkdir"):
            try:
                for path in paths:
                    os.chdir(path) if name == "cd" else os.makedirs(path, exist_ok=True)
            except OSError as error:  # the kernel continues, too
                print(f"%{name}: {error}", file=sys.stderr)
        elif name == "pylab":
            exec(_PYLAB, variables)
        elif name == "run":
            path = paths[0]
            if path.endswith(".ipynb"):
                code = source(path)
            else:
                with open(path, encoding="utf-8") as file:
                    code = file.read()
            exec(compile(code, path, "exec", dont_inherit=True), variables)

    def end_cell(self) -> None:
        """Close all figures, as the kernel does after it has shown them below the cell."""
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


class Handle:
    """What `display(..., display_id=True)` returns: its place in the notebook, which is printed again."""

    def __init__(self, display_id: object) -> None:
        self.display_id = display_id

    def update(self, *objects: object, **_: object) -> None:
        """Print what the place shows from now on."""
        print(*objects)

    display = update


def display(*objects: object, display_id: object = None, **_: object) -> Handle | None:
    """Print what a notebook shows; return a handle if `display_id` is given, as the kernel does."""
    print(*objects)
    return Handle(display_id) if display_id else None


class _Display(ModuleType):
    """`IPython.display` for programs where IPython is not installed: what it shows is printed by its name."""

    DisplayHandle = Handle
    display = staticmethod(display)
    clear_output = update_display = set_matplotlib_formats = staticmethod(lambda *args, **kwargs: None)

    def __getattr__(self, name: str) -> type:
        if not name[:1].isupper():
            raise AttributeError(name)
        made = type(name, (_Shown,), {"__module__": "IPython.display"})
        setattr(self, name, made)
        return made


class _Shown:
    """An image, a sound or a text to be shown."""

    def __init__(self, data: object = None, *args: object, **kwargs: object) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"<IPython.display.{type(self).__name__}>"


def provide_display() -> None:
    """Let notebooks import `IPython.display` where IPython is missing; outside of a kernel it returns no handles."""
    if importlib.util.find_spec("IPython") is not None:
        vars(importlib.import_module("IPython.display"))["display"] = display
        return
    package, core, shown = (ModuleType(name) for name in ("IPython", "IPython.core", "IPython.display"))
    shown.__class__ = _Display

    def get_ipython() -> Shell | None:  # gazelle calls it to find a kernel
        return None if str(sys._getframe(1).f_globals.get("__name__")).startswith("gazelle.") else Shell()

    vars(package).update(get_ipython=get_ipython, display=shown, core=core, __path__=[])
    vars(core).update(display=shown, __path__=[])
    sys.modules.update({"IPython": package, "IPython.core": core})
    sys.modules.update(dict.fromkeys(("IPython.display", "IPython.core.display"), shown))


_PYLAB = """
import numpy, matplotlib
from matplotlib import pylab, mlab, pyplot
np, plt = numpy, pyplot
from pylab import *
from numpy import *
"""


def _expanded(line: str, variables: Mapping[str, Any]) -> str:
    """A command with the values of `$name` and `{name}`, where the program has such a variable."""
    known = lambda match: str(variables.get(match[1] or match[2], match[0]))  # noqa: E731
    return re.sub(r"\$(\w+)|\{(\w+)\}", known, line)
