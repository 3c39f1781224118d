"""`tf.GradientTape`: calls are noted while they happen, and replayed under `jax.vjp` when gradients are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.recording import Call, is_array, is_box, key_of, listen, listeners, unboxed, unlisten
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.variable import Variable

_programs: dict[Any, Any] = {}  # structure of a tape -> its compiled gradient


class GradientTape:
    r"""Notes what is computed from variables and watched tensors, for `gradient`:  g_i = Σ_j ∂y_j/∂x_i.

    Nothing is differentiated while the calls happen. `gradient` takes those between sources and target, makes one
    function of them and of the values that flowed in, and asks JAX; equal sequences of calls share a compiled program.

    Args:
        persistent: whether gradients may be asked for more than once.
        watch_accessed_variables: whether trainable variables are watched when they are read.

    >>> x = Tensor(np.float32(3.0))
    >>> with GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * x
    >>> tape.gradient(y, x).numpy().item()
    6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent, self._every = persistent, watch_accessed_variables
        self._start()
        self._used = False

    def _start(self) -> None:
        self._calls: list[Call] = []
        self._alive: set[int] = set()  # what is watched, or computed from it
        self._watched: list[Any] = []  # keeps the ids in `_alive` alive
        self._variables: dict[int, Variable] = {}

    def __enter__(self) -> GradientTape:
        self._token = listen((*listeners(), self))
        return self

    def __exit__(self, *_: object) -> None:
        unlisten(self._token)

    def watch(self, tensor: Any) -> None:
        """Note what is computed from this tensor, too."""
        for leaf in jax.tree.leaves(tensor, is_leaf=is_box):
            kept = leaf if isinstance(leaf, Variable) else unboxed(leaf)
            self._watched.append(kept)
            self._alive.add(key_of(kept))

    def watched_variables(self) -> tuple[Variable, ...]:
        return tuple(self._variables.values())

    def reset(self) -> None:
        """Forget everything."""
        self._start()

    def stop_recording(self) -> Pause:
        """In its with-block nothing is noted."""
        return Pause(self)

    # What calls tell -------------------------------------------------------------------------------------------------

    def wants(self, inputs: list[Any]) -> bool:
        found = False
        for value in inputs:
            if isinstance(value, Variable) and value.trainable and self._every:
                self._variables.setdefault(id(value), value)
                found = True
            found = found or key_of(value) in self._alive
        return found

    def hear(self, call: Call) -> None:
        self._calls.append(call)
        self._alive.update(key_of(array) for array in call.outputs if _has_gradient(array))

    # What is asked ---------------------------------------------------------------------------------------------------

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = "none"
    ) -> Any:
        """The gradients of the sum of `target` (a tensor, or a structure of them), in the structure of `sources`.

        Sources that the target does not depend on have None, or zeros with `unconnected_gradients="zero"`.
        """
        if self._used and not self._persistent:
            raise StateError(
                message(
                    "GradientTape.gradient was called twice",
                    expected="one call of a tape",
                    hint="Write tf.GradientTape(persistent=True).",
                )
            )
        self._used = True
        flat, structure = jax.tree.flatten(sources, is_leaf=is_box)
        for leaf in flat:
            if not (is_box(leaf) or is_array(leaf)):
                raise ArgumentError(
                    message(
                        "sources of GradientTape.gradient", expected="tensors and variables", got=type(leaf).__name__
                    )
                )
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
        if unconnected_gradients in ("zero", "ZERO") or getattr(unconnected_gradients, "value", "") == "zero":
            found = [jnp.zeros_like(unboxed(s)) if g is None else g for g, s in zip(found, flat, strict=True)]
        return jax.tree.unflatten(structure, [g if g is None or is_box(g) else Tensor(g) for g in found])

    def jacobian(self, target: Any, sources: Any, unconnected_gradients: Any = "none", **_: Any) -> Any:
        """∂target/∂source for each source: of shape target.shape + source.shape."""
        self._used = True
        flat, structure = jax.tree.flatten(sources, is_leaf=is_box)
        origins = [leaf if isinstance(leaf, Variable) else unboxed(leaf) for leaf in flat]
        plan = _plan(self._calls, [unboxed(target)], origins)
        found: list[Any] = [None] * len(flat)
        if plan.used:
            gradients = jax.jacrev(lambda live: plan.replay(live, plan.constants)[0])(
                [plan.values[i] for i in plan.used]
            )
            for place, gradient in zip(plan.used, gradients, strict=True):
                found[place] = Tensor(gradient)
        return jax.tree.unflatten(structure, found)

    def batch_jacobian(self, target: Any, source: Any, **_: Any) -> Any:
        """The jacobian of each sample's target for its own input."""
        whole = self.jacobian(target, source).array
        rows = jnp.arange(whole.shape[0])
        axis = unboxed(target).ndim
        return Tensor(jnp.moveaxis(whole, axis, 1)[rows, rows])


class Pause:
    """`with tape.stop_recording():`"""

    def __init__(self, tape: GradientTape) -> None:
        self._tape = tape

    def __enter__(self) -> None:
        self._token = listen(tuple(other for other in listeners() if other is not self._tape))

    def __exit__(self, *_: object) -> None:
        unlisten(self._token)


