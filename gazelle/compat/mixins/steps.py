"""Steps and losses that a model of a program defines."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from gazelle.compat import era, facade
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import Function, arrays_of
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core.types import Tree
from gazelle.models import Model


class ArraySteps:
    """Base class after user-defined steps and losses: gazelle's steps, which take arrays, and its loss."""

    def train_step(self, *given: Any) -> Tree:
        return super().train_step(*arrays_of(given))

    def test_step(self, *given: Any) -> Tree:
        return super().test_step(*arrays_of(given))

    def predict_step(self, *given: Any) -> Tree:
        return super().predict_step(*arrays_of(given))

    def compute_loss(
        self,
        x: Nested[TensorLike] = None,
        y: Nested[TensorLike] = None,
        y_pred: Nested[TensorLike] = None,
        sample_weight: Nested[TensorLike] = None,
        training: bool = True,
    ) -> TensorResult:
        """The loss given to `compile`; in Keras 2 a call from a program also updated its mean in the logs."""
        inherited: Any = super().compute_loss
        if era.number() == 3 or called_by_gazelle(1) or inherited.__func__ is not Model.compute_loss:
            return inherited(x, y, y_pred, sample_weight)
        return self.compiled_loss(y, y_pred, sample_weight, self.losses)


def step_on_tensors(step: Function) -> Function:
    """A user-defined `train_step(self, data)`: it receives tensors if its module imports tensorflow."""
    parameters = list(inspect.signature(step).parameters.values())[1:]
    needed = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]
    passes_on = any(p.kind is p.VAR_POSITIONAL for p in parameters) and not needed
    if len(needed) > 1 or (passes_on and facade.backend_of(getattr(inspect.unwrap(step), "__globals__", {})) == "jax"):
        return step  # (self, state, data): a pure step takes arrays; other steps are called by the program alone

    @functools.wraps(step)
    def called(self: Any, data: Any) -> Any:
        if not facade.adapter.has_tensors or facade.adapter.has_box(data):
            return step(self, data)
        return facade.adapter.run_step(step, self, _with_tuples(data) if facade.serves_function(step) else data)

    called.__signature__ = inspect.signature(lambda self, data: None)
    return called


def _with_tuples(data: Tree) -> Tree:
    """A batch with tuples in place of lists, which datasets of TensorFlow do not contain."""
    if type(data) in (list, tuple):
        return tuple(map(_with_tuples, data))
    return {key: _with_tuples(value) for key, value in data.items()} if type(data) is dict else data


def loss_as_array(compute_loss: Function) -> Function:
    """A user-defined `compute_loss`: called on arrays, it returns an array."""

    @functools.wraps(compute_loss)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = compute_loss(self, *args, **kwargs)
        if facade.adapter.has_box((args, kwargs)):
            return out
        return facade.adapter.unbox(out)

    return called
