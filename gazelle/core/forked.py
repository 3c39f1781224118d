"""Processes made by `os.fork` after JAX ran: they lack its threads, so that a computation would never end."""

from __future__ import annotations

import os

from gazelle.core.errors import StateError, message

has_run = False  # whether this process has put an array on a device
#: whether this process is the child of one that had
without_threads = False


def refuse(what: str) -> None:
    """Raise an error for a computation in a process without the threads of JAX.

    Args:
        what: the computation.

    Raises:
        StateError: always.
    """
    raise StateError(
        message(
            f"{what} in a process that os.fork made after JAX had started, whose threads it lacks: it would never end",
            hint="Start processes with multiprocessing.get_context('spawn'), or fork before the first array.",
        )
    )


def _in_child() -> None:
    global without_threads
    without_threads = has_run


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
