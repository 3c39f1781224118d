"""What all classes of `keras` add to those of gazelle: constructor arguments and attributes of earlier versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gazelle.compat import arguments, attributes, facade
from gazelle.compat.classes import plain
from gazelle.compat.era import NOTHING

Function = Callable[..., Any]


class CompatObject:
    """Constructor arguments and attributes of earlier versions."""

    def _construct(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        """The constructor of the generated class for `core`."""
        args, kwargs = arguments.of_constructor(self, plain(args), plain(kwargs), by_gazelle)
        core.__init__(self, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = attributes.attribute(self, name)
        if found is NOTHING:
            own = getattr(type(self), name, None)
            if isinstance(own, property) and own.fget is not None:
                return own.fget(self)  # it raised AttributeError: raise it again with its own message
            kind = type(self).__name__
            raise AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=self)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in attributes.ASSIGNED or attributes.assign(self, name, value) is NOTHING:
            super().__setattr__(name, value)


def arrays_of(tree: Any) -> Any:
    """Arrays in place of the tensors of the facade."""
    return tree if facade.calls is None else facade.calls.unbox(tree)
