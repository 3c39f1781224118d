"""Where progress is shown: a terminal, a notebook's cell, or a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from gazelle.core import settings
from gazelle.training.callbacks.progress_line import Line


class Pipe:
    """No screen, or verbose=2: a plain line when something has ended, no control characters."""

    def __init__(self) -> None:
        self.block = _block()

    def draw(self, line: Line) -> None:
        """Show a line that will change."""

    def clear(self) -> None:
        """Take the changing line away."""

    def keep(self, line: Line) -> None:
        """Show a line that stays."""
        self.write(line.plain() + "\n")

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


class Notebook(Pipe):
    """A place that understands a carriage return and no more: Jupyter, Colab, PyCharm."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = 0  # columns that the changing line takes

    def draw(self, line: Line) -> None:
        text = line.fitted(_columns(), paint=False, block=self.block)
        self.write(f"\r{text:{self.shown}}")
        self.shown = len(text)

    def clear(self) -> None:
        if self.shown:
            self.write(f"\r{'':{self.shown}}\r")
        self.shown = 0

    def keep(self, line: Line) -> None:
        self.clear()
        self.write(line.fitted(_columns(), paint=False, block=self.block) + "\n")


class Terminal(Pipe):
    """A changing line under everything that the program prints meanwhile.

    rich holds the line in place, but only while something runs long enough to be looked at: lines that stay are written
    directly, for rich takes longer to lay one out than a short epoch takes to train.
    """

    def __init__(self) -> None:
        from rich.console import Console

        super().__init__()
        self.console = Console(file=sys.stdout, highlight=False)
        self.paint = self.console.color_system is not None and not self.console.legacy_windows
        self.live: Any = None

    def draw(self, line: Line) -> None:
        from rich.live import Live
        from rich.text import Text

        text = Text.from_ansi(line.fitted(_columns(), self.paint, self.block), no_wrap=True, overflow="crop", end="")
        if self.live is None:
            self.live = Live(text, console=self.console, auto_refresh=False, transient=True)
            self.live.start()
        self.live.update(text, refresh=True)

    def clear(self) -> None:
        if self.live is not None:
            self.live.stop()
        self.live = None

    def keep(self, line: Line) -> None:
        self.clear()
        self.write(line.fitted(_columns(), self.paint, self.block) + "\n")


def _columns() -> int:
    return shutil.get_terminal_size((100, 24)).columns - 1  # a full line would wrap on some terminals


def _block() -> str:
    """The sign that bars are made of, one that the stream can write."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "━╌…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "="
    return "━"


class Log(Pipe):
    """The logger 'gazelle', where `config.disable_interactive_logging` wants it."""

    def write(self, text: str) -> None:
        import logging

        if text.strip():
            logging.getLogger("gazelle").info(text.rstrip("\n"))


def find(verbose: int) -> Pipe:
    """The place that fits stdout as it is now."""
    if not settings.is_interactive_logging_enabled():
        return Log()
    if verbose == 2:
        return Pipe()
    if type(sys.stdout).__module__.partition(".")[0] in ("ipykernel", "google") or "PYCHARM_HOSTED" in os.environ:
        return Notebook()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return Terminal()
    return Pipe()
