"""Interface of engines: they compile pure functions and list devices."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar


class Engine(abc.ABC):
    """Base class of engines, which execute programs. Arguments and results are arrays of JAX, including keys.

    title: its name in messages.
    """

    title: ClassVar[str]

    @abc.abstractmethod
    def compile(
        self, function: Callable[..., Any], donate: tuple[int, ...] = (), key: str | None = None
    ) -> Callable[..., Any]:
        """Compile a pure function; the arrays of the arguments in `donate` become invalid, and their memory is reused.

        key: a text that is unique to the function across processes, under which the program may be cached on disk.
        """

    @abc.abstractmethod
    def devices(self) -> list[str]:
        """The names of its devices, such as 'cpu:0' and 'gpu:0'; the first is the one in use."""
