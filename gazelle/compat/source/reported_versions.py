"""The `__version__` that a program expects of keras and of TensorFlow: the one it tests for, or its project requires.

A program that raises an error for another version, or selects one of two branches, then runs as with that version.
"""

from __future__ import annotations

import pathlib
import re

from gazelle.compat.source import releases

_ROOTS = {releases.TENSORFLOW: "tf|tensorflow", releases.KERAS: "keras"}
#: tf.__version__ == "1.4.0"
_EQUAL = r"""\b(?:{})\.__version__\s*[=!]=\s*['"](\d[\w.-]+)['"]"""
#: tf.__version__.startswith("1."), tf.__version__[0] == "1", int(tf.__version__.split(".")[0]) == 1
_BEGINNING = (
    r"""\b(?:{0})\.__version__\.startswith\(['"](\d[\d.]*)['"]|"""
    r"""\b(?:{0})\.__version__(?:\.split\(['"]\.['"]\))?\[0\]\)?\s*[=!]=\s*['"]?(\d)['"]?"""
)
_LAST_OF_TENSORFLOW_1 = "1.15.5"


def expected(source: str, program: pathlib.Path, package: str, is_tensorflow_1: bool) -> str:
    """The version that a program expects of a package, "" if it shows none.

    Args:
        source: The text of the program.
        program: Its path; the releases that its project requires are read.
        package: `releases.TENSORFLOW` or `releases.KERAS`.
        is_tensorflow_1: Whether the program is for TensorFlow 1; it is not if it only names it in one of two branches.
    """
    compared = set(re.findall(_EQUAL.format(_ROOTS[package]), source))
    if len(compared) == 1:
        return str(compared.pop())
    pins = [pin for pin in releases.pins(program, package) if pin.release]
    if len({pin.release for pin in pins}) == 1:
        return pins[0].release
    found = {first or second for first, second in re.findall(_BEGINNING.format(_ROOTS[package]), source)}
    if package == releases.TENSORFLOW and is_tensorflow_1 and len(found) == 1:
        beginning = found.pop().rstrip(".")
        return f"{beginning}.0" if "." in beginning else _LAST_OF_TENSORFLOW_1 if beginning == "1" else ""
    return ""
