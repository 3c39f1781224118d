"""Scopes, collections and control dependencies of TensorFlow 1."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax

from gazelle.compat import era, facade
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import depending, open_dependencies
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.backend.updates import Update
from gazelle.compat.tables import listed
from gazelle.compat.tensorflow import names, variable_names
from gazelle.compat.tensorflow.adapter import all_variables, penalty
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1.host_nodes import builds_graph
from gazelle.compat.types import Option, RegularizerLike, TensorLike, TensorResult
from gazelle.core import names as core_names
from gazelle.core.context_variables import assigned, pushed
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import names_made
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable

named("AUTO_REUSE")("auto_reuse")
summaries: list[Any] = []  # nodes of `v1.sessions`
_collections: dict[str, list[Any]] = {}
_added_in: dict[int, str] = {}  # id of what a collection holds -> the name scope in which it was added


class Scope:
    """A variable scope: the beginning of names, and defaults of `get_variable`."""

    def __init__(
        self,
        name: str,
        reuse: Option = None,
        initializer: Option = None,
        regularizer: RegularizerLike = None,
        custom_getter: Callable[..., Any] | None = None,
    ):
        self.name = self.original_name_scope = name
        self.reuse, self.initializer, self.regularizer = reuse or False, initializer, regularizer
        self.custom_getter = custom_getter

    prefix = property(lambda self: f"{self.name}/" if self.name else "")

    def reuse_variables(self) -> None:
        """Return existing variables from now on."""
        self.reuse = True

    def set_initializer(self, initializer: Option) -> None:
        self.initializer = initializer

    def set_regularizer(self, regularizer: RegularizerLike) -> None:
        self.regularizer = regularizer

    def global_variables(self) -> list[Any]:
        return get_collection(GraphKeys.GLOBAL_VARIABLES, self.prefix)

    def trainable_variables(self) -> list[Any]:
        return get_collection(GraphKeys.TRAINABLE_VARIABLES, self.prefix)


_open: list[Scope] = [Scope("")]
_by_name: dict[str, Any] = {}  # variables and layers of variable scopes
_counts: dict[str, int] = {}  # how often a name was made
_stores: list[dict[str, Any]] = []  # what eager code keeps by name
is_eager: Callable[[], bool] = lambda: False  # noqa: E731 - `graphs` sets it
_results: dict[str, Any] = {}  # tensors and operations that a program gave names


def current() -> Scope:
    """The innermost variable scope."""
    return _open[-1]


named("get_variable_scope")(current)


_kept: dict[int, Any] = {}  # the variables of the graph, also those that a program has no reference to


def keep(variable: Variable) -> None:
    """Let a variable live as long as the graph."""
    _kept[id(variable)] = variable


def _tables() -> tuple[Any, ...]:
    return _by_name, _counts, _collections, _added_in, _results, names_made, all_variables, _kept


def reset() -> None:
    """Forget all names."""
    for table in _tables():
        table.clear()
    summaries.clear()
    _open[:] = [Scope("")]
    variable_names.reset()


#: the contents of the tables of a graph
State = tuple[Any, ...]


def exchanged(state: State | None) -> State:
    """Replace all names, variables and collections, by none if `state` is None; return what they were before."""
    tables: Any = _tables()
    lists: Any = (summaries, _open)
    before = (*map(dict, tables), *map(list, lists))
    reset()
    if state is not None:
        for table, contents in zip(tables, state, strict=False):
            table.update(contents)
        for own, contents in zip(lists, state[len(tables) :], strict=True):
            own[:] = contents
    return before


def copied() -> State:
    """A copy of the tables of the default graph."""
    tables = _tables()
    return (*({key: _copied(v) for key, v in table.items()} for table in tables), list(summaries))


def _copied(value: Any) -> Any:
    return list(value) if type(value) is list else value


def add_copied(state: State) -> None:
    """Add what a copy has to the tables of the default graph."""
    tables = _tables()
    for table, contents in zip(tables, state, strict=False):
        table.update({key: _copied(value) for key, value in contents.items() if key not in table})
    summaries.extend(one for one in state[-1] if one not in summaries)


def unique(name: str) -> str:
    """The name in the open name scope, with a number from the second time on."""
    full = variable_names.prefix() + name
    count = _counts[full] = _counts.get(full, -1) + 1
    return f"{full}_{count}" if count else full


def _whole(name: str) -> str:
    """The beginning of the names in a name scope; in a graph one that is opened again has a number."""
    if not name or name.endswith("/"):
        return name
    return f"{variable_names.prefix() + name if names.on_name is None else unique(name)}/"


def _forget_counts(prefix: str) -> None:
    for name in [name for name in _counts if name.startswith(prefix)]:
        del _counts[name]


@named("variable_scope", "variable_op_scope")
@ignores("values@2 caching_device@5 partitioner@6 dtype use_resource constraint=None auxiliary_name_scope")
@contextlib.contextmanager
def variable_scope(
    name_or_scope: Option,
    default_name: str | None = None,
    initializer: Option = None,
    regularizer: RegularizerLike = None,
    custom_getter: Callable[..., Any] | None = None,
    reuse: Option = None,
) -> Iterator[Any]:
    """`tf.variable_scope`: a prefix of the names that `get_variable` and `tf.layers` use."""
    outer = current()
    if isinstance(name_or_scope, Scope):
        name, outer = name_or_scope.name, name_or_scope
        own = name.rpartition("/")[2]
    else:
        own = name_or_scope if name_or_scope is not None else default_name or "scope"
        name = f"{outer.prefix}{layer_name(own) if name_or_scope is None else own}"
    if all(scope.name != name for scope in _open):
        _forget_counts(f"{name}//")  # the names of layers without one begin again
    scope = Scope(
        name,
        reuse or outer.reuse,
        initializer or outer.initializer,
        regularizer or outer.regularizer,
        custom_getter or outer.custom_getter,
    )
    beginning = _whole(own) if own else variable_names.prefix()
    scope.original_name_scope = outer.original_name_scope if isinstance(name_or_scope, Scope) else beginning
    with pushed(_open, scope), variable_names.opened(beginning):
        yield scope


@named("make_template")
@ignores("create_scope_now_ unique_name_")
def make_template(
    name_: str, func_: Callable[..., Any], custom_getter_: Callable[..., Any] | None = None, **kwargs: Any
) -> Callable[..., Any]:
    """`tf.make_template`: a function whose calls share the variables of the first one."""
    with variable_scope(None, name_) as scope:
        pass
    called, kept = False, EagerVariableStore()

    def template(*args: Any, **more: Any) -> Any:
        nonlocal called
        with kept.as_default(), variable_scope(scope, reuse=called or None, custom_getter=custom_getter_):
            called = True
            return func_(*args, **{**kwargs, **more})

    return template


@named("name_scope")
@ignores("values skip_on_eager")
@contextlib.contextmanager
def name_scope(name: Option, default_name: str | None = None) -> Iterator[str]:
    """`tf.name_scope`: the beginning of the names of variables of `tf.Variable`, in tf.keras 2 also of weights."""
    given = name or default_name or ""
    with variable_names.opened(_whole(given)) as prefix, _of_weights(given):
        yield prefix


def _of_weights(name: str) -> AbstractContextManager[object]:
    """The scope in the paths of layers and weights; one that ends with "/" is whole."""
    if not name or not era.is_tf_keras_2() or facade.tensorflow_builds_graphs():
        return contextlib.nullcontext()
    path = name[:-1] if name.endswith("/") else core_names.scoped(name)
    return assigned(core_names.PATH, core_names.OwnScope(path))  # `with tf.name_scope(layer.name): layer.build(shape)`


named("op_scope")(ignores("values")(lambda values, name, default_name=None: name_scope(name, default_name)))


def scoped(name: str, make: Callable[[], Any], reuse: Option = None, once: bool = False) -> TensorResult:
    """The object of this name in the current scope if it may be reused, else a new one, or with `once` an error."""
    full = current().prefix + name
    if is_eager():  # without a store each call makes a new one
        kept = _stores[-1] if _stores else {}
        if full not in kept:
            kept[full] = make()
        return kept[full]
    reuses, known = reuse or current().reuse, full in _by_name
    if once and known and not reuses:
        hint = "Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in variable_scope?"
        raise ArgumentError(message(f"Variable {full} already exists, disallowed", hint=hint))
    if once and not known and reuses is True:
        hint = "Did you mean to set reuse=tf.AUTO_REUSE in variable_scope?"
        raise ArgumentError(
            message(f"Variable {full} does not exist, or was not created with tf.get_variable()", hint=hint)
        )
    if not (reuses and known):
        _by_name[full] = make()
    return _by_name[full]


@named("contrib.eager.EagerVariableStore")
class EagerVariableStore:
    """Keeps the variables and layers that eager code makes by name, so that its next call has the same."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def as_default(self) -> contextlib.AbstractContextManager[object]:
        """Return a context manager in which names stand for what is kept here."""
        return pushed(_stores, self._kept)

    def variables(self) -> list[Variable]:
        """Return all variables, by name."""
        made = [v for each in self._kept.values() for v in getattr(each, "weights", [each])]
        return sorted(made, key=variable_names.without_output)

    def trainable_variables(self) -> list[Variable]:
        """Return those that are trained."""
        return [v for v in self.variables() if v.trainable]

    def non_trainable_variables(self) -> list[Variable]:
        """Return the others."""
        return [v for v in self.variables() if not v.trainable]


