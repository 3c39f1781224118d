"""The era of the program that is about to run: told by its reader, or found in its source."""

from __future__ import annotations

import sys
from typing import Any

from gazelle.core import era, settings


def begin(
    program: str, source: str | None = None, number: int | None = None, ordering: str | None = None, told: bool = False
) -> None:
    """Set the era of the process, `number` or the one that the source speaks, and the order of the axes of images.

    source: the text of the program, where it is not what stands in the file. told: say on stderr what was found.
    """
    found = era.ask("look", program, source)
    if found is not era.NOTHING:
        era.set_number(number or found.number, found.standalone)
        if told:
            print(found.told() if number is None else f"gazelle: era {number}, as it was told.", file=sys.stderr)
        elif found.mixed and number is None:
            print(found.told(), file=sys.stderr)
    if ordering:
        settings.set_image_data_format(ordering)


def begin_of_main() -> None:
    """Set the era that the running program speaks, if it is an earlier one: for `gazelle.install()` inside of it."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    found = era.ask("look", program) if program else era.NOTHING
    if found is not era.NOTHING and found.number < 3:
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
