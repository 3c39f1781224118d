"""The stack of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from gazelle.core.context_variables import assigned
from gazelle.core.errors import ArgumentError, ShapeError, StateError, message
from gazelle.core.masks import with_masks
from gazelle.core.names import PATH, snake
from gazelle.core.registry import custom_object_scope
from gazelle.core.serialization import deserialize, serialize_object
from gazelle.core.symbolic import KerasTensor
from gazelle.core.traceback import filtered
from gazelle.core.types import Nested, Shape, Tree
from gazelle.layers.base import Layer
from gazelle.layers.calling import path_of
from gazelle.layers.input import Input, InputLayer
from gazelle.layers.weight_tree import is_automatic
from gazelle.models.graph import Graph
from gazelle.models.model import Model

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfModel


class Sequential(Model):
    """A stack of layers: y = layer_n(... layer_2(layer_1(x))).

    The weights are created at once if the first layer has an input shape (`Input(shape)`, `input_shape`, `input_dim`),
    and at the first call otherwise.

    Args:
        layers: the layers in order.
        trainable: False keeps all weights as they are in training.
        name: name in summaries and files; made from the class if None.
        **kwargs: further arguments of `Layer`.

    Example:
    >>> model = Sequential([layers.Dense(4, activation="relu", input_dim=3), layers.Dense(1)])
    >>> model.output_shape
    (None, 1)
    """

    _namespace = "models"
    _keras_module = "keras"
    _chain: Graph | None = None
    _head: Any = None  # the input; a list of inputs if the first layer is a model with several
    _tail: Any = None  # the output of the last layer, once the input is known

    def __init__(
        self,
        layers: Iterable[Layer | KerasTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Unpack[OptionsOfModel],
    ) -> None:
        if isinstance(layers, Layer):
            got, hint = f"the layer '{layers.name}'", "Put the layers into brackets: Sequential([...])."
            raise ArgumentError(message("Sequential", expected="a list of layers", got=got, hint=hint))
        super().__init__(trainable=trainable, name=name, **kwargs)
        self._layers: list[Layer] = []
        self._guessed = False  # the input's shape was taken from data
        for layer in layers or []:
            self.add(layer)

    @filtered
    def add(self, layer: Layer | KerasTensor, rebuild: bool = True) -> None:
        """Append a layer.

        Args:
            layer: the layer, or an `Input`.
            rebuild: accepted for compatibility, ignored.

        Raises:
            ArgumentError: it is no layer, or its name occurs in the model already.
        """
        if isinstance(layer, KerasTensor) and layer.node is not None and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            got = f"the class {layer.__name__}" if isinstance(layer, type) else repr(layer)[:80]
            hint = f"Make one: {layer.__name__}(...)." if isinstance(layer, type) else ""
            raise ArgumentError(message("Sequential.add", expected="a layer", got=got, hint=hint))
        equal = [other for other in self._layers if other.name == layer.name]
        if is_automatic(layer.name, snake(type(layer).__name__)):  # in a file next to a name given to another class
            equal = [other for other in equal if type(other) is type(layer)]
        if equal and not layer.auto_named:
            raise ArgumentError(
                message(
                    f"Sequential.add of '{layer.name}'",
                    expected="a unique name",
                    got="the name of another layer of this model",
                )
            )
        if isinstance(layer, InputLayer) and self._layers:
            raise ArgumentError(message("Sequential.add of an Input", expected="the first position", got="a later one"))
        self._layers.append(layer)
        self._invalidate_trainer()
        if self._tail is None and not self.layers[1:]:
            self._begin(self._layers[0])
            if layer is not self._layers[0]:  # the Input remained when the other layers were removed
                self._extend(layer)
        elif self._tail is not None:
            self._extend(layer)

    def _begin(self, layer: Layer) -> None:
        """Start the chain of symbolic tensors if the first layer has an input shape."""
        if isinstance(layer, InputLayer):
            self._head = self._tail = layer.tensor
            self._set_chain()
        elif layer.batch_shape is not None:
            self._head = self._tail = Input(
                batch_shape=layer.batch_shape, dtype=_input_dtype(layer), name=self._input_name()
            )
            self._extend(layer)
        elif isinstance(layer, Model) and layer._graph is not None:
            # its graph is continued, as one Input may occur twice, and data in a dict have the names of its inputs
            if len(layer.inputs) > 1 or isinstance(layer._graph.inputs, dict):
                self._head, self._tail = layer.inputs, layer.output
                self._set_chain()
                return
            self._head = self._tail = Input(
                batch_shape=layer.input_shape, dtype=layer.inputs[0].dtype, name=self._input_name()
            )
            self._extend(layer)

    def _input_name(self) -> str | None:
        """The name of the Input that the model creates; None for an automatic one."""
        return None

    def _extend(self, layer: Layer) -> None:
        with assigned(PATH, path_of(self)):
            self._tail = layer(self._tail)
        if not isinstance(self._tail, KerasTensor):
            raise ArgumentError(
                message(
                    f"Layer '{layer.name}' in a Sequential",
                    expected="one output",
                    got="several",
                    hint="Use Model(inputs, outputs) for several outputs.",
                )
            )
        self._set_chain()

    def _set_chain(self) -> None:
        self._chain = None  # created when it is read, not for each added layer
        self._tail.sequential = self
        self.built = len(self.layers) > 0

    @property
    def _graph(self) -> Graph | None:
        if self._chain is None and self._tail is not None:
            self._chain = Graph(self._head, self._tail, self._guessed)
        return self._chain

    @_graph.setter
    def _graph(self, graph: Graph | None) -> None:
        self._chain = graph

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer.

        Args:
            rebuild: accepted for compatibility, ignored.

        Returns:
            The layer.
        """
        if not self._layers:
            raise StateError(message("Sequential.pop", expected="at least one layer", got="none"))
        layer = self._layers.pop()
        self._invalidate_trainer()
        if self._tail is not None:
            if self.layers:
                self._tail = next(n.inputs[0] for n in layer._call_nodes if n.outputs is self._tail)
                self._set_chain()
            else:
                self._graph, self._head, self._tail, self.built = None, None, None, False
        return layer

    @filtered
    def build(self, input_shape: Nested[Shape] | None = None) -> None:
        """Create the weights.

        Args:
            input_shape: shape of the input, batch axis first.

        Raises:
            StateError: the model has no layers.
            ShapeError: it has an Input of another shape.
        """
        if input_shape is None:
            return
        if not self._layers:
            raise self._has_no_layers()
        if self._tail is not None:
            own, given = getattr(self._head, "shape", None), cast(Shape, tuple(input_shape))
            if own is not None and not self._guessed and not _agree(own[1:], given[1:]):
                hint = "Make a new model, or leave the shape out of the first layer."
                raise ShapeError(message(f"build of Sequential '{self.name}'", expected=f"{own}", got=given, hint=hint))
            return
        self._guessed = bool(PATH.get())  # built by a layer around it, which may call it with other sizes
        dtype = _input_dtype(self._layers[0]) if self._layers else None
        self._head = self._tail = Input(
            batch_shape=tuple(input_shape),  # type: ignore[arg-type]
            dtype=dtype,
            name=self._input_name(),
        )
        for layer in self._layers:
            self._extend(layer)
        self.built = True

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        if not self.built and self.layers and args and hasattr(args[0], "shape"):
            shape = tuple(args[0].shape)
            known = isinstance(args[0], KerasTensor)
            self._guessed = not known
            self._head = self._tail = Input(
                batch_shape=shape if known else (None, *shape[1:]),
                dtype=str(args[0].dtype),
                name=self._input_name(),
            )
            for layer in self._layers:
                self._extend(layer)
            self._build_shapes = self._head.shape

    def _has_no_layers(self) -> StateError:
        what = f"Sequential '{self.name}' cannot be built or called"
        return StateError(message(what, expected="at least one layer", got="none", hint="Add one: model.add(...)."))

    def call(self, inputs: Tree, training: bool | None = None, mask: Tree = None) -> Tree:
        if not self._layers:
            raise self._has_no_layers()
        x = inputs
        if self._extended_graph is not None:
            return self._extended_graph.run(inputs, mask=mask)
        if self._graph is not None:
            x = self._graph.fit_inputs(inputs)
            x = x[0] if len(x) == 1 else x
        if mask is not None:
            x = with_masks(x, mask) if isinstance(x, list) else with_masks([x], mask)[0]
        for layer in self._layers:
            if not isinstance(layer, InputLayer):
                x = layer(x)
        return x

    @property
    def layers(self) -> list[Layer]:
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    def get_config(self) -> dict[str, Any]:
        """Return the config of the model.

        Returns:
            Name, dtype and the configs of the layers in order; the first is the input if it is known.
        """
        listed: list[Layer] = list(self._layers)
        if isinstance(self._head, KerasTensor) and listed and not isinstance(listed[0], InputLayer):
            listed.insert(0, self._head.node.operation)  # type: ignore[union-attr]
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_object(self.dtype_policy),
            "layers": [serialize_object(layer) for layer in listed],
        }
        if isinstance(self._head, KerasTensor):
            config["build_input_shape"] = list(self._head.shape)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create a model from its config.

        Args:
            config: result of `get_config`.
            custom_objects: {name: class or function} of the program.

        Returns:
            A new model with new weights.
        """
        from gazelle.saving.h5_format.config_upgrade import upgraded_config

        config = upgraded_config("Sequential", config)
        frozen: dict[str, Any] = {} if config.get("trainable", True) else {"trainable": False}  # not in each subclass
        model = cls(name=config.get("name"), **frozen)
        if config.get("dtype") is not None:
            model.dtype_policy = deserialize(config["dtype"])
        with custom_object_scope(custom_objects):
            for entry in config["layers"]:
                model.add(deserialize(entry, "layers"))
        if not model.built and config.get("build_input_shape"):
            model.build(tuple(config["build_input_shape"]))
        return model


def _input_dtype(layer: Layer) -> str:
    """The dtype of the input: integers for an Embedding, else the dtype of the first layer."""
    return "int32" if type(layer).__name__ == "Embedding" else layer.dtype


def _agree(own: Shape, given: Shape) -> bool:
    """Whether two shapes have equal sizes where both are known."""
    sizes = zip(own, given, strict=False)
    return len(own) == len(given) and all(None in pair or pair[0] == pair[1] for pair in sizes)
