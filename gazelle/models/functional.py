"""Models and functions of a graph of symbolic tensors, and their config in the format of Keras."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from gazelle import tree
from gazelle.core import conventions, symbolic
from gazelle.core.errors import ArgumentError, DamagedFileError, GazelleError, message
from gazelle.core.operation import Operation
from gazelle.core.operation_names import class_of
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize, serialize, serialize_object
from gazelle.core.symbolic import KerasTensor, Op
from gazelle.core.traceback import warn
from gazelle.core.types import Array, ArrayLike, Nested, Shape, Shapes
from gazelle.layers.base import Layer
from gazelle.layers.input import InputLayer
from gazelle.models import operation_configs
from gazelle.models.graph import AuxiliaryOutputs, Graph
from gazelle.models.model import Model

ModelT = TypeVar("ModelT", bound=Model)


class Functional(Model):
    """A model of a graph of layers, as `Model(inputs, outputs)` creates it.

    The graph may have several inputs and outputs, shared layers and nested models.
    """

    _keras_module = "keras.src.models.functional"

    @property
    def operations(self) -> list[Any]:
        """The layers and other operations of the graph, Inputs first."""
        assert self._graph is not None
        return self._graph.operations


class Function(Operation):
    """A computation from symbolic inputs to symbolic outputs.

    A `Model` of the same tensors also has weights, training and files.

    Args:
        inputs: symbolic tensors, also from the middle of a graph; one, a list or a dict.
        outputs: symbolic tensors that depend only on them.
        name: name of the operation.

    Example:
    >>> x = gazelle.Input((3,))
    >>> gazelle.Function(x, gazelle.ops.sum(x * 2, axis=-1))(np.ones((1, 3))).tolist()
    [6.0]
    """

    def __init__(self, inputs: Nested[KerasTensor], outputs: Nested[KerasTensor], name: str | None = None) -> None:
        super().__init__(name=name)
        if not symbolic.leaves(outputs):
            raise ArgumentError(message("outputs of a Function", expected="symbolic tensors", got=repr(outputs)))
        self._graph = Graph(inputs, outputs)

    def call(self, inputs: Nested[ArrayLike]) -> Nested[Array]:
        """Compute the outputs.

        Args:
            inputs: arrays in the structure of the function's inputs.

        Returns:
            Arrays in the structure of the function's outputs.
        """
        return self._graph.run(inputs)

    @property
    def operations(self) -> list[Any]:
        """The operations between inputs and outputs."""
        return self._graph.operations

    def compute_output_shape(self, input_shape: Nested[Shape]) -> Shapes:
        """Return the shapes of the outputs.

        Args:
            input_shape: shapes in the structure of the inputs.

        Returns:
            Shapes in the structure of the outputs.
        """
        kinds = iter(tensor.dtype for tensor in self._graph.flat_inputs)
        inputs = tree.map_shape_structure(lambda shape: symbolic.KerasTensor(shape, next(kinds)), input_shape)
        return symbolic.map_in_order(lambda tensor: tensor.shape, self.compute_output_spec(inputs))


def takes_a_graph(cls: type) -> bool:
    """Whether a subclass is constructed as Model(inputs, outputs) is: it inherits the constructor or forwards to it."""
    own = [vars(c)["__init__"] for c in cls.__mro__[: cls.__mro__.index(Model)] if "__init__" in vars(c)]
    if not own:
        return True
    parameters = inspect.signature(inspect.unwrap(own[0])).parameters.values()
    names = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {"self"}
    passes = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return names <= {"inputs", "outputs", "name", "trainable"} and (passes or {"inputs", "outputs"} <= names)


def graph_config(model: Model) -> dict[str, Any]:
    """Layers, the calls between them, and which tensors are inputs and outputs.

    If losses or metrics were added to the model, the entry "with_added" is the config with these; Keras ignores it.
    """
    plain: Any = model._graph
    config, graph = _Writer(model, plain).config(), with_added(model)
    if graph is not plain and conventions.active.configs_have_added_losses:
        try:
            added = _Writer(model, graph, plain.operations).config()
            for entry in added["layers"]:
                if entry.get("module", "").startswith(operation_configs.MODULES):
                    operation_configs.read(entry)  # an error if it is no function of the library
            config["with_added"] = added
        except GazelleError as error:
            warn(f"The losses and metrics added to '{model.name}' are not in its config and files: {error}")
    return config


def with_added(model: Model) -> Graph:
    """The graph of a model with the tensors of `add_loss` and `add_metric`, but not with those that `compile` needs."""
    graph: Any = model._graph
    added = model._extended_graph.auxiliary.named() if model._extended_graph is not None else AuxiliaryOutputs()
    return Graph(graph.inputs, graph.outputs, graph.guessed, added) if added.tensors else graph


def from_graph_config(cls: type[ModelT], config: Mapping[str, Any]) -> ModelT:
    """The model for a config of Keras 2 or 3: of a subclass that takes inputs and outputs, or a Functional."""
    from gazelle.saving.h5_format.config_upgrade import upgraded_config

    inputs, outputs, losses, reports = _read(upgraded_config("Functional", config.get("with_added", config)))
    made: Any = cls if cls is not Model else Functional
    found: ModelT = made(
        inputs=inputs, outputs=outputs, name=config.get("name"), trainable=config.get("trainable", True)
    )
    if (losses or reports) and found._extended_graph is None:  # else the constructor of a subclass has added them
        found._compute_too(losses, reports)
    return found


class _Writer:
    """Names the operations and numbers the calls of one graph."""

    def __init__(self, model: Any, graph: Graph, plain: Sequence[Any] = ()) -> None:
        self.model, self.graph = model, graph
        self.inside = {id(layer): path for path, layer in _layers_inside(plain) if layer not in plain}
        used: Counter[str] = Counter()
        self.names: dict[int, str] = {}
        for operation in self.graph.operations:
            name = operation.name
            used[name] += 1
            self.names[id(operation)] = name if used[name] == 1 else f"{name}_{used[name] - 1}"
        self.calls: dict[int, tuple[str, int]] = {}
        count: Counter[int] = Counter()
        for node in self.graph.nodes:
            key = id(node.operation)
            self.calls[id(node)] = (self.names[key], count[key])
            count[key] += 1

    def config(self) -> dict[str, Any]:
        added = {"losses": self.graph.auxiliary.losses, "reports": self.graph.auxiliary.reports}
        return {
            "name": self.model.name,
            "trainable": self.model.trainable,
            "layers": [self._operation(op) for op in self.graph.operations],
            "input_layers": self._places(self.graph.inputs),
            "output_layers": self._places(self.graph.outputs),
            **{key: self._places(tensors) for key, tensors in added.items() if tensors},
        }

    def _operation(self, operation: Any) -> dict[str, Any]:
        nodes = [n for n in self.graph.nodes if n.operation is operation and not isinstance(operation, InputLayer)]
        name = self.names[id(operation)]
        if isinstance(operation, Op):
            (node,) = nodes
            args, kwargs, options = operation_configs.split(node)
            is_loss = REGISTRY["losses"].get(operation.name) is operation.function
            module, class_name = ("keras.losses", operation.name) if is_loss else class_of(operation.name)
            return {
                "module": module,
                "class_name": class_name,
                "config": {"name": name, **serialize(options)},
                "registered_name": class_name,
                "name": name,
                "inbound_nodes": [{"args": self._described(args), "kwargs": self._described(kwargs)}],
            }
        calls = [{"args": list(self._described(node.args)), "kwargs": self._described(node.kwargs)} for node in nodes]
        if id(operation) in self.inside:
            return {"name": name, "within": self.inside[id(operation)], "inbound_nodes": calls}
        return {**serialize_object(operation), "name": name, "inbound_nodes": calls}

    def _described(self, tree: Any) -> Any:
        if isinstance(tree, KerasTensor):
            return {
                "class_name": "__keras_tensor__",
                "config": {"shape": list(tree.shape), "dtype": tree.dtype, "keras_history": self._place(tree)},
            }
        if isinstance(tree, tuple):
            return tuple(self._described(v) for v in tree)
        if isinstance(tree, list):
            return [self._described(v) for v in tree]
        if isinstance(tree, dict):
            return {k: self._described(v) for k, v in tree.items()}
        return serialize(tree)

    def _place(self, tensor: KerasTensor) -> list[Any]:
        own = self.graph.own_input(tensor)
        if own is not None:
            return [self.names[id(own)], 0, 0]
        return [*self.calls[id(tensor.node)], tensor.index]

    def _places(self, tree: Any) -> Any:
        if isinstance(tree, KerasTensor):
            return self._place(tree)
        if isinstance(tree, dict):
            return {key: self._places(value) for key, value in tree.items()}
        positions = [self._places(value) for value in tree]
        return tuple(positions) if type(tree) is tuple else positions


def _layers_inside(operations: Iterable[Any]) -> Iterator[tuple[list[str], Any]]:
    """The layers of nested models, each after the names of the models around it and its own."""
    for operation in operations:
        for layer in getattr(operation, "layers", ()):
            yield [operation.name, layer.name], layer
            yield from (([operation.name, *path], inner) for path, inner in _layers_inside([layer]))


def _read(config: Any) -> tuple[Any, Any, Any, Any]:
    """Run the calls of a config as soon as their inputs exist; return inputs, outputs, added losses and metrics."""
    operations: dict[str, Any] = {}
    tensors: dict[tuple[str, int, int], KerasTensor] = {}
    waiting: list[tuple[str, int, Any]] = []
    for entry in sorted(config["layers"], key=lambda entry: "within" in entry):  # after the models around them
        name = entry.get("name") or entry["config"]["name"]
        if "within" in entry:
            operation = operations[entry["within"][0]]
            for part in entry["within"][1:]:
                operation = operation.get_layer(part)
        else:
            operation = operation_configs.read(entry)
        operations[name] = operation
        if isinstance(operation, Layer) and type(operation).__name__ == "InputLayer":
            tensors[(name, 0, 0)] = operation.tensor
        waiting += [(name, number, call) for number, call in enumerate(entry.get("inbound_nodes") or [])]
    while waiting:
        later = []
        for name, number, call in waiting:
            if not _ready(call, tensors) or (number > 0 and (name, number - 1, 0) not in tensors):
                later.append((name, number, call))
                continue
            args, kwargs = _tensors(call["args"], tensors), _tensors(call["kwargs"], tensors)
            outputs = operations[name](*args, **kwargs)
            for index, tensor in enumerate(symbolic.leaves(outputs)):
                tensors[(name, number, index)] = tensor
        if len(later) == len(waiting):
            raise DamagedFileError(
                message(
                    "The model's config",
                    expected="calls that lead from inputs to outputs",
                    got=f"calls that depend on each other in a cycle: {sorted({n for n, _, _ in later})}",
                )
            )
        waiting = later

    def resolved(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {k: resolved(v) for k, v in tree.items()}
        if len(tree) == 3 and isinstance(tree[0], str):
            return tensors[(tree[0], int(tree[1]), int(tree[2]))]
        values = [resolved(v) for v in tree]
        return tuple(values) if isinstance(tree, tuple) else values

    inputs, outputs = resolved(config["input_layers"]), resolved(config["output_layers"])
    one = isinstance(outputs, list) and len(outputs) == 1 and not conventions.active.outputs_keep_structure
    single = isinstance(inputs, list) and len(inputs) == 1 and isinstance(inputs[0], KerasTensor)
    added = resolved(config.get("losses") or []), resolved(config.get("reports") or {})
    return (inputs[0] if single else inputs), (outputs[0] if one and single else outputs), *added


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _key(value: Any) -> tuple[str, int, int]:
    name, call, index = value["config"]["keras_history"]
    return name, int(call), int(index)


def _ready(call: Any, tensors: Any) -> bool:
    if _is_tensor(call):
        return _key(call) in tensors
    if isinstance(call, dict):
        return all(_ready(v, tensors) for v in call.values())
    if isinstance(call, (list, tuple)):
        return all(_ready(v, tensors) for v in call)
    return True


def _tensors(tree: Any, tensors: Any) -> Any:
    if _is_tensor(tree):
        return tensors[_key(tree)]
    if isinstance(tree, dict):
        if "class_name" in tree and "config" in tree:
            return deserialize(tree)
        return {k: _tensors(v, tensors) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_tensors(v, tensors) for v in tree]
    return tree
