"""The Keras version that a program is written for: as given on the command line, or found in its source."""

from __future__ import annotations

import sys
from typing import Any

from gazelle.core import settings


def begin(
    program: str,
    source: str | None = None,
    number: int | None = None,
    ordering: str | None = None,
    verbose: bool = False,
) -> None:
    """Set the era of the process, `number` or the one of the source, and the order of the axes of images.

    source: the text of the program, where it is not that of the file. verbose: print to stderr what was found.
    """
    from gazelle.compat import detect, era

    found = detect.detect(program, source)
    era.set_number(number or found.number, found.standalone)
    if verbose:
        print(found.summary() if number is None else f"gazelle: era {number}, as requested.", file=sys.stderr)
    elif found.mixed and number is None:
        print(found.summary(), file=sys.stderr)
    if ordering:
        settings.set_image_data_format(ordering)


def begin_of_main() -> None:
    """Set the era of the running program, if it is an earlier one: for `gazelle.install()` inside of it."""
    from gazelle.compat import detect, era

    program = getattr(sys.modules.get("__main__"), "__file__", None)
    found = detect.detect(program) if program else None
    if found is not None and found.number < 3:
        era.set_number(found.number, found.standalone)


class Cells:
    """The cells of a notebook that runs: each may hold the signs of an era."""

    def __init__(self) -> None:
        self.source = ""

    def __call__(self, info: Any) -> None:
        """What IPython calls before a cell runs."""
        from gazelle.cli import notebooks

        self.source += notebooks.plain(info.raw_cell) + "\n"
        begin("", self.source)
