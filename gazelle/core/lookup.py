"""The functions `get`, `serialize` and `deserialize` of every family of objects: losses, metrics, ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.registry import REGISTRY, custom_object_scope, find
from gazelle.core.serialization import deserialize, serialize
from gazelle.core.types import Serialized

T = TypeVar("T")


class Lookup(Generic[T]):
    """Finds the objects of one family by name, config or class; its methods are the family's public functions.

    Args:
        kind: What error messages call a member of the family, for example "loss".
        namespace: Table of the registry that holds the names of the family, for example "losses".
        convert: Function that is applied to each identifier first, for identifiers that only this family has.

    Example:
        >>> lookup = Lookup("constraint", "constraints")
        >>> type(lookup.get("non_neg")).__name__
        'NonNeg'
    """

    def __init__(self, kind: str, namespace: str, convert: Callable[[Any], Any] | None = None) -> None:
        self.kind = kind
        self.namespace = namespace
        self._convert = convert

    @overload
    def get(self, identifier: None) -> None: ...
    @overload
    def get(self, identifier: str | Mapping[str, Any] | type | T) -> T: ...
    @overload
    def get(self, identifier: object) -> T | None: ...
    def get(self, identifier: object) -> T | None:
        """Return the object for an identifier.

        Args:
            identifier: A name ("mse", "MeanSquaredError"), a config dict, a class (created without arguments), or the
                object itself, which is returned unchanged. None stays None.

        Returns:
            The object: an instance of the family's base class, or a function.

        Raises:
            ArgumentError: If the name is unknown (the message lists similar names), or the result is not callable.

        Example:
            >>> gazelle.initializers.get("ones")((2,))
            array([1., 1.], dtype=float32)
        """
        found: Any = identifier if self._convert is None else self._convert(identifier)
        if found is None:
            return None
        if isinstance(found, str):
            found = self._named(found)
        elif isinstance(found, Mapping):
            found = self._from_config(found)
        if isinstance(found, type):
            found = found()
        return self._checked(identifier, found)

    def serialize(self, value: T) -> Serialized:
        """Return an object as a config that JSON can hold.

        Args:
            value: An object of the family, or a function.

        Returns:
            {"module", "class_name", "config", "registered_name"} of an object; the name of a built-in function.

        Example:
            >>> gazelle.regularizers.serialize(gazelle.regularizers.L2(0.5))["config"]
            {'l2': 0.5}
        """
        return serialize(value)

    def deserialize(self, config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> T:
        """Return the object that a config describes: the inverse of `serialize`.

        Args:
            config: Result of `serialize`.
            custom_objects: Further names that the config may use: {name: class or function}.

        Returns:
            A new object, or the function of this name.

        Raises:
            ArgumentError: If the config names an unknown class or function.

        Example:
            >>> gazelle.regularizers.deserialize({"class_name": "L2", "config": {"l2": 0.5}}).l2
            0.5
        """
        with custom_object_scope(custom_objects or {}):
            return self.get(config)

    def _named(self, name: str) -> Any:
        found = find(name, self.namespace)
        if found is None:
            raise unknown(self.kind, name, REGISTRY.get(self.namespace, {}), self._other_family(name))
        return found

    def _other_family(self, name: str) -> str:
        """The hint for a name of another family, such as a metric for a loss."""
        for family, kind in (("losses", "loss"), ("metrics", "metric"), ("optimizers", "optimizer")):
            if family != self.namespace and name in REGISTRY.get(family, {}):
                return f"{name!r} is the name of a {kind}: compile({kind}{'s' * (kind == 'metric')}=...)."
        return ""

    def _from_config(self, config: Mapping[str, Any]) -> Any:
        if "class_name" in config and not config.get("module"):  # families share class names: losses and metrics
            config = {"module": f"keras.{self.namespace}", **config}
        return deserialize(config, self.namespace)

    def _checked(self, identifier: object, found: Any) -> T:
        if not callable(found):
            raise ArgumentError(
                message(
                    f"{identifier!r} is not a valid {self.kind}",
                    expected="a name, a config or a callable",
                    got=type(identifier).__name__,
                )
            )
        return found
