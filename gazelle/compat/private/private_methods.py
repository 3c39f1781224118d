"""Private methods of layers, such as `_pooling_function`, which classes of programs replace and only Keras calls."""

from __future__ import annotations

import functools

from gazelle.compat import tables
from gazelle.compat.classes import is_generated
from gazelle.core.errors import message
from gazelle.core.traceback import warn


@functools.cache
def _of_layers() -> dict[str, tuple[str, ...]]:
    return tables.lists("private_methods", "layers")


def warn_of_replaced(cls: type) -> None:
    """Warn of methods that Keras would call in `call`; a `call` of the program may call them itself."""
    first = next(i for i, base in enumerate(cls.__mro__) if is_generated(base))
    own, bases = cls.__mro__[:first], cls.__mro__[first:]
    if any("call" in vars(base) for base in own):
        return
    for base in bases:
        for name in _of_layers().get(base.__name__, ()):
            if name in vars(cls) and not any(name in vars(other) for other in bases):
                hint = "Write what it computes in `call`."
                what = f"{cls.__name__}.{name} has no effect: only {base.__name__} of Keras calls it"
                warn(message(what, hint=hint))
        if base.__name__ in _of_layers():
            return
