"""The operation: a function with a name and a config that may stand in a graph. A layer is one with weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core import symbolic
from gazelle.core.config import capture_arguments, captured_arguments, make_from_config, snake
from gazelle.core.errors import StateError, message
from gazelle.core.names import unique_name
from gazelle.core.symbolic import Node


class Operation:
    """A function of arrays with a name: on symbolic tensors a call adds a step to the graph.

    A subclass writes `call`; shapes and dtypes of the outputs are found by tracing it. As for a `Configurable`, the
    arguments of the constructor are the config.

    >>> class Twice(Operation):
    ...     def call(self, x):
    ...         return x * 2
    >>> Twice()(gazelle.Input((3,))).shape, Twice()(np.ones(2)).tolist()
    ((None, 3), [2.0, 2.0])
    """

    _config: dict[str, Any]
    _namespace = ""
    name: str
    nodes: list[Node]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Arguments are attributes, which a type checker cannot see."""

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        capture_arguments(cls, abstract)

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self._automatic_name()
        self.nodes = []

    def _automatic_name(self) -> str:
        """The name of an operation that is given none: `dense`, then `dense_1` ..."""
        return unique_name("layers", snake(type(self).__name__))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no call method: def call(self, x): return ...")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return (self.symbolic_call if symbolic.any_symbolic(args, kwargs) else self.call)(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs, as a new step of the graph."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs for symbolic inputs, without adding to the graph."""
        return symbolic.output_spec(self.call, args, kwargs, name=self.name)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as values that JSON can hold."""
        return captured_arguments(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The operation that `get_config` described."""
        return make_from_config(cls, config)

    @property
    def input(self) -> Any:
        """The symbolic tensors of the first call."""
        inputs = self._first_node("input").inputs
        return inputs if len(inputs) > 1 else inputs[0]

    @property
    def output(self) -> Any:
        """What the first call on symbolic tensors gave."""
        return self._first_node("output").outputs

    def _first_node(self, what: str) -> Node:
        if not self.nodes:
            label = f"{type(self).__name__} '{self.name}'"
            raise StateError(message(f"{label} has no {what} yet", hint="Call it on a symbolic tensor first."))
        return self.nodes[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
