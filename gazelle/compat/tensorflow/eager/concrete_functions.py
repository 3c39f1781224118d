"""What `function.get_concrete_function(...)` returns, and its graph, which programs read."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax

from gazelle.compat.backend.functions import variables_of
from gazelle.compat.backend.sessions import DefaultGraph
from gazelle.compat.tensorflow.eager.function import Function
from gazelle.compat.tensorflow.eager.recording import is_array, is_box
from gazelle.compat.tensorflow.tensor_specs import TensorSpec
from gazelle.core import names, symbolic
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Tree
from gazelle.layers.input import Input, InputLayer
from gazelle.models.graph import Graph

#: name of an operation here -> its name and type in TensorFlow, if they are others than "Relu" for "relu"
_OPERATIONS = {
    "add": ("add", "AddV2"),
    "subtract": ("sub", "Sub"),
    "multiply": ("mul", "Mul"),
    "mul": ("mul", "Mul"),
    "divide": ("truediv", "RealDiv"),
    "power": ("pow", "Pow"),
    "negative": ("Neg", "Neg"),
    "matmul": ("MatMul", "MatMul"),
    "get_item": ("strided_slice", "StridedSlice"),
}


class ConcreteFunction(Function):
    """A function for tensors of one signature; its other arguments are constants.

    >>> function = ConcreteFunction(lambda x: x**2, [TensorSpec([], "float32")])
    >>> function.structured_outputs
    TensorSpec(shape=(), dtype=tf.float32, name=None)
    >>> [operation.type for operation in function.graph.get_operations()]
    ['Placeholder', 'Pow', 'Identity']
    """

    def __init__(self, python_function: Callable[..., Any], signature: Sequence[Any]) -> None:
        is_example = lambda value: is_box(value) or is_array(value)  # noqa: E731
        spec = lambda value: TensorSpec.from_tensor(value) if is_example(value) else value  # noqa: E731
        super().__init__(python_function, jax.tree.map(spec, list(signature), is_leaf=is_example))
        self.name = getattr(python_function, "__name__", "function")

    @functools.cached_property
    def structured_input_signature(self) -> tuple[Any, dict[str, Any]]:
        """The specs of the arguments, with their names."""
        arguments = zip(inspect.signature(self.python_function).parameters, self.input_signature or (), strict=False)
        return tuple(jax.tree.map(functools.partial(_with_name, name), spec) for name, spec in arguments), {}

    @functools.cached_property
    def _traced(self) -> tuple[Tree, Tree]:
        """The arguments and the result as symbolic tensors."""
        arguments = jax.tree.map(_placeholder, self.structured_input_signature[0])
        return arguments, self(*arguments)

    @property
    def structured_outputs(self) -> Tree:
        """The specs of the results."""
        spec = lambda value: TensorSpec(value.shape, value.dtype) if is_box(value) else value  # noqa: E731
        return symbolic.map_in_order(spec, self._traced[1], is_box)

    @functools.cached_property
    def graph(self) -> FunctionGraph:
        """The operations of the function, for reading."""
        return FunctionGraph(*map(symbolic.symbolic_leaves, self._traced))

    @property
    def function_def(self) -> SimpleNamespace:
        """An object whose `signature` has the name and the names of inputs and outputs."""
        inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (self.inputs, self.outputs))
        return SimpleNamespace(signature=SimpleNamespace(name=self.name, input_arg=inputs, output_arg=outputs))

    inputs = property(lambda self: self.graph.inputs)
    outputs = property(lambda self: self.graph.outputs)
    variables = captured_inputs = property(lambda self: self.graph.variables)
    trainable_variables = property(lambda self: [v for v in self.variables if v.trainable])


def _with_name(name: str, spec: Any) -> Any:
    return TensorSpec(None if spec.shape_is_unknown else spec.shape, spec.dtype, spec.name or name)


def _placeholder(spec: TensorSpec) -> KerasTensor:
    return Input(batch_shape=tuple(spec.shape or ()), dtype=str(spec.dtype), name=spec.name)


@dataclasses.dataclass
class Operation:
    """An operation of a graph, and what `as_graph_def().node` has of it."""

    name: str
    type: str
    inputs: tuple[KerasTensor, ...]
    outputs: list[KerasTensor]
    input: list[str]

    op = property(lambda self: self.type)


class FunctionGraph(DefaultGraph):
    """The graph of a function. Its tensors have names as in TensorFlow: "x:0", "pow:0", "Identity:0"."""

    def __init__(self, inputs: list[KerasTensor], results: list[KerasTensor]) -> None:
        graph = Graph(inputs, results)
        self._operations: list[Operation] = []
        self.inputs, self.outputs = inputs, list[KerasTensor]()
        self.variables = list(variables_of(graph).values())
        for tensor in inputs:
            self._add(tensor.name, "Placeholder", (), [tensor])
        for made in graph.nodes:
            if not isinstance(made.operation, InputLayer):
                its_name = names.pascal(made.operation.name)
                name, kind = _OPERATIONS.get(made.operation.name, (its_name, its_name))
                self._add(name, kind, tuple(made.inputs), symbolic.leaves(made.outputs))
        for tensor in results:
            self.outputs += self._add("Identity", "Identity", (tensor,), [KerasTensor(tensor.shape, tensor.dtype)])

    def _add(self, name: str, kind: str, inputs: Any, outputs: list[KerasTensor]) -> list[KerasTensor]:
        taken = {operation.name for operation in self._operations}
        name = next(n for n in (name, *(f"{name}_{i}" for i in range(1, len(taken) + 2))) if n not in taken)
        sources = [tensor.name.removesuffix(":0") for tensor in inputs]
        for index, tensor in enumerate(outputs):
            tensor.name = f"{name}:{index}"
        self._operations.append(Operation(name, kind, inputs, outputs, sources))
        return outputs

    def get_operations(self) -> list[Operation]:
        """Return the operations in the order in which they run."""
        return self._operations

    def get_operation_by_name(self, name: str) -> Operation:
        """Return an operation."""
        found = {operation.name: operation for operation in self._operations}
        if name not in found:
            raise KeyError(f"The name {name!r} refers to no operation of the graph: {', '.join(found)}")
        return found[name]

    def get_tensor_by_name(self, name: str) -> KerasTensor:
        """Return an output of an operation, such as "Identity:0"."""
        operation, _, index = name.rpartition(":")
        return self.get_operation_by_name(operation).outputs[int(index)]
