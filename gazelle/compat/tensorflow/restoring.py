"""Restoring of a `tf.train.Checkpoint`, which continues when layers and optimizers create their variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax

from gazelle.compat.types import Option
from gazelle.core import tracing
from gazelle.core.errors import StateError, message
from gazelle.core.variable import Variable

#: assigns the variables that are not among those given, {id: variable}, and adds them; returns the names of variables
#: without a value and of values without a variable
Assign: TypeAlias = Callable[[dict[int, Variable]], tuple[list[str], list[str]]]

#: restorations with values whose variables do not exist yet
_waiting: list[Status] = []


class Status:
    """The result of `restore`: variables and values without a counterpart."""

    def __init__(self, owner: object = None, assign: Assign = lambda _: ([], [])) -> None:
        self.owner, self._assign = owner, assign
        self._done = dict[int, Variable]()
        self.resume()
        if self.unused:
            _waiting.append(self)

    def resume(self) -> None:
        """Assign the variables that were created since the last time."""
        with jax.ensure_compile_time_eval(), tracing.outside():  # layers are built in traces, too
            self.missing, self.unused = self._assign(self._done)

    def _require_none(self, names: list[str], what: str) -> Status:
        if names:
            raise StateError(message(f"The checkpoint {what}", got=", ".join(names[:5])))
        return self

    def assert_consumed(self) -> Status:
        return self._require_none(self.missing, "lacks")._require_none(self.unused, "also holds")

    def assert_existing_objects_matched(self) -> Status:
        return self._require_none(self.missing, "lacks")

    def assert_nontrivial_match(self) -> Status:
        return self if self._done else self._require_none(self.unused, "has no value of these objects, only")

    def expect_partial(self) -> Status:
        return self

    def initialize_or_restore(self, session: Option = None) -> None:
        """Do nothing: variables are initialized when they are created, and restored at once."""

    run_restore_ops = initialize_or_restore


def resume() -> None:
    """Continue the restorations that wait for variables."""
    waiting = list(_waiting)
    _waiting.clear()  # restoring an optimizer builds it
    for status in waiting:
        status.resume()
        if status.unused:
            _waiting.append(status)


def forget(owner: object) -> None:
    """Drop what was restored into an object before and waits."""
    _waiting[:] = [status for status in _waiting if status.owner is not owner]
