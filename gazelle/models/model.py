"""The model: a layer that can be compiled, trained, evaluated and saved.

The file is long because it is one public class, whose methods are mostly documentation and call other modules.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, Unpack, overload

from gazelle.core import outdated, shape_inference, symbolic, tracing
from gazelle.core.config import has_own_get_config
from gazelle.core.errors import MissingAttributeError, message, missing_method
from gazelle.core.own_code import from_gazelle
from gazelle.core.registry import custom_object_scope
from gazelle.core.replaceable import replaceable
from gazelle.core.serialization import serialize
from gazelle.core.traceback import filtered, warn
from gazelle.core.types import (
    Array,
    ArrayLike,
    Config,
    Data,
    LossLike,
    MetricLike,
    Nested,
    OptimizerLike,
    Outputs,
    PathLike,
    Scores,
    Shape,
    Shapes,
    StepResult,
    Symbolic,
)
from gazelle.core.variable import Variable
from gazelle.engine import orbax
from gazelle.layers import stateless, weight_tree
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.models import compiling, default_steps, evaluation, fitting, model_metrics, step_methods, structure
from gazelle.models.closures import Closures
from gazelle.models.graph import AuxiliaryOutputs, Graph
from gazelle.models.state_tree import put, read
from gazelle.models.text_inputs import TextInputs

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.data import Source
    from gazelle.layers.options import LayerOptions
    from gazelle.metrics import Metric
    from gazelle.models.fitting import FitOptions
    from gazelle.models.host_preprocessing import HostPreprocessing
    from gazelle.optimizers import Optimizer
    from gazelle.quantizers.calibrated_configs import LayerStructure
    from gazelle.quantizers.configs import QuantizationConfig
    from gazelle.training.callbacks import Callback, History
    from gazelle.training.compile_metrics import CompileMetrics
    from gazelle.training.trainer import Trainer


class Model(Layer):
    """A network with inputs and outputs, made in one of three ways.

    `Model(inputs, outputs)` from symbolic tensors; `Sequential([...])`; or a subclass with layers in `__init__` and a
    `call(self, x, training=False)`.

    A subclass may change how it is trained: `compute_loss`, `compute_metrics`, or the whole step. A step has one of
    two forms, distinguished by its number of arguments:

    - `train_step(self, data) -> logs` reads and assigns variables: weights, metrics, optimizers in attributes.
    - `train_step(self, state, data) -> (logs, state)` is pure; state is the values of (`trainable_variables`,
      `non_trainable_variables`, `optimizer.variables`, `metrics_variables`). `test_step` has no values of an
      optimizer, `predict_step` also none of metrics.

    Either way `fit` runs it as one compiled program over many batches.

    Args:
        inputs: symbolic tensors: one, a list, or a dict by name.
        outputs: symbolic tensors that depend on the inputs.
        name: name in summaries and files; made from the class if None.
        trainable: False keeps all weights as they are in training.

    Example:
    >>> x = Input((3,))
    >>> model = Model(x, layers.Dense(2)(x))
    >>> model.predict(np.ones((5, 3)), verbose=0).shape
    (5, 2)
    >>> class AbsoluteError(gazelle.Model):
    ...     def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
    ...         return gazelle.ops.mean(gazelle.ops.abs(y - y_pred))
    >>> model = AbsoluteError(x, layers.Dense(1, kernel_initializer="zeros")(x))
    >>> model.compile("sgd")
    >>> model.evaluate(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    1.0
    """

    _namespace = "models"
    _closures: ClassVar[type[Closures]] = Closures
    _sparse_inputs = "call"
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False
    history: History | None = None
    _compile_state: compiling.CompileState | None = None
    _run_eagerly = False  # of a model that is not compiled
    _trainer: Trainer | None = None
    #: layers that only tensors of add_loss and add_metric need; set after `_layers`, so that their weights come last
    _auxiliary_layers: Sequence[Layer] = ()
    _first_inputs: Nested[InputSpec] | None = None  # what a subclass was called on first, of any batch size
    _was_given_more = False  # whether the call that built it had other tensors than its inputs

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model and (args or "inputs" in kwargs):
            from gazelle.models.functional import Functional  # Model(inputs, outputs) creates its subclass

            return super().__new__(Functional)  # type: ignore[return-value]
        return super().__new__(cls)

    def __init__(
        self,
        *args: Nested[KerasTensor | Array] | None,  # inputs, outputs
        inputs: Nested[KerasTensor] | None = None,
        outputs: Nested[KerasTensor | Array] | None = None,  # type checkers see calls of layers as returning Array
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if args:
            inputs, outputs = (*args, outputs)[:2]  # type: ignore[assignment]  # the first is inputs
        super().__init__(**kwargs)
        self._compile_state, self._trainer = None, None
        self.stop_training = False
        self._graph: Graph | None = None
        self._extended_graph: Graph | None = None  # the graph with the tensors of add_loss and add_metric
        self._host_preprocessing: HostPreprocessing | None = None
        self._text_inputs = TextInputs()
        if inputs is not None:
            self._set_graph(Graph(inputs, outputs, own_inputs=True))

    if not TYPE_CHECKING:
        __getattr__ = outdated.missing_attribute

    # Calling -------------------------------------------------------------------------------------------------------

    def _set_graph(self, graph: Graph) -> None:
        graph.check_names()
        self._graph, self._layers, self.built = graph, graph.layers, True

    @filtered
    def build(self, input_shape: Nested[Shape] | None) -> None:
        """Create all weights by tracing `call`.

        Args:
            input_shape: shape of the input, batch axis first; a list or dict of shapes for several inputs. A model
                that was made from inputs and outputs has its weights already and ignores it. None, and a shape
                that is not the one that the `build` of a subclass received, create none: a subclass whose own
                `build` created them calls this one so.
        """
        if self._graph is not None:
            return
        outer: Any = vars(self).get("_outer_shapes")
        if input_shape is None or (outer is not None and outer != input_shape):
            self.built = True
            return
        inputs = structure.symbolic_inputs(input_shape)
        self.built = True  # a subclass's `build` that calls this one is not called again
        try:
            shape_inference.output_spec(self._call_arrays_here, (inputs,), {}, name=self.name)
        except BaseException:
            self.built = False
            raise

    def _ensure_built(self, args: Any, kwargs: Any) -> None:
        if not self.built:
            if type(self).build is not Model.build:
                super()._ensure_built(args, kwargs)
            self.built = True
            first = args[0] if args else next(iter(kwargs.values()), None)
            self._build_shapes = symbolic.map_tree(lambda leaf: tuple(getattr(leaf, "shape", ())), first)
            self._first_inputs = symbolic.map_tree(InputSpec.of_batches, first)
            self._was_given_more = any(hasattr(value, "shape") for value in (*args[1:], *kwargs.values()))

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        if self._graph is None or not _any_text(args):
            return super()._call_symbolic(args, kwargs)
        self._ensure_built(args, kwargs)
        outputs = self.compute_output_spec(*args, **kwargs)
        symbolic.Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Symbolic:
        if self._graph is not None and _any_text(args):
            return self._graph.spec(args[0])
        return super().compute_output_spec(*args, **kwargs)

    if TYPE_CHECKING:

        def call(self, *args: Any, **kwargs: Any) -> Nested[Any]:
            """Compute the outputs; the override in a subclass may have any signature."""

    else:

        def call(
            self, inputs: Nested[ArrayLike], training: bool | None = None, mask: Nested[ArrayLike] | None = None
        ) -> Nested[Array]:
            """Compute the outputs; a subclass overrides it.

            Args:
                inputs: arrays in the structure of the model's inputs.
                training: whether layers such as Dropout behave as in training.
                mask: mask of the inputs.

            Returns:
                Arrays in the structure of the model's outputs.
            """
            if self._graph is None:
                raise missing_method(self, "call(self, x)")
            return (self._extended_graph or self._graph).run(inputs, mask=mask)

    def __copy__(self) -> Self:
        """Return a model with weights of its own, as in Keras."""
        return copy.deepcopy(self)

    @filtered
    def add_loss(self, loss: ArrayLike | Sequence[ArrayLike], inputs: object = None) -> None:
        """Add a term to the loss: in `call`, or a symbolic tensor that depends on the inputs.

        Args:
            loss: a scalar or an array that is summed; or a list of them.
            inputs: accepted for compatibility, ignored.
        """
        for value in loss if isinstance(loss, (list, tuple)) else [loss]:
            if self._graph is not None and symbolic.is_symbolic(value):
                self._compute_too(losses=[value])
                continue
            if self._graph is not None and tracing.current() is None and hasattr(value, "dtype"):
                warn(
                    f"add_loss of model '{self.name}' received the value {value}, which the loss of fit does not "
                    "include: it was computed from arrays or weights, not from tensors of the model. Give a layer a "
                    "regularizer, such as kernel_regularizer, or call add_loss in the call of a layer."
                )
            super().add_loss(value)

    def add_metric(self, value: ArrayLike, name: str | None = None, aggregation: str = "mean") -> None:
        """Report the mean of a value in the logs: in `call`, or a symbolic tensor that depends on the inputs.

        Args:
            value: an array or a symbolic tensor.
            name: name in the logs.
            aggregation: accepted for compatibility; it is the mean.
        """
        if self._graph is None or not symbolic.is_symbolic(value):
            super().add_metric(value, name, aggregation)
        else:
            self._compute_too(reports={name or value.name: value})  # type: ignore[union-attr]  # a symbolic tensor

    def _compute_too(self, losses: Any = (), reports: Any = None) -> None:
        """Compute these tensors together with the outputs; layers that only these tensors need join the model."""
        graph = self._the_graph("inputs")
        old = self._extended_graph.auxiliary if self._extended_graph is not None else AuxiliaryOutputs(self)
        auxiliary = AuxiliaryOutputs(self, [*old.losses, *losses], old.reports | (reports or {}))
        self._extended_graph = Graph(graph.inputs, graph.outputs, graph.guessed, auxiliary)
        self._auxiliary_layers = [layer for layer in self._extended_graph.layers if layer not in graph.layers]
        self._invalidate_trainer()

    # Structure -----------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in this model."""
        if self._graph is not None:
            return list(self._layers)
        return [v for v in weight_tree.sublayers(self) if isinstance(v, Layer)]

    @filtered
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or index.

        Args:
            name: name of the layer.
            index: position in `layers`; takes precedence over the name.

        Returns:
            The layer.

        Raises:
            ArgumentError: there is no such layer.
        """
        return structure.get_layer(self, name, index)

    @replaceable
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs as a flat list."""
        return list(self._the_graph("inputs").flat_inputs)

    @replaceable
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs as a flat list."""
        return symbolic.leaves(self._the_graph("outputs").outputs)

    @property
    def input(self) -> Symbolic:
        """The symbolic inputs in their structure."""
        return self._the_graph("input").inputs

    @property
    def output(self) -> Symbolic:
        """The symbolic outputs in their structure."""
        return self._the_graph("output").outputs

    @replaceable
    def input_shape(self) -> Shapes:
        """The shape of the input; of several inputs in their structure."""
        return structure.shapes(self.input)

    @replaceable
    def output_shape(self) -> Shapes:
        """The shape of the output; of several outputs in their structure."""
        return structure.shapes(self.output)

    def _the_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise MissingAttributeError(
                message(
                    f"Model '{self.name}' has no {what} yet",
                    hint="Give the first layer an input_shape, or start with Input(shape).",
                )
            )
        return self._graph

    def _has_call(self) -> bool:
        """Whether the model can be called; a model with a custom step need not define `call`."""
        return self._graph is not None or step_methods.overrides(self, "call")

    @filtered
    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Print the layers, their output shapes and numbers of parameters; arguments as in `summary.summary`."""
        from gazelle.models.summary import summary

        summary(self, *args, **kwargs)

    def _repr_html_(self) -> str:
        from gazelle.models.summary import html

        return html(self)

    # Training ------------------------------------------------------------------------------------------------------

    @filtered
    def compile(
        self,
        optimizer: OptimizerLike = "rmsprop",
        loss: Nested[LossLike] = None,
        loss_weights: Nested[float] | None = None,
        metrics: Nested[MetricLike] = None,
        weighted_metrics: Nested[MetricLike] = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | Literal["auto"] = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose the optimizer, the loss and the metrics.

        Args:
            optimizer: a name, an object of `gazelle.optimizers`, or an `optax` transformation.
            loss: a name, function or object; a list or dict with one per output.
            loss_weights: factors of the losses in the sum that is minimized.
            metrics: names, functions or objects; "accuracy" selects its kind by the shapes of labels and output.
            weighted_metrics: metrics weighted by `sample_weight` and `class_weight`.
            run_eagerly: run every step in Python, uncompiled: slow, but a step may print values.
            steps_per_execution: steps between two batch events of callbacks; without such callbacks, `fit` chooses the
                number of steps per call itself.
            jit_compile: accepted as in Keras; steps are always compiled unless `run_eagerly`.
            auto_scale_loss: scale the loss if the dtype policy is mixed_float16.

        Raises:
            ArgumentError: an unknown name; the message has the nearest known ones.

        Example:
        >>> model = Sequential([Input((3,)), layers.Dense(1)])
        >>> model.compile("adam", "mse", metrics=["mae"])
        """
        arguments = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        compiling.compile_model(self, arguments, auto_scale_loss)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compile_state is not None

    @property
    def loss(self) -> Nested[LossLike]:
        """The loss given to `compile`; another may be assigned."""
        state = self._compile_state
        return state.arguments["loss"] if state is not None else self.__dict__.get("loss")

    @loss.setter
    def loss(self, loss: Nested[LossLike]) -> None:
        self.__dict__["loss"] = loss  # a plain attribute if the model is not compiled
        compiling.replace_argument(self, "loss", loss)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; another may be assigned, which starts with its own slots."""
        return self.__dict__.get("optimizer")  # type: ignore[return-value]  # None before `compile`

    @optimizer.setter
    def optimizer(self, optimizer: OptimizerLike) -> None:
        self.__dict__["optimizer"] = optimizer
        compiling.replace_argument(self, "optimizer", optimizer)

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run in Python, uncompiled; `compile` replaces what was set before it."""
        state = self._compile_state
        return self._run_eagerly if state is None else bool(state.arguments["run_eagerly"])

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._run_eagerly, self._trainer = bool(value), None
        compiling.replace_argument(self, "run_eagerly", bool(value))

    @filtered
    def fit(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callback | Sequence[Callback] | None = None,
        validation_split: float | None = 0.0,
        validation_data: Data | None = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Data | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        validation_from: str | None = None,
        keep: bool | None = None,
        resume: bool | Literal["force"] = False,
        checkpoint: PathLike | None = None,
        stop_on_nan: bool = True,
    ) -> History:
        """Train the model.

        Args:
            x: samples: an array, a frame, a sparse matrix, a list or dict of these, a generator of (x, y), a dataset.
            y: labels, one per sample; nothing if x yields them.
            batch_size: samples per update, 32 by default; with `steps_per_epoch`, as many as cover the samples.
            epochs: number of the last epoch; `initial_epoch` epochs count as done. 0 trains nothing.
            verbose: 1 or "auto" a progress bar, 2 a line per epoch, 0 nothing.
            callbacks: objects of `gazelle.callbacks`.
            validation_split: fraction of the samples that is not trained on but evaluated after each epoch: the first
                ones, as `validation_from="start"` selects (Keras takes the last, "end"), before any shuffling.
            validation_data: (x, y), (x, y, sample_weight), or anything x can be; evaluated after each epoch.
            shuffle: draw the samples in a new order each epoch, a function of (seed, epoch); "batch" shuffles batches.
            class_weight: {class: weight} of the samples of a class in the loss; 1.0 is class 1.
            sample_weight: one weight per sample in the loss.
            initial_epoch: epoch to start with, from 0.
            steps_per_epoch: batches per epoch; all of the data by default. An epoch continues where the last one
                stopped, and ends with the data.
            validation_steps: batches per validation; all of the data by default.
            validation_batch_size: samples per batch of the validation; `batch_size` by default.
            validation_freq: validate every so many epochs, or after the epochs in a list.
            validation_from: "start" or "end", the side of the samples that `validation_split` takes.
            keep: save the latest state on disk (see `gazelle.latest`); True by default.
            resume: True continues where the last run of this program stopped, exactly: at the same step of the same
                epoch, with the same History; a run that was complete returns at once. Data that is not held in arrays
                is skipped up to there, or restores its own state (`state()` and
                `restore(state)`, `state_dict()` of torchdata and Hugging Face, iterators of grain). Program, arguments,
                model, compile configuration, seed and data are compared with those of the checkpoint: only `epochs`
                may be larger, other differences are errors. "force" continues in spite of them.
            checkpoint: folder of the checkpoint; by default one for this program, see `gazelle.latest`. Trainings of a
                model in one folder that a program resumes are counted; the second one has a checkpoint of its own.
            stop_on_nan: stop before the update whose loss is NaN or infinite, with a warning that names the step, its
                samples and the first layer that produced it; False continues.

        Returns:
            The `History` of losses and metrics: the last one in `callbacks`, which then also has the epochs of earlier
            trainings, else a new one.

        Raises:
            StateError: the model is not compiled, another thread trains it, or the checkpoint to resume is of another
                training; the message lists what differs.
            DataError: the data does not fit the model; the message has a hint.
            ShapeError: the data has another shape than the inputs.
        """
        with fitting.exclusive_fit(self):
            options = fitting.FitOptions(
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                callbacks=callbacks,
                validation_split=validation_split,
                validation_data=validation_data,
                shuffle=shuffle,
                class_weight=class_weight,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
                validation_from=validation_from,
                keep=keep,
                resume=resume,
                checkpoint=checkpoint,
                stop_on_nan=stop_on_nan,
            )
            return fitting.fit(self, x, y, sample_weight, options)

    @overload
    def evaluate(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Data | None = None,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
        *,
        return_dict: Literal[True],
    ) -> dict[str, float]: ...

    @overload
    def evaluate(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Data | None = None,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Scores: ...

    @filtered
    def evaluate(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Data | None = None,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Scores:
        """Compute the loss and the metrics on data without training.

        Args:
            x: samples, as in `fit`.
            y: labels, one per sample; nothing if x yields them.
            batch_size: samples per batch, 32 by default.
            verbose: 1 or "auto" a progress bar, 2 a line, 0 nothing.
            sample_weight: one weight per sample.
            steps: number of batches; all of the data by default.
            callbacks: objects of `gazelle.callbacks`.
            return_dict: return {name: value}.

        Returns:
            The loss; with metrics a list of the loss and them, in the order of `metrics_names`; or a dict.

        Raises:
            StateError: the model is not compiled.
            DataError: the data does not fit the model.
            ShapeError: the data has another shape than the inputs.
        """
        logs = evaluation.evaluate(self, x, y, sample_weight, batch_size, verbose, steps, callbacks)
        return evaluation.scores(self, logs, return_dict)

    @filtered
    def predict(
        self,
        x: Data,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
    ) -> Outputs:
        """Compute the outputs for all samples.

        Args:
            x: samples, as in `fit`.
            batch_size: samples per batch, 32 by default.
            verbose: 1 or "auto" a progress bar, 2 a line, 0 nothing.
            steps: number of batches; all of the data by default.
            callbacks: objects of `gazelle.callbacks`.

        Returns:
            NumPy arrays in the structure of the model's outputs.

        Raises:
            DataError: the data does not fit the model.
            ShapeError: the data has another shape than the inputs.
        """
        return evaluation.predict(self, x, batch_size, verbose, steps, callbacks)

    @filtered
    def train_on_batch(
        self,
        x: Data,
        y: Data | None = None,
        sample_weight: Data | None = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Scores:
        """Update the weights once, on one batch.

        Args:
            x: the samples.
            y: the labels.
            sample_weight: one weight per sample.
            class_weight: {class: weight} of the samples of a class in the loss.
            return_dict: return {name: value}.

        Returns:
            The loss and metrics of this batch, as `evaluate` returns them.
        """
        logs = evaluation.on_batch(self, "train_on_batch", x, y, sample_weight, class_weight)
        return evaluation.scores(self, logs, return_dict)

    @filtered
    def test_on_batch(
        self, x: Data, y: Data | None = None, sample_weight: Data | None = None, return_dict: bool = False
    ) -> Scores:
        """Compute the loss and the metrics of one batch.

        Args:
            x: the samples.
            y: the labels.
            sample_weight: one weight per sample.
            return_dict: return {name: value}.

        Returns:
            The loss and metrics of this batch, as `evaluate` returns them.
        """
        logs = evaluation.on_batch(self, "test_on_batch", x, y, sample_weight, None)
        return evaluation.scores(self, logs, return_dict)

    @filtered
    def predict_on_batch(self, x: Data) -> Outputs:
        """Compute the outputs of one batch.

        Args:
            x: the samples.

        Returns:
            NumPy arrays in the structure of the model's outputs.
        """
        return evaluation.predict_on_batch(self, x)

    def _callback_params(
        self, callbacks: list[Callback], source: Source, options: FitOptions, params: dict[str, Any]
    ) -> dict[str, Any]:
        """The attribute `params` of callbacks in a run of `fit`."""
        return params

    def _invalidate_trainer(self) -> None:
        """Delete the programs that were compiled for an earlier structure of the model."""
        self._trainer = None
        if self._compile_state is not None:
            self._compile_state.frozen = None

    # Steps that a subclass may override ----------------------------------------------------------------------------

    def train_step(self, *given: Any) -> StepResult:
        """Update the weights by the gradient of the loss of one batch.

        Args:
            *given: `data`, a batch (x, y, sample_weight); or `state, data`, where state is the values of the variables.

        Returns:
            Logs {name: value}; or (logs, state).
        """
        if len(given) == 2:
            return step_methods.as_pure(self, functools.partial(default_steps.train, self), step_methods.TRAIN, *given)
        return default_steps.train(self, given[0])

    def test_step(self, *given: Any) -> StepResult:
        """Compute the loss and the metrics of one batch without training.

        Args:
            *given: `data`, a batch (x, y, sample_weight); or `state, data`, where state is the values of the variables.

        Returns:
            Logs {name: value}; or (logs, state).
        """
        if len(given) == 2:
            return step_methods.as_pure(self, functools.partial(default_steps.test, self), step_methods.TEST, *given)
        return default_steps.test(self, given[0])

    def predict_step(self, *given: Any) -> Nested[Any]:
        """Compute the outputs of one batch.

        Args:
            *given: `data`, a batch x; or `state, data`, where state is the values of the variables.

        Returns:
            The outputs; or (outputs, values of `non_trainable_variables`).
        """
        predict = functools.partial(default_steps.predict, self)
        if len(given) == 2:
            out, (_, fixed) = step_methods.as_pure(self, predict, step_methods.PREDICT, *given)
            return out, fixed
        return predict(given[0])

    def compute_loss(
        self,
        x: Nested[ArrayLike] | None = None,
        y: Nested[ArrayLike] | None = None,
        y_pred: Nested[ArrayLike] | None = None,
        sample_weight: Nested[ArrayLike] | None = None,
        training: bool = True,
    ) -> Array:
        """Compute the loss given to `compile`, plus `losses`: those of `add_loss` and the penalties of regularizers.

        Args:
            x: the inputs.
            y: the labels.
            y_pred: the outputs.
            sample_weight: one weight per sample.
            training: whether the loss is minimized.

        Returns:
            A scalar.
        """
        return default_steps.compiled_loss(self, y, y_pred, sample_weight, self.losses)

    def stateless_compute_loss(
        self,
        trainable_variables: Sequence[ArrayLike],
        non_trainable_variables: Sequence[ArrayLike],
        metrics_variables: Sequence[ArrayLike],
        x: Nested[ArrayLike] | None = None,
        y: Nested[ArrayLike] | None = None,
        y_pred: Nested[ArrayLike] | None = None,
        sample_weight: Nested[ArrayLike] | None = None,
        training: bool = True,
    ) -> tuple[Array, Any]:
        """Compute `compute_loss` as a pure function; the outputs come from `stateless_call`.

        Args:
            trainable_variables: values in the order of the property.
            non_trainable_variables: values in the order of the property.
            metrics_variables: values in the order of the property.
            x: the inputs.
            y: the labels.
            y_pred: the outputs.
            sample_weight: one weight per sample.
            training: whether the loss is minimized.

        Returns:
            (loss, values of the three kinds of variables after it).
        """

        def loss(batch: tuple[Any, Any]) -> Array:
            return default_steps.loss_of(self, x, *batch, sample_weight, training)

        given = (trainable_variables, non_trainable_variables, metrics_variables)
        return step_methods.as_pure(self, loss, step_methods.TEST, given, (y, y_pred))

    def compute_metrics(
        self,
        x: Nested[ArrayLike],
        y: Nested[ArrayLike] | None,
        y_pred: Nested[ArrayLike],
        sample_weight: Nested[ArrayLike] | None = None,
    ) -> dict[str, Array]:
        """Update the metrics given to `compile` by one batch.

        Args:
            x: the inputs.
            y: the labels.
            y_pred: the outputs.
            sample_weight: one weight per sample.

        Returns:
            {name: result} of all metrics.
        """
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _restore_step_variables(self, values: Mapping[str, Array], step: Array) -> list[str]:
        return step_methods.restore_variables(self, values, step)

    def _with_state(self, name: str, parts: Sequence[str]) -> Callable[[Any], Any]:
        """The step of this name, in either form, as a function of data that reads and assigns variables."""
        step = getattr(self, name)
        return step_methods.with_state(self, name, parts) if step_methods.has_two_arguments(step) else step

    # Metrics -------------------------------------------------------------------------------------------------------

    @property
    def compiled_loss(self) -> Callable[..., Array]:
        """The loss given to `compile`, as a function for custom steps in the API of Keras 2.

        It has the arguments `(y, y_pred, sample_weight=None, regularization_losses=())` and updates the mean in the
        logs.
        """
        given = vars(self).get("_given_compiled_loss")
        return functools.partial(default_steps.tracked_loss, self) if given is None else given

    @compiled_loss.setter
    def compiled_loss(self, value: Callable[..., Array]) -> None:
        self._given_compiled_loss = value

    @property
    def compiled_metrics(self) -> CompileMetrics | model_metrics.NoMetrics:
        """The metrics given to `compile`; `update_state(y, y_pred, sample_weight)` adds a batch."""
        state, given = self._compile_state, vars(self).get("_given_compiled_metrics")
        if given is not None:
            return given
        return model_metrics.NoMetrics() if state is None or state.compile_metrics is None else state.compile_metrics

    @compiled_metrics.setter
    def compiled_metrics(self, value: CompileMetrics | model_metrics.NoMetrics) -> None:
        self._given_compiled_metrics = value

    @property
    def metrics(self) -> list[Metric]:
        """The loss, the metrics given to `compile` as one, and those in attributes of the model and its layers."""
        return [*model_metrics.compile_metrics(self), *model_metrics.in_attributes(self)]

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, in order; before the first data those given to `compile`."""
        return model_metrics.names(self)

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the results of all metrics.

        Returns:
            {name: result}.
        """
        return model_metrics.results(self)

    def reset_metrics(self) -> None:
        """Reset all metrics."""
        model_metrics.reset(self)

    # Files and configs ---------------------------------------------------------------------------------------------

    @filtered
    def save(self, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
        """Write architecture, weights, optimizer state and compile arguments.

        Weights that are divided over processes are gathered: all processes must call it, with memory for the whole.

        Args:
            filepath: of a `.keras` file; `.h5` or `.hdf5` selects the layout of Keras 1 and 2.
            overwrite: False raises if the file exists.
            **kwargs: further arguments of `gazelle.models.save_model`.

        Raises:
            OSError: the file could not be written; an earlier one is unchanged.
        """
        from gazelle.saving.keras_v3 import save_model

        save_model(self, filepath, overwrite=overwrite, **kwargs)

    @filtered
    def save_weights(self, filepath: PathLike, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the weights.

        Weights that are divided over processes are gathered: all processes must call it, with memory for the whole.

        Args:
            filepath: of a `.weights.h5`, `.weights.json` or `.safetensors` file.
            overwrite: False raises if the file exists.
            max_shard_size: largest size of a file in GiB; the weights are divided into several.

        Raises:
            OSError: the file could not be written; an earlier one is unchanged.
        """
        from gazelle.saving.weights import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    @filtered
    def load_weights(
        self,
        filepath: PathLike,
        skip_mismatch: bool = False,
        by_name: bool = False,
        objects_to_skip: Iterable[Layer] | None = None,
    ) -> list[str]:
        """Read weights.

        Args:
            filepath: of a file of any format that holds weights, or of the folder of an `OrbaxCheckpoint`; "latest" is
                the newest saved state of this program.
            skip_mismatch: load what fits and warn about the rest.
            by_name: match layers by name; layers that the file lacks keep their weights.
            objects_to_skip: layers that keep their weights, with the layers inside them.

        Returns:
            The names of the layers or variables that were loaded.
        """
        from gazelle.saving.weights import load_weights

        if filepath != "latest" and orbax.newest_step(filepath) is not None:
            return self._load_orbax(filepath, optimizer=False)
        return load_weights(
            self, filepath, skip_mismatch=skip_mismatch, by_name=by_name, objects_to_skip=objects_to_skip
        )

    def _load_orbax(self, folder: PathLike, optimizer: bool) -> list[str]:
        """Load the newest checkpoint of an `OrbaxCheckpoint`; return the paths of its variables."""
        from gazelle.training.callbacks.orbax import OrbaxCheckpoint

        OrbaxCheckpoint(folder, max_to_keep=None).load_into(self, optimizer=optimizer)
        return list(weight_tree.named_variables(self))

    @filtered
    def quantize(  # type: ignore[override]
        self,
        mode: str | None = None,
        config: QuantizationConfig | None = None,
        filters: str | Sequence[str] | Callable[[Layer], bool] | None = None,
        type_check: bool = True,
    ) -> None:
        """Quantize `Dense`, `EinsumDense` (also in attention) and, except for "float8", embeddings.

        Args:
            mode: "int8" or "int4" store weights as integers; "float8" trains with products of floats of 8 bits; "gptq"
                and "awq" choose the integers for measured inputs, and need a config.
            config: an `Int8QuantizationConfig`, `GPTQConfig` or another one of `gazelle.quantizers` instead of mode.
            filters: a regular expression for names of layers, several of them, or a function of a layer.
            type_check: False also accepts subclasses of these layers.

        Example:
        >>> model = gazelle.Sequential([Input((3,)), layers.Dense(2)])
        >>> model.quantize("int8")
        >>> model.layers[-1].kernel.dtype
        'int8'
        """
        from gazelle.models.quantizing import quantize

        quantize(self, mode, config, filters, type_check)
        self._invalidate_trainer()

    def get_quantization_layer_structure(self, mode: str | None = None) -> LayerStructure | None:
        """Return the layers in the order in which `quantize` takes them for "gptq" and "awq"; for subclasses.

        Args:
            mode: "gptq" or "awq".

        Returns:
            {"pre_block_layers": layers, "sequential_blocks": layers}, or None if there is none.
        """
        return None

    def export(
        self,
        filepath: PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write what `predict` computes as a program for another system; sizes that are None stay symbolic.

        Args:
            filepath: of the file, or the folder for "tf_saved_model".
            format: "tf_saved_model" and "litert" (package tensorflow), "onnx" (package onnx), or "stablehlo", read by
                `jax.export.deserialize`.
            verbose: whether to print the path; None prints it.
            input_signature: a list with the shape and type of each input, such as `keras.InputSpec`; by default those
                that the model was built on.
            **kwargs: options of the format.
        """
        from gazelle.export import export_model

        independent = self._is_batch_independent()
        export_model(self, filepath, format, verbose, input_signature, batch_independent=independent, **kwargs)

    def _is_batch_independent(self) -> bool:
        from gazelle.models.program_key import is_batch_independent

        return is_batch_independent(self)

    def as_function(self) -> tuple[Callable[..., Any], dict[str, Any]]:
        """Return the model as a pure function of JAX, and the values of its variables.

        Returns:
            (function, values): values is {path: array}; function(values, x, training=False, key=None) ->
            (outputs, values) reads only its arguments, draws random numbers from `key`, and returns the values after
            the call, which differ where layers update statistics, as BatchNormalization does in training.

        Example:
        >>> model = gazelle.Sequential([Input((3,)), layers.Dense(1, name="sums")])
        >>> function, values = model.as_function()
        >>> loss = lambda values: jnp.sum(function(values, jnp.ones((2, 3)))[0])
        >>> import jax
        >>> jax.grad(loss)(values)["sums/bias"]
        Array([2.], dtype=float32)
        """
        return stateless.as_function(self)

    @filtered
    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture as JSON text.

        Args:
            **kwargs: arguments of `json.dumps`.

        Returns:
            The text; `model_from_json` reads it.
        """
        from gazelle.saving.config import model_to_json

        return model_to_json(self, **kwargs)

    def get_config(self) -> Config:
        """Return the architecture of the model.

        Returns:
            The arguments of `from_config`, as values that JSON can hold.
        """
        if self._graph is not None:
            from gazelle.models.functional import graph_config, takes_a_graph

            if takes_a_graph(type(self)):
                return graph_config(self)
        if has_own_get_config(type(self)):
            return super().get_config()  # to which a subclass adds its arguments
        arguments = {k: v for k, v in self._config.items() if k not in ("inputs", "outputs", "args", "kwargs")}
        config = {k: serialize(v) for k, v in arguments.items()}
        return {**config, "name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create the model that `get_config` described.

        Args:
            config: the result of `get_config`.
            custom_objects: {name: class or function} of the program.

        Returns:
            A new model with new weights.
        """
        with custom_object_scope(custom_objects):
            if cls is Model or "input_layers" in config:
                from gazelle.models.functional import from_graph_config

                return from_graph_config(cls, config)
            return super().from_config(config)

    def get_compile_config(self) -> Config | None:
        """Return the arguments of `compile`.

        Returns:
            {argument: value}, with values that JSON can hold; None before `compile`.
        """
        return compiling.compile_config(self)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with a config.

        Args:
            config: the result of `get_compile_config`.
        """
        cls = type(self)
        own = not from_gazelle(cls.compile)
        customized = own and cls.compile_from_config is Model.compile_from_config
        compiling.compile_from_config(self, config, customized)

    def __getstate__(self) -> dict[str, Any]:
        return compiling.pickled_state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        compiling.restore_pickled(self, state)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Return weights, slots and metrics as {kind: {part of the path: {... : array}}}.

        Args:
            value_format: "backend_tensor" for arrays of JAX, "numpy_array" for NumPy's.

        Returns:
            The nested dicts of arrays.

        Example:
        >>> model = Sequential([Input((3,)), layers.Dense(2, name="top")])
        >>> model.get_state_tree("numpy_array")["trainable_variables"]["top"]["bias"].tolist()
        [0.0, 0.0]
        """
        return read(self, value_format)

    def set_state_tree(self, state_tree: Mapping[str, Any]) -> None:
        """Assign the values of a tree.

        Args:
            state_tree: as `get_state_tree` returns it; parts may be missing.
        """
        put(self, state_tree)


def _any_text(args: Any) -> bool:
    return any(tensor.dtype == "string" for tensor in symbolic.symbolic_leaves(args))