def variable_of(name: str) -> Variable | None:
    """The variable of this name in a graph, such as a weight of a layer; None if there is none."""
    return next((v for v in all_variables.values() if variable_names.without_output(v) == name), None)


def remember(name: str, made: object) -> None:
    """Let a program find a tensor or an operation of a graph by the name that it gave."""
    is_constant = isinstance(made, TensorWrapper) and not isinstance(made, Variable)
    if is_constant or isinstance(made, KerasTensor | Operations):
        full = name[:-1] if name.endswith("/") else unique(name)  # the scope itself
        _results[full] = made
        if isinstance(made, KerasTensor):
            made.name = f"{full}:0"


def name_of_constant(tensor: TensorLike) -> str:
    """The name of a tensor that has its value; the default one of constants if the program gave none."""
    if not any(made is tensor for made in _results.values()):
        remember("Const", tensor)
    return next(name for name, made in _results.items() if made is tensor)


def by_name(name: str) -> TensorResult:
    """The variable, tensor or operation of a graph; None if there is none of this name."""
    plain = name.removesuffix(":0")
    return _results.get(plain, variable_of(plain))


def layer_name(kind: str) -> str:
    """The name of a layer that was given none: those in a scope are numbered each time that it is opened."""
    key = f"{current().name}//{kind}"
    count = _counts[key] = _counts.get(key, -1) + 1
    return f"{kind}_{count}" if count else kind