class _Plan:
    """The calls between sources and targets, with every array in one numbered list: sources, constants, results."""

    def __init__(self, origins: list[Any]) -> None:
        self.values = [unboxed(origin) for origin in origins]
        self.steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        self.marks: list[Any] = []
        self.used: list[int] = []  # sources that something depends on
        self.constants: list[Any] = []
        self.ends: list[int | None] = []

    def replay(self, live: list[Any], constants: list[Any]) -> list[Any]:
        held: list[Any] = [None] * len(self.values)
        for place, value in zip(self.used, live, strict=True):
            held[place] = value
        held.extend(constants)
        for run, places in self.steps:
            held.extend(run(*(held[place] for place in places)))
        return [held[end] for end in self.ends if end is not None]

    def mark(self) -> Any:
        """Equal for equal programs; None if a call cannot say."""
        if any(mark is None for mark in self.marks):
            return None
        key = (
            tuple(self.marks),
            tuple(places for _, places in self.steps),
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


def _plan(calls: list[Call], ends: list[Any], origins: list[Any]) -> _Plan:
    plan = _Plan(origins)
    reached = {key_of(origin) for origin in origins}
    forward = []
    for call in calls:
        if any(key_of(value) in reached for value in call.inputs):
            reached.update(key_of(array) for array in call.outputs if _has_gradient(array))
            forward.append(call)
    needed = {key_of(end) for end in ends}
    steps = []
    for call in reversed(forward):
        if any(key_of(array) in needed for array in call.outputs):
            needed.update(key_of(value) for value in call.inputs)
            steps.append(call)
    steps.reverse()
    places: dict[int, tuple[str, int]] = {}
    for number, origin in enumerate(origins):
        places.setdefault(key_of(origin), ("source", number))
    for call in steps:  # a variable counts as what it was when it was read
        for value, array in zip(call.inputs, call.values, strict=True):
            if isinstance(value, Variable) and key_of(value) in places:
                plan.values[places[key_of(value)][1]] = array
    plan.used = sorted(
        {
            number
            for origin in origins
            if key_of(origin) in needed and dtypes.is_float(unboxed(origin).dtype)
            for number in [places[key_of(origin)][1]]
        }
    )
    made: set[int] = set()
    for call in steps:
        made.update(key_of(array) for array in call.outputs)
    fixed: dict[int, int] = {}
    usable = {key_of(origins[number]) for number in plan.used}
    for call in steps:  # first the constants are counted, so that results can be numbered after them
        for value, array in zip(call.inputs, call.values, strict=True):
            key = key_of(value)
            if key not in usable and key not in made and key not in fixed:
                fixed[key] = len(plan.constants)
                plan.constants.append(array)
    base = len(origins)
    numbers = {key: base + place for key, place in fixed.items()}
    numbers |= {key: places[key][1] for key in usable}
    following = base + len(plan.constants)
    for call in steps:
        inputs = tuple(numbers[key_of(value)] for value in call.inputs)
        plan.steps.append((call.run, inputs))
        plan.marks.append(call.mark)
        for array in call.outputs:
            if key_of(array) not in usable:  # a watched result stands for itself
                numbers[key_of(array)] = following
            following += 1
    plan.ends = [numbers.get(key_of(end)) if key_of(end) in made or key_of(end) in usable else None for end in ends]
    return plan


def _gradients(calls: list[Call], ends: list[Any], origins: list[Any], given: list[Any] | None) -> list[Any]:
    plan = _plan(calls, ends, origins)
    found: list[Any] = [None] * len(origins)
    if not plan.used or all(end is None for end in plan.ends):
        return found
    alive = [i for i, end in enumerate(plan.ends) if end is not None]
    gradients = [given[i] for i in alive] if given is not None else [_ones(ends[i]) for i in alive]

    def pull(live: list[Any], constants: list[Any], gradients: list[Any]) -> list[Any]:
        outputs, back = jax.vjp(lambda these: plan.replay(these, constants), live)
        shaped = [jnp.broadcast_to(jnp.asarray(s, o.dtype), o.shape) for s, o in zip(gradients, outputs, strict=True)]
        return list(back(shaped)[0])

    live = [jnp.asarray(plan.values[i]) for i in plan.used]
    mark = plan.mark()
    traced = any(isinstance(value, jax.core.Tracer) for value in (*live, *plan.constants, *gradients))
    program: Callable[..., Any] = pull
    if not traced and mark is not None:
        if mark in _programs:  # what comes once is not worth compiling
            program = _programs[mark] = _programs[mark] or jax.jit(pull)
        else:
            _programs[mark] = None
    values = program(live, plan.constants, gradients)
    if listeners():  # a gradient is a call like others: an outer tape may ask for its gradient
        count, fixed = len(live), len(plan.constants)
        inputs = [origins[i] for i in plan.used] + _inputs(plan, calls) + gradients
        step = Call(
            lambda *a: pull(list(a[:count]), list(a[count : count + fixed]), list(a[count + fixed :])),
            inputs,
            [*live, *plan.constants, *gradients],
            values,
            None if mark is None else ("gradient", mark),
        )
        for tape in listeners():
            if tape.wants(inputs):
                tape.hear(step)
    for place, value in zip(plan.used, values, strict=True):
        found[place] = value
    first = {key_of(origin): i for i, origin in reversed(list(enumerate(origins)))}
    return [found[first[key_of(origin)]] for origin in origins]


def _inputs(plan: _Plan, calls: list[Call]) -> list[Any]:
    """The constants of a plan as what they were read from: variables stay variables."""
    known = {
        id(array): value
        for call in calls
        for value, array in zip(call.inputs, call.values, strict=True)
        if isinstance(value, Variable)
    }
    return [known.get(id(array), array) for array in plan.constants]


def _has_gradient(array: Any) -> bool:
    """Whether gradients go through an array: none does through whole numbers."""
    return jnp.issubdtype(array.dtype, jnp.inexact)


def _ones(end: Any) -> Any:
    if isinstance(end, jax.core.Tracer) or not isinstance(end, jax.Array):
        return np.ones(np.shape(end), jnp.result_type(end))
    return np.ones(end.shape, end.dtype)
