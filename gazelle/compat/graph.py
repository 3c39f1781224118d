"""`Graph` of Keras 0.x: a network of named nodes that are connected by name; data are dicts with these names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gazelle import layers, models
from gazelle.compat.arguments.translation import arguments
from gazelle.compat.classes import adopt, compat_class
from gazelle.compat.layers.merge import merge
from gazelle.compat.types import Scores
from gazelle.core.errors import StateError, message
from gazelle.core.types import ArrayLike, DTypeLike, LossLike, OptimizerLike, Shape
from gazelle.training.callbacks.history import History


class Graph:
    """Named nodes; each is a layer called on the node `input`, or on several merged `inputs`.

    >>> graph = Graph()
    >>> graph.add_input("x", input_shape=(3,))
    >>> graph.add_node(layers.Dense(2), "dense", input="x")
    >>> graph.add_output("y", input="dense")
    >>> graph.compile("sgd", {"y": "mse"})
    >>> graph.predict({"x": np.ones((5, 3))})["y"].shape
    (5, 2)
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        #: {name: layer}, as programs read them
        self.inputs: dict[str, Any] = {}
        self.nodes: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self.model: Any = None

    def add_input(
        self,
        name: str,
        input_shape: Shape | None = None,
        batch_input_shape: Shape | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        """Add an input."""
        dtype = {"float": "float32", "int": "int32"}.get(str(dtype), dtype)
        self.tensors[name] = adopt(layers.Input(input_shape, batch_shape=batch_input_shape, dtype=dtype, name=name))
        self.inputs[name] = self._layer_of(name)

    def add_node(
        self,
        layer: layers.Layer,
        name: str,
        input: str | None = None,
        inputs: Sequence[Any] = (),
        merge_mode: str | Callable[..., Any] = "concat",
        concat_axis: int = -1,
        dot_axes: int | Sequence[Any] = -1,
        create_output: bool = False,
    ) -> None:
        """Add a layer."""
        self.tensors[name] = layer(self._input_of(input, inputs, merge_mode, concat_axis, dot_axes))
        self.nodes[name] = layer
        if create_output:
            self.outputs[name] = layer

    def add_shared_node(
        self,
        layer: layers.Layer,
        name: str,
        inputs: Sequence[str] = (),
        merge_mode: str | Callable[..., Any] | None = None,
        concat_axis: int = -1,
        dot_axes: int | Sequence[Any] = -1,
        outputs: Sequence[str] = (),
        create_output: bool = False,
    ) -> None:
        """Add a layer that is called on each input; its results are merged, or nodes with the names `outputs`."""
        found = [layer(self.tensors[one]) for one in inputs]
        self.tensors.update(zip(outputs, found, strict=False))
        self.nodes[name] = layer
        if merge_mode is not None:
            self.tensors[name] = merge(found, merge_mode, concat_axis, dot_axes)
        if create_output:
            self.outputs.update(dict.fromkeys([name] if merge_mode is not None else outputs, layer))

    def add_output(
        self,
        name: str,
        input: str | None = None,
        inputs: Sequence[Any] = (),
        merge_mode: str | Callable[..., Any] = "concat",
        concat_axis: int = -1,
        dot_axes: int | Sequence[Any] = -1,
    ) -> None:
        """Add an output, which is the value of a node."""
        self.tensors[name] = self._input_of(input, inputs, merge_mode, concat_axis, dot_axes)
        self.outputs[name] = self._layer_of(name)

    def _layer_of(self, name: str) -> Any:
        return self.tensors[name].node.operation

    def _input_of(self, one: str | None, several: Any, mode: Any, concat_axis: int, dot_axes: Any) -> Any:
        if one is not None:
            return self.tensors[one]
        if mode == "join":  # for a function of {name: tensor}
            return {name: self.tensors[name] for name in several}
        return merge([self.tensors[name] for name in several], mode, concat_axis, dot_axes)

    def compile(self, optimizer: OptimizerLike, loss: Mapping[str, LossLike], **kwargs: Any) -> None:
        """Choose the optimizer, and the loss of each output: {name: loss}."""
        self.model = self._as_model()
        losses = [loss[name] for name in self.outputs]
        args, kwargs = arguments(models.Model, "compile", (optimizer, losses), kwargs, self.model)
        self.model.compile(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """What a graph has in common with a model: weights and their files, layers, the optimizer."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._as_model(), name)

    def _as_model(self) -> Any:
        if self.model is None and self.outputs:
            model = compat_class(models.Model)(self._tensors_of(self.inputs), self._tensors_of(self.outputs))
            self.__dict__["model"] = model
        if self.model is None:
            raise StateError(message("A Graph without outputs has no layers and weights", hint="Call add_output."))
        return self.model

    def _tensors_of(self, names: Iterable[str]) -> list[Any]:
        return [self.tensors[name] for name in names]

    def _split(self, data: Any) -> tuple[list[Any], list[Any]]:
        return [data[name] for name in self.inputs], [data[name] for name in self.outputs if name in data]

    def fit(
        self,
        data: Mapping[str, ArrayLike],
        batch_size: int = 128,
        nb_epoch: int = 100,
        validation_data: Mapping[str, ArrayLike] | None = None,
        **kwargs: Any,
    ) -> History:
        """Train on {name: array} of all inputs and outputs."""
        x, y = self._split(data)
        validation = None if validation_data is None else self._split(validation_data)
        _, kwargs = arguments(models.Model, "fit", (), kwargs, self.model)
        kwargs |= {"batch_size": batch_size, "epochs": nb_epoch}
        return self.model.fit(x, y, validation_data=validation, **kwargs)

    def evaluate(self, data: Mapping[str, ArrayLike], batch_size: int = 128, verbose: int = 0) -> Scores:
        """Return the loss on {name: array} of all inputs and outputs."""
        x, y = self._split(data)
        return self.model.evaluate(x, y, batch_size=batch_size, verbose=verbose)

    def predict(
        self, data: Mapping[str, ArrayLike], batch_size: int = 128, verbose: int = 0
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Return {name of an output: array} for {name of an input: array}."""
        found = self.model.predict(self._split(data)[0], batch_size=batch_size, verbose=verbose)
        return dict(zip(self.outputs, found if isinstance(found, list) else [found], strict=True))

    def predict_on_batch(self, data: Mapping[str, ArrayLike]) -> dict[str, np.ndarray[Any, Any]]:
        """Return {name of an output: array} for one batch."""
        return self.predict(data, len(next(iter(data.values()))))  # type: ignore[arg-type]

    def train_on_batch(self, data: Mapping[str, ArrayLike]) -> Scores:
        """Update the weights once."""
        return self.model.train_on_batch(*self._split(data))

    def test_on_batch(self, data: Mapping[str, ArrayLike]) -> Scores:
        """Return the loss on one batch."""
        return self.model.test_on_batch(*self._split(data))

    def fit_generator(
        self, generator: Iterable[Mapping[str, ArrayLike]], samples_per_epoch: int, nb_epoch: int, **kwargs: Any
    ) -> History:
        """Train on batches of a generator, each of which is {name: array}."""
        if isinstance(validation := kwargs.get("validation_data"), Mapping):
            kwargs["validation_data"] = self._split(validation)
        return self.model.fit_generator(map(self._split, generator), samples_per_epoch, nb_epoch, **kwargs)