# Collections ----------------------------------------------------------------------------------------------------------


_KEYS = """activations asset_filepaths biases concatenated_variables cond_context eval_step global_step init_op
    local_init_op local_resources local_variables losses metric_variables model_variables moving_average_variables
    queue_runners ready_for_local_init_op ready_op regularization_losses resources saveable_objects savers summaries
    summary_op train_op trainable_resource_variables trainable_variables update_ops variables weights while_context"""
_OTHER_KEYS = {"GLOBAL_VARIABLES": "variables", "TABLE_INITIALIZERS": "table_initializer"}
#: the names of collections as constants
GraphKeys: Any = type("GraphKeys", (), {name.upper(): name for name in listed(_KEYS)} | _OTHER_KEYS)
named("GraphKeys")(GraphKeys)


def all_global() -> list[Variable]:
    """The variables of the graph, other than local ones, such as the sums of metrics."""
    local = {id(v) for v in _collections.get(GraphKeys.LOCAL_VARIABLES, ())}
    return [v for v in all_variables.values() if id(v) not in local]


@named("get_collection")
def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """`tf.get_collection`: what a program added, and summaries, variables and penalties by the beginning of names."""
    added = [value for value in _collections.get(key, ()) if not scope or _is_below(value, scope)]
    if key == GraphKeys.SUMMARIES:
        return [*summaries, *added]
    found = [v for v in all_global() if not scope or variable_names.without_output(v).startswith(scope)]
    if key == GraphKeys.REGULARIZATION_LOSSES and builds_graph():
        return [penalty_of(v.regularizer, v) for v in found if v.regularizer is not None] + added
    if key not in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES, GraphKeys.MODEL_VARIABLES):
        return added
    return [v for v in found if key != GraphKeys.TRAINABLE_VARIABLES or v.trainable]


