"""The distributions `tensorflow`, `keras` and `tf-keras` of `importlib.metadata`, whose versions packages look up."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path

#: distribution -> its module
_MODULES = {"tensorflow": "tensorflow", "keras": "keras", "tf-keras": "tf_keras"}


class ReplacedDistribution(Distribution):
    """A distribution in whose place gazelle is; its version is the `__version__` of its module.

    Args:
        module: The module that it has.
    """

    def __init__(self, module: str) -> None:
        self.module = module

    def read_text(self, filename: str) -> str | None:
        """Return the text of a file of metadata; None if there is none."""
        if filename == "top_level.txt":
            return self.module
        if filename not in ("METADATA", "PKG-INFO"):
            return None
        version = importlib.import_module("gazelle.compat.namespaces").version(self.module)
        return f"Metadata-Version: 2.1\nName: {self.module.replace('_', '-')}\nVersion: {version}\n"

    def locate_file(self, path: object) -> Path:
        """Return where a file would be: next to the package gazelle."""
        return Path(__file__).parent.parent.parent / str(path)


def found(context: DistributionFinder.Context, with_tensorflow: bool) -> Iterator[Distribution]:
    """Yield the distributions that `importlib.metadata` looks up.

    Args:
        context: A name, or None for all; if it has a path, only the folders in it are meant.
        with_tensorflow: Whether gazelle is in the place of TensorFlow, too.
    """
    name = context.name and re.sub(r"[-_.]+", "-", context.name).lower()
    if "path" not in vars(context):
        for distribution, module in _MODULES.items():
            if name in (None, distribution) and (with_tensorflow or module != "tensorflow"):
                yield ReplacedDistribution(module)
