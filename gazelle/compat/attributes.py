"""Attributes of earlier versions: `attribute` reads them, `assign` sets them. Lists of layers, automatic names."""

from __future__ import annotations

import ast
import copy
import functools
import operator
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

import numpy as np

from gazelle import losses, ops, tree
from gazelle.compat import era, facade, loss_graph, methods, namespaces, step_functions, tables
from gazelle.compat.arguments import renamed_arguments
from gazelle.compat.backend.gradients import gradients
from gazelle.compat.backend.shapes import channels_first
from gazelle.compat.classes import adopt, core_class
from gazelle.compat.era import NOTHING
from gazelle.compat.graph_views import inputs_at, outputs_at, shapes
from gazelle.compat.layers import layer_updates
from gazelle.compat.layers.dropout_cells import DropoutRNNCellMixin
from gazelle.compat.optimizers.graph_optimizers import GraphOptimizer
from gazelle.compat.regularizers import Constraints
from gazelle.compat.types import TensorResult
from gazelle.compat.weights import initializations, weight_lists
from gazelle.core.own_code import from_gazelle
from gazelle.core.policies import CALIBRATED
from gazelle.core.serialization import serialize
from gazelle.core.symbolic import KerasTensor, map_tree
from gazelle.core.variable import Variable
from gazelle.initializers import Initializer
from gazelle.layers import (
    RNN,
    BatchNormalization,
    Embedding,
    GroupQueryAttention,
    InputLayer,
    Layer,
    MultiHeadAttention,
    call_arguments,
    weight_tree,
)
from gazelle.layers.multi_head_attention import equations
from gazelle.metrics import Metric
from gazelle.models import Model
from gazelle.models.graph import Graph
from gazelle.models.model_metrics import objects_in
from gazelle.optimizers import Optimizer, updates
from gazelle.optimizers.learning_rate import as_variable_or_function
from gazelle.optimizers.schedules import LearningRateSchedule
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.checkpoint import ModelCheckpoint
from gazelle.training.callbacks.tensorboard import TensorBoard


