"""Imports of private names that a program never uses, which editors insert."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.era import NOTHING
from gazelle.compat.types import NamedObject
from gazelle.core.module_names import MissingNameError

_READS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_FAST", "LOAD_CLASSDEREF", "LOAD_FROM_DICT")


def stand_in(name: str) -> NamedObject:
    """For `from tensorflow.python.keras... import name` that nothing uses: a function that refuses to be called.

    `NOTHING` elsewhere: in a module that uses the name, in `try`, which programs use to look for names, and for public
    modules.
    """
    frame = sys._getframe(2)
    code = frame.f_code
    steps = list(dis.get_instructions(code))
    position = next((i for i, step in enumerate(steps) if step.offset == frame.f_lasti), None)
    if position is None or steps[position].opname != "IMPORT_FROM":
        return NOTHING
    module = next(step.argval for step in reversed(steps[:position]) if step.opname == "IMPORT_NAME")
    stored = steps[position + 1].argval
    if ".python." not in f"{module}." or _is_tried(code, frame.f_lasti) or stored in _names_read(code):
        return NOTHING
    return _refusing(module, name)


def _is_tried(code: CodeType, offset: int) -> bool:
    return any(entry.start <= offset < entry.end for entry in dis.Bytecode(code).exception_entries)  # type: ignore[attr-defined]


def _names_read(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname.startswith(_READS):
            yield from step.argval if isinstance(step.argval, tuple) else (step.argval,)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_read(constant)


def _refusing(module: str, name: str) -> Callable[..., Any]:
    @ignores("args kwargs")
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise MissingNameError(f"{module} has no {name!r}.", name=name)

    return refused
