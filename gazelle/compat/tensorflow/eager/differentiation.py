"""Second derivatives of tensors of a graph, and derivatives in forward mode."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.eager.tape import GradientTape, source_of, zeros_wanted
from gazelle.compat.tensorflow.eager.tape_gradients import plan_of
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1.graph_steps import gradients
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core.errors import ShapeError, message


@named("hessians")
@ignores("gate_gradients aggregation_method colocate_gradients_with_ops")
def hessians(ys: TensorLike, xs: Nested[TensorLike]) -> list[TensorResult]:
    """`tf.hessians`: for each x the matrix of second derivatives of y, of shape x.shape + x.shape."""
    found = []
    for x in xs if isinstance(xs, list | tuple) else [xs]:
        shape = tuple(x.shape)
        if None in shape:
            raise ShapeError(message("tf.hessians", expected="tensors of known shapes", got=shape))
        first = NAMES["reshape"](gradients(ys, x)[0], [-1])
        rows = [gradients(first[i], x)[0] for i in range(int(np.prod(shape)))]
        rows = [NAMES["zeros_like"](x) if row is None else row for row in rows]
        found.append(NAMES["reshape"](NAMES["stack"](rows), [*shape, *shape]))
    return found


@named("autodiff.ForwardAccumulator")
class ForwardAccumulator(GradientTape):
    """`tf.autodiff.ForwardAccumulator(primals, tangents)`: the derivatives along a direction.

    >>> x = Tensor(np.asarray([1.0, 2.0], "float32"))
    >>> with ForwardAccumulator(x, Tensor(np.asarray([1.0, 0.0], "float32"))) as accumulator:
    ...     y = x * x
    >>> accumulator.jvp(y).numpy().tolist()
    [2.0, 0.0]
    """

    def __init__(self, primals: Nested[TensorLike], tangents: Nested[TensorLike]) -> None:
        super().__init__(persistent=True)
        self._origins, self._directions = (jax.tree.leaves(v, is_leaf=is_box) for v in (primals, tangents))
        self.watch(self._origins)

    def jvp(self, primals: Nested[TensorLike], unconnected_gradients: object = "none") -> TensorResult:
        """Return the derivatives of tensors along the tangents; None where they do not depend on the primals."""
        return jax.tree.map(lambda v: self._along(v, unconnected_gradients), primals, is_leaf=is_box)

    def _along(self, target: Any, unconnected_gradients: Any) -> Any:
        origins = list(map(source_of, self._origins))
        plan = plan_of(list(self._calls), [unboxed(target)], origins)
        if not plan.used or plan.ends == [None]:
            for origin, direction in zip(origins, self._directions, strict=True):
                if id(origin) == id(unboxed(target)):
                    return direction
            return Tensor(jnp.zeros_like(unboxed(target))) if zeros_wanted(unconnected_gradients) else None
        live = [jnp.asarray(plan.values[i]) for i in plan.used]
        given = [jnp.asarray(unboxed(self._directions[i]), v.dtype) for i, v in zip(plan.used, live, strict=True)]
        replay = lambda these: plan.replay(these, plan.constants)[0]  # noqa: E731
        try:
            return Tensor(jax.jvp(replay, (live,), (given,))[1])
        except TypeError:  # a function with a gradient of its own, such as the square root: transpose twice
            out, back = jax.vjp(replay, live)
            return Tensor(jax.vjp(lambda gradient: back(gradient)[0], jnp.ones_like(out))[1](given)[0])


def _differentiated(function: Callable[..., Any], values: Sequence[Any], params: Sequence[Any] | None) -> Any:
    """(value, gradients of arguments: of all, or of those at numbers or with names)."""
    given = [convert(value) for value in values]
    names = list(inspect.signature(function).parameters)
    chosen = range(len(given)) if params is None else [p if isinstance(p, int) else names.index(p) for p in params]
    with GradientTape() as tape:
        for value in given:
            tape.watch(value)
        out = function(*given)
    return out, tape.gradient(out, [given[number] for number in chosen])


def _with_variables(function: Callable[..., Any], values: Sequence[Any], _: Any) -> Any:
    """(value, pairs of the gradient for a variable that the function reads, and the variable)."""
    with GradientTape() as tape:
        out = function(*values)
    variables = tape.watched_variables()
    return out, list(zip(tape.gradient(out, variables), variables, strict=True))


def _differentiating(compute: Callable[..., Any], part: slice | int) -> Callable[..., Any]:
    def transformed(f: Callable[..., Any], params: Sequence[Any] | None = None) -> Callable[..., Any]:
        return lambda *values: compute(f, values, params)[part]

    return transformed


for _name, _compute in (("implicit", _with_variables), ("", _differentiated)):
    _kinds = (f"{_name}_gradients", f"{_name}_value_and_gradients") if _name else ("gradients", "value_and_gradients")
    for _kind, _part in zip(_kinds, (1, slice(2)), strict=True):
        named(f"contrib.eager.{_kind}{'' if _name else '_function'}")(_differentiating(_compute, _part))
