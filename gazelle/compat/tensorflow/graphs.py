"""TensorFlow 1 as Keras programs used it: placeholders, variables, optimizers, savers and summaries of a graph.

A graph is what `keras.backend` has: symbolic tensors that are connected with their inputs, and variables that they read
when a session runs. It is used from the first call that only TensorFlow 1 had.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

import gazelle
from gazelle.compat.backend import functions, sessions, variables
from gazelle.compat.backend.gradients import gradients as graph_gradients
from gazelle.compat.backend.gradients import roots_of
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.backend.updates import GradientStep, OptimizerStep, Update
from gazelle.compat.listed import pairs
from gazelle.compat.namespaces import namespace
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.model_calls import all_variables, remembered
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.training import Checkpoint, Writer, write_index
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import unique_name
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.core.types import DTypeLike, PathLike, ShapeLike
from gazelle.core.variable import Variable
from gazelle.models.graph import Graph

_active = False
_scopes: list[tuple[str, Any]] = []  # (name with a slash, reuse) of the open variable scopes
_by_name: dict[str, Any] = {}  # variables and layers of variable scopes
_first_values: weakref.WeakKeyDictionary[Variable, Any] = weakref.WeakKeyDictionary()


def build_graphs(*_: Any, **__: Any) -> None:
    """From now on variables belong to graphs."""
    global _active
    _active = True


def active() -> bool:
    """Whether variables belong to graphs."""
    return _active


def reset(*_: Any, **__: Any) -> None:
    """`tf.reset_default_graph`: forget the names of variables."""
    _by_name.clear()
    all_variables.clear()


for _name in ("disable_eager_execution", "disable_v2_behavior"):
    named(_name)(build_graphs)
named("reset_default_graph")(reset)
named("executing_eagerly")(lambda: not _active)
named("executing_eagerly_outside_functions")(lambda: not _active)


# Inputs and variables -----------------------------------------------------------------------------------------------


@named("placeholder", "sparse_placeholder")
def placeholder(dtype: DTypeLike = "float32", shape: Any = None, name: str | None = None) -> TensorResult:
    """`tf.placeholder`: a symbolic tensor whose value is passed to `Session.run`."""
    build_graphs()
    sizes = [None] if shape is None else [None if n is None or n == -1 else int(n) for n in np.atleast_1d(shape)]
    taken = name is not None and name in _by_name
    _by_name[name or ""] = True
    kind = {"float64": "float32", "int64": "int32"}.get(str(np.dtype(dtype)), str(np.dtype(dtype)))
    return variables.placeholder(
        () if shape is not None and np.size(shape) == 0 else sizes, dtype=kind, name=None if taken else name
    )


class GraphVariable1(GraphVariable):
    """`tf.Variable` of a graph: an assignment of a symbolic tensor is an operation that a session runs."""

    def assign(self, value: Any, *_: Any, **__: Any) -> Any:
        return Update(self, value) if is_symbolic(value) else super().assign(unboxed(value))

    def assign_add(self, value: Any, *_: Any, **__: Any) -> Any:
        return Update(self, self + value)

    def assign_sub(self, value: Any, *_: Any, **__: Any) -> Any:
        return Update(self, self - value)

    def read_value(self) -> Any:
        return self + 0

    initialized_value = read_value
    initializer = property(lambda self: Update(self, _first_values[self]))

    def load(self, value: Any, session: object = None) -> None:
        """Assign a value at once."""
        super().assign(value)


def variable(initial_value: Any = None, trainable: bool = True, **options: Any) -> Any:
    """The variable of a graph; None if variables are those of TensorFlow 2."""
    if not _active or computes_values():
        return None
    value = unboxed(initial_value() if callable(initial_value) else initial_value)
    array = np.asarray(functions.eval(value) if isinstance(value, KerasTensor) else value)
    kind = str(np.dtype(options["dtype"])) if options.get("dtype") is not None else str(array.dtype)
    kind = {"float64": "float32", "int64": "int32"}.get(kind, kind)
    name = options.get("name") or unique_name("variables", "Variable")
    made = GraphVariable1(array.astype(kind), dtype=kind, name=f"{name}:0", trainable=trainable is not False)
    _first_values[made] = array.astype(kind)
    return remembered(made)


TensorFlowVariable.graph_variable = staticmethod(variable)


@named("variable_scope")
@contextlib.contextmanager
def variable_scope(name_or_scope: Any, default_name: str = "", *_: Any, reuse: Any = None, **__: Any) -> Iterator[Any]:
    """`tf.variable_scope`: a prefix of the names that `get_variable` and `tf.layers` use."""
    outer, inherited = _scopes[-1] if _scopes else ("", None)
    given = getattr(name_or_scope, "name", name_or_scope) or default_name
    scope = _Scope(f"{outer}{given}")
    _scopes.append((f"{scope.name}/", reuse if reuse is not None else inherited))
    try:
        yield scope
    finally:
        _scopes.pop()


class _Scope:
    def __init__(self, name: str) -> None:
        self.name = self.original_name_scope = name

    def reuse_variables(self) -> None:
        """Return existing variables from now on."""
        _scopes[-1] = (_scopes[-1][0], True)


def _scoped(name: str, make: Callable[[], Any]) -> Any:
    """The object of this name in the current scope if it may be reused, else a new one."""
    prefix, reuse = _scopes[-1] if _scopes else ("", None)
    full = prefix + name
    if not (reuse and full in _by_name):
        _by_name[full] = make()
    return _by_name[full]


@named("get_variable")
def get_variable(
    name: str,
    shape: ShapeLike | None = None,
    dtype: DTypeLike | None = None,
    initializer: Any = None,
    regularizer: object = None,
    trainable: bool = True,
    **_: Any,
) -> TensorResult:
    """`tf.get_variable`: the variable of this name in the variable scope."""
    build_graphs()

    def make() -> Any:
        draw = initializer() if isinstance(initializer, type) else initializer or gazelle.initializers.GlorotUniform()
        value = draw(tuple(shape or ())) if callable(draw) else draw
        return variable(value, trainable, dtype=dtype, name=(_scopes[-1][0] if _scopes else "") + name)

    return _scoped(name, make)


@named("GraphKeys")
class GraphKeys:
    """`tf.GraphKeys`."""

    GLOBAL_VARIABLES, TRAINABLE_VARIABLES = "variables", "trainable_variables"
    SUMMARIES, UPDATE_OPS, REGULARIZATION_LOSSES = "summaries", "update_ops", "regularization_losses"


@named("get_collection")
def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """`tf.get_collection`: variables or summaries, by the beginning of their names."""
    if key == GraphKeys.SUMMARIES:
        return list(_summaries)
    if key not in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES):
        return []
    found = [v for v in all_variables.values() if key == GraphKeys.GLOBAL_VARIABLES or v.trainable]
    return [v for v in found if not scope or str(v.name).startswith(scope)]


for _name, _key in (("global", "variables"), ("all", "variables"), ("trainable", "trainable_variables")):
    named(f"{_name}_variables")(functools.partial(get_collection, _key))


def initialize(*_: Any, **__: Any) -> list[Update]:
    """`tf.global_variables_initializer`: the first values of the variables of a graph."""
    return [Update(v, _first_values[v]) for v in all_variables.values() if v in _first_values]


for _name in ("global_variables_initializer", "initialize_all_variables", "variables_initializer"):
    named(_name)(initialize)
for _name in ("local_variables_initializer", "tables_initializer"):
    named(_name)(lambda: None)


def _assignment(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def assign(ref: Any, value: Any, *_: Any, **__: Any) -> Any:
        new = change(ref, value)
        return Update(ref, new) if isinstance(ref, GraphVariable) or is_symbolic(new) else ref.assign(new)

    return assign


named("assign")(_assignment(lambda ref, value: value))
named("assign_add")(_assignment(lambda ref, value: ref + value))
named("assign_sub")(_assignment(lambda ref, value: ref - value))


@named("group")
def group(*inputs: Any, **_: Any) -> list[Any]:
    """`tf.group`: the operations as a list, which a session runs together."""
    return list(inputs)


# Gradients and optimizers -------------------------------------------------------------------------------------------


@named("gradients")
def gradients(ys: TensorLike, xs: TensorLike, grad_ys: TensorLike | None = None, *_: Any, **__: Any) -> TensorResult:
    """`tf.gradients` of tensors of a graph."""
    if not any(map(is_symbolic, ys if isinstance(ys, list | tuple) else [ys])):
        expected = "a graph that is built before it runs"
        hint = "Compute ys in `with tf.GradientTape() as tape:` and call tape.gradient(ys, xs)."
        raise ArgumentError(message("tf.gradients", expected=expected, got="plain execution", hint=hint))
    if grad_ys is not None:
        pairs = zip(*([v] if not isinstance(v, list | tuple) else v for v in (ys, grad_ys)), strict=True)
        ys = [y * gazelle.ops.stop_gradient(upstream) for y, upstream in pairs]
    return graph_gradients(ys, xs)


def _trained(loss: Any) -> list[Variable]:
    roots, _ = roots_of(loss, None)
    return [v for v in functions.variables_of(Graph(roots, loss)).values() if v.trainable]


def compute_gradients(optimizer: Any, loss: Any, var_list: Any = None, **_: Any) -> list[tuple[Any, Any]]:
    """The pairs (gradient, variable) of a loss of a graph."""
    variables = list(var_list) if var_list is not None else _trained(loss)
    return list(zip(gradients(loss, variables), variables, strict=True))


def apply_gradients(optimizer: Any, pairs: Iterable[tuple[Any, Any]], global_step: Any = None) -> list[Any]:
    """The operation that takes one step with gradients that are tensors of a graph."""
    return [GradientStep(optimizer, pairs), *_counted(global_step)]


def minimize(optimizer: Any, loss: Any, global_step: Any = None, var_list: Any = None, **_: Any) -> list[Any]:
    """The operation that takes one step on a loss of a graph."""
    if isinstance(global_step, list | tuple):
        global_step, var_list = None, global_step
    variables = list(var_list) if var_list is not None else _trained(loss)
    return [OptimizerStep(optimizer, loss, variables), *_counted(global_step)]


def _counted(global_step: Any) -> list[Update]:
    return [] if global_step is None else [Update(global_step, global_step + 1)]


# Sessions, savers, summaries ----------------------------------------------------------------------------------------


class Session(sessions.Session):
    """`tf.Session`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        build_graphs()
        super().__init__(*args, **kwargs)


