"""Derivatives of recorded calls: the calls between sources and targets as one function, which JAX differentiates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.eager.function import needs_values
from gazelle.compat.tensorflow.eager.recording import Call, active_tapes, unboxed
from gazelle.compat.types import Array
from gazelle.core.variable import Variable, with_gradient_of

_programs: dict[Any, Any] = {}  # key of a plan -> its compiled gradient, None before the second use
_uncompilable: set[Any] = set()  # keys of plans that need values of their constants


class Plan:
    """The calls between sources and targets; all arrays are numbered: sources, constants, results."""

    def __init__(self, origins: list[Any]) -> None:
        self.values = [unboxed(origin) for origin in origins]
        self.steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        self.keys: list[Any] = []
        self.used: list[int] = []  # indices of the sources on which a target depends
        self.constants: list[Any] = []
        self.ends: list[int | None] = []

    def replay(self, live: list[Any], constants: list[Any]) -> list[Any]:
        arrays: list[Any] = [None] * len(self.values)
        for index, value in zip(self.used, live, strict=True):
            arrays[index] = value
        arrays.extend(constants)
        for run, inputs in self.steps:
            arrays.extend(run(*(arrays[i] for i in inputs)))
        return [arrays[end] for end in self.ends if end is not None]

    def program_key(self) -> Hashable:
        """A key that is equal for equal programs; None if a call has none."""
        if any(key is None for key in self.keys):
            return None
        key = (
            tuple(self.keys),
            tuple(inputs for _, inputs in self.steps),
            tuple(self.used),
            tuple(self.ends),
            len(self.values),
            len(self.constants),
        )
        try:
            hash(key)
        except TypeError:
            return None
        return key


def _calls_between(calls: list[Call], ends: list[Any], origins: list[Any]) -> tuple[list[Call], set[int]]:
    """The calls by which the ends depend on the origins, and the keys of all that the ends are computed from."""
    reached = {id(origin) for origin in origins}
    forward = []
    for call in calls:
        if any(id(value) in reached for value in call.inputs):
            reached.update(id(array) for array in call.outputs if has_gradient(array))
            forward.append(call)
    needed = {id(end) for end in ends}
    found = []
    for call in reversed(forward):
        if any(id(array) in needed for array in call.outputs):
            needed.update(id(value) for value in call.inputs)
            found.append(call)
    return found[::-1], needed


def plan_of(calls: list[Call], ends: list[Any], origins: list[Any]) -> Plan:
    """The plan for the calls between origins and ends: sources are numbered first, then constants, then results."""
    plan = Plan(origins)
    steps, needed = _calls_between(calls, ends, origins)
    sources: dict[int, int] = {}  # key -> number of its first source
    for number, origin in enumerate(origins):
        sources.setdefault(id(origin), number)
    for call in steps:  # a variable has the value that was read
        for value, array in zip(call.inputs, call.values, strict=True):
            if isinstance(value, Variable) and id(value) in sources:
                plan.values[sources[id(value)]] = array
    reached = [origin for origin in origins if id(origin) in needed and has_gradient(unboxed(origin))]
    used = {id(origin): sources[id(origin)] for origin in reached}
    plan.used = sorted(used.values())
    computed: set[int] = set()  # by earlier calls: a layer may return what it received
    numbers = dict(used)
    for call in steps:
        for value, array in zip(call.inputs, call.values, strict=True):
            if id(value) not in computed and id(value) not in numbers:
                numbers[id(value)] = len(origins) + len(plan.constants)
                plan.constants.append(array)
        computed.update(map(id, call.outputs))
    earlier = _values_before_assignments(plan, steps, sources, used)
    next_number = len(origins) + len(plan.constants)
    for call in steps:
        inputs = []
        for value, array in zip(call.inputs, call.values, strict=True):
            number = numbers[id(value)]
            if id(array) in earlier and isinstance(value, Variable):
                plan.steps.append((_with_gradient_of, (number, earlier[id(array)])))
                plan.keys.append("value before an assignment")
                number, next_number = next_number, next_number + 1
            inputs.append(number)
        plan.steps.append((call.run, tuple(inputs)))
        plan.keys.append(call.program_key)
        for array in call.outputs:
            if id(array) not in used:  # a watched result is a source
                numbers[id(array)] = next_number
            next_number += 1
    plan.ends = [numbers[key] if key in computed or key in used else None for key in map(id, ends)]
    return plan


def _values_before_assignments(
    plan: Plan, steps: list[Call], sources: dict[int, int], used: dict[int, int]
) -> dict[int, int]:
    """{id of an array that was read of a variable before it was assigned: its number among the constants}."""
    found: dict[int, int] = {}
    for call in steps:
        for value, array in zip(call.inputs, call.values, strict=True):
            key = id(value)
            is_earlier = isinstance(value, Variable) and key in used and array is not plan.values[sources[key]]
            if is_earlier and id(array) not in found:
                found[id(array)] = len(plan.values) + len(plan.constants)
                plan.constants.append(array)
    return found


def _with_gradient_of(variable: Any, value: Any) -> list[Any]:
    return [with_gradient_of(variable, value)]


def gradients_of(calls: list[Call], ends: list[Any], origins: list[Any], given: list[Any] | None) -> list[Any]:
    plan = plan_of(calls, ends, origins)
    if not plan.used or all(end is None for end in plan.ends):
        return [None] * len(origins)
    used_ends = [i for i, end in enumerate(plan.ends) if end is not None]
    gradients = [given[i] for i in used_ends] if given is not None else [_ones(unboxed(ends[i])) for i in used_ends]

    def pull(live: list[Any], constants: list[Any], gradients: list[Any]) -> list[Any]:
        outputs, back = jax.vjp(lambda these: plan.replay(these, constants), live)
        shaped = [jnp.broadcast_to(jnp.asarray(s, o.dtype), o.shape) for s, o in zip(gradients, outputs, strict=True)]
        return list(map(conjugate, back(list(map(conjugate, shaped)))[0]))

    arguments = [[jnp.asarray(plan.values[i]) for i in plan.used], plan.constants, gradients]
    program_key = plan.program_key()
    values = _called(pull, program_key, arguments)
    key = None if program_key is None else ("gradient", program_key)
    _record_for_outer_tapes(pull, plan, calls, origins, arguments, values, key)
    return _in_order(plan, values, origins)


def _called(pull: Callable[..., Any], key: Any, arguments: list[list[Any]]) -> list[Any]:
    """The gradients by `pull`, which is compiled when one with an equal key is called for the second time."""
    leaves = list(itertools.chain.from_iterable(arguments))
    traced = any(isinstance(value, jax.core.Tracer) for value in leaves)
    is_text = any(getattr(value.dtype, "kind", "") == "O" for value in arguments[1])  # looked up on the host
    if traced or is_text or key is None or key in _uncompilable:
        return pull(*arguments)
    if key not in _programs:
        _programs[key] = None
        return pull(*arguments)
    _programs[key] = _programs[key] or jax.jit(pull)
    try:
        return _programs[key](*arguments)
    except Exception as error:
        if not needs_values(error):
            raise
    _uncompilable.add(key)
    return pull(*arguments)


def jacobians_of(calls: list[Call], end: Array, origins: list[Any], transform: Callable[..., Any]) -> list[Any]:
    """The Jacobian of an array for each origin; None for those that it does not depend on."""
    plan = plan_of(calls, [end], origins)
    if not plan.used or plan.ends == [None]:
        return [None] * len(origins)

    def differentiate(live: list[Any], constants: list[Any], _: list[Any]) -> list[Any]:
        return transform(lambda these: plan.replay(these, constants)[0])(live)

    live = [jnp.asarray(plan.values[i]) for i in plan.used]
    values = differentiate(live, plan.constants, [])
    _record_for_outer_tapes(differentiate, plan, calls, origins, [live, plan.constants, []], values, None)
    return _in_order(plan, values, origins)


def _in_order(plan: Plan, values: list[Any], origins: list[Any]) -> list[Any]:
    """The derivatives for the origins: a plan computes one of each array that is used, also if it is given twice."""
    found = dict(zip(plan.used, values, strict=True))
    first = {id(origin): i for i, origin in reversed(list(enumerate(origins)))}
    return [found.get(first[id(origin)]) for origin in origins]


def _record_for_outer_tapes(
    function: Callable[[list[Any], list[Any], list[Any]], list[Any]],
    plan: Plan,
    calls: list[Call],
    origins: list[Any],
    arguments: list[list[Any]],
    values: list[Any],
    key: Any,
) -> None:
    """Record derivatives as a call in the tapes that are active, for second derivatives."""
    if not active_tapes():
        return
    live, constants, gradients = arguments
    count, fixed = len(live), len(constants)
    inputs = [origins[i] for i in plan.used] + _inputs(plan, calls) + gradients
    step = Call(
        lambda *a: function(list(a[:count]), list(a[count : count + fixed]), list(a[count + fixed :])),
        inputs,
        [*live, *constants, *gradients],
        values,
        key,
    )
    for tape in active_tapes():
        if tape.is_affected_by(inputs):
            tape.record(step)


def sample_jacobians(function: Callable[[list[Any]], Any]) -> Callable[[list[Any]], list[Any]]:
    """The transformation that finds (samples, *output, *input): one pass for each number of a sample's output."""

    def differentiate(live: list[Any]) -> list[Any]:
        out, back = jax.vjp(function, live)
        numbers = math.prod(out.shape[1:])
        one_each = jnp.eye(numbers, dtype=out.dtype).reshape(numbers, 1, *out.shape[1:])
        found = jax.vmap(lambda one: back(jnp.broadcast_to(one, out.shape))[0])(one_each)
        return [jnp.moveaxis(j, 0, 1).reshape(*out.shape, *j.shape[2:]) for j in found]

    return differentiate


def _inputs(plan: Plan, calls: list[Call]) -> list[Any]:
    """The constants of a plan; values that were read from variables are replaced by the variables."""
    known = {
        id(array): value
        for call in calls
        for value, array in zip(call.inputs, call.values, strict=True)
        if isinstance(value, Variable)
    }
    return [known.get(id(array), array) for array in plan.constants]


def conjugate(array: Array) -> Array:
    """The conjugate of a complex array: TensorFlow's gradients are conjugates of JAX's."""
    return jnp.conj(array) if jnp.iscomplexobj(array) else array


def has_gradient(array: Array) -> bool:
    """Whether an array has gradients, which integers do not have."""
    return jnp.issubdtype(array.dtype, jnp.inexact)


def _ones(end: Any) -> Any:
    if isinstance(end, jax.core.Tracer) or not isinstance(end, jax.Array):
        return np.ones(np.shape(end), jnp.result_type(end))
    return np.ones(end.shape, end.dtype)
