"""The graph between symbolic inputs and outputs, which is collected from the outputs once and run at every call."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core import conventions, shape_inference, symbolic, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.masks import with_masks
from gazelle.core.names import snake
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.layers.base import Layer
from gazelle.layers.categories import CategoryEncoding
from gazelle.layers.embedding import Embedding
from gazelle.layers.input import InputLayer
from gazelle.layers.weight_tree import is_automatic
from gazelle.models import graph_inputs
from gazelle.models.graph_inputs import operation_of
from gazelle.training.outputs import is_flat_dict

if TYPE_CHECKING:
    from gazelle.core.operation import Operation
    from gazelle.core.types import Symbolic, Tree


@dataclasses.dataclass
class AuxiliaryOutputs:
    """Tensors that are computed together with the outputs: losses that are minimized, and values in the logs."""

    owner: Any = None  # the model to which they belong
    losses: list[KerasTensor] = dataclasses.field(default_factory=list)
    reports: dict[Any, KerasTensor] = dataclasses.field(default_factory=dict)

    @property
    def tensors(self) -> list[KerasTensor]:
        return [*self.losses, *self.reports.values()]

    def named(self) -> AuxiliaryOutputs:
        """The losses, and the values that have a name: not those that losses and metrics of `compile` need."""
        named = {name: tensor for name, tensor in self.reports.items() if isinstance(name, str)}
        return AuxiliaryOutputs(self.owner, self.losses, named)

    def report(self, values: dict[int, Any]) -> None:
        """Add the values, {id(tensor): array}, to the running call."""
        scope = tracing.current()
        if scope is not None:
            scope.losses.extend((self.owner, values[id(tensor)]) for tensor in self.losses)
            scope.reports.update((key, values[id(tensor)]) for key, tensor in self.reports.items())


class Graph:
    """All calls between `inputs` and `outputs`, in topological order.

    With `own_inputs`, an input that a call computed has an `InputLayer` in `operations` in place of this call.
    """

    def __init__(
        self,
        inputs: Symbolic,
        outputs: Symbolic,
        guessed: bool = False,
        auxiliary: AuxiliaryOutputs | None = None,
        own_inputs: bool = False,
    ) -> None:
        self.inputs = inputs = symbolic.with_sorted_keys(inputs)
        self.outputs = outputs = symbolic.with_sorted_keys(outputs)
        self.auxiliary = auxiliary or AuxiliaryOutputs()
        self.guessed = guessed  # the shape was inferred from the first data, so other sizes are accepted
        self.flat_inputs = symbolic.leaves(inputs)
        if outputs is None:
            hint = "Pass what the last layer returned."
            raise ArgumentError(message("Model(inputs, outputs)", expected="outputs", got="None", hint=hint))
        for tensor in [*self.flat_inputs, *symbolic.leaves(outputs)]:
            if not isinstance(tensor, KerasTensor):
                raise ArgumentError(
                    message(
                        "Model(inputs, outputs)",
                        expected="symbolic tensors made by Input and by calling layers",
                        got=type(tensor).__name__,
                        hint=_uncalled(tensor),
                    )
                )
            if tensor.node is None and any(tensor is one for one in self.flat_inputs):  # made without Input
                InputLayer(input_tensor=tensor, name=None if tensor.name == "keras_tensor" else tensor.name)
        computed = [_is_computed(tensor) for tensor in self.flat_inputs]
        try:
            self.nodes, indices = self._find_nodes()
        except ArgumentError:
            self.outputs = symbolic.map_in_order(_after_call, outputs)
            if all(a is b for a, b in zip(symbolic.leaves(self.outputs), symbolic.leaves(outputs), strict=True)):
                raise
            self.nodes, indices = self._find_nodes()
        #: for each input, its InputLayer if a call computed it
        self.own_inputs = [
            _input_like(t) if made and own_inputs else None for t, made in zip(self.flat_inputs, computed, strict=True)
        ]
        self._sort(indices)
        self.takes_strings = any(t.dtype == "string" for t in self.flat_inputs)
        self.input_names = [self.producer(t).name for t in self.flat_inputs]
        names = _unique([operation_of(t).name for t in symbolic.leaves(self.outputs)])
        self.output_names = sorted(outputs) if is_flat_dict(outputs) else names
        #: what the outputs are called in the logs
        self.log_names = names if conventions.active.outputs_have_names_of_layers else self.output_names

    @functools.cached_property
    def tables(self) -> list[list[Embedding | CategoryEncoding]]:
        """For each input, the embeddings and encodings that use it as indices."""

        def read(tensor: KerasTensor) -> list[Embedding | CategoryEncoding]:
            takers = [node.operation for node in self.nodes if node.inputs and node.inputs[0] is tensor]  # not weights
            return [taker for taker in takers if isinstance(taker, (Embedding, CategoryEncoding))]

        return [read(tensor) for tensor in self.flat_inputs]

    def _find_nodes(self) -> tuple[list[Node], dict[int, int]]:
        """Nodes in execution order, and the order in which operations were reached, by which Keras breaks ties."""
        input_ids = {id(t) for t in self.flat_inputs}
        done: list[Node] = []
        seen: set[int] = set()
        computed = {id(t) for t in self.flat_inputs if _is_computed(t)}
        indices: dict[int, int] = {}
        for output in [*symbolic.leaves(self.outputs), *self.auxiliary.tensors]:
            stack: list[tuple[KerasTensor, Iterator[KerasTensor]]] = []

            def enter(tensor: KerasTensor, stack: Any = stack) -> None:
                node = tensor.node
                if node is not None and isinstance(node.operation, InputLayer) and id(tensor) not in input_ids:
                    node = node.operation._restore(tensor)
                if node is None:
                    met = [source for given in self.flat_inputs for source in get_source_inputs(given)]
                    raise ArgumentError(
                        message(
                            "The outputs depend on an Input",
                            expected="every Input among inputs",
                            got=f"{tensor!r} outside of them",
                            hint="Write Model(inputs, outputs), in this order."
                            if any(t is tensor for t in met)
                            else "Add this Input to Model(inputs=[...]).",
                        )
                    )
                if id(tensor) in computed:
                    indices.setdefault(id(tensor), len(indices))
                    return
                if id(node) in seen:
                    return
                seen.add(id(node))
                indices.setdefault(id(node.operation), len(indices))
                stack.append((tensor, iter([] if id(tensor) in input_ids else node.inputs)))

            enter(output)
            while stack:
                tensor, parents = stack[-1]
                parent = next(parents, None)
                if parent is not None:
                    enter(parent)
                else:
                    assert tensor.node is not None
                    done.append(tensor.node)
                    stack.pop()
        for tensor in self.flat_inputs:  # unused inputs
            if tensor.node is not None and id(tensor.node) not in seen and id(tensor) not in computed:
                done.insert(0, tensor.node)
                indices[id(tensor.node.operation)] = -1
        return done, indices

    def _sort(self, indices: dict[int, int]) -> None:
        """`operations` by decreasing distance from the outputs, which is Keras' order of layers and weights."""
        depth: dict[int, int] = {}
        of_operation: dict[int, int] = {}
        operations: dict[int, Any] = {}
        given = {id(t): own for t, own in zip(self.flat_inputs, self.own_inputs, strict=True) if own is not None}
        for node in reversed(self.nodes):
            key = id(node.operation)
            operations[key] = node.operation
            deep = max(depth.get(id(node), 0), of_operation.get(key, 0))
            depth[id(node)] = of_operation[key] = deep
            for tensor in node.inputs:
                parent = id(given.get(id(tensor), tensor.node))
                depth[parent] = max(depth.get(parent, 0), deep + 1)
        for tensor, own in zip(self.flat_inputs, self.own_inputs, strict=True):
            if own is not None:
                operations[id(own)], of_operation[id(own)] = own, depth.get(id(own), 0)
                indices[id(own)] = indices.get(id(tensor), -1)
        order = sorted(operations, key=lambda k: (-of_operation[k], indices[k]))
        self.operations = [operations[k] for k in order]
        self.layers = [op for op in self.operations if isinstance(op, Layer)]

    def producer(self, tensor: KerasTensor) -> Operation:
        """The operation of this graph that a tensor comes from."""
        return self.own_input(tensor) or operation_of(tensor)

    def own_input(self, tensor: KerasTensor) -> InputLayer | None:
        """The InputLayer in place of the call that computed an input."""
        pairs = zip(self.flat_inputs, self.own_inputs, strict=True)
        return next((own for one, own in pairs if one is tensor), None)

    def check_names(self) -> None:
        """Refuse two layers of the same user-given name: files and `get_layer` could not distinguish them."""
        seen: set[str] = set()
        for layer in self.layers:
            if layer.auto_named or is_automatic(layer.name, snake(type(layer).__name__)):
                continue
            if layer.name in seen:
                raise ArgumentError(message(f"Two layers of a model are named '{layer.name}'", expected="unique names"))
            seen.add(layer.name)

    def run(
        self, inputs: Tree, known: Mapping[int, Any] = types.MappingProxyType({}), mask: Tree | None = None
    ) -> Tree:
        """Compute the outputs for arrays as inputs.

        Args:
            inputs: arrays in the structure of the graph's inputs.
            known: values of other tensors, {id(tensor): array}.
            mask: the mask of the input, or one for each.
        """
        arrays = with_masks(self.fit_inputs(inputs), mask)
        values: dict[int, Any] = dict(zip(map(id, self.flat_inputs), arrays, strict=True))
        values |= {key: value for key, value in known.items() if key not in values}
        compute(self.nodes, values)
        self.auxiliary.report(values)
        return self._outputs(values)

    def spec(self, inputs: Symbolic) -> Symbolic:
        """The symbolic outputs for symbolic inputs, layer by layer: strings cannot be traced."""
        values: dict[int, Any] = dict(zip(map(id, self.flat_inputs), graph_inputs.match(self, inputs), strict=True))
        walk(self.nodes, values, lambda node, args, kwargs: _output_spec(node.operation, args, kwargs))
        return self._outputs(values)

    def _outputs(self, values: dict[int, Any]) -> Any:
        out = symbolic.map_in_order(lambda t: values[id(t)], self.outputs)
        if not isinstance(out, (list, tuple)):
            return out
        if conventions.active.outputs_keep_structure:
            is_one = isinstance(out, list) and len(symbolic.leaves(self.outputs)) == 1
        else:
            is_one = len(out) == 1
        return out[0] if is_one else out  # as in Keras, [y] returns y

    def fit_inputs(self, data: Tree) -> list[Any]:
        """Data in the order, rank and dtype of `flat_inputs`."""
        return [
            graph_inputs.fitted(t, array, self.guessed)
            for t, array in zip(self.flat_inputs, graph_inputs.match(self, data), strict=True)
        ]