named("Session", "InteractiveSession")(Session)
named("get_default_session")(sessions.get_session)
named("get_default_graph", "Graph")(sessions.DefaultGraph)


@named("train.Saver")
class Saver:
    """`tf.train.Saver`: writes variables by name, all by default, and reads them."""

    def __init__(self, var_list: Any = None, max_to_keep: int = 5, **_: Any) -> None:
        self._given = var_list
        self.last_checkpoints: list[str] = []

    def _checkpoint(self) -> Checkpoint:
        given = list(all_variables.values()) if self._given is None else self._given
        named = given if isinstance(given, Mapping) else {}
        for v in () if isinstance(given, Mapping) else given:
            name = str(getattr(v, "path", None) or v.name).removesuffix(":0")
            named[name if name not in named else f"{name}_{len(named)}"] = v
        return Checkpoint(variables=named)

    def save(self, sess: object, save_path: PathLike, global_step: Any = None, **_: Any) -> str:
        """Write the values; returns the prefix of the file."""
        step = "" if global_step is None else f"-{int(np.asarray(unboxed(global_step)))}"
        prefix = self._checkpoint().write(f"{text(save_path)}{step}")
        self.last_checkpoints.append(prefix)
        write_index(prefix, self.last_checkpoints)
        return prefix

    def restore(self, sess: object, save_path: PathLike) -> None:
        """Read the values."""
        self._checkpoint().restore(save_path)


