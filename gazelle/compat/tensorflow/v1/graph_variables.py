"""Variables of graphs of TensorFlow 1: `tf.Variable`, `tf.get_variable`, their initializers and assignments."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

import gazelle
from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.backend import functions, sessions, variables
from gazelle.compat.backend.execution_order import depending
from gazelle.compat.backend.initialization import Initialization
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.backend.updates import Update
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.adapter import remembered
from gazelle.compat.tensorflow.dtypes import DType, name_on_device
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops import sizes
from gazelle.compat.tensorflow.v1 import graphs, scopes
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import DTypeLike, Option, RegularizerLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.dtypes import check_range
from gazelle.core.errors import ArgumentError, message
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.core.types import InitializerLike
from gazelle.core.variable import Variable

_first_values: weakref.WeakKeyDictionary[Variable, Any] = weakref.WeakKeyDictionary()
#: integers -> inputs of graphs that have their values in each run
_inputs: weakref.WeakKeyDictionary[Variable, KerasTensor] = weakref.WeakKeyDictionary()


@sizes.keep_sizes
@methods_ignore("validate_shape use_locking name read_value")
class GraphVariable1(GraphVariable):
    """`tf.Variable` of a graph: an assignment of a symbolic tensor is an operation that a session runs."""

    shape = property(lambda self: TensorShape(self._value.shape))

    @property
    def value(self) -> TensorResult:
        """The array for gazelle; programs call it, which returns a tensor."""
        return Variable.value.fget(self) if called_by_gazelle(1) else self.read_value

    def read_value(self) -> TensorResult:
        return NAMES["identity"](self)

    @property
    def sizes(self) -> TensorResult:
        """An integer as a size in the shapes of tensors, which each run reads; None for other variables."""
        if computes_values() or self.shape.rank or "int" not in str(self.dtype):
            return None
        if self not in _inputs:
            _inputs[self] = sizes.with_length(variables.placeholder((), dtype=str(self.dtype)))
            sessions.defaults[_inputs[self]] = self
        return _inputs[self].sizes

    def initialized_value(self) -> TensorResult:
        """Its value once it is initialized, for first values of other variables."""
        first = _first_values.get(self)
        return first if is_symbolic(first) else self.read_value()

    initializer = property(lambda self: Update(self, _first_values[self]))

    def load(self, value: TensorLike, session: object = None) -> None:
        """Assign a value at once."""
        super().assign(value)


def read_in_graph(value: TensorLike) -> TensorLike:
    """A variable of a graph as a tensor, which each run reads, such as a condition that is fed; others as they are."""
    return NAMES["identity"](value) if isinstance(value, GraphVariable1) and not computes_values() else value


def _in_range(array: np.ndarray[Any, Any], kind: str) -> np.ndarray[Any, Any]:
    """The first value of a variable; the ends of int64, as of a counter without a limit, are those of 32 bits."""
    if kind != "int32" or array.dtype.kind not in "if":
        return array.astype(kind)
    limits, numbers = np.iinfo(kind), array.astype("float64")
    is_end = np.abs(numbers) >= 2.0**63 * (1 - 2.0**-20)
    rest = np.where(is_end, 0, array)
    check_range("The first value of a variable", rest.astype("int64"))
    return np.where(is_end, np.clip(numbers, limits.min, limits.max), rest).astype(kind)


def variable(
    initial_value: TensorLike | Callable[[], TensorLike] = None, trainable: bool = True, **options: Any
) -> GraphVariable1 | None:
    """The variable of a graph; None if variables are those of TensorFlow 2."""
    if not graphs.active() or computes_values():
        return None
    value = unboxed(initial_value() if callable(initial_value) else initial_value)
    is_fed = isinstance(value, KerasTensor) and bool(sessions.inputs_of(value))
    if is_fed:
        array: np.ndarray = np.zeros(_known_shape(value), value.dtype)
    else:
        array = np.asarray(functions.eval(value) if isinstance(value, KerasTensor) else value)
    kind = str(np.dtype(options["dtype"])) if options.get("dtype") is not None else str(array.dtype)
    kind = name_on_device(kind)
    name = options.get("full_name") or scopes.unique(options.get("name") or "Variable")
    first = _in_range(array, kind)
    made = GraphVariable1(first, dtype=kind, name=f"{name}:0", trainable=trainable is not False)
    made.dtype = DType(kind)
    _first_values[made] = NAMES["cast"](value, kind) if is_fed else first
    scopes.add_to_collections(options.get("collections") or (), made)
    scopes.keep(made)
    return remembered(made)


def _known_shape(value: KerasTensor) -> tuple[int, ...]:
    """The shape of a first value that the run of the initializer computes from what it is fed."""
    if None in value.shape:
        hint = "Give its placeholder a shape without None, or reshape it."
        raise ArgumentError(message("tf.Variable", expected="a known shape", got=f"{tuple(value.shape)}", hint=hint))
    return tuple(value.shape)


def first_value(variable: Option) -> TensorResult:
    """The value that a variable has after `global_variables_initializer`."""
    first = _first_values.get(variable)
    return np.asarray(unboxed(variable)) if first is None or is_symbolic(first) else first


def set_first_value(variable: Variable, value: TensorLike) -> None:
    """Assign a value, which `global_variables_initializer` keeps."""
    variable.assign(value)
    if variable in _first_values:
        _first_values[variable] = np.asarray(value, variable.dtype)


TensorFlowVariable.graph_variable = staticmethod(variable)


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
    graphs.build_graphs()
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
    """What a custom getter calls with the whole name, which may be that of a variable in another scope."""
    scope = scopes.current()
    options.pop("reuse", None)
    if name.startswith(scope.prefix):
        return _own_variable(name.removeprefix(scope.prefix), *args, **options)
    scope.name, own = "", scope.name
    try:
        return _own_variable(name, *args, **options)
    finally:
        scope.name = own


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
        size = () if shape is None else tuple(int(n) for n in np.atleast_1d(shape))
        value = draw(size) if callable(draw) else draw
        if size and not callable(draw):
            value = np.broadcast_to(np.asarray(unboxed(value)), size) if np.ndim(unboxed(value)) == 0 else value
        if graphs.eager():
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


def _assignment(name: str) -> Callable[..., Any]:
    @ignores("validate_shape use_locking name")
    def assign(ref: Any, value: Any) -> Any:
        builds = (graphs.active() or isinstance(ref, GraphVariable | Update)) and not computes_values()
        return assigned(ref, name, value) if builds or is_symbolic(value) else getattr(ref, name)(value)

    return assign


def assigned(variable: Variable | Update, method: str, value: TensorLike) -> TensorResult:
    """What `variable.assign(value)`, `assign_add` or `assign_sub` is in a graph: an operation that a session runs.

    The result of one may be changed by another one, which runs after it: `tf.assign_add(tf.assign(v, zeros), x)`.
    """
    value = value.array if isinstance(value, Update) else value
    if not (is_symbolic(value) or isinstance(value, Variable)):
        value = np.asarray(unboxed(value), variable.dtype)
    if isinstance(variable, Update):
        with depending([variable]):
            new = value if method == "assign" else call_op(_CHANGES[method], (variable.array, value), {})
            return Update(variable.variable, new)
    new = value if method == "assign" else call_op(_CHANGES[method], (variable, value), {})
    return Update(variable, new, adds=method != "assign")


_CHANGES = {"assign_add": jnp.add, "assign_sub": jnp.subtract}
for _name in ("assign", *_CHANGES):
    named(_name)(_assignment(_name))


def _method(kind: str) -> Callable[..., Any]:
    original = getattr(Variable, kind)

    @ignores("use_locking name read_value")
    def method(self: Any, value: Any) -> Any:
        at_once = not graphs.active() or called_by_gazelle(2) or computes_values()
        return original(self, unboxed(value)) if at_once and not is_symbolic(value) else assigned(self, kind, value)

    return method


for _name in ("assign", *_CHANGES):
    setattr(GraphVariable, _name, _method(_name))
