"""The model: a layer that can be compiled, trained, asked and saved."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from gazelle.core import era, symbolic, tracing
from gazelle.core.config import serialize
from gazelle.core.errors import ArgumentError, StateError, message, unknown
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.layers.input import Input
from gazelle.models.fitting import Fitting
from gazelle.models.graph import Aside, Graph
from gazelle.models.state_tree import put, read


class Model(Fitting):
    """A network with inputs and outputs, made in one of three ways.

    `Model(inputs, outputs)` from symbolic tensors; `Sequential([...])`; or a subclass with layers in `__init__` and a
    `call(self, x, training=False)`.

    >>> x = Input((3,))
    >>> model = Model(x, layers.Dense(2)(x))
    >>> model.predict(np.ones((5, 3)), verbose=0).shape
    (5, 2)
    """

    _namespace = "models"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (args or "inputs" in kwargs or "inputs" in era.arguments(cls, "__init__", args, kwargs)[1]):
            from gazelle.models.functional import Functional  # a Model with a graph is one by name

            cls = Functional
        return super().__new__(cls)

    def __init__(self, *args: Any, inputs: Any = None, outputs: Any = None, **kwargs: Any) -> None:
        if args:
            inputs, outputs = (*args, outputs)[:2]
        super().__init__(**kwargs)
        self._setup_fitting()
        self._graph: Graph | None = None
        self._wide: Graph | None = None  # the graph with what is computed beside its outputs
        self._host_preprocessing: Any = None  # what works on strings before it
        if inputs is not None:
            self._set_graph(Graph(inputs, outputs))

    def _set_graph(self, graph: Graph) -> None:
        self._graph, self._layers, self.built = graph, graph.layers, True

    def build(self, input_shape: Any) -> None:
        """Make all weights, by tracing `call` on inputs of this shape (batch axis first)."""
        inputs = _symbolic(input_shape)
        self.built = True  # a subclass's `build` that calls this one is not called again
        try:
            symbolic.output_spec(self._call_arrays_here, (inputs,), {}, name=self.name)
        except BaseException:
            self.built = False
            raise

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        if not self.built:
            if type(self).build is not Model.build:
                super()._ensure_built(args, kwargs)
            self.built = True
            self._build_shapes = symbolic.map_tree(lambda leaf: tuple(getattr(leaf, "shape", ())), args[0])

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if self._graph is None:
            raise NotImplementedError(f"{type(self).__name__} has no call method: def call(self, x): return ...")
        return (self._wide or self._graph).run(inputs)

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add a value to what training minimizes: in `call`, or here a symbolic tensor that depends on the inputs."""
        for value in loss if isinstance(loss, (list, tuple)) else [loss]:
            if self._graph is not None and symbolic.is_symbolic(value):
                self._compute_too(losses=[value])
            else:
                super().add_loss(value)

    def add_metric(self, value: Any, name: str | None = None, aggregation: Any = "mean") -> None:
        """Show a value in the logs, as its mean over the samples: in `call`, or here a symbolic tensor."""
        if self._graph is None or not symbolic.is_symbolic(value):
            super().add_metric(value, name, aggregation)
        else:
            self._compute_too(reports={name or value.name: value})

    def _compute_too(self, losses: Any = (), reports: Any = None) -> None:
        """Compute these tensors whenever the outputs are computed; layers that only they need are of the model."""
        graph = self._the_graph("inputs")
        old = self._wide.aside if self._wide is not None else Aside(self)
        aside = Aside(self, [*old.losses, *losses], old.reports | (reports or {}))
        self._wide = Graph(graph.inputs, graph.outputs, graph.guessed, aside)
        self._beside = [layer for layer in self._wide.layers if layer not in graph.layers]
        self._forget_compiled()

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in this model."""
        if self._graph is not None:
            return era.shown("layers", self, list(self._layers))
        return [v for v in weight_tree.sublayers(self) if isinstance(v, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this place."""
        if index is not None:
            count = len(self.layers)
            if not hasattr(index, "__index__") or not -count <= index < count:
                got, wanted = repr(index), f"an index of one of its {count} layers"
                raise ArgumentError(message(f"get_layer of model '{self.name}'", expected=wanted, got=got))
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown(f"layer of model '{self.name}'", name, [layer.name for layer in self.layers])

    @property
    def inputs(self) -> list[Any]:
        return list(self._the_graph("inputs").flat_inputs)

    @property
    def outputs(self) -> list[Any]:
        return symbolic.leaves(self._the_graph("outputs").outputs)

    @property
    def input(self) -> Any:
        return self._the_graph("input").inputs

    @property
    def output(self) -> Any:
        return self._the_graph("output").outputs

    @property
    def input_shape(self) -> Any:
        return _shapes(self.input)

    @property
    def output_shape(self) -> Any:
        return _shapes(self.output)

    def _the_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise StateError(
                message(
                    f"Model '{self.name}' has no {what} yet",
                    hint="Give the first layer an input_shape, or start with Input(shape).",
                )
            )
        return self._graph

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Print the layers, their output shapes and numbers of weights."""
        from gazelle.models.summary import summary

        summary(self, *args, **kwargs)

    def _repr_html_(self) -> str:
        from gazelle.models.summary import html

        return html(self)

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Write architecture, weights, optimizer state and compile arguments as a `.keras` file."""
        from gazelle.saving.keras_v3 import save_model

        save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the weights alone, into files of at most `max_shard_size` GiB where that is given."""
        from gazelle.saving.weights import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> list[str]:
        """Read weights from any file that holds them (told by content), or from "latest", the kept state; returns the
        names of what matched."""
        from gazelle.saving.weights import load_weights

        return load_weights(self, filepath, skip_mismatch=skip_mismatch, by_name=by_name)

    def quantize(  # type: ignore[override]
        self, mode: str | None = None, config: Any = None, filters: Any = None, type_check: bool = True
    ) -> None:
        """Keep the weights of `Dense`, `EinsumDense` (so of attention) and embeddings in whole numbers.

        Args:
            mode: "int8" or "int4".
            config: an `Int8QuantizationConfig` or `Int4QuantizationConfig` in the place of mode.
            filters: a regular expression for names of layers, several of them, or a function of a layer.
            type_check: False takes classes that inherit from these layers too.

        >>> model = gazelle.Sequential([Input((3,)), layers.Dense(2)])
        >>> model.quantize("int8")
        >>> model.layers[-1].kernel.dtype
        'int8'
        """
        from gazelle.models.quantizing import quantize

        quantize(self, mode, config, filters, type_check)
        self._forget_compiled()

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write what `predict` computes as a program for another system; sizes that are None stay open.

        Args:
            filepath: of the file, or the folder for "tf_saved_model".
            format: "tf_saved_model" and "litert" (package tensorflow), "onnx" (package onnx), or "stablehlo", read by
                `jax.export.deserialize`.
            verbose: whether to say where it was written; None says it.
            input_signature: a list with the shape and type of each input, such as `keras.InputSpec`; otherwise those
                that the model was built on.
        """
        from gazelle.export import export_model

        apart = self._keeps_samples_apart()
        export_model(self, filepath, format, verbose, input_signature, alone=apart, **kwargs)

    def _keeps_samples_apart(self) -> bool:
        from gazelle.models.sharing import is_batch_independent

        return is_batch_independent(self)

    def as_function(self) -> tuple[Callable[..., Any], dict[str, Any]]:
        """(function, values): the model as a plain function of JAX, and {path: array} of all its variables.

        function(values, x, training=False, key=None) -> (outputs, values): reads `values` alone, draws from `key`, and
        gives the values after the call, which differ where layers count, as BatchNormalization does in training.

        >>> model = gazelle.Sequential([Input((3,)), layers.Dense(1, name="sums")])
        >>> function, values = model.as_function()
        >>> loss = lambda values: jnp.sum(function(values, jnp.ones((2, 3)))[0])
        >>> import jax
        >>> jax.grad(loss)(values)["sums/bias"]
        Array([2.], dtype=float32)
        """
        variables = weight_tree.named_variables(self)
        pure = tracing.pure(
            self, variables, {id(layer): path for path, layer in weight_tree.named_layers(self).items()}
        )

        def function(values: Mapping[str, Any], x: Any, training: bool = False, key: Any = None) -> Any:
            out, after, _ = pure(values, x, key=key, training=training)
            return out, after

        return function, {path: variable.value for path, variable in variables.items()}

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON."""
        from gazelle.saving.config import model_to_json

        return model_to_json(self, **kwargs)

    def get_config(self) -> dict[str, Any]:
        if self._graph is not None and takes_a_graph(type(self)):
            from gazelle.models.functional import graph_config

            return graph_config(self)
        config = {k: serialize(v) for k, v in self._config.items() if k not in ("inputs", "outputs", "args", "kwargs")}
        return {**config, "name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        if cls is Model or "input_layers" in config:
            from gazelle.models.functional import from_graph_config

            return from_graph_config(cls, config)
        return super().from_config(config)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Weights, slots and metrics as {kind: {part of the path: {... : array}}}.

        Args:
            value_format: "backend_tensor" for arrays of JAX, "numpy_array" for NumPy's.

        >>> model = Sequential([Input((3,)), layers.Dense(2, name="top")])
        >>> model.get_state_tree("numpy_array")["trainable_variables"]["top"]["bias"].tolist()
        [0.0, 0.0]
        """
        return read(self, value_format)

    def set_state_tree(self, state_tree: Any) -> None:
        """Assign what a tree like that of `get_state_tree` holds; parts may be missing."""
        put(self, state_tree)

    def _has_call(self) -> bool:
        """Whether it can be called on data: a model with steps of its own need not."""
        return self._graph is not None or type(self).call is not Model.call

    def reset_metrics(self) -> None:
        """Start the metrics anew, also the running ones of train_on_batch and test_on_batch."""
        for metric in self.metrics:
            metric.reset_state()
        if self._trainer is not None and self._trainer.meters.built:
            self._trainer.live.totals = self._trainer.meters.start()


def takes_a_graph(cls: type) -> bool:
    """Whether a subclass is made as Model(inputs, outputs) is: it has no constructor of its own, or hands all on."""
    own = [vars(c)["__init__"] for c in cls.__mro__[: cls.__mro__.index(Model)] if "__init__" in vars(c)]
    if not own:
        return True
    parameters = inspect.signature(inspect.unwrap(own[0])).parameters.values()
    names = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {"self"}
    passes = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return names <= {"inputs", "outputs", "name", "trainable"} and (passes or {"inputs", "outputs"} <= names)


def _shapes(tensors: Any) -> Any:
    """The shapes in the same structure; of a single tensor, also of [tensor], its shape alone."""
    flat = symbolic.leaves(tensors)
    return flat[0].shape if len(flat) == 1 else symbolic.map_tree(lambda t: t.shape, tensors)


def _symbolic(shape: Any) -> Any:
    """Inputs for a shape, or for a list or dict of shapes."""
    if isinstance(shape, dict):
        return {key: _symbolic(value) for key, value in shape.items()}
    if shape and isinstance(shape[0], (list, tuple)):
        return [_symbolic(value) for value in shape]
    return Input(batch_shape=tuple(shape))