class Summary:
    """`tf.Summary(value=[tf.Summary.Value(tag=..., simple_value=...)])`: numbers for an event file."""

    class Value:
        """One number with its name."""

        def __init__(self, tag: str = "", simple_value: float | None = None, **_: Any) -> None:
            self.tag, self.simple_value = tag, simple_value

    class Image:
        """An image, which is not written."""

        def __init__(self, **_: Any) -> None:
            pass

    def __init__(self, value: Sequence[Any] = ()) -> None:
        self.value = _Values(value)


class _Values(list[Any]):
    def add(self, **options: Any) -> Any:
        """Append a value and return it."""
        self.append(Summary.Value(**options))
        return self[-1]


class SummaryNode(sessions.Fetch):
    """A summary of tensors of a graph, which a session computes."""

    def __init__(self, tag: str, tensor: Any) -> None:
        self.tag, self.fetched = tag, tensor

    def result(self, value: Any) -> Summary:
        return Summary([Summary.Value(self.tag, float(value))] if np.ndim(value) == 0 else [])


class _Merged(sessions.Fetch):
    def __init__(self, nodes: Sequence[SummaryNode]) -> None:
        self.nodes = list(nodes)
        self.fetched = [node.fetched for node in self.nodes]

    def result(self, value: Any) -> Summary:
        return Summary([one for node, v in zip(self.nodes, value, strict=True) for one in node.result(v).value])


_summaries: list[SummaryNode] = []


def summary_node(tag: str, tensor: Any) -> SummaryNode:
    """`tf.summary.scalar` and the like for a tensor of a graph."""
    _summaries.append(SummaryNode(tag, tensor))
    return _summaries[-1]


