"""The command line: `gazelle run`, `launch`, `explain` and `upgrade`."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import io
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

import gazelle
from gazelle.cli import children, eras, import_aliases, launch, notebooks, upgrade
from gazelle.core import engines, traceback
from gazelle.core.errors import DamagedFileError, StateError

if TYPE_CHECKING:
    from gazelle.compat.python2 import Sign

HELP = """\
Run a program written for Keras on gazelle, unchanged. In the program, `keras`, `tensorflow.keras`, `tf_keras` and
`keras_core` refer to gazelle, whether or not those packages are installed. Arguments after program.py are passed to it.
"""


def parser() -> argparse.ArgumentParser:
    """The argument parser of the command line."""
    top = argparse.ArgumentParser(prog="gazelle", description="A deep learning library with the API of Keras, on JAX.")
    top.add_argument("--version", action="version", version=f"gazelle {gazelle.__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="{run,launch,explain,upgrade}", required=True)
    run = verbs.add_parser("run", help="run a Keras program on gazelle", description=HELP)
    run.add_argument(
        "--validation-from",
        choices=("start", "end"),
        help="samples that validation_split uses: the first (default) or, as in Keras, the last",
    )
    run.add_argument(
        "--tensorflow",
        choices=("gazelle", "real"),
        help="what `import tensorflow` imports: gazelle's implementation (default) or the installed TensorFlow",
    )
    run.add_argument(
        "--era",
        type=int,
        choices=(1, 2, 3),
        help="API and defaults to use: Keras 1, Keras 2 or tf.keras, Keras 3; detected from the program by default",
    )
    run.add_argument(
        "--image-data-format",
        choices=("channels_first", "channels_last"),
        help="axis order of images, for programs that assume one without setting it",
    )
    run.add_argument("-v", "--verbose", action="store_true", help="print the detected era and the reason")
    run.add_argument("program", metavar="program.py", help="a program or a notebook (.ipynb)")
    run.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER, help="arguments of the program")
    start = verbs.add_parser("launch", help="run a program in several connected processes on this machine")
    start.add_argument("-n", "--processes", type=int, default=2, help="number of processes (2)")
    start.add_argument("--restarts", type=int, default=0, help="start all again after a failure, at most so often (0)")
    start.add_argument(
        "--at-least",
        type=int,
        metavar="M",
        help="continue with M processes or more while one that failed is left out; it is started again after the next "
        "failure (all are started again)",
    )
    start.add_argument("program", metavar="program.py", help="a program; batch_size is that of all processes together")
    start.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER, help="arguments of the program")
    explain = verbs.add_parser("explain", help="list outdated Keras usage and its current equivalent")
    upgrade = verbs.add_parser("upgrade", help="show the program updated to the current Keras API, as a diff")
    for verb in (explain, upgrade):
        verb.add_argument("program", metavar="program.py", help="a program or a notebook (.ipynb)")
    upgrade.add_argument("--write", action="store_true", help="write the result to the file")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point of `gazelle` and `python -m gazelle`; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0].endswith((".py", ".ipynb")):
        print(f"gazelle: which command? Run a program with\n    gazelle run {shlex.join(given)}", file=sys.stderr)
        return 2
    arguments = parser().parse_args(given)
    if not os.path.isfile(arguments.program):
        print(f"gazelle {arguments.verb}: there is no file {arguments.program!r} in {os.getcwd()}", file=sys.stderr)
        return 2
    if arguments.verb == "launch":
        if arguments.processes < 1:
            print(f"gazelle launch: expected at least 1 process, got {arguments.processes}", file=sys.stderr)
            return 2
        command = [arguments.program, *arguments.arguments]
        return launch.launch(arguments.processes, arguments.restarts, command, arguments.at_least)
    source = None
    try:
        import_aliases.require_compat()
        if arguments.verb == "run" and arguments.program.endswith(".ipynb"):
            source = notebooks.source(arguments.program)
    except (StateError, DamagedFileError) as error:
        print(f"gazelle {arguments.verb}: {error}", file=sys.stderr)
        return 2
    if arguments.verb != "run":
        return upgrade.show(arguments.program, arguments.verb == "upgrade", getattr(arguments, "write", False))
    if arguments.validation_from:
        os.environ["GAZELLE_VALIDATION_FROM"] = arguments.validation_from
    eras.begin(arguments.program, source, arguments.era, arguments.image_data_format, arguments.verbose)
    if arguments.tensorflow:
        os.environ["GAZELLE_TENSORFLOW"] = arguments.tensorflow
    import_aliases.activate()
    children.prepare(arguments.era, arguments.image_data_format)
    notice = engines.select_keras_backend(os.environ.get("KERAS_BACKEND", ""))
    if notice:
        print(notice, file=sys.stderr)
    launch.begin()
    run(arguments.program, arguments.arguments, source)
    return 0


def run(program: str, arguments: Sequence[str] = (), source: str | None = None) -> None:
    """Run `program` as `__main__`, with `sys.argv`, `sys.path[0]` and `__file__` as Python sets them.

    source: its text, if it differs from the file.

    The module stays in `sys.modules` afterwards, unlike with `runpy`, because code that runs at exit may need it.
    """
    sys.argv = [program, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(program))
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__ = os.path.abspath(program)
    try:
        code = compiled(module.__file__, source, _report_python_2)
        if program.endswith(".ipynb"):
            notebooks.provide_display()
            vars(module).update(display=notebooks.display, get_ipython=notebooks.Shell)  # as in a kernel
        awaits = eval(code, vars(module))
        if awaits is not None:  # a cell awaits something, as it may in a kernel
            import asyncio  # which takes time

            asyncio.run(awaits)
    except BaseException as error:
        # The error propagates to Python, which ends the process as usual (exit code, signal, hook of the program).
        traceback.show_short()  # around a hook that the program has set
        launch.end(error)
        raise


def compiled(path: str, source: str | None, report: Callable[[str, Sign], None]) -> CodeType:
    """The code of the program at `path`; one for Python 2 and the modules of its folder are converted, and reported."""
    from gazelle.compat import python2

    text: bytes | str | None = source
    if text is None:
        with io.open_code(path) as file:
            text = file.read()
        with contextlib.suppress(SyntaxError, UnicodeError):  # which `compile` reports
            source = importlib.util.decode_source(text)
    sign = python2.first_sign(source) if source is not None else None
    if sign is None and source is not None and path.endswith(".ipynb") and not python2.is_for_both(source):
        sign = python2.sign_of_notebook(path)
    modules = python2.Modules(os.path.dirname(path), sign is not None, report)
    sys.meta_path.insert(sys.meta_path.index(PathFinder), modules)
    # of arrays, which NumPy 2.3 removed
    if sign is None and source is not None and ".tostring()" in source and "def tostring" not in source:
        text = source.replace(".tostring()", ".tobytes()")
    if sign is None or source is None:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if path.endswith(".ipynb") else 0
        return compile(text, path, "exec", flags, dont_inherit=True)
    report(path, sign)
    return python2.compiled(source, path)


def _report_python_2(path: str, sign: Sign) -> None:
    text = f"gazelle: {path} is written for Python 2 ({sign.what}, line {sign.line}): it is converted to Python 3."
    print(text, file=sys.stderr)


traceback.entries.update((run.__code__, compiled.__code__))


if __name__ == "__main__":
    sys.exit(main())
