"""Whether a program uses names that only TensorFlow 1 had in `tf`; of such programs some functions differ."""

from __future__ import annotations

import pathlib
import re
from types import FrameType

from gazelle.compat import era
from gazelle.compat.source import notebooks, read
from gazelle.compat.source.releases import NAMES_OF_TENSORFLOW_1
from gazelle.compat.tables import listed

_looked_up: set[str] = set()
_used_of_0: set[str] = set()
_NAMES_OF_0 = frozenset(listed("pack unpack sub mul neg inv select batch_matmul scalar_summary histogram_summary"))
#: calls from which a program is known to build a graph before it makes one
_CALLS = re.compile(
    r"\btf\.(Session|InteractiveSession|placeholder|(global|all)_variables_initializer|initialize_all_variables)\("
    r"|\bK\.(gradients|get_session)\("
)
_EAGER = re.compile(
    r"enable_(eager_execution|v2_behavior)|GradientTape|tensorflow\.compat\.v1 as tf|\.numpy\(\)|\btf\.function\b"
)


def in_text_of(frame: FrameType) -> bool:
    """Whether user code, from whose import statement `frame` follows, is for TensorFlow 1: by a call or its release."""
    inner: FrameType | None = frame if str(frame.f_globals.get("__name__", "")).startswith("gazelle.") else None
    while inner is not None and str(inner.f_globals.get("__name__", "")).startswith(
        ("gazelle.", "importlib", "_frozen")
    ):
        inner = inner.f_back
    path = "" if inner is None else str(inner.f_globals.get("__file__", ""))
    if not path.endswith((".py", ".ipynb")) or "-packages" in path:
        return False
    text = read(pathlib.Path(path))
    text = notebooks.code(text) if path.endswith(".ipynb") else text
    is_for_1 = era.is_package_before_2_3() or _CALLS.search(text) is not None
    return is_for_1 and not _EAGER.search(text)


def notice(name: str) -> None:
    """Store that a program looked up this name in `tf`."""
    if name in NAMES_OF_TENSORFLOW_1:
        _looked_up.add(name)
    if name in _NAMES_OF_0:
        _used_of_0.add(name)


def active() -> bool:
    """Whether the program was written for TensorFlow 1."""
    return bool(_looked_up)


def is_of_0() -> bool:
    """Whether the program uses names that TensorFlow 1.0 removed."""
    return bool(_used_of_0)


def forget() -> None:
    """Begin another program."""
    _looked_up.clear()
    _used_of_0.clear()
