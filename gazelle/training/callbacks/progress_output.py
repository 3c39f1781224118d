"""Outputs of the progress display: a terminal, a notebook, a pipe or the logger."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from gazelle.core import settings
from gazelle.training.callbacks.progress_line import ProgressLine

if TYPE_CHECKING:
    from rich.live import Live


class PlainOutput:
    """Output of complete lines without control characters, for pipes and files and for verbose=2."""

    def __init__(self) -> None:
        self.block = _block()

    def draw(self, line: ProgressLine) -> None:
        """Show a line that will change."""

    def clear(self) -> None:
        """Remove the changing line."""

    def print(self, line: ProgressLine) -> None:
        """Show the final form of a line."""
        self.write(line.plain() + "\n")

    def write(self, text: str) -> None:
        """Write text to the standard output."""
        sys.stdout.write(text)
        sys.stdout.flush()


class NotebookOutput(PlainOutput):
    """Output that supports only the carriage return: Jupyter, Colab, PyCharm."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = 0  # columns of the changing line

    def draw(self, line: ProgressLine) -> None:
        text = line.fit(_columns(), color=False, block=self.block)
        self.write(f"\r{text:{self.shown}}")
        self.shown = len(text)

    def clear(self) -> None:
        if self.shown:
            self.write(f"\r{'':{self.shown}}\r")
        self.shown = 0

    def print(self, line: ProgressLine) -> None:
        self.clear()
        self.write(line.fit(_columns(), color=False, block=self.block) + "\n")


class TerminalOutput(PlainOutput):
    """Changing line below everything else that the program prints.

    rich keeps the line in place while it changes. Final lines are written directly: rich takes longer to lay one out
    than a short epoch takes to train.
    """

    def __init__(self) -> None:
        from rich.console import Console

        super().__init__()
        self.console = Console(file=sys.stdout, highlight=False)
        self.color = self.console.color_system is not None and not self.console.legacy_windows
        self.live: Live | None = None

    def draw(self, line: ProgressLine) -> None:
        from rich.live import Live
        from rich.text import Text

        text = Text.from_ansi(line.fit(_columns(), self.color, self.block), no_wrap=True, overflow="crop", end="")
        if self.live is None:
            self.live = Live(text, console=self.console, auto_refresh=False, transient=True)
            self.live.start()
        self.live.update(text, refresh=True)

    def clear(self) -> None:
        if self.live is not None:
            self.live.stop()
        self.live = None

    def print(self, line: ProgressLine) -> None:
        self.clear()
        self.write(line.fit(_columns(), self.color, self.block) + "\n")


class LoggerOutput(PlainOutput):
    """Output to the logger 'gazelle', after `config.disable_interactive_logging`."""

    def write(self, text: str) -> None:
        import logging

        if text.strip():
            logging.getLogger("gazelle").info(text.rstrip("\n"))


def choose_output(verbose: int) -> PlainOutput:
    """The output that suits the current standard output.

    Args:
        verbose: 2 for complete lines only.
    """
    if not settings.is_interactive_logging_enabled():
        return LoggerOutput()
    if verbose == 2:
        return PlainOutput()
    if type(sys.stdout).__module__.partition(".")[0] in ("ipykernel", "google") or "PYCHARM_HOSTED" in os.environ:
        return NotebookOutput()
    if is_terminal() and os.environ.get("TERM") != "dumb":
        return TerminalOutput()
    return PlainOutput()


def is_terminal() -> bool:
    """Whether standard output is a terminal; the stream of a program, which writes to a log, may have no `isatty`."""
    isatty = getattr(sys.stdout, "isatty", None)
    return isatty is not None and isatty()


def _columns() -> int:
    return shutil.get_terminal_size((100, 24)).columns - 1  # a full line would wrap on some terminals


def _block() -> str:
    """The character of bars, one that the stream can encode."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "━╌…".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "="
    return "━"
