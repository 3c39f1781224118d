"""The learning phase: whether layers behave as in training. In a graph it is a tensor that is fed when it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.backend.lifting import computes_values, lifted
from gazelle.compat.types import Branch, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.names import on_clear
from gazelle.core.symbolic import KerasTensor, Node, Op


class LearningPhase(KerasTensor):
    """The learning phase as a symbolic tensor, which may be an input of `K.function`."""

    def __init__(self) -> None:
        super().__init__((), "bool", name="keras_learning_phase")
        Node(Op(_now), (), {}, self)

    def __bool__(self) -> bool:
        return False  # `if K.learning_phase():` outside of a layer, where nothing trains


def _now() -> Any:
    scope = tracing.current()
    return jnp.asarray(scope is not None and bool(scope.training))


_fixed: list[int] = []  # the value of set_learning_phase; empty if each run has its own
_phase: list[LearningPhase] = []


@on_clear
def _forget() -> None:
    _fixed.clear()
    _phase.clear()


def learning_phase() -> TensorResult:
    """Return 1 in training, else 0; while a graph is built, a symbolic tensor."""
    if _fixed:
        return _fixed[0]
    scope = tracing.current()
    if scope is not None or computes_values():
        return int(scope is not None and bool(scope.training))
    if not _phase:
        _phase.append(LearningPhase())
    return _phase[0]


def set_learning_phase(value: TensorLike) -> None:
    """Fix the phase for the functions of `keras.backend`: 1 for training, else 0."""
    _fixed[:] = [int(value)]


def fixed_phase() -> int | None:
    """Return the value of `set_learning_phase`, None if it was not called."""
    return _fixed[0] if _fixed else None


@contextlib.contextmanager
def learning_phase_scope(value: TensorLike) -> Iterator[None]:
    """Context manager that fixes the learning phase."""
    before = list(_fixed)
    set_learning_phase(value)
    try:
        yield
    finally:
        _fixed[:] = before


def in_train_phase(x: TensorLike, alt: Branch, training: TensorLike = None) -> TensorResult:
    """Return x in training, else `alt`; each is a tensor or a function that returns one."""
    phase = learning_phase() if training is None else training
    if isinstance(phase, KerasTensor):
        return switch(phase, x, alt)
    return _value(x if phase else alt)


def in_test_phase(x: TensorLike, alt: Branch, training: TensorLike = None) -> TensorResult:
    """Return x outside of training, else `alt`."""
    return in_train_phase(alt, x, training)


def switch(condition: TensorLike, then_expression: Branch, else_expression: Branch) -> TensorResult:
    """Select between two tensors, or functions that return one, by a boolean or elementwise by a tensor of booleans."""
    if isinstance(condition, bool | int):
        return _value(then_expression if condition else else_expression)
    return _select(condition, _value(then_expression), _value(else_expression))


@lifted
def _select(condition: Any, then: Any, other: Any) -> Any:
    condition, then, other = jnp.asarray(condition) != 0, jnp.asarray(then), jnp.asarray(other)
    if condition.ndim and condition.ndim < then.ndim:
        condition = condition.reshape(condition.shape + (1,) * (then.ndim - condition.ndim))
    return jnp.where(condition, then, other) if condition.ndim else jax.lax.select(condition, then, other)


def _value(x: Any) -> Any:
    return x() if isinstance(x, Callable) and not hasattr(x, "shape") else x
