"""Properties whose names user-defined subclasses may use for attributes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builtins import property as replaceable
else:

    class replaceable(property):
        """A property that an instance replaces by assigning an attribute of the same name."""

        def __set_name__(self, owner: type, name: str) -> None:
            self.attribute = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is not None and self.attribute in instance.__dict__:
                return instance.__dict__[self.attribute]
            return super().__get__(instance, owner)

        def __set__(self, instance: Any, value: Any) -> None:
            instance.__dict__[self.attribute] = value

        def __delete__(self, instance: Any) -> None:
            instance.__dict__.pop(self.attribute, None)


__all__ = ["replaceable"]
