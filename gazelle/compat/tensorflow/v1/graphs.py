"""TensorFlow 1 as Keras programs used it: placeholders, variables and optimizers of a graph.

A graph is what `keras.backend` has: symbolic tensors that are connected with their inputs, and variables that they read
when a session runs. It is used from the first call that only TensorFlow 1 had.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

import gazelle
from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.backend import functions, sessions, variables
from gazelle.compat.backend.execution_order import open_dependencies
from gazelle.compat.backend.gradients import graph_gradients, roots_of
from gazelle.compat.backend.initialization import Initialization
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.backend.updates import GradientStep, OptimizerStep, Update
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.variables import SymbolicTensor
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow import names, names_of_1, variable_names
from gazelle.compat.tensorflow.dtypes import DType, name_on_device
from gazelle.compat.tensorflow.eager.recording import in_graph, unboxed
from gazelle.compat.tensorflow.eager.tape import recorded_gradients, zeros_wanted
from gazelle.compat.tensorflow.model_calls import remembered
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.sizes import with_length
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.slots import add_slots
from gazelle.compat.tensorflow.v1.unknown_ranks import forget_rank
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import DTypeLike, Option, RegularizerLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import StateError, message
from gazelle.core.shape_inference import NeedsGraphError, call_op, infers_shapes
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.core.types import InitializerLike
from gazelle.core.variable import Variable
from gazelle.models.graph import Graph
from gazelle.optimizers import Optimizer

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.ops.sparse import SparseTensor

_active = False
_eager = False
_first_values: weakref.WeakKeyDictionary[Variable, Any] = weakref.WeakKeyDictionary()


def build_graphs(*_: Any, **__: Any) -> None:
    """From now on variables belong to graphs, unless the program has enabled eager execution."""
    if not _eager:
        enter()


def enter() -> None:
    """From now on variables belong to graphs, and what a program computes with weights of layers does, too."""
    global _active
    _active = True
    KerasTensor.derived = SymbolicTensor  # of operations without inputs, such as random numbers
    names.on_name = scopes.remember
    if recorder.get() is None:
        recorder.set(GraphVariable)


def leave() -> None:
    """Compute values at once again, after the `with` block of a graph in a program for TensorFlow 2."""
    global _active
    _active = False
    KerasTensor.derived, names.on_name = KerasTensor, None
    recorder.set(None)


def active() -> bool:
    """Whether variables belong to graphs."""
    return _active


@named("enable_eager_execution", "compat.v1.enable_eager_execution")
@ignores("config device_policy execution_mode")
def enable_eager_execution() -> None:
    """`tf.enable_eager_execution`: functions of TensorFlow 1 compute values at once."""
    global _eager
    _eager = True


def enabled_eager() -> bool:
    """Whether a program for TensorFlow 1 computes values at once, outside of functions and graphs."""
    return _eager


def eager() -> bool:
    """Whether a program for TensorFlow 1 computes values at once here."""
    return _eager and not (_active or in_graph())


scopes.is_eager = eager


def as_input(value: TensorLike) -> TensorLike:
    """A value as a tensor of the graph, in programs for TensorFlow 1 whose layers take constants."""
    in_program_of_1 = (_active or names_of_1.active()) and not (_eager or in_graph() or computes_values())
    is_constant = isinstance(unboxed(value), np.ndarray | jax.Array)
    return placeholder_with_default(value) if in_program_of_1 and is_constant else value


def close() -> None:
    """Record nothing in graphs any more; another program begins as if there was none."""
    global _eager
    _eager = False
    leave()


def reset(*_: Any, **__: Any) -> None:
    """`tf.reset_default_graph`: forget the names of variables, and the summaries."""
    scopes.reset()


@named("disable_eager_execution", "disable_v2_behavior")
def disable_eager_execution() -> None:
    """`tf.disable_eager_execution`: build graphs."""
    global _eager
    _eager = False
    enter()


named("reset_default_graph")(reset)
named("executing_eagerly_outside_functions")(lambda: not _active)
named("executing_eagerly")(lambda: not (_active or in_graph()))
named("no_op")(lambda name=None: Operations(open_dependencies()) if _active or names_of_1.active() else None)
named("inside_function")(in_graph)


# Inputs and variables -----------------------------------------------------------------------------------------------


@named("placeholder")
def placeholder(dtype: DTypeLike = "float32", shape: ShapeLike | None = None, name: str | None = None) -> TensorResult:
    """`tf.placeholder`: a symbolic tensor whose value is passed to `Session.run`."""
    if eager():
        hint = "Pass the value itself, or begin with tf.Graph().as_default()."
        raise StateError(message("tf.placeholder", expected="a graph", got="eager execution", hint=hint))
    build_graphs()
    sizes = [] if shape is None else [None if n is None or n == -1 else int(n) for n in np.atleast_1d(shape)]
    kind = name_on_device(dtype)
    # without a shape it is mostly a number, such as a rate of dropout; it takes arrays of any shape
    made = variables.placeholder(sizes, dtype=kind)
    if shape is None:
        forget_rank(made)
    if not sizes and "int" in kind:
        made = with_length(made)
    if name:
        scopes.remember(name, made)
    return made


@named("sparse_placeholder")
def sparse_placeholder(dtype: DTypeLike, shape: ShapeLike | None = None, name: str | None = None) -> SparseTensor:
    """`tf.sparse_placeholder`: a sparse tensor whose parts are passed to `Session.run`, by default a matrix."""
    from gazelle.compat.tensorflow.ops.sparse import SparseTensor

    rank = 2 if shape is None else len(shape)
    parts = ("indices", "int64", [None, rank]), ("values", dtype, [None]), ("shape", "int64", [rank])
    return SparseTensor(*(placeholder(kind, sizes, name and f"{name}/{part}") for part, kind, sizes in parts))


@named("placeholder_with_default")
def placeholder_with_default(
    input: TensorLike, shape: ShapeLike | None = None, name: str | None = None
) -> TensorResult:
    """`tf.placeholder_with_default`: a symbolic tensor with a value where none is passed to `Session.run`."""
    if is_symbolic(input):
        return input + 0
    value = np.asarray(unboxed(input))
    made = placeholder(value.dtype, value.shape if shape is None else shape, name)
    sessions.defaults[made] = value
    return made


@methods_ignore("validate_shape use_locking name read_value")
class GraphVariable1(GraphVariable):
    """`tf.Variable` of a graph: an assignment of a symbolic tensor is an operation that a session runs."""

    shape = property(lambda self: TensorShape(self._value.shape))

    @property
    def value(self) -> TensorResult:
        """The array for gazelle; programs call it, which returns a tensor."""
        return Variable.value.fget(self) if called_by_gazelle(1) else self.read_value

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
    kind = name_on_device(kind)
    name = options.get("full_name") or scopes.unique(options.get("name") or "Variable")
    made = GraphVariable1(array.astype(kind), dtype=kind, name=f"{name}:0", trainable=trainable is not False)
    made.dtype = DType(kind)
    _first_values[made] = array.astype(kind)
    return remembered(made)


def first_value(variable: Option) -> TensorResult:
    """The value that a variable has after `global_variables_initializer`."""
    return _first_values.get(variable, np.asarray(unboxed(variable)))


def set_first_value(variable: Variable, value: TensorLike) -> None:
    """Assign a value, which `global_variables_initializer` keeps."""
    variable.assign(value)
    if variable in _first_values:
        _first_values[variable] = np.asarray(value, variable.dtype)


TensorFlowVariable.graph_variable = staticmethod(variable)


#: variables are whole
named("fixed_size_partitioner", "min_max_variable_partitioner", "variable_axis_size_partitioner")(lambda *_, **__: None)


@named("get_variable")
@ignores("caching_device partitioner validate_shape use_resource constraint=None synchronization aggregation")
def get_variable(
    name: str,
    shape: ShapeLike | None = None,
    dtype: DTypeLike = None,
    initializer: InitializerLike | TensorLike | None = None,
    regularizer: RegularizerLike = None,
    trainable: bool = True,
    collections: Sequence[str] | None = None,
    *,
    custom_getter: Callable[..., Any] | None = None,
) -> TensorResult:
    """`tf.get_variable`: the variable of this name in the variable scope."""
    build_graphs()
    scope = scopes.current()
    options = {"shape": shape, "dtype": dtype, "initializer": initializer, "regularizer": regularizer}
    options |= {"trainable": trainable, "collections": collections}
    custom = custom_getter or scope.custom_getter
    if custom is not None:
        return custom(_true_getter, scope.prefix + name, **options, reuse=scope.reuse)
    return _own_variable(name, **options)


named("get_local_variable")(
    functools.partial(get_variable, trainable=False, collections=[scopes.GraphKeys.LOCAL_VARIABLES])
)


def _true_getter(name: str, *args: Any, **options: Any) -> Any:
    """What a custom getter calls with the whole name."""
    prefix = scopes.current().prefix
    options.pop("reuse", None)
    return _own_variable(name.removeprefix(prefix), *args, **options)


def _own_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    **_: Any,
) -> Any:
    scope = scopes.current()

    def make() -> Any:
        chosen = initializer if initializer is not None else scope.initializer
        draw = (
            chosen() if isinstance(chosen, type) else gazelle.initializers.GlorotUniform() if chosen is None else chosen
        )
        sizes = () if shape is None else tuple(int(n) for n in np.atleast_1d(shape))
        value = draw(sizes) if callable(draw) else draw
        if sizes and not callable(draw):
            value = np.broadcast_to(np.asarray(unboxed(value)), sizes) if np.ndim(unboxed(value)) == 0 else value
        if eager():
            with variable_names.opened(scope.prefix):
                return TensorFlowVariable(value, trainable=trainable, dtype=dtype, name=name)
        made = variable(value, trainable, dtype=dtype, full_name=scope.prefix + name)
        made.regularizer = regularizer if regularizer is not None else scope.regularizer
        scopes.add_to_collections(collections or (), made)
        return made

    known = scopes.variable_of(scope.prefix + name) if scope.reuse else None  # that of a layer
    return scopes.scoped(name, make, once=True) if known is None else known


@ignores("name")
def initialize(var_list: Iterable[Variable] | None = None) -> Operations:
    """`tf.variables_initializer`: the first values of variables; by default of all in the graph."""
    given = scopes.all_global() if var_list is None else list(var_list)
    return Operations(Update(v, _first_values[v]) if v in _first_values else Initialization(v) for v in given)


named("variables_initializer", "initialize_variables")(initialize)
named("global_variables_initializer", "initialize_all_variables")(lambda *_, **__: initialize())
named("tables_initializer", "initialize_all_tables")(lambda *_, **__: None)


def _assignment(name: str) -> Callable[..., Any]:
    @ignores("validate_shape use_locking name")
    def assign(ref: Any, value: Any) -> Any:
        builds = (_active or isinstance(ref, GraphVariable)) and not computes_values()
        return assigned(ref, name, value) if builds or is_symbolic(value) else getattr(ref, name)(value)

    return assign


def assigned(variable: Variable, method: str, value: TensorLike) -> TensorResult:
    """What `variable.assign(value)`, `assign_add` or `assign_sub` is in a graph: an operation that a session runs."""
    value = value.array if isinstance(value, Update) else value
    if not (is_symbolic(value) or isinstance(value, Variable)):
        value = np.asarray(unboxed(value), variable.dtype)
    new = value if method == "assign" else call_op(_CHANGES[method], (variable, value), {})
    return Update(variable, new, adds=method != "assign")


_CHANGES = {"assign_add": jnp.add, "assign_sub": jnp.subtract}
for _name in ("assign", *_CHANGES):
    named(_name)(_assignment(_name))


def _method(kind: str) -> Callable[..., Any]:
    original = getattr(Variable, kind)

    @ignores("use_locking name read_value")
    def method(self: Any, value: Any) -> Any:
        at_once = not _active or called_by_gazelle(2) or computes_values()
        return original(self, unboxed(value)) if at_once and not is_symbolic(value) else assigned(self, kind, value)

    return method


for _name in ("assign", *_CHANGES):
    setattr(GraphVariable, _name, _method(_name))


_HINTS = "gate_gradients aggregation_method colocate_gradients_with_ops"


# Gradients and optimizers -------------------------------------------------------------------------------------------


@named("gradients")
@ignores(f"name {_HINTS}")
def gradients(
    ys: TensorLike,
    xs: TensorLike,
    grad_ys: TensorLike = None,
    stop_gradients: TensorLike = None,
    unconnected_gradients: object = "none",
) -> list[Any]:
    """`tf.gradients` of tensors of a graph, or in a `tf.function` or step of a model."""
    given = [v if isinstance(v, list | tuple) else [v] for v in (ys, xs, grad_ys, stop_gradients)]
    targets, sources, upstreams, constants = given
    if not any(map(is_symbolic, targets)):
        if infers_shapes.get() and (_active or era.is_package_before_keras_3()):
            expected = "tensors of a graph"
            raise NeedsGraphError(message("tf.gradients in a layer", expected=expected, got=type(ys).__name__))
        found = recorded_gradients(ys, xs, grad_ys, constants=stop_gradients)
    else:
        if grad_ys is not None:
            weighted = zip(targets, upstreams, strict=True)
            targets = [y * gazelle.ops.stop_gradient(upstream) for y, upstream in weighted]
        total = targets[0] if len(targets) == 1 else sum(map(gazelle.ops.sum, targets))
        found = graph_gradients(total, sources, [v for v in constants if is_symbolic(v)])
    if not zeros_wanted(unconnected_gradients):
        return found
    return [gazelle.ops.zeros_like(x) if g is None else g for g, x in zip(found, sources, strict=True)]


def trained(loss: TensorLike) -> list[Variable]:
    """The trained variables from which a tensor of a graph is computed."""
    roots, _ = roots_of(loss, None)
    return [v for v in functions.variables_of(Graph(roots, loss)).values() if v.trainable]


@ignores(f"{_HINTS} grad_loss=None")
def compute_gradients(
    optimizer: Optimizer, loss: KerasTensor, var_list: Iterable[Variable] | None = None
) -> list[tuple[Any, Any]]:
    """The pairs (gradient, variable) of a loss of a graph."""
    variables = list(var_list) if var_list is not None else trained(loss)
    return list(zip(gradients(loss, variables), variables, strict=True))


def apply_gradients(
    optimizer: Optimizer,
    pairs: Iterable[tuple[Any, Any]],
    global_step: Variable | None = None,
    name: str | None = None,
) -> Operations:
    """The operation that takes one step with gradients that are tensors of a graph."""
    return _step(GradientStep(optimizer, pairs), global_step, name)


@ignores(f"{_HINTS} grad_loss=None")
def minimize(
    optimizer: Optimizer,
    loss: KerasTensor,
    global_step: Variable | Sequence[Variable] | None = None,
    var_list: Iterable[Variable] | None = None,
    name: str | None = None,
) -> Operations:
    """The operation that takes one step on a loss of a graph."""
    if isinstance(global_step, list | tuple):
        global_step, var_list = None, global_step
    variables = list(var_list) if var_list is not None else trained(loss)
    return _step(OptimizerStep(optimizer, loss, variables), global_step, name)


def _step(step: OptimizerStep, global_step: Any, name: str | None) -> Operations:
    if _active:
        add_slots(step, lambda value, full_name: variable(value, False, full_name=full_name))
    made = Operations((step, *_counted(global_step)))
    if name:
        scopes.remember(name, made)
    return made


def _counted(global_step: Any) -> list[Update]:
    return [] if global_step is None else [Update(global_step, global_step + 1)]
