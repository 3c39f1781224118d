"""TensorFlow 1 as Keras programs used it: placeholders, variables and optimizers of a graph.

A graph is what `keras.backend` has: symbolic tensors that are connected with their inputs, and variables that they read
when a session runs. It is used from the first call that only TensorFlow 1 had.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

import gazelle
from gazelle.compat.backend import functions, sessions, variables
from gazelle.compat.backend.gradients import gradients as graph_gradients
from gazelle.compat.backend.gradients import roots_of
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.backend.updates import GradientStep, OptimizerStep, Update
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow.model_calls import all_variables, penalty, remembered
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.tape import recorded_gradients
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import DTypeLike, RegularizerLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.names import unique_name
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.core.types import InitializerLike
from gazelle.core.variable import Variable
from gazelle.models.graph import Graph
from gazelle.optimizers import Optimizer

_active = False
_scopes: list[tuple[str, Any]] = []  # (name with a slash, reuse) of the open variable scopes
_by_name: dict[str, Any] = {}  # variables and layers of variable scopes
summaries: list[Any] = []  # nodes of `graph_sessions`
_first_values: weakref.WeakKeyDictionary[Variable, Any] = weakref.WeakKeyDictionary()


def build_graphs(*_: Any, **__: Any) -> None:
    """From now on variables belong to graphs, and what a program computes with weights of layers does, too."""
    global _active
    _active = True
    if recorder.get() is None:
        recorder.set(GraphVariable)


def active() -> bool:
    """Whether variables belong to graphs."""
    return _active


def reset(*_: Any, **__: Any) -> None:
    """`tf.reset_default_graph`: forget the names of variables, and the summaries."""
    _by_name.clear()
    all_variables.clear()
    summaries.clear()


named("disable_eager_execution", "disable_v2_behavior")(build_graphs)
named("reset_default_graph")(reset)
named("executing_eagerly", "executing_eagerly_outside_functions")(lambda: not _active)


# Inputs and variables -----------------------------------------------------------------------------------------------


@named("placeholder", "sparse_placeholder")
def placeholder(dtype: DTypeLike = "float32", shape: ShapeLike | None = None, name: str | None = None) -> TensorResult:
    """`tf.placeholder`: a symbolic tensor whose value is passed to `Session.run`."""
    build_graphs()
    if shape is None and np.dtype(dtype) == bool:
        shape = ()  # the mode of layers
    sizes = [None] if shape is None else [None if n is None or n == -1 else int(n) for n in np.atleast_1d(shape)]
    taken = name is not None and name in _by_name
    _by_name[name or ""] = True
    kind = {"float64": "float32", "int64": "int32"}.get(str(np.dtype(dtype)), str(np.dtype(dtype)))
    return variables.placeholder(
        () if shape is not None and np.size(shape) == 0 else sizes, dtype=kind, name=None if taken else name
    )


@named("placeholder_with_default")
def placeholder_with_default(
    input: TensorLike, shape: ShapeLike | None = None, name: str | None = None
) -> TensorResult:
    """`tf.placeholder_with_default`: a symbolic tensor with a value where none is passed to `Session.run`."""
    value = np.asarray(unboxed(input))
    made = placeholder(value.dtype, value.shape if shape is None else shape, name)
    sessions.defaults[made] = value
    return made


class GraphVariable1(GraphVariable):
    """`tf.Variable` of a graph: an assignment of a symbolic tensor is an operation that a session runs."""

    def assign(self, value: TensorLike, *_: Any, **__: Any) -> TensorResult:
        return Update(self, value) if is_symbolic(value) else super().assign(unboxed(value))

    def assign_add(self, value: TensorLike, *_: Any, **__: Any) -> TensorResult:
        return Update(self, self + value)

    def assign_sub(self, value: TensorLike, *_: Any, **__: Any) -> TensorResult:
        return Update(self, self - value)

    def read_value(self) -> TensorResult:
        return self + 0

    initialized_value = read_value
    initializer = property(lambda self: Update(self, _first_values[self]))

    def load(self, value: TensorLike, session: object = None) -> None:
        """Assign a value at once."""
        super().assign(value)


def variable(
    initial_value: TensorLike | Callable[[], TensorLike] = None, trainable: bool = True, **options: Any
) -> GraphVariable1 | None:
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
def variable_scope(
    name_or_scope: str | _Scope | None, default_name: str = "", *_: Any, reuse: bool | str | None = None, **__: Any
) -> Iterator[Any]:
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


def scoped(name: str, make: Callable[[], Any]) -> Any:
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
    dtype: DTypeLike = None,
    initializer: InitializerLike | TensorLike | None = None,
    regularizer: RegularizerLike = None,
    trainable: bool = True,
    **_: Any,
) -> TensorResult:
    """`tf.get_variable`: the variable of this name in the variable scope."""
    build_graphs()

    def make() -> Any:
        draw = initializer() if isinstance(initializer, type) else initializer or gazelle.initializers.GlorotUniform()
        value = draw(tuple(shape or ())) if callable(draw) else draw
        made = variable(value, trainable, dtype=dtype, name=(_scopes[-1][0] if _scopes else "") + name)
        made.regularizer = regularizer
        return made

    return scoped(name, make)


@named("GraphKeys")
class GraphKeys:
    GLOBAL_VARIABLES, TRAINABLE_VARIABLES = "variables", "trainable_variables"
    SUMMARIES, UPDATE_OPS, REGULARIZATION_LOSSES = "summaries", "update_ops", "regularization_losses"
    LOSSES, LOCAL_VARIABLES, MODEL_VARIABLES = "losses", "local_variables", "model_variables"


@named("get_collection")
def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """`tf.get_collection`: summaries, or variables and penalties of variables by the beginning of their names."""
    if key == GraphKeys.SUMMARIES:
        return list(summaries)
    found = [v for v in all_variables.values() if not scope or str(v.name).startswith(scope)]
    if key == GraphKeys.REGULARIZATION_LOSSES:
        return [call_op(penalty(v.regularizer), (v,), {}) for v in found if v.regularizer is not None]
    if key not in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES):
        return []
    return [v for v in found if key == GraphKeys.GLOBAL_VARIABLES or v.trainable]


_get_penalties = functools.partial(get_collection, GraphKeys.REGULARIZATION_LOSSES)
named("losses.get_regularization_losses")(_get_penalties)
named("losses.get_regularization_loss")(lambda scope=None: sum(_get_penalties(scope), 0.0))


for _name, _key in (("global", "variables"), ("all", "variables"), ("trainable", "trainable_variables")):
    named(f"{_name}_variables")(functools.partial(get_collection, _key))


def initialize(*_: Any, **__: Any) -> Operations:
    """`tf.global_variables_initializer`: the first values of the variables of a graph."""
    return Operations(Update(v, _first_values[v]) for v in all_variables.values() if v in _first_values)


named("global_variables_initializer", "initialize_all_variables", "variables_initializer")(initialize)
named("local_variables_initializer", "tables_initializer")(lambda: None)


def _assignment(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def assign(ref: Any, value: Any, *_: Any, **__: Any) -> Any:
        new = change(ref, value)
        return Update(ref, new) if isinstance(ref, GraphVariable) or is_symbolic(new) else ref.assign(new)

    return assign


named("assign")(_assignment(lambda ref, value: value))
named("assign_add")(_assignment(lambda ref, value: ref + value))
named("assign_sub")(_assignment(lambda ref, value: ref - value))


named("group")(lambda *inputs, **_: Operations(inputs))


# Gradients and optimizers -------------------------------------------------------------------------------------------


@named("gradients")
def gradients(ys: TensorLike, xs: TensorLike, grad_ys: TensorLike = None, *_: Any, **__: Any) -> TensorResult:
    """`tf.gradients` of tensors of a graph, or in a `tf.function` or step of a model."""
    if not any(map(is_symbolic, ys if isinstance(ys, list | tuple) else [ys])):
        return recorded_gradients(ys, xs, grad_ys)
    if grad_ys is not None:
        pairs = zip(*([v] if not isinstance(v, list | tuple) else v for v in (ys, grad_ys)), strict=True)
        ys = [y * gazelle.ops.stop_gradient(upstream) for y, upstream in pairs]
    return graph_gradients(ys, xs)


def _trained(loss: Any) -> list[Variable]:
    roots, _ = roots_of(loss, None)
    return [v for v in functions.variables_of(Graph(roots, loss)).values() if v.trainable]


def compute_gradients(
    optimizer: Optimizer, loss: KerasTensor, var_list: Iterable[Variable] | None = None, **_: Any
) -> list[tuple[Any, Any]]:
    """The pairs (gradient, variable) of a loss of a graph."""
    variables = list(var_list) if var_list is not None else _trained(loss)
    return list(zip(gradients(loss, variables), variables, strict=True))


def apply_gradients(
    optimizer: Optimizer, pairs: Iterable[tuple[Any, Any]], global_step: Variable | None = None
) -> Operations:
    """The operation that takes one step with gradients that are tensors of a graph."""
    return Operations((GradientStep(optimizer, pairs), *_counted(global_step)))


def minimize(
    optimizer: Optimizer,
    loss: KerasTensor,
    global_step: Variable | Sequence[Variable] | None = None,
    var_list: Iterable[Variable] | None = None,
    **_: Any,
) -> Operations:
    """The operation that takes one step on a loss of a graph."""
    if isinstance(global_step, list | tuple):
        global_step, var_list = None, global_step
    variables = list(var_list) if var_list is not None else _trained(loss)
    return Operations((OptimizerStep(optimizer, loss, variables), *_counted(global_step)))


def _counted(global_step: Any) -> list[Update]:
    return [] if global_step is None else [Update(global_step, global_step + 1)]
