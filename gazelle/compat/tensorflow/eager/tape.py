"""`tf.GradientTape`: records calls, and replays them under `jax.vjp` to compute gradients."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.eager.function import needs_values
from gazelle.compat.tensorflow.eager.programs import NeedsTapeError
from gazelle.compat.tensorflow.eager.recording import (
    Call,
    activate_tapes,
    active_tapes,
    in_function,
    is_array,
    is_box,
    key_of,
    look_at_calls,
    only_tapes,
    restore_tapes,
    unboxed,
)
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.variable import Variable, with_gradient_of

_programs: dict[Any, Any] = {}  # key of a plan -> its compiled gradient, None before the second use
_uncompilable: set[Any] = set()  # keys of plans that need values of their constants


class GradientTape:
    r"""Records calls on variables and watched tensors, for `gradient`:  g_i = Σ_j ∂y_j/∂x_i.

    `gradient` combines the recorded calls between sources and target into one function, which JAX differentiates. Equal
    sequences of calls share a compiled program.

    >>> x = Tensor(np.float32(3.0))
    >>> with GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * x
    >>> tape.gradient(y, x).numpy().item()
    6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent, self._watch_variables = persistent, watch_accessed_variables
        self._start()
        self._used = False

    def _start(self) -> None:
        self._calls: list[Call] = []
        self._dependent: set[int] = set()  # watched values, and results computed from them
        self._watched: list[Any] = []  # keeps the ids in `_dependent` valid
        self._variables: dict[int, Variable] = {}

    def __enter__(self) -> GradientTape:
        self._token = activate_tapes((*active_tapes(), self))
        return self

    def __exit__(self, *_: object) -> None:
        restore_tapes(self._token)

    def watch(self, tensor: TensorLike) -> None:
        """Also record calls on this tensor."""
        if self not in active_tapes():  # inside of a layer: the calls in it have to be recorded
            look_at_calls()
        for leaf in jax.tree.leaves(tensor, is_leaf=is_box):
            source = leaf if isinstance(leaf, Variable) else unboxed(leaf)
            if isinstance(leaf, Variable):
                self._variables.setdefault(id(leaf), leaf)
            self._watched.append(source)
            self._dependent.add(key_of(source))

    def watched_variables(self) -> tuple[Variable, ...]:
        return tuple(self._variables.values())

    def reset(self) -> None:
        """Delete all recorded calls."""
        self._start()

    def stop_recording(self) -> contextlib.AbstractContextManager[None]:
        """Return a context manager in which the tape records nothing."""
        return only_tapes(tuple(other for other in active_tapes() if other is not self))

    # Recording -------------------------------------------------------------------------------------------------------

    def is_affected_by(self, inputs: list[Any]) -> bool:
        found = False
        for value in inputs:
            if isinstance(value, Variable) and value.trainable and self._watch_variables:
                self._variables.setdefault(id(value), value)
                found = True
            found = found or key_of(value) in self._dependent
        return found

    def record(self, call: Call) -> None:
        self._calls.append(call)
        self._dependent.update(key_of(array) for array in call.outputs if _has_gradient(array))

    # Gradients -------------------------------------------------------------------------------------------------------

    def gradient(
        self,
        target: TensorLike,
        sources: Nested[TensorLike],
        output_gradients: TensorLike = None,
        unconnected_gradients: object = "none",
    ) -> TensorResult:
        """Return the gradients of the sum of `target`, a tensor or a structure, in the structure of `sources`.

        If the target does not depend on a source, its gradient is None, or 0 with `unconnected_gradients="zero"`.
        """
        if self._used and not self._persistent:
            what = "GradientTape.gradient was called twice"
            hint = "Write tf.GradientTape(persistent=True)."
            raise StateError(message(what, expected="one call of a tape", hint=hint))
        self._used = True
        flat, structure = jax.tree.flatten(sources, is_leaf=is_box)
        for leaf in flat:
            if not (is_box(leaf) or is_array(leaf)):
                what = "sources of GradientTape.gradient"
                raise ArgumentError(message(what, expected="tensors and variables", got=type(leaf).__name__))
        ends = [unboxed(leaf) for leaf in jax.tree.leaves(target, is_leaf=is_box)]
        given = None
        if output_gradients is not None:
            given = [unboxed(leaf) for leaf in jax.tree.leaves(output_gradients, is_leaf=is_box)]
        origins = [leaf if isinstance(leaf, Variable) else unboxed(leaf) for leaf in flat]
        if not self._persistent:
            calls, self._calls = self._calls, []
        else:
            calls = list(self._calls)
        found = _gradients(calls, ends, origins, given)
        if zeros_wanted(unconnected_gradients):
            found = [jnp.zeros_like(unboxed(s)) if g is None else g for g, s in zip(found, flat, strict=True)]
        return jax.tree.unflatten(structure, [g if g is None or is_box(g) else Tensor(g) for g in found])

    @ignores("parallel_iterations experimental_use_pfor")
    def jacobian(
        self, target: TensorLike, sources: Nested[TensorLike], unconnected_gradients: object = "none"
    ) -> TensorResult:
        """Return ∂target/∂source for each source, of shape target.shape + source.shape."""
        return self._jacobians(jax.jacrev, target, sources, unconnected_gradients, 0)

    @ignores("parallel_iterations experimental_use_pfor")
    def batch_jacobian(
        self, target: TensorLike, source: TensorLike, unconnected_gradients: object = "none"
    ) -> TensorResult:
        """Return the Jacobian of each sample's target with respect to its own input."""
        return self._jacobians(_sample_jacobians, target, source, unconnected_gradients, 1)

    def _jacobians(self, transform: Any, target: Any, sources: Any, unconnected_gradients: Any, common: int) -> Any:
        """Derivatives by a transformation of JAX; the first axes of sources that are common are not repeated."""
        self._used = True
        flat, structure = jax.tree.flatten(sources, is_leaf=is_box)
        origins = [leaf if isinstance(leaf, Variable) else unboxed(leaf) for leaf in flat]
        found = _jacobians(list(self._calls), unboxed(target), origins, transform)
        if zeros_wanted(unconnected_gradients):
            shapes = [(*np.shape(unboxed(target)), *np.shape(unboxed(source))[common:]) for source in flat]
            found = [jnp.zeros(shape) if j is None else j for j, shape in zip(found, shapes, strict=True)]
        return jax.tree.unflatten(structure, [j if j is None else Tensor(j) for j in found])


