"""Variables of a graph of TensorFlow 1 by name, and which of them are initialized or restored."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.sessions import Saver
from gazelle.compat.types import PathLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.variable import Variable

# All variables have their first values from the beginning, so that these answers are constants.
named("is_variable_initialized")(ignores("variable name")(lambda: NAMES["constant"](True)))
named("report_uninitialized_variables")(
    ignores("var_list name")(lambda: NAMES["constant"](np.zeros(0, object), dtype="string"))
)


@named("contrib.framework.get_variables")
def get_variables(
    scope: str | scopes.Scope | None = None,
    suffix: str | None = None,
    collection: str = scopes.GraphKeys.GLOBAL_VARIABLES,
) -> list[Variable]:
    """`tf.contrib.framework.get_variables`: those in a scope whose names end with `suffix`."""
    prefix = getattr(scope, "name", scope) or None
    found = scopes.get_collection(collection, prefix)
    return [v for v in found if variable_names.without_output(v).endswith(suffix or "")]


named("contrib.framework.get_local_variables")(
    functools.partial(get_variables, collection=scopes.GraphKeys.LOCAL_VARIABLES)
)
named("contrib.framework.get_trainable_variables")(
    functools.partial(get_variables, collection=scopes.GraphKeys.TRAINABLE_VARIABLES)
)


@named("contrib.framework.get_variables_by_suffix")
def get_variables_by_suffix(suffix: str, scope: str | scopes.Scope | None = None) -> list[Variable]:
    """`tf.contrib.framework.get_variables_by_suffix`."""
    return get_variables(scope, suffix)


@named("contrib.framework.get_variables_by_name")
def get_variables_by_name(given_name: str, scope: str | scopes.Scope | None = None) -> list[Variable]:
    """`tf.contrib.framework.get_variables_by_name`: those of this name in any scope."""
    found = get_variables(scope)
    return [v for v in found if f"/{variable_names.without_output(v)}".endswith(f"/{given_name}")]


@named("contrib.framework.filter_variables")
def filter_variables(
    var_list: Iterable[Variable],
    include_patterns: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None,
    reg_search: bool = True,
) -> list[Variable]:
    """`tf.contrib.framework.filter_variables`: by patterns in their names, or at the beginning of the names."""
    match = re.search if reg_search else re.match

    def fits(variable: Variable, patterns: Sequence[str]) -> bool:
        return any(match(pattern, variable.name) for pattern in patterns)

    included = [v for v in var_list if not include_patterns or fits(v, include_patterns)]
    return [v for v in included if not fits(v, exclude_patterns or ())]


@named("contrib.framework.get_variables_to_restore")
def get_variables_to_restore(
    include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> list[Variable]:
    """`tf.contrib.framework.get_variables_to_restore`: those in the scopes `include` that are in none of `exclude`."""
    found = [v for scope in include or [""] for v in get_variables(scope)]
    without = {id(v) for scope in exclude or () for v in get_variables(scope)}
    return [v for v in found if id(v) not in without]


@named("contrib.framework.assign_from_checkpoint_fn")
@ignores("reshape_variables=False")
def assign_from_checkpoint_fn(
    model_path: PathLike, var_list: Mapping[str, Variable] | Iterable[Variable], ignore_missing_vars: bool = False
) -> Callable[[object], TensorResult]:
    """`tf.contrib.framework.assign_from_checkpoint_fn`: a function of a session that reads the values of variables."""
    by_name = isinstance(var_list, Mapping)
    wanted = dict(var_list) if by_name else {variable_names.without_output(v): v for v in var_list}
    if ignore_missing_vars:
        stored = dict(NAMES["train.list_variables"](model_path))
        wanted = {name: v for name, v in wanted.items() if name in stored}
    if not wanted:
        raise ArgumentError(message("assign_from_checkpoint_fn", expected="variables", got="none that the file has"))
    return lambda session: Saver(wanted).restore(session, model_path)
