"""The stateful API of optimizers: updates of variables in place, and of lists of their values."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, ShapeError, StateError, message
from gazelle.core.sparse import to_dense
from gazelle.core.traceback import warn
from gazelle.core.types import Array, ArrayLike
from gazelle.core.variable import Variable
from gazelle.optimizers.state import flat, merge
from gazelle.optimizers.transforms import Slots

if TYPE_CHECKING:
    from gazelle.optimizers.base import Optimizer


def build(optimizer: Optimizer, variables: Iterable[Variable]) -> None:
    """`Optimizer.build`; its docstring describes the arguments."""
    if optimizer._custom.building:  # a user-defined `build` calls super().build(variables)
        optimizer.built = True
        return
    new = [v for v in variables if v not in optimizer._keys]
    overwritten = frozenset(optimizer._keys[v] for v in optimizer._keys.variables if v.overwrite_with_gradient)
    if optimizer._complete and not new and overwritten == optimizer._overwritten:
        return
    optimizer._keys.add(new)
    optimizer.overwrite(optimizer._keys[v] for v in optimizer._keys.variables if v.overwrite_with_gradient)
    # slots are made from the values of the weights, never from tracers
    with tracing.entered(tracing.TraceContext()), jax.ensure_compile_time_eval():
        params = {optimizer._keys[v]: v.value for v in optimizer._keys.variables}
        fits = bool(optimizer._state) and optimizer.fits(params)
        fresh = {} if fits else optimizer.init(params)
    if not fits:
        optimizer.state = merge(fresh, optimizer._state)
    optimizer.built = optimizer._complete = True


def rename(optimizer: Optimizer, variables: Mapping[str, Variable]) -> dict[str, str]:
    """`Optimizer.rename`; its docstring describes the arguments."""
    changed = optimizer._keys.rename(variables)
    if not changed:
        return changed
    owner, state = optimizer._iterations._owner, optimizer.state
    optimizer.state = {slot: {changed.get(key, key): a for key, a in arrays.items()} for slot, arrays in state.items()}
    known: Any
    for known in (optimizer._slot_variables, optimizer._custom.variables):
        moved = {(slot, changed.get(key, key)): variable for (slot, key), variable in known.items()}
        known.clear()
        known.update(moved)
        for (slot, key), variable in moved.items():
            variable._address = optimizer, slot, key
    if owner is not None:
        owner.invalidate()
    return changed


def apply(
    optimizer: Optimizer, grads: Sequence[ArrayLike | None], trainable_variables: Sequence[Variable] | None
) -> None:
    """`Optimizer.apply`; its docstring describes the arguments."""
    variables = optimizer._keys.variables if trainable_variables is None else list(trainable_variables)
    # a variable in which gradients were accumulated is read here, where a compiled step binds it
    grads = [to_dense(grad.value if isinstance(grad, Variable) else grad) for grad in grads]
    if not grads:
        return
    _check_gradients(optimizer, grads, variables)
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if len(missing) == len(grads):
        what = f"{optimizer.name}.apply"
        raise ArgumentError(message(what, expected="a gradient for some variable", got="None for all"))
    if missing:
        warn(f"No gradients for {', '.join(missing)}: these variables are unchanged.")
    optimizer.build(variables)
    given: Any = {optimizer._keys[v]: g for g, v in zip(grads, variables, strict=True)}
    known = optimizer._keys.variables
    params = {optimizer._keys[v]: v.value for v in known}
    constraints = {optimizer._keys[v]: v.constraint for v in known if v.constraint is not None}
    if tracing.binds():
        bound = {
            slot: {k: optimizer.slot_variable(slot, k).value for k in arrays}
            for slot, arrays in optimizer._state.items()
        }
        inputs = bound, optimizer.hyper(), optimizer._iterations.value
        with tracing.entered(tracing.TraceContext()):  # `update` reads no variable
            params, slots = optimizer.update(params, given, *inputs, constraints)
        for address, array in flat(slots).items():
            optimizer.slot_variable(*address).assign(array)
    else:
        key = (
            optimizer.program_key(),
            sorted((path, id(c)) for path, c in constraints.items()),
            optimizer._overwritten,
        )
        if optimizer._compiled[0] != key:  # an argument or a constraint changed
            optimizer._compiled = (key, jax.jit(functools.partial(optimizer.update, constraints=constraints)))
        params, optimizer._state = optimizer._compiled[1](
            params, given, optimizer.state, optimizer.hyper(), optimizer._iterations.value
        )
    for variable in known:
        variable.assign(params[optimizer._keys[variable]])
    optimizer._iterations.assign_add(1)


def stateless_apply(
    optimizer: Optimizer,
    optimizer_variables: Sequence[ArrayLike],
    grads: Sequence[Array | None],
    trainable_variables: Sequence[ArrayLike],
) -> tuple[list[Array], list[Array]]:
    """`Optimizer.stateless_apply`; its docstring describes the arguments."""
    if not optimizer.built:
        what = f"{optimizer.name}.stateless_apply came before build"
        raise StateError(message(what, hint="Call optimizer.build(model.trainable_variables) first."))
    keys = list(optimizer._keys)
    order, count = optimizer.keras_order(keys), len(optimizer.own_variables())
    for what, got, length in (
        ("optimizer_variables", optimizer_variables, count + len(order)),
        ("grads", grads, len(keys)),
        ("trainable_variables", trainable_variables, len(keys)),
    ):
        if len(got) != length:
            raise ArgumentError(message(f"{what} of stateless_apply", expected=f"{length} arrays", got=len(got)))
    grads = [to_dense(grad) for grad in grads]
    values = [jnp.asarray(a) for a in optimizer_variables]
    slots: Slots = {}
    for (slot, key), array in zip(order, values[count:], strict=True):
        slots.setdefault(slot, {})[key] = array
    hyper = {"learning_rate": values[1]} if count == 2 else optimizer.hyper()
    params = dict(zip(keys, map(jnp.asarray, trainable_variables), strict=True))
    constraints = {optimizer._keys[v]: v.constraint for v in optimizer._keys.variables if v.constraint is not None}
    params, slots = optimizer.update(params, dict(zip(keys, grads, strict=True)), slots, hyper, values[0], constraints)
    return [params[k] for k in keys], [values[0] + 1, *values[1:count], *(slots[s][k] for s, k in order)]


def set_weights(optimizer: Optimizer, weights: Sequence[ArrayLike]) -> None:
    """`Optimizer.set_weights`; its docstring describes the arguments."""
    own = optimizer.variables
    values = [np.asarray(w) for w in weights]
    if [v.shape for v in own] != [a.shape for a in values]:
        raise ShapeError(
            message(
                f"set_weights of {optimizer.name}",
                expected=f"arrays of shapes {[v.shape for v in own]}",
                got=[a.shape for a in values],
                hint="" if optimizer.built else "Build it first: optimizer.build(model.trainable_variables).",
            )
        )
    for variable, array in zip(own, values, strict=True):
        variable.assign(array)


def _check_gradients(optimizer: Optimizer, grads: Sequence[ArrayLike | None], variables: Sequence[Variable]) -> None:
    """Raise an error if gradients and variables do not belong together, or if a trace is in progress."""
    if len(grads) != len(variables):
        hint = "" if optimizer.built else "Give the variables too: optimizer.apply(grads, variables)."
        expected = f"{len(variables)} gradients, one per variable"
        raise ArgumentError(message(f"{optimizer.name}.apply", expected=expected, got=len(grads), hint=hint))
    for grad, variable in zip(grads, variables, strict=True):
        if isinstance(grad, jax.core.Tracer) and not tracing.binds():
            raise StateError(
                message(
                    f"{optimizer.name}.apply was called inside a compiled function",
                    hint="Use the pure optimizer.update or optimizer.stateless_apply there.",
                )
            )
        if grad is not None and tuple(np.shape(grad)) != variable.shape:  # type: ignore[arg-type]
            raise ShapeError(
                message(
                    f"Gradient of '{variable.path}'",
                    expected=f"shape {variable.shape}",
                    got=f"shape {tuple(np.shape(grad))}",  # type: ignore[arg-type]
                )
            )