def penalty_of(regularizer: Callable[[Any], Any], x: TensorLike) -> TensorResult:
    """The penalty of a tensor of the graph; a function of the program may also take other tensors of the graph."""
    if inspect.isfunction(regularizer):
        return regularizer(NAMES["identity"](x))
    return call_op(penalty(regularizer), (x,), {})


def _is_below(value: Any, scope: str) -> bool:
    """Whether something was added in a name scope, or assigns a variable of the scope."""
    inside = _added_in.get(id(value))
    if isinstance(value, Update):
        return variable_names.without_output(value.variable).startswith(scope) or (inside or "").startswith(scope)
    return inside is None or inside.startswith(scope)


def get_all_collection_keys() -> list[str]:
    """The names of the collections that have contents."""
    keys = {*_collections, GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES, GraphKeys.SUMMARIES}
    return sorted(key for key in keys if get_collection(key))


@named("get_collection_ref")
def get_collection_ref(key: str) -> list[Any]:
    """`tf.get_collection_ref`: the list itself."""
    return _collections.setdefault(key, [])


@named("add_to_collection")
def add_to_collection(name: str, value: object) -> None:
    """`tf.add_to_collection`."""
    get_collection_ref(name).append(value)
    _added_in[id(value)] = variable_names.prefix()


@named("add_to_collections")
def add_to_collections(names: str | Sequence[str], value: object) -> None:
    """`tf.add_to_collections`."""
    for name in [names] if isinstance(names, str) else names:
        add_to_collection(name, value)


_get_penalties = functools.partial(get_collection, GraphKeys.REGULARIZATION_LOSSES)
named("losses.get_regularization_losses")(_get_penalties)
named("losses.get_regularization_loss")(lambda scope=None: sum(_get_penalties(scope), 0.0))
named("losses.get_losses")(functools.partial(get_collection, GraphKeys.LOSSES))
named("losses.add_loss")(lambda loss, loss_collection=GraphKeys.LOSSES: add_to_collection(loss_collection, loss))


@named("losses.get_total_loss")
@ignores("name scope=None")
def get_total_loss(add_regularization_losses: bool = True) -> TensorResult:
    """`tf.losses.get_total_loss`: the sum of the losses of `tf.losses`, with the penalties of variables."""
    return sum(get_collection(GraphKeys.LOSSES) + (_get_penalties() if add_regularization_losses else []), 0.0)


for _name, _key in (("global", "variables"), ("all", "variables"), ("trainable", "trainable_variables")):
    named(f"{_name}_variables")(functools.partial(get_collection, _key))
named("local_variables")(functools.partial(get_collection, GraphKeys.LOCAL_VARIABLES))
named("model_variables", "moving_average_variables")(functools.partial(get_collection, GraphKeys.MODEL_VARIABLES))


# Control dependencies -------------------------------------------------------------------------------------------------

named("control_dependencies")(depending)
named("init_scope", "python.eager.context.eager_mode")(lambda: depending(None))


@named("group")
def group(*inputs: Option, name: str | None = None) -> Operations:
    """`tf.group`: operations that a session runs together."""
    made = Operations([*open_dependencies(), *jax.tree.leaves(inputs)])
    if name:
        remember(name, made)
    return made