def zeros_wanted(unconnected_gradients: object) -> bool:
    """Whether gradients of what a target does not depend on are zeros, not None."""
    return unconnected_gradients in ("zero", "ZERO") or getattr(unconnected_gradients, "value", "") == "zero"


class FunctionTape(GradientTape):
    """Records all calls of a function, for `tf.gradients` in it."""

    def __init__(self) -> None:
        super().__init__(persistent=True)

    def is_affected_by(self, inputs: list[Any]) -> bool:
        return True


def with_tape(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function in which `tf.gradients` finds all calls."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with only_tapes((FunctionTape(), *active_tapes())):
            return function(*args, **kwargs)

    return called


def recorded_gradients(
    ys: TensorLike, xs: Nested[TensorLike], grad_ys: TensorLike = None, constants: TensorLike = None
) -> list[Any]:
    """The gradients from the tape of the function or step that runs; they do not flow through constants."""
    tape: Any = next((tape for tape in active_tapes() if isinstance(tape, FunctionTape)), None)
    if tape is None:
        expected = "a call in a tf.function or train_step, or tensors of a graph that is built before it runs"
        hint = "Compute ys in `with tf.GradientTape() as tape:` and call tape.gradient(ys, xs)."
        error = ArgumentError if tracing.current() is None and not in_function.get() else NeedsTapeError
        raise error(message("tf.gradients", expected=expected, got="another call", hint=hint))
    ends = set(map(key_of, map(unboxed, jax.tree.leaves(constants, is_leaf=is_box))))
    rest = FunctionTape()
    rest._calls = [one for one in tape._calls if ends.isdisjoint(map(key_of, one.outputs))]
    sources: Any = list(xs) if isinstance(xs, list | tuple) else [xs]
    return list(rest.gradient(ys, sources, grad_ys))


class _Plan:
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

    def program_key(self) -> Any:
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
    reached = {key_of(origin) for origin in origins}
    forward = []
    for call in calls:
        if any(key_of(value) in reached for value in call.inputs):
            reached.update(key_of(array) for array in call.outputs if _has_gradient(array))
            forward.append(call)
    needed = {key_of(end) for end in ends}
    found = []
    for call in reversed(forward):
        if any(key_of(array) in needed for array in call.outputs):
            needed.update(key_of(value) for value in call.inputs)
            found.append(call)
    return found[::-1], needed


def plan_of(calls: list[Call], ends: list[Any], origins: list[Any]) -> _Plan:
    """The plan for the calls between origins and ends: sources are numbered first, then constants, then results."""
    plan = _Plan(origins)
    steps, needed = _calls_between(calls, ends, origins)
    sources: dict[int, int] = {}  # key -> number of its first source
    for number, origin in enumerate(origins):
        sources.setdefault(key_of(origin), number)
    for call in steps:  # a variable has the value that was read
        for value, array in zip(call.inputs, call.values, strict=True):
            if isinstance(value, Variable) and key_of(value) in sources:
                plan.values[sources[key_of(value)]] = array
    reached = [origin for origin in origins if key_of(origin) in needed and _has_gradient(unboxed(origin))]
    used = {key_of(origin): sources[key_of(origin)] for origin in reached}
    plan.used = sorted(used.values())
    computed = {key_of(array) for call in steps for array in call.outputs}
    numbers = dict(used)
    for call in steps:
        for value, array in zip(call.inputs, call.values, strict=True):
            if key_of(value) not in computed and key_of(value) not in numbers:
                numbers[key_of(value)] = len(origins) + len(plan.constants)
                plan.constants.append(array)
    earlier = _values_before_assignments(plan, steps, sources, used)
    next_number = len(origins) + len(plan.constants)
    for call in steps:
        inputs = []
        for value, array in zip(call.inputs, call.values, strict=True):
            number = numbers[key_of(value)]
            if id(array) in earlier and isinstance(value, Variable):
                plan.steps.append((_with_gradient_of, (number, earlier[id(array)])))
                plan.keys.append("value before an assignment")
                number, next_number = next_number, next_number + 1
            inputs.append(number)
        plan.steps.append((call.run, tuple(inputs)))
        plan.keys.append(call.program_key)
        for array in call.outputs:
            if key_of(array) not in used:  # a watched result is a source
                numbers[key_of(array)] = next_number
            next_number += 1
    plan.ends = [numbers[key] if key in computed or key in used else None for key in map(key_of, ends)]
    return plan


def _values_before_assignments(
    plan: _Plan, steps: list[Call], sources: dict[int, int], used: dict[int, int]
) -> dict[int, int]:
    """{id of an array that was read of a variable before it was assigned: its number among the constants}."""
    found: dict[int, int] = {}
    for call in steps:
        for value, array in zip(call.inputs, call.values, strict=True):
            key = key_of(value)
            is_earlier = isinstance(value, Variable) and key in used and array is not plan.values[sources[key]]
            if is_earlier and id(array) not in found:
                found[id(array)] = len(plan.values) + len(plan.constants)
                plan.constants.append(array)
    return found


def _with_gradient_of(variable: Any, value: Any) -> list[Any]:
    return [with_gradient_of(variable, value)]


def _gradients(calls: list[Call], ends: list[Any], origins: list[Any], given: list[Any] | None) -> list[Any]:
    plan = plan_of(calls, ends, origins)
    if not plan.used or all(end is None for end in plan.ends):
        return [None] * len(origins)
    used_ends = [i for i, end in enumerate(plan.ends) if end is not None]
    gradients = [given[i] for i in used_ends] if given is not None else [_ones(ends[i]) for i in used_ends]

    def pull(live: list[Any], constants: list[Any], gradients: list[Any]) -> list[Any]:
        outputs, back = jax.vjp(lambda these: plan.replay(these, constants), live)
        shaped = [jnp.broadcast_to(jnp.asarray(s, o.dtype), o.shape) for s, o in zip(gradients, outputs, strict=True)]
        return list(map(_conjugate, back(list(map(_conjugate, shaped)))[0]))

    live = [jnp.asarray(plan.values[i]) for i in plan.used]
    program_key = plan.program_key()
    traced = any(isinstance(value, jax.core.Tracer) for value in (*live, *plan.constants, *gradients))
    program: Callable[..., Any] = pull
    is_text = any(getattr(value.dtype, "kind", "") == "O" for value in plan.constants)  # looked up on the host
    if not traced and not is_text and program_key is not None and program_key not in _uncompilable:
        if program_key in _programs:  # compiled when it is used for the second time
            program = _programs[program_key] = _programs[program_key] or jax.jit(pull)
        else:
            _programs[program_key] = None
    try:
        values = program(live, plan.constants, gradients)
    except Exception as error:
        if program is pull or not needs_values(error):
            raise
        _uncompilable.add(program_key)
        values = pull(live, plan.constants, gradients)
    key = None if program_key is None else ("gradient", program_key)
    _record_for_outer_tapes(pull, plan, calls, origins, [live, plan.constants, gradients], values, key)
    return _in_order(plan, values, origins)


def _jacobians(calls: list[Call], end: Any, origins: list[Any], transform: Callable[..., Any]) -> list[Any]:
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


def _in_order(plan: _Plan, values: list[Any], origins: list[Any]) -> list[Any]:
    """The derivatives for the origins: a plan computes one of each array that is used, also if it is given twice."""
    found = dict(zip(plan.used, values, strict=True))
    first = {key_of(origin): i for i, origin in reversed(list(enumerate(origins)))}
    return [found.get(first[key_of(origin)]) for origin in origins]


def _record_for_outer_tapes(
    function: Callable[[list[Any], list[Any], list[Any]], list[Any]],
    plan: _Plan,
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


def _sample_jacobians(function: Callable[[list[Any]], Any]) -> Callable[[list[Any]], list[Any]]:
    """The transformation that finds (samples, *output, *input): one pass for each number of a sample's output."""

    def differentiate(live: list[Any]) -> list[Any]:
        out, back = jax.vjp(function, live)
        numbers = math.prod(out.shape[1:])
        one_each = jnp.eye(numbers, dtype=out.dtype).reshape(numbers, 1, *out.shape[1:])
        found = jax.vmap(lambda one: back(jnp.broadcast_to(one, out.shape))[0])(one_each)
        return [jnp.moveaxis(j, 0, 1).reshape(*out.shape, *j.shape[2:]) for j in found]

    return differentiate


def _inputs(plan: _Plan, calls: list[Call]) -> list[Any]:
    """The constants of a plan; values that were read from variables are replaced by the variables."""
    known = {
        id(array): value
        for call in calls
        for value, array in zip(call.inputs, call.values, strict=True)
        if isinstance(value, Variable)
    }
    return [known.get(id(array), array) for array in plan.constants]


def _conjugate(array: Any) -> Any:
    """The conjugate of a complex array: TensorFlow's gradients are conjugates of JAX's."""
    return jnp.conj(array) if jnp.iscomplexobj(array) else array


def _has_gradient(array: Any) -> bool:
    """Whether an array has gradients, which integers do not have."""
    return jnp.issubdtype(array.dtype, jnp.inexact)


def _ones(end: Any) -> Any:
    if isinstance(end, jax.core.Tracer) or not isinstance(end, jax.Array):
        return np.ones(np.shape(end), jnp.result_type(end))
    return np.ones(end.shape, end.dtype)
