"""The graph between symbolic tensors as a plain function, without weights of its own."""

from __future__ import annotations

from typing import Any

from gazelle import tree
from gazelle.core import symbolic
from gazelle.core.operation import Operation
from gazelle.models.graph import Graph


class Function(Operation):
    """The computation that leads from some symbolic tensors to others.

    A `Model` of the same tensors is this function with weights, training and files.

    Args:
        inputs: symbolic tensors, also from the middle of a graph; one, a list or a dict.
        outputs: symbolic tensors that depend on nothing but them.

    >>> x = gazelle.Input((3,))
    >>> gazelle.Function(x, gazelle.ops.sum(x * 2, axis=-1))(np.ones((1, 3))).tolist()
    [6.0]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self._graph = Graph(inputs, outputs)

    def call(self, inputs: Any) -> Any:
        """The outputs for arrays, in the structure of `outputs`."""
        return self._graph.run(inputs)

    @property
    def operations(self) -> list[Any]:
        """The steps between inputs and outputs."""
        return self._graph.operations

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for shapes of the inputs."""
        kinds = iter(tensor.dtype for tensor in self._graph.flat_inputs)
        inputs = tree.map_shape_structure(lambda shape: symbolic.KerasTensor(shape, next(kinds)), input_shape)
        return symbolic.map_tree(lambda tensor: tensor.shape, self.compute_output_spec(inputs))
