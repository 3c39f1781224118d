"""The operation: a function with a name and a config that may be a node of a graph. A layer is one with weights."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from gazelle.core import replaced_methods, shape_inference, symbolic
from gazelle.core.config import capture_arguments, captured_arguments, has_own_get_config, make_from_config
from gazelle.core.errors import MissingAttributeError, message
from gazelle.core.names import snake, unique_name
from gazelle.core.printable import printable
from gazelle.core.registry import custom_object_scope
from gazelle.core.symbolic import Node

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.core.types import Config, Nested, Symbolic, Tree

OperationT = TypeVar("OperationT", bound="Operation")


@functools.cache
def _not_taken(cls: type) -> frozenset[str]:
    """The entries that the configs of all layers have and that the constructor of a class does not take."""
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    takes_all = inspect.Parameter.VAR_KEYWORD in [p.kind for p in parameters.values()]
    return frozenset() if takes_all else frozenset(("name", "trainable", "dtype")) - parameters.keys()


class Operation:
    """A named function of arrays; calling it on symbolic tensors adds a node to the graph.

    A subclass defines `call`; shapes and dtypes of the outputs are found by tracing it. As for a `Configurable`, the
    arguments of the constructor are the config.

    Args:
        name: name in graphs; made from the class name if None.

    >>> class Twice(Operation):
    ...     def call(self, x):
    ...         return x * 2
    >>> Twice()(gazelle.Input((3,))).shape, Twice()(np.ones(2)).tolist()
    ((None, 3), [2.0, 2.0])
    """

    _config: dict[str, Any]
    _namespace = ""
    name: str
    _call_nodes: list[Node]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Arguments are attributes, which a type checker cannot see."""

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        capture_arguments(cls, abstract)

    def __setattr__(self, name: str, value: Any) -> None:
        if not type(self).__module__.startswith("gazelle."):
            self._before_assignment(name, value)
        super().__setattr__(name, value)
        if callable(value):
            replaced_methods.note_change(self, name)

    def _before_assignment(self, name: str, value: Any) -> None:
        """Prepare for an attribute of a user-defined object."""
        if self.__dict__.get(name, self) is None:
            del self.__dict__[name]  # a weight or layer in place of None is the last one, as in Keras

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        replaced_methods.note_change(self, name)

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self._automatic_name()
        self._call_nodes = []

    def _automatic_name(self) -> str:
        """Return the name of an operation without one: `dense`, then `dense_1` ..."""
        return unique_name("layers", snake(type(self).__name__))

    def call(self, *args: Any, **kwargs: Any) -> Nested[Any]:
        """Compute the outputs. Subclasses override it; users call the operation itself.

        Args:
            args: arrays, or structures of arrays.
            kwargs: further arguments.

        Returns:
            An array, or a structure of arrays.
        """
        raise NotImplementedError(f"{type(self).__name__} has no call method: def call(self, x): return ...")

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        """Compute `call` on arrays, or add a node to the graph of symbolic tensors.

        Args:
            args: arguments of `call`.
            kwargs: arguments of `call`, by name.
        """
        return (self.symbolic_call if symbolic.any_symbolic(args, kwargs) else self.call)(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Nested[KerasTensor]:
        """Return symbolic outputs, and add a node to the graph of the inputs.

        Args:
            args: symbolic tensors in the place of the arguments of `call`.
            kwargs: the same by name.

        Returns:
            Symbolic tensors in the structure of the outputs.
        """
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Nested[KerasTensor]:
        """Return symbolic outputs for symbolic inputs, without adding to a graph.

        Args:
            args: symbolic tensors in the place of the arguments of `call`.
            kwargs: the same by name.

        Returns:
            Symbolic tensors in the structure of the outputs.
        """
        return shape_inference.output_spec(self.call, args, kwargs, name=self.name)

    def get_config(self) -> Config:
        """Return the configuration, from which `from_config` makes an equal object.

        Returns:
            The constructor's arguments as values that JSON can hold, with the automatic name filled in.
        """
        config = captured_arguments(self)
        return config if "name" in _not_taken(type(self)) else config | {"name": self.name}  # type: ignore[arg-type]

    @classmethod
    def from_config(
        cls: type[OperationT], config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> OperationT:
        """Return the object that a config describes.

        Args:
            config: what `get_config` returned.
            custom_objects: {name: class or function} of the program.

        Returns:
            The new object.
        """
        not_taken: frozenset[str] = _not_taken(cls)  # type: ignore[arg-type]
        left_out = frozenset() if has_own_get_config(cls) else not_taken & config.keys()
        with custom_object_scope(custom_objects):
            out = make_from_config(cls, {key: value for key, value in config.items() if key not in left_out})
        for key in {"name", "trainable"}.intersection(left_out):
            setattr(out, key, config[key])
        return out

    @property
    def input(self) -> Symbolic:
        """The symbolic inputs of the first call."""
        inputs = self._first_node("input").inputs
        return inputs if len(inputs) > 1 else inputs[0]

    @property
    def output(self) -> Symbolic:
        """The symbolic outputs of the first call."""
        return self._first_node("output").outputs

    def _first_node(self, what: str) -> Node:
        if not self._call_nodes:
            label = f"{type(self).__name__} '{self.name}'"
            hint = "Call it on a symbolic tensor first."
            raise MissingAttributeError(message(f"{label} has no {what} yet", hint=hint))
        return self._call_nodes[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={printable(self.name)}>"
