"""The source of a program: the version of Keras that it was written for, and its conversion."""

from __future__ import annotations

import pathlib


def read(file: pathlib.Path) -> str:
    """The text of a file; empty if it is absent, or larger than 16 MiB."""
    try:
        return file.read_text(encoding="utf-8", errors="replace") if file.stat().st_size < 2**24 else ""
    except OSError:
        return ""
