"""The Keras version that a program is written for: given on the command line, or detected in its source."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

from gazelle.core import settings

if TYPE_CHECKING:
    from gazelle.core.types import Foreign


def begin(
    program: str,
    source: str | None = None,
    number: int | None = None,
    ordering: str | None = None,
    verbose: bool = False,
) -> None:
    """Set the era of the process to `number` or to that of the source, and the data format of images.

    source: the text of the program, if it differs from the file. verbose: print the result to stderr.
    """
    from gazelle.compat import era
    from gazelle.compat.source import detect

    found = detect.detect(program, source)
    era.set_release(dataclasses.replace(found, number=number or found.number))
    if verbose:
        print(found.summary() if number is None else f"gazelle: era {number}, as requested.", file=sys.stderr)
    elif (found.mixed or found.is_a_guess) and number is None:
        print(found.summary(), file=sys.stderr)
    if ordering is None and era.number() == 1 and detect.orders_as_theano(program, source):
        ordering = "channels_first"
    if ordering:
        settings.set_image_data_format(ordering)


def begin_of_main() -> None:
    """Set the era of the running program, for `install()`; one for Keras 3 without TensorFlow leaves a given era."""
    from gazelle.compat import era
    from gazelle.compat.source import detect

    found = detect.detect(*main_program())
    era.set_release(found if found.number < 3 or not found.standalone else era.release())


def main_program() -> tuple[str, str | None]:
    """The path of the running program; of one without a file "" and the text that `python -c` runs."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if path is not None:
        return path, None
    given = sys.orig_argv[1:]
    return "", given[given.index("-c") + 1] if "-c" in given[:-1] else ""


class Cells:
    """The cells of a running notebook, from which the era is detected."""

    def __init__(self) -> None:
        self.source = ""

    def __call__(self, info: Foreign) -> None:
        """Called by IPython before a cell runs."""
        from gazelle.cli import notebooks

        self.source += notebooks.plain(info.raw_cell) + "\n"
        begin("", self.source)