def _method(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """An attribute that is a method: function(instance, ...)."""
    return lambda instance: functools.partial(function, instance)


def _classes(model: Any, x: Any, batch_size: int | None = None, verbose: int = 0) -> Any:
    """The index of the most probable class; 1 or 0 for a single output."""
    probabilities = model.predict(x, batch_size=batch_size, verbose=verbose)
    return probabilities.argmax(axis=-1) if probabilities.shape[-1] > 1 else (probabilities > 0.5).astype("int32")


def _strategy(_: Any) -> Any:
    """The strategy of TensorFlow, as programs of tf.keras read it from models."""
    from gazelle.compat.tensorflow import tf_config  # which programs for Keras alone do not load

    return tf_config.get_strategy()


def _reset(model: Any) -> None:
    for layer in weight_tree.named_layers(model).values():
        if layer is not model and getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
            layer.reset_state()


def _build_attention(layer: Any, query: Any, value: Any, key: Any = None) -> None:
    """How layers of tf.keras built an attention layer that they contain, from tensors or shapes."""
    layer.build(*[tuple(getattr(each, "shape", each)) for each in (query, value, key) if each is not None])


def _equation(index: int) -> Callable[[Any], str]:
    """An einsum equation of attention, for queries with an axis for the heads."""

    def read(layer: Any) -> str:
        return equations(len(layer.query_dense.equation.partition(",")[0]) + 1, layer.attention_axes)[index]

    return read


def _compiled(name: str, model: Any) -> Any:
    """An argument of `compile`."""
    return None if model._compile_state is None else model._compile_state.arguments.get(name)


def _loss_functions(model: Any) -> list[Any]:
    return [losses.get(loss) for loss in tree.flatten(_compiled("loss", model)) if loss is not None]


def _of_cell(name: str, cell: Any) -> Any:
    """A method for the dropout masks of a recurrent cell."""
    return getattr(DropoutRNNCellMixin, name).__get__(cell) if "dropout" in vars(cell) else NOTHING


def _inputs_quantizer(layer: Any) -> Any:
    """What quantizes the inputs of a quantized layer; None leaves them in floats."""
    config = getattr(layer, "quantization_config", None)
    return NOTHING if config is None else config.activation_quantizer


_NOTHING_TO_DO = _method(lambda *_, **__: None)


def _metrics(layer: Layer) -> list[Metric]:
    """The metrics in attributes of a layer and of layers inside."""
    parts = weight_tree.named_layers(layer).values()
    found = [metric for part in parts for _, metric in objects_in(part.__dict__.items(), Metric)]
    return list({id(metric): metric for metric in found}.values())


def _listed(layer: Layer, found: Any) -> Any:
    """Shapes as Keras 2 lists them: of several tensors, and in tf.keras of an Input."""
    if era.is_tf_keras_2() and isinstance(layer, InputLayer):
        return [found]
    several = isinstance(found, tuple) and any(isinstance(part, tuple) for part in found)
    return list(found) if several and era.number() < 3 else found


def _output_signature(layer: Layer, input_signature: Any) -> Any:
    """The specs of the outputs for specs of the inputs; their dtype is that in which the layer computes."""
    from gazelle.compat.tensorflow.tensor_specs import TensorSpec

    shapes = layer.compute_output_shape(map_tree(lambda spec: spec.shape, input_signature))
    return tree.map_shape_structure(lambda shape: TensorSpec(shape, layer.compute_dtype), shapes)


_OF_CELLS = ("reset_dropout_mask", "reset_recurrent_dropout_mask", "get_dropout_mask", "get_recurrent_dropout_mask")
_LAYER: dict[str, Callable[[Any], Any]] = {
    "metrics": _metrics,
    "_layers": lambda layer: layer._flatten_layers(include_self=False, recursive=False),
    **dict.fromkeys(
        ("_build_at_init", "_clear_losses", "_untrack_variable"), _NOTHING_TO_DO
    ),  # weights are found in attributes
    "metrics_variables": lambda layer: [variable for metric in _metrics(layer) for variable in metric.variables],
    "output_shape": lambda layer: _listed(layer, shapes(outputs_at(layer))),
    "input_shape": lambda layer: _listed(layer, shapes(inputs_at(layer))),
    "compute_output_signature": _method(_output_signature),
    "get_output_shape_at": _method(lambda layer, index: _listed(layer, shapes(outputs_at(layer, index)))),
    "get_input_shape_at": _method(lambda layer, index: _listed(layer, shapes(inputs_at(layer, index)))),
    "get_output": _method(lambda layer, train=False: outputs_at(layer)),
    "get_input": _method(lambda layer, train=False: inputs_at(layer)),
    **dict.fromkeys(("get_input_mask_at", "get_output_mask_at"), _method(lambda layer, index: None)),
    "_track_trackable": _NOTHING_TO_DO,
    "_expects_training_arg": lambda layer: (
        "training" in call_arguments.argument_names(layer.call)
        or (isinstance(layer, Model) and from_gazelle(type(layer).call))
    ),
    "_expects_mask_arg": lambda layer: "mask" in call_arguments.argument_names(layer.call),
    "get_losses_for": _method(loss_graph.losses_for),
    "get_updates_for": _method(
        lambda layer, inputs=None: [] if inputs is None else layer_updates.of_layer(layer, inputs)
    ),
    # without those of layers in it: a property of the program may add them
    "_non_trainable_weights": lambda layer: [v for v in weight_tree.own_weights(layer) if not v.trainable],
    "submodules": lambda layer: tuple(weight_tree.named_layers(layer).values())[1:],
    "nb_row": lambda layer: layer.kernel_size[0],
    "nb_col": lambda layer: layer.kernel_size[1],
    "dim_ordering": lambda layer: "th" if channels_first(layer.data_format) else "tf",
    **{name: functools.partial(_of_cell, name) for name in vars(DropoutRNNCellMixin) if "_for_cell" in name},
    **{name: functools.partial(_of_cell, name) for name in _OF_CELLS},
    "inputs_quantizer": _inputs_quantizer,
    "depthwise_kernel": lambda layer: vars(layer).get("kernel", NOTHING),
    "is_gptq_calibrated": lambda layer: layer.quantization_mode == "gptq",
    "is_awq_calibrated": lambda layer: layer.quantization_mode == "awq",
    "quantized_kernel": lambda layer: vars(layer)["kernel"] if layer.quantization_mode in CALIBRATED else NOTHING,
}
_ATTENTION: dict[str, Callable[[Any], Any]] = {
    "_dot_product_equation": _equation(0),
    "_combine_equation": _equation(1),
    "_build_from_signature": _method(_build_attention),
}
_EMBEDDING: dict[str, Callable[[Any], Any]] = {
    "input_length": lambda layer: (getattr(layer, "batch_shape", None) or (None, None))[1],
}
#: numbers of one-dimensional layers of Keras 1
_LENGTHS = frozenset(("filter_length", "subsample_length", "pool_length", "stride", "length"))
_WEIGHTS = {
    "W": ("kernel", "embeddings", "gamma", "depthwise_kernel"),
    **{f"_{name}": (name,) for name in ("kernel", "embeddings")},  # without its correction
    "b": ("bias", "beta"),
    "U": ("recurrent_kernel",),
    **{name: (name,) for name in ("recurrent_kernel", "bias")},  # of the cell of a recurrent layer
    "kernel": ("kernel", "depthwise_kernel"),  # the latter of a `build` in a subclass of DepthwiseConv2D
}


def _is_validated(model: Any, epoch: int, validation_freq: int | Container[int]) -> bool:
    """Whether `fit` validates after an epoch, counted from 0."""
    return (epoch + 1) % validation_freq == 0 if isinstance(validation_freq, int) else epoch + 1 in validation_freq


def _set_inputs(model: Any, inputs: Any, *_: Any, **__: Any) -> None:
    """Build a model for data of this shape."""
    if not model.built:
        model.build(map_tree(lambda leaf: (None, *np.shape(leaf)[1:]), facade.adapter.unbox(inputs)))


_MODEL: dict[str, Callable[[Any], Any]] = {
    "predict_classes": _method(_classes),
    "predict_proba": _method(lambda model, x, batch_size=None, verbose=0: model.predict(x, batch_size, verbose)),
    "reset_states": _method(_reset),
    "reset_state": _method(_reset),
    "to_yaml": _method(lambda model, **_: model.to_json()),  # JSON is YAML
    "model": lambda model: model,
    "jit_compile": lambda model: bool(_compiled("jit_compile", model) in (None, "auto", True)),
    "steps_per_execution": lambda model: _compiled("steps_per_execution", model) or 1,
    "_validate_target_and_loss": _NOTHING_TO_DO,
    "distribute_strategy": _strategy,
    "stateful": lambda model: any(getattr(layer, "stateful", False) for layer in model.layers),
    "_loss_tracker": lambda model: next((m for m in model.metrics if m.name == "loss"), None),
    **dict.fromkeys(
        ("input_names", "_feed_input_names"), lambda model: list(model._the_graph("input_names").input_names)
    ),
    "output_names": lambda model: list(model._the_graph("output_names").log_names),
    **{
        f"{step}_function": functools.partial(step_functions.step_function, step)
        for step in ("train", "test", "predict")
    },
    **{
        f"make_{step}_function": _method(lambda model, step=step, force=False: getattr(model, f"{step}_function"))
        for step in ("train", "test", "predict")
    },
    **{f"_{step}_counter": functools.partial(methods.counter, step) for step in ("train", "test", "predict")},
    # of a model that is not built yet, and raises an error in Keras 3
    **dict.fromkeys(("inputs", "outputs"), lambda _: None if era.number() < 3 else NOTHING),
    **dict.fromkeys(
        [
            "_reset_compile_cache",
            "_assert_compile_was_called",
            "_check_trainable_weights_consistency",
            "_check_call_args",
            "_set_save_spec",
        ],
        _NOTHING_TO_DO,
    ),
    "_function_kwargs": lambda _: {},
    "_should_eval": _method(_is_validated),
    "_inputs_struct": lambda model: model._the_graph("_inputs_struct").inputs,
    "_outputs_struct": lambda model: model._the_graph("_outputs_struct").outputs,
    "_collected_trainable_weights": step_functions.collected_weights,
    "_feed_inputs": lambda model: list(model.inputs),
    "_set_inputs": _method(_set_inputs),
    "_feed_outputs": lambda model: list(model.outputs),
    "_functional": lambda model: adopt(Model(model.inputs, model.outputs, name=model.name)),
    "_is_graph_network": lambda model: model._graph is not None,
    "input_layers": lambda model: [model._the_graph("input_layers").producer(tensor) for tensor in model.inputs],
    # until Keras 2.1: which call of an input layer, and which of its outputs, the inputs are
    **dict.fromkeys(
        ("input_layers_node_indices", "input_layers_tensor_indices"), lambda model: [0 for _ in model.inputs]
    ),
    "output_layers": lambda model: [model._the_graph("output_layers").producer(tensor) for tensor in model.outputs],
    **{name: functools.partial(_compiled, name) for name in ("loss_weights", "weighted_metrics")},
    "loss_functions": _loss_functions,
    **{n: functools.partial(loss_graph.part, n) for n in ("total_loss", "targets", "sample_weights")},
    **{f"_feed_{n}": functools.partial(loss_graph.part, n) for n in ("targets", "sample_weights")},
}


def _built(optimizer: Any) -> bool:
    """False, after the constructor of the base class, which a wrapper around another optimizer did not call."""
    optimizer._init_core(Optimizer, (), {}, False)
    return False


def scheduled_rate(optimizer: Optimizer) -> TensorResult:
    """The learning rate of a schedule at the present step, which can be called for others."""
    from gazelle.compat.tensorflow.variable import ScheduledRate  # it imports this module

    return ScheduledRate.of(optimizer)


def _writer(callback: TensorBoard) -> Any:
    """What writes the program's own values to the folder of a callback."""
    from gazelle.compat.tensorflow.v1.summaries import writer_of  # it imports this module

    return writer_of(callback)


_SLOTS = """_momentums=momentum momentums=momentum _m=momentum _velocities=velocity _v=velocity _u=norm
    _velocity_hats=velocity_hat _average_gradients=average_gradient _accumulators=accumulator _linears=linear
    _accumulated_grads=accumulated_grad _accumulated_delta_vars=accumulated_delta_var"""


def _slot(slot: str) -> Callable[[Any], Any]:
    """The variables of a slot, which subclasses of optimizers use; no variables if there is no such slot."""
    return lambda optimizer: optimizer._custom.inherited_slots(slot) if slot in optimizer.slots else []


def _clipped(optimizer: Any, gradients: Sequence[Any]) -> list[Any]:
    """The gradients within the bounds of an optimizer; None where there is no gradient."""
    found = {str(i): ops.convert_to_tensor(g) for i, g in enumerate(gradients) if g is not None}
    clipped = updates.clip(optimizer, found)
    return [clipped.get(str(i)) for i in range(len(gradients))]


def _serialized(hyperparameter: Any) -> Any:
    """A number, variable, schedule or function without arguments, as a value for the config."""
    if isinstance(hyperparameter, LearningRateSchedule):
        return serialize(hyperparameter)
    if isinstance(hyperparameter, Variable):
        return np.asarray(hyperparameter)[()]
    return hyperparameter() if callable(hyperparameter) else hyperparameter


_OPTIMIZER: dict[str, Callable[[Any], Any]] = {
    "_clip_gradients": _method(_clipped),
    "_accumulated_gradients": lambda optimizer: optimizer._custom.inherited_slots("gradient_accumulator"),
    "_model_variables_moving_average": lambda optimizer: list(optimizer.averages().values()),
    "_build_learning_rate": _method(lambda optimizer, rate: as_variable_or_function(optimizer.name, rate)),
    "_index_dict": lambda optimizer: {v.key: i for i, v in enumerate(optimizer._trainable_variables)},
    "_var_key": _method(lambda _, variable: variable.key),
    "built": _built,
    "get_gradients": _method(lambda _, loss, params: gradients(loss, params)),
    "lr": lambda optimizer: adopt(scheduled_rate(optimizer)),
    "_create_slots": _NOTHING_TO_DO,
    "_get_hyper": _method(lambda optimizer, name, dtype=None: getattr(optimizer, name)),
    "_serialize_hyperparameter": lambda _: _serialized,
    "_set_hyper": _method(setattr),
    "_decayed_lr": _method(lambda optimizer, dtype=None: optimizer.learning_rate),
    **{name: _slot(slot) for name, slot in tables.pairs(_SLOTS).items()},
}
_CHECKPOINT: dict[str, Callable[[Any], Any]] = {
    "_should_save_on_batch": _method(lambda callback, batch: callback._counter.update(batch)),
}


def _set_weights(metric: Any, weights: Iterable[Any]) -> None:
    for variable, value in zip(metric.variables, weights, strict=True):
        variable.assign(value)


def _merge_state(metric: Any, metrics: Iterable[Any]) -> None:
    for other in metrics:
        for own, variable in zip(metric.variables, other.variables, strict=True):
            own.assign_add(variable.numpy())


_METRIC: dict[str, Callable[[Any], Any]] = {
    "merge_state": _method(_merge_state),
    "get_weights": _method(lambda metric: [variable.numpy() for variable in metric.variables]),
    "set_weights": _method(_set_weights),
    **dict.fromkeys(("weights", "non_trainable_weights"), lambda metric: adopt(metric.variables)),
    "accumulator": lambda metric: next(iter(metric.variables), NOTHING),
}


_OF: tuple[tuple[type, dict[str, Callable[[Any], Any]]], ...] = (
    (Model, _MODEL),
    (MultiHeadAttention, _ATTENTION),
    (GroupQueryAttention, {}),
    (Embedding, _EMBEDDING),
    (BatchNormalization, {}),
    (RNN, {}),
    (Layer, _LAYER),
    (Optimizer, _OPTIMIZER),
    (Metric, _METRIC),
    (ModelCheckpoint, _CHECKPOINT),
    (TensorBoard, {"writer": _writer}),
    (Callback, {}),
    (losses.Loss, {"_get_reduction": _method(lambda loss: loss.reduction)}),
    (Initializer, {}),
)


def _from_table(value: str) -> Callable[[Any], Any]:
    """How to read what the table has: the name of an attribute, a function, or a constant, which each object owns."""
    if ":" in value:
        function = tables.resolve(value.removesuffix("()"), __name__)
        return _method(function) if value.endswith("()") else function
    try:
        constant = ast.literal_eval(value)
    except ValueError:
        return operator.attrgetter(value)
    return lambda instance: copy.copy(constant)


for _kind, _table in _OF:
    for _names, _value in tables.read("attributes").get(_kind.__name__, {}).items():
        _table.update(dict.fromkeys(_names.split(), _from_table(_value)))
#: attributes whose assignment has an effect of its own
ASSIGNED = frozenset(("_name", "constraints", "lr", "non_trainable_weights", "outputs", "trainable_weights"))


def attribute(instance: Any, name: str) -> Any:
    """The value of an attribute that current objects do not have; NOTHING if no version had it."""
    for kind, table in _OF:
        if isinstance(instance, kind) and name in table:
            return table[name](instance)
    if isinstance(instance, RNN) and name in (getattr(cell := vars(instance).get("cell"), "_config", None) or ()):
        return getattr(cell, name)  # `units` of an LSTM that a program creates with `RNN.__init__`
    if isinstance(instance, Layer) and core_class(type(instance)) is not Layer:
        for owner in (instance, instance.__dict__.get("cell")):
            for now in _WEIGHTS.get(name, ()):
                if now in getattr(owner, "__dict__", ()):
                    return vars(owner)[now]
        if isinstance(instance, RNN) and (gate := _gate(instance, name)) is not NOTHING:
            return gate
        now = renamed_arguments.renamed([c.__name__ for c in type(instance).__mro__], "__init__", name)
        if (
            now
            and now != name
            and (now in instance.__dict__ or isinstance(getattr(type(instance), now, None), property))
        ):
            found = getattr(instance, now)
            if name in _LENGTHS and isinstance(found, tuple):
                return found[0]
            is_init = isinstance(found, Initializer) and name.endswith("init")
            return initializations.of_layer(found) if is_init else namespaces.converted(found)
    return NOTHING


def _gate(layer: Any, name: str) -> Any:
    """The part of a weight for one gate of a recurrent layer, such as `W_i` or `recurrent_kernel_i`."""
    start, _, letter = name.rpartition("_")
    index = "ifco" if layer.cell.__class__.__name__ == "LSTMCell" else "zrh"
    if start not in _WEIGHTS or letter not in tuple(index):
        return NOTHING
    units = layer.cell.units
    return attribute(layer, start)[..., (n := index.index(letter)) * units : (n + 1) * units]


def assign(instance: Any, name: str, value: Any) -> Any:
    """Assign an attribute that had an effect in earlier versions; NOTHING if it is a plain attribute."""
    if isinstance(instance, Optimizer) and name == "lr" and not isinstance(instance, GraphOptimizer):
        instance.learning_rate = value
    elif name == "_name" and isinstance(instance, Layer) and "name" in vars(instance) and era.number() < 3:
        vars(instance)["name"] = value
        if isinstance(getattr(type(instance), "name", None), property):
            return NOTHING  # stored as `_name`, too, which the property of the class reads
    elif isinstance(instance, Layer) and name in ("trainable_weights", "non_trainable_weights"):
        weight_lists.set_weights_lists(instance, name, value)
    elif isinstance(instance, Layer) and name == "constraints" and type(value) is dict and era.number() == 1:
        vars(instance)[name] = Constraints(value)
    elif isinstance(instance, Model) and name == "outputs" and isinstance(value, list) and _symbolic(value):
        instance._invalidate_trainer()
        if hasattr(instance, "_tail"):
            sequential: Any = instance
            sequential._tail, sequential._graph = value[0], None
        else:
            instance._set_graph(Graph(instance.inputs, value[0] if len(value) == 1 else value))
    else:
        return NOTHING
    return None


def _symbolic(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(v, KerasTensor) for v in value)
