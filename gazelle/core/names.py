"""Automatic names: `dense`, `dense_1`, ... counted in the process; name scopes; `clear_session`."""

from __future__ import annotations

import gc
import itertools
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar

from gazelle.core import conventions
from gazelle.core.context_variables import assigned
from gazelle.core.errors import ArgumentError, message

_creations = itertools.count(1)
#: how often each kind of automatic names was made
names_made: dict[str, Counter[str]] = {}


def creation_number() -> int:
    """Return the next number of the process: objects with a larger one were made later."""
    return next(_creations)


def unique_name(kind: str, name: str) -> str:
    """Return the next free automatic name: `name`, then `name_1`, `name_2` ...

    Args:
        kind: What is named: each kind is counted separately.
        name: Name to number.

    Returns:
        The numbered name.
    """
    return numbered(name, count(kind, name))


def count(kind: str, name: str) -> int:
    """How many automatic names of this kind (such as "layers") and name there are, with the next one: 1, 2 ..."""
    counts = names_made.setdefault(kind, Counter())
    counts[name] += 1
    return counts[name]


def numbered(name: str, count: int) -> str:
    """The automatic name number `count`: `dense` for 1, `dense_1` for 2."""
    return f"{name}_{count - 1}" if count > 1 else name


def snake(name: str) -> str:
    """'LayerNormalization' -> 'layer_normalization', 'Conv2D' -> 'conv2d', as Keras names layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def of_function(function: object) -> str:
    """The name of a metric that is a function: in snake case, unless `conventions.functions_keep_names`."""
    name = str(getattr(function, "__name__", type(function).__name__))
    return name if conventions.active.functions_keep_names else snake(name)


def pascal(name: str) -> str:
    """'batch_normalization' -> 'BatchNormalization', as Keras names the classes of operations."""
    return "".join(word.capitalize() for word in name.split("_"))


#: what the paths of layers and variables begin with: the layers that are being built or called, and name scopes
PATH: ContextVar[str] = ContextVar("gazelle_path", default="")


def name_scope(name: str, **_: object) -> AbstractContextManager[object]:
    """Prefix the paths of layers and variables created in a with-block with `name/`.

    Args:
        name: A name without '/'.
        **_: Accepted for compatibility and ignored.

    Returns:
        A context manager.

    Raises:
        ArgumentError: If `name` is no such text.

    Example:
        >>> with name_scope("block"):
        ...     Variable([1.0], name="scale").path
        'block/scale'
    """
    if not isinstance(name, str) or "/" in name:
        raise ArgumentError(message("name_scope", expected="a name without '/'", got=repr(name)))
    return assigned(PATH, scoped(name))


class OwnScope(str):
    """A path in `PATH` whose last name is also that of the layer that is built in it: the layer does not repeat it."""


def scoped(name: str) -> str:
    """Return `name` below the layer that is being built or called and the active name scopes."""
    outer = PATH.get()
    if isinstance(outer, OwnScope) and outer.rpartition("/")[2] == name:
        return str(outer)
    return f"{outer}/{name}" if outer else name


def get_uid(prefix: str = "") -> int:
    """Return how often this function was called with a prefix: 1, 2, ...

    Args:
        prefix: Any text.

    Returns:
        An integer.

    Example:
        >>> get_uid("mine"), get_uid("mine")
        (1, 2)
    """
    counts = names_made.setdefault("uid", Counter())
    counts[prefix] += 1
    return counts[prefix]


_resets: list[Callable[[], None]] = []


def on_clear(reset: Callable[[], None]) -> Callable[[], None]:
    """Call `reset` in every `clear_session`: a decorator."""
    _resets.append(reset)
    return reset


def clear_session(free_memory: bool = True) -> None:
    """Restart the automatic names, the dtype policy and the seeds of the process.

    Models need not be cleared: unreferenced ones are freed.

    Args:
        free_memory: Whether to run the garbage collector.
    """
    names_made.clear()
    for reset in _resets:
        reset()
    if free_memory:
        gc.collect()
