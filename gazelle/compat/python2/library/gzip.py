"""The module `gzip`: files take text."""

import gzip

from gazelle.compat.python2.builtins import as_bytes
from gazelle.core.types import Foreign, PathLike

__all__ = gzip.__all__


class GzipFile(gzip.GzipFile):
    """A compressed file."""

    def write(self, data: str | bytes) -> int:  # type: ignore[override]
        """Write bytes or text."""
        return super().write(as_bytes(data))


def open(filename: PathLike, mode: str = "rb", compresslevel: int = 9) -> GzipFile:
    """Open a compressed file, always in binary mode."""
    return GzipFile(filename, mode, compresslevel)


def __getattr__(name: str) -> Foreign:
    return getattr(gzip, name)
