"""The module `csv`: files in binary mode."""

import csv
from collections.abc import Iterable, Iterator

from gazelle.core.types import Foreign

__all__ = csv.__all__


def reader(csvfile: Iterable[str | bytes], *args: Foreign, **kwargs: Foreign) -> Iterator[list[str]]:
    """The rows of a file."""
    return csv.reader(_lines(csvfile), *args, **kwargs)


class DictReader(csv.DictReader):
    """The rows of a file as dicts."""

    def __init__(self, f: Iterable[str | bytes], *args: Foreign, **kwargs: Foreign) -> None:
        super().__init__(_lines(f), *args, **kwargs)


def _lines(file: Iterable[str | bytes]) -> Iterator[str]:
    return (line.decode() if isinstance(line, bytes) else line for line in file)


def __getattr__(name: str) -> Foreign:
    return getattr(csv, name)