def _is_computed(tensor: KerasTensor) -> bool:
    return tensor.node is not None and not isinstance(tensor.node.operation, InputLayer)


def _input_like(tensor: KerasTensor) -> InputLayer:
    return InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, sparse=tensor.sparse)


def compute(nodes: Iterable[Node], values: dict[int, Any]) -> None:
    """Add to `values`, {id(tensor): array}, those of the outputs of `nodes`, which are in topological order."""

    def call(node: Node, args: Any, kwargs: Any) -> Any:
        if not node.closure_inputs:
            return node.operation(*args, **kwargs)
        with tracing.bind_symbolic({id(t): values[id(t)] for t in node.closure_inputs}):
            return node.operation(*args, **kwargs)

    walk(nodes, values, call)


def walk(nodes: Iterable[Node], values: dict[int, Any], call: Callable[[Node, Any, Any], Any]) -> None:
    """Add to `values`, {id(tensor): value}, those of all outputs: `call(node, args, kwargs)` for each node in order."""
    for node in nodes:
        outputs = symbolic.leaves(node.outputs)
        if not all(id(t) in values for t in outputs):
            mapped = symbolic.map_in_order if node.has_dict else symbolic.map_tree
            args, kwargs = mapped(lambda v: values.get(id(v), v), (node.args, node.kwargs))
            results = symbolic.leaves(call(node, args, kwargs))
            for tensor, result in zip(outputs, results, strict=True):
                values.setdefault(id(tensor), result)  # a graph may begin at one of several outputs


