"""`tf.GradientTape`: records calls, and replays them under `jax.vjp` to compute gradients."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow.eager.programs import NeedsTapeError
from gazelle.compat.tensorflow.eager.recording import (
    Call,
    activate_tapes,
    active_tapes,
    in_function,
    is_array,
    is_box,
    look_at_calls,
    only_tapes,
    restore_tapes,
    unboxed,
)
from gazelle.compat.tensorflow.eager.tape_gradients import gradients_of, has_gradient, jacobians_of, sample_jacobians
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.symbolic import is_symbolic
from gazelle.core.variable import Variable
from gazelle.layers.input import InputLayer


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

    _watches_all = False

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
            source = source_of(leaf)
            if isinstance(leaf, Variable):
                self._variables.setdefault(id(leaf), leaf)
            self._watched.append(source)
            self._dependent.add(id(source))

    def watched_variables(self) -> tuple[Variable, ...]:
        if recorder.get() not in (None, Tensor) and not self._variables:
            hint = "Use tf.compat.v1.trainable_variables()."
            raise StateError(message("watched_variables", expected="values", got="a graph of TensorFlow 1", hint=hint))
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
            found = found or id(value) in self._dependent
        return found

    def _watches(self, source: Any) -> bool:
        """Whether a source is a watched value or variable, or was computed from one; others have no gradient."""
        return self._watches_all or id(source) in self._dependent or id(source) in self._variables

    def record(self, call: Call) -> None:
        self._calls.append(call)
        self._dependent.update(id(array) for array in call.outputs if has_gradient(array))

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
        if any(map(is_symbolic, ends)):
            found = self._gradients_of_graph(ends, flat, output_gradients, unconnected_gradients)
            return jax.tree.unflatten(structure, found)
        given = None
        if output_gradients is not None:
            given = [unboxed(leaf) for leaf in jax.tree.leaves(output_gradients, is_leaf=is_box)]
            if len(given) < len(ends):
                what = "output_gradients of GradientTape.gradient"
                raise ArgumentError(message(what, expected=f"{len(ends)}, one for each target", got=len(given)))
        origins = list(map(source_of, flat))
        for number, leaf in enumerate(jax.tree.leaves(target, is_leaf=is_box)):
            if any(leaf is origin for origin in origins):  # a variable, whose gradient for itself is 1
                ends[number] = leaf
        if not self._persistent:
            calls, self._calls = self._calls, []
        else:
            calls = list(self._calls)
        watched = [self._watches(origin) or any(origin is end for end in ends) for origin in origins]
        known = iter(gradients_of(calls, ends, list(itertools.compress(origins, watched)), given))
        found = [next(known) if is_watched else None for is_watched in watched]
        if zeros_wanted(unconnected_gradients):
            found = [jnp.zeros_like(unboxed(s)) if g is None else g for g, s in zip(found, flat, strict=True)]
        return jax.tree.unflatten(structure, [g if g is None or is_box(g) else Tensor(g) for g in found])

    def _gradients_of_graph(
        self, ends: list[Any], sources: list[Any], output_gradients: Any, unconnected_gradients: Any
    ) -> list[Any]:
        """`tf.gradients` in a graph of TensorFlow 1; inputs of the graph that are not watched have none."""
        upstream = None if output_gradients is None else jax.tree.leaves(output_gradients, is_leaf=is_box)
        found = NAMES["gradients"](ends, sources, upstream, unconnected_gradients=unconnected_gradients)
        absent = NAMES["zeros_like"] if zeros_wanted(unconnected_gradients) else lambda _: None
        skipped = [_is_input(source) and id(source) not in self._dependent for source in sources]
        return [absent(s) if skip else g for skip, s, g in zip(skipped, sources, found, strict=True)]

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
        return self._jacobians(sample_jacobians, target, source, unconnected_gradients, 1)

    def _jacobians(self, transform: Any, target: Any, sources: Any, unconnected_gradients: Any, common: int) -> Any:
        """Derivatives by a transformation of JAX; the first axes of sources that are common are not repeated."""
        self._used = True
        if is_symbolic(target):
            hint = "Take the gradient of each element."
            raise ArgumentError(message("Jacobians", expected="values", got="a tensor of a graph", hint=hint))
        flat, structure = jax.tree.flatten(sources, is_leaf=is_box)
        origins = list(map(source_of, flat))
        watched = list(map(self._watches, origins))
        traced = list(itertools.compress(origins, watched))
        known = iter(jacobians_of(list(self._calls), unboxed(target), traced, transform))
        found = [next(known) if is_watched else None for is_watched in watched]
        if zeros_wanted(unconnected_gradients):
            shapes = [(*np.shape(unboxed(target)), *np.shape(unboxed(source))[common:]) for source in flat]
            found = [jnp.zeros(shape) if j is None else j for j, shape in zip(found, shapes, strict=True)]
        return jax.tree.unflatten(structure, [j if j is None else Tensor(j) for j in found])


def source_of(leaf: TensorLike) -> TensorResult:
    """The object that tapes compare: the array of a tensor, or a variable itself."""
    return leaf if isinstance(leaf, Variable) else unboxed(leaf)


def _is_input(source: Any) -> bool:
    """Whether a source is an input of a graph, which no call computes."""
    return is_symbolic(source) and (source.node is None or isinstance(source.node.operation, InputLayer))


def zeros_wanted(unconnected_gradients: object) -> bool:
    """Whether gradients of what a target does not depend on are zeros, not None."""
    return unconnected_gradients in ("zero", "ZERO") or getattr(unconnected_gradients, "value", "") == "zero"


class FunctionTape(GradientTape):
    """Records all calls of a function, for `tf.gradients` in it."""

    _watches_all = True

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
    ends = set(map(id, map(unboxed, jax.tree.leaves(constants, is_leaf=is_box))))
    rest = FunctionTape()
    rest._calls = [one for one in tape._calls if ends.isdisjoint(map(id, one.outputs))]
    sources: Any = list(xs) if isinstance(xs, list | tuple) else [xs]
    return list(rest.gradient(ys, sources, grad_ys))
