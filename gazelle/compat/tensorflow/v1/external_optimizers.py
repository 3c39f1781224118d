"""`tf.contrib.opt.ScipyOptimizerInterface`: minimizes a loss of a graph with `scipy.optimize.minimize`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.sessions import get_session
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1.graph_steps import gradients, trained
from gazelle.compat.types import Option, TensorLike
from gazelle.core.variable import Variable


@named("contrib.opt.ScipyOptimizerInterface")
class ScipyOptimizerInterface:
    """Minimizes with a method of SciPy, by default "L-BFGS-B"; for constraints it is to be "SLSQP".

    Args:
        loss: A scalar of a graph.
        var_list: The variables; by default those that are trained.
        equalities: Tensors that are to be 0.
        inequalities: Tensors that are to be >= 0.
        var_to_bounds: {variable: (lowest values, highest values)}.
        **optimizer_kwargs: `method`, `options`, `tol` and other arguments of `scipy.optimize.minimize`.
    """

    def __init__(
        self,
        loss: TensorLike,
        var_list: Iterable[Variable] | None = None,
        equalities: Sequence[TensorLike] | None = None,
        inequalities: Sequence[TensorLike] | None = None,
        var_to_bounds: Mapping[Variable, tuple[Any, Any]] | None = None,
        **optimizer_kwargs: Option,
    ) -> None:
        self.optimizer_kwargs = optimizer_kwargs
        kinds = [("eq", tensor) for tensor in equalities or ()] + [("ineq", tensor) for tensor in inequalities or ()]
        used = {id(v): v for tensor in (loss, *(tensor for _, tensor in kinds)) for v in trained(tensor)}
        self._vars = list(used.values() if var_list is None else var_list)
        self._loss, self._constraints = self._with_gradients(loss), [(k, self._with_gradients(t)) for k, t in kinds]
        self._bounds = None
        if var_to_bounds is not None:
            pairs = [var_to_bounds.get(v, (-np.inf, np.inf)) for v in self._vars]
            self._bounds = [
                (low, high)
                for variable, pair in zip(self._vars, pairs, strict=True)
                for low, high in zip(*(np.broadcast_to(b, variable.shape).reshape(-1) for b in pair), strict=True)
            ]

    def _with_gradients(self, tensor: Any) -> list[Any]:
        """The tensor, then its gradients, or zeros in their place."""
        return [tensor, *(np.zeros(v.shape) if g is None else g for v, g in zip(self._vars, self._grads(tensor)))]

    def _grads(self, tensor: Any) -> list[Any]:
        found: list[Any] = gradients(tensor, self._vars)
        return found

    @ignores("options run_metadata")
    def minimize(
        self,
        session: Option = None,
        feed_dict: Mapping[Any, TensorLike] | None = None,
        fetches: Sequence[TensorLike] | None = None,
        step_callback: Callable[..., object] | None = None,
        loss_callback: Callable[..., object] | None = None,
    ) -> None:
        """Assign the values of the minimum to the variables.

        Args:
            session: By default the default session.
            feed_dict: Values of placeholders.
            fetches: Tensors whose values `loss_callback` receives at each computation of the loss.
            step_callback: Function of the packed variables, called after each step.
            loss_callback: Function of the values of `fetches`.
        """
        import scipy.optimize

        run = (session or get_session()).run

        def compute(x: Any, tensors: list[Any], more: Sequence[Any] = ()) -> tuple[Any, Any]:
            self._assign(x)
            value, *found = run([*tensors, *more], feed_dict)
            if more and loss_callback is not None:
                loss_callback(*found[len(self._vars) :])
            packed = np.concatenate([np.reshape(g, -1) for g in found[: len(self._vars)]])
            return np.asarray(value, "float64"), packed.astype("float64")

        constraints = [
            {"type": kind, "fun": lambda x, t=t: compute(x, t)[0], "jac": lambda x, t=t: compute(x, t)[1]}
            for kind, t in self._constraints
        ]
        options = {"method": "L-BFGS-B", "bounds": self._bounds, **self.optimizer_kwargs}
        start = np.concatenate([np.reshape(run(v), -1) for v in self._vars]).astype("float64")
        loss = lambda x: compute(x, self._loss, fetches or ())  # noqa: E731
        found = scipy.optimize.minimize(
            loss, start, jac=True, constraints=constraints, callback=step_callback, **options
        )
        self._assign(found.x)

    def _assign(self, x: Any) -> None:
        ends = np.cumsum([int(np.prod(v.shape)) for v in self._vars])
        for variable, part in zip(self._vars, np.split(x, ends[:-1]), strict=True):
            variable.load(part.reshape(variable.shape)) if hasattr(variable, "load") else variable.assign(part)
