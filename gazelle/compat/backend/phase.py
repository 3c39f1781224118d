"""The learning phase: whether what runs is training. In a graph it is a number that is given when the graph runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.backend.lifting import lifted, running
from gazelle.core import tracing
from gazelle.core.names import on_clear
from gazelle.core.symbolic import KerasTensor, Node, Op


class LearningPhase(KerasTensor):
    """The phase in a graph that is being written. It may stand among the inputs of `K.function`."""

    def __init__(self) -> None:
        super().__init__((), "bool", "keras_learning_phase")
        Node(Op(_now), (), {}, self)

    def __bool__(self) -> bool:
        return False  # `if K.learning_phase():` at the top of a program: nothing trains there


def _now() -> Any:
    scope = tracing.current()
    return jnp.asarray(scope is not None and bool(scope.training))


_fixed: list[int] = []  # what set_learning_phase chose; empty: each run says it
_phase: list[LearningPhase] = []


@on_clear
def _forget() -> None:
    _fixed.clear()
    _phase.clear()


def learning_phase() -> Any:
    """1 in training, else 0; where a graph is being written, the tensor that stands for it."""
    if _fixed:
        return _fixed[0]
    scope = tracing.current()
    if scope is not None or running():
        return int(scope is not None and bool(scope.training))
    if not _phase:
        _phase.append(LearningPhase())
    return _phase[0]


def set_learning_phase(value: Any) -> None:
    """Fix the phase for the functions of `keras.backend`: 0 as outside of training, 1 as in it."""
    _fixed[:] = [int(value)]


def fixed_phase() -> int | None:
    """What `set_learning_phase` chose, None where it did not."""
    return _fixed[0] if _fixed else None


class learning_phase_scope:
    """The phase inside a with-block."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __enter__(self) -> None:
        self._before = list(_fixed)
        set_learning_phase(self.value)

    def __exit__(self, *_: object) -> None:
        _fixed[:] = self._before


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x in training, else `alt`; each a tensor or a function that gives one."""
    phase = learning_phase() if training is None else training
    if isinstance(phase, KerasTensor):
        return switch(phase, x, alt)
    return _value(x if phase else alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x outside of training, else `alt`."""
    return in_train_phase(alt, x, training)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two tensors (or functions that give one): by one truth value, or by a tensor of them for each place."""
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
    return x() if isinstance(x, Callable) and not hasattr(x, "shape") else x  # type: ignore[arg-type]
