"""Losses that use tensors of the model's graph from outside of their arguments, such as the mean of a VAE's code.

    def vae_loss(x, x_decoded):
        return mse(x, x_decoded) - 0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)

What such a function computes from tensors of the graph alone is computed with the model, in the same pass; what needs
the labels is computed from that where the other losses are.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gazelle.core import symbolic
from gazelle.core.symbolic import KerasTensor
from gazelle.layers.base import Layer
from gazelle.layers.input import Input
from gazelle.models.graph import Graph
from gazelle.training.outputs import per_output


class ClosedLoss:
    """`function` of (y_true, y_pred) with its tensors of the graph; `given` the arrays of these, it can be called."""

    def __init__(self, function: Callable[..., Any], output: KerasTensor) -> None:
        self.__name__, self.__module__ = getattr(function, "__name__", "loss"), function.__module__
        self.target = Input(batch_shape=(None, *output.shape[1:]))
        value = function(self.target, output)
        self.tensors = list(dict.fromkeys(_independent(value, self.target)))
        self._graph = Graph([self.target, *self.tensors], value)

    def given(self, reports: Mapping[Any, Any]) -> Callable[..., Any]:
        """The loss as a function of (y_true, y_pred), which is what the model has computed of `tensors` now."""
        arrays = [reports[tensor] for tensor in self.tensors]

        def loss(y_true: Any, y_pred: Any) -> Any:
            return self._graph.run([y_true, *arrays])

        return loss

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        raise NotImplementedError(f"Loss {self.__name__!r} uses tensors of the model: it is computed in fit alone.")


def close(model: Any, loss: Any) -> Any:
    """What `compile` was given as loss, functions that use tensors of the model's graph made ready."""
    graph: Graph | None = model._graph
    if graph is None or loss is None:
        return loss
    losses = per_output("compile(loss=...)", loss, graph.output_names, spread=True)
    outputs = symbolic.leaves(graph.outputs)
    closed = [ClosedLoss(f, t) if any(True for _ in reached(f)) else f for f, t in zip(losses, outputs, strict=True)]
    tensors = [tensor for one in closed if isinstance(one, ClosedLoss) for tensor in one.tensors]
    if not tensors:
        return loss
    model._compute_too(reports={tensor: tensor for tensor in tensors})
    return closed


def reached(function: Any) -> Iterator[KerasTensor]:
    """The symbolic tensors that a function written by a user has in its closure, its globals, or its `partial`."""
    if isinstance(function, functools.partial):
        yield from _held((function.args, function.keywords))
        yield from reached(function.func)
    elif isinstance(function, types.MethodType):
        yield from _held(vars(function.__self__) if hasattr(function.__self__, "__dict__") else ())
        yield from reached(function.__func__)
    elif isinstance(function, types.FunctionType) and not function.__module__.startswith("gazelle."):
        yield from _held([cell.cell_contents for cell in function.__closure__ or () if _filled(cell)])
        yield from _held([function.__defaults__, function.__kwdefaults__])
        names = [name for code in _codes(function.__code__) for name in code.co_names]
        yield from _held([function.__globals__[name] for name in names if name in function.__globals__])


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function and of those written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - the question is whether it raises
    except ValueError:
        return False
    return True


def _held(value: Any, depth: int = 3) -> Iterator[KerasTensor]:
    """The symbolic tensors in a value: itself, in lists and dicts, in a function's closure, in a plain object."""
    if isinstance(value, KerasTensor):
        yield value
    elif depth == 0 or isinstance(value, (Layer, type, types.ModuleType)):
        return
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _held(one, depth - 1)
    elif isinstance(value, Mapping):
        yield from _held(list(value.values()), depth)
    elif isinstance(value, (types.FunctionType, types.MethodType, functools.partial)):
        yield from reached(value)
    elif hasattr(value, "__dict__"):
        yield from _held([v for v in vars(value).values() if isinstance(v, KerasTensor)])


def _independent(value: Any, target: KerasTensor) -> Iterator[KerasTensor]:
    """The tensors nearest to `value` that do not depend on `target`: with it, they are all that `value` needs."""
    depends: dict[int, bool] = {}

    def needs(tensor: KerasTensor) -> bool:
        if tensor is target:
            return True
        node = tensor.node
        if node is None:
            return False
        if id(node) not in depends:
            depends[id(node)] = False
            depends[id(node)] = any(needs(parent) for parent in node.inputs)
        return depends[id(node)]

    def walk(tensor: KerasTensor, seen: set[int]) -> Iterator[KerasTensor]:
        if tensor is target:
            return
        if not needs(tensor):
            yield tensor
            return
        node = tensor.node
        assert node is not None
        if id(node) not in seen:
            seen.add(id(node))
            for parent in node.inputs:
                yield from walk(parent, seen)

    for tensor in symbolic.symbolic_leaves(value):
        yield from walk(tensor, set())