def _uncalled(thing: Any) -> str:
    kind = type(thing).__name__
    return f"A layer gives a tensor where it is called: {kind}(...)(x)." if isinstance(thing, Layer) else ""


def _after_call(tensor: KerasTensor) -> KerasTensor:
    """The result of the first call of the Sequential whose own output `tensor` is, as in Keras; else `tensor`."""
    model = tensor.sequential
    return model._call_nodes[0].outputs if model is not None and model._tail is tensor and model._call_nodes else tensor


def _output_spec(operation: Any, args: Any, kwargs: Any) -> Any:
    if isinstance(operation, symbolic.Op):
        return shape_inference.output_spec(operation.function, args, kwargs, name=operation.name)
    return operation.compute_output_spec(*args, **kwargs)


def _unique(names: list[str]) -> list[str]:
    out: list[str] = []
    for name in names:
        number, fresh = 0, name
        while fresh in out:
            number += 1
            fresh = f"{name}_{number}"
        out.append(fresh)
    return out


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """Return the inputs that a symbolic tensor is computed from, each once.

    Args:
        tensor: a symbolic tensor.

    Returns:
        The inputs, in the order in which the graph reaches them.

    Example:
    >>> x = gazelle.Input((3,), name="x")
    >>> [t.name for t in get_source_inputs(gazelle.layers.Dense(2)(x))]
    ['x']
    """
    found, seen, stack = list[KerasTensor](), set[int](), [tensor]
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        inputs = current.node.inputs if current.node is not None else []
        if not inputs:
            found.append(current)
        stack += reversed(inputs)
    return found
