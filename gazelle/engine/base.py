"""Interface of engines: they compile pure functions and list devices."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar


class Engine(abc.ABC):
    """One way to execute programs. Arrays of JAX go in and come out, keys among them.

    title: its name in sentences; fuses_loops: whether it makes one loop of operations that follow each other, so that
    what lies between them is never written to memory.
    """

    title: ClassVar[str]
    fuses_loops: ClassVar[bool] = False

    @abc.abstractmethod
    def compile(
        self, function: Callable[..., Any], donate: tuple[int, ...] = (), key: str | None = None
    ) -> Callable[..., Any]:
        """Compile a pure function; the arrays of the arguments in `donate` are given up, their memory may be used.

        key: a text that no other function has, in any process, under which the program may be kept on disk.
        """

    @abc.abstractmethod
    def devices(self) -> list[str]:
        """The devices that it sees, the one it uses first: 'cpu:0', 'gpu:0'."""
