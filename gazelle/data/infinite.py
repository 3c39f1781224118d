"""Whether an iterator can be seen to have no end before it is gone through."""

from __future__ import annotations

import dis
import itertools
from typing import Any

from gazelle.core.errors import ArgumentError, message

#: so many batches without an end, where nobody said how many there are, are told
MANY = 10_000


def endless(x: Any) -> bool:
    """Whether `x` is surely endless: from itertools, or a generator without a way out of its function.

    A generator ends where its function returns. The code of one that is a `while True:` without `break` and `return`
    has no instruction that does.

    >>> def forever():
    ...     while True:
    ...         yield 1
    >>> endless(forever()), endless(i for i in range(3))
    (True, False)
    """
    if isinstance(x, (itertools.count, itertools.cycle)):
        return True
    code = getattr(x, "gi_code", None)
    return code is not None and not any(
        step.opname in ("RETURN_VALUE", "RETURN_CONST") for step in dis.get_instructions(code)
    )


def need_steps(x: Any, steps: int | None, word: str) -> None:
    """Refuse an endless `x` of which nobody said how many batches are meant; `word` is the argument that says it."""
    if steps is None and endless(x):
        name = getattr(x, "__name__", type(x).__name__)
        raise ArgumentError(
            message(
                word,
                expected=f"how many batches to take, since '{name}' never ends",
                got=None,
                hint=f"Give {word}=..., for instance the number of samples // batch size.",
            )
        )