named("Summary")(Summary)
for _name in ("summary.merge_all", "merge_all_summaries", "compat.v1.summary.merge_all"):
    named(_name)(lambda *_, **__: _Merged(_summaries) if _summaries else None)
named("summary.merge")(lambda inputs, *_, **__: _Merged(inputs))


@named("summary.FileWriter", "train.SummaryWriter")
class FileWriter(Writer):
    """`tf.summary.FileWriter`: writes summaries to an event file."""

    def __init__(self, logdir: PathLike, graph: object = None, **_: Any) -> None:
        super().__init__(logdir)

    def add_summary(self, summary: Any, global_step: Any = None) -> None:
        """Write the numbers of a summary."""
        for one in summary.value:
            if one.simple_value is not None:
                self.write(one.tag, float(one.simple_value), int(np.asarray(unboxed(global_step or 0))))

    def add_graph(self, *_: Any, **__: Any) -> None:
        """Do nothing: graphs are not written."""


# tf.layers, tf.losses, tf.contrib -----------------------------------------------------------------------------------

_LAYERS = pairs("""average_pooling1d=AveragePooling1D average_pooling2d=AveragePooling2D
    batch_normalization=BatchNormalization conv1d=Conv1D conv2d=Conv2D conv2d_transpose=Conv2DTranspose
    conv3d=Conv3D dense=Dense dropout=Dropout flatten=Flatten max_pooling1d=MaxPooling1D
    max_pooling2d=MaxPooling2D separable_conv2d=SeparableConv2D""")


def _layer_function(kind: str) -> Callable[..., Any]:
    def call(inputs: Any, *args: Any, name: str | None = None, reuse: Any = None, **options: Any) -> Any:
        build_graphs()
        training = {"training": options.pop("training")} if "training" in options else {}
        if kind == "Dropout":
            args, options = args or (options.pop("rate", 0.5),), {}
        make = lambda: getattr(namespace("gazelle.layers"), kind)(*args, **options)  # noqa: E731
        layer = _scoped(name, make) if name else make()
        return layer(inputs, **training)

    return call


for _name, _kind in _LAYERS.items():
    named(f"layers.{_name}")(_layer_function(_kind))
    named(f"layers.{_kind}")(getattr(namespace("gazelle.layers"), _kind))
named("contrib.layers.flatten", "contrib.slim.flatten")(_layer_function("Flatten"))
named("contrib.layers.xavier_initializer")(gazelle.initializers.GlorotUniform)
named("contrib.layers.l2_regularizer")(gazelle.regularizers.L2)


@named("contrib.layers.fully_connected", "contrib.slim.fully_connected")
def fully_connected(inputs: Any, num_outputs: int, activation_fn: Any = "relu", **_: Any) -> TensorResult:
    return _layer_function("Dense")(inputs, num_outputs, activation=activation_fn)


def _mean_loss(name: str, **options: Any) -> Callable[..., Any]:
    def loss(labels: Any, other: Any = None, *_: Any, **given: Any) -> Any:
        for key in ("logits", "predictions"):
            other = given.get(key, other)
        function = getattr(namespace("gazelle.losses"), name)
        return gazelle.ops.mean(function(given.get("onehot_labels", labels), other, **options))

    return lambda *args, **kwargs: loss(*args, **({"labels": None} if not args else {}) | kwargs)


for _name, _function in {
    "absolute_difference": _mean_loss("mean_absolute_error"),
    "huber_loss": _mean_loss("huber"),
    "log_loss": _mean_loss("binary_crossentropy"),
    "mean_squared_error": _mean_loss("mean_squared_error"),
    "sigmoid_cross_entropy": _mean_loss("binary_crossentropy", from_logits=True),
    "softmax_cross_entropy": _mean_loss("categorical_crossentropy", from_logits=True),
    "sparse_softmax_cross_entropy": _mean_loss("sparse_categorical_crossentropy", from_logits=True),
}.items():
    named(f"losses.{_name}", f"compat.v1.losses.{_name}")(_function)


@named("estimator.Estimator", "estimator.model_to_estimator")
def estimator(*_: Any, **__: Any) -> TensorResult:
    """Raise an error: estimators are not supported."""
    hint = "Train the Keras model itself: model.fit."
    raise ArgumentError(message("tf.estimator", expected="a Keras model", got="an estimator", hint=hint))


#: `tf.keras.estimator`
keras_estimator = SimpleNamespace(model_to_estimator=estimator)
