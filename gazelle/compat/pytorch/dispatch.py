"""Which code receives tensors, and operations on tensors."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from types import FrameType

from gazelle import ops
from gazelle.compat.pytorch import recorded_calls
from gazelle.compat.pytorch.tensors import is_traced, on_arrays, unbox
from gazelle.compat.types import Arguments, Function, Keywords
from gazelle.core import symbolic, tracing
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree

#: whether a user-defined `call` runs on tensors: what gazelle calls in it is recorded
on_tensors: ContextVar[bool] = ContextVar("gazelle_on_torch_tensors", default=False)


class TorchTensor(TensorWrapper):
    """The class that operations on tensors of PyTorch are dispatched to."""

    @classmethod
    def dispatch(cls, function: Function, args: Arguments, kwargs: Keywords) -> Tree:
        """Call a function of arrays."""
        if symbolic.any_symbolic(args, kwargs):
            return function(*unbox(args), **unbox(dict(kwargs)))
        if function is ops.stop_gradient:
            return args[0].detach()
        is_op = "<locals>" not in getattr(function, "__qualname__", "")
        return recorded_calls.call(function, args, kwargs, is_compiled=is_op)


def by_program() -> bool:
    """Whether code of a program calls the function of this package or of the mixins that is running."""
    frame = sys._getframe(1)
    while frame.f_back is not None and module_of(frame).startswith(("gazelle.compat.", "gazelle.core.traceback")):
        frame = frame.f_back
    return not module_of(frame).startswith("gazelle.")


def module_of(frame: FrameType) -> str:
    """The name of the module whose code runs in a frame."""
    return str(frame.f_globals.get("__name__", ""))


def is_inside_trace(tree: Tree) -> bool:
    """Whether a function of arrays runs, or is traced, so that nothing is converted to tensors."""
    scope = tracing.current()
    bound = [] if scope is None or scope.values is None else [*scope.values.values()]
    return on_arrays.get() or is_traced((tree, bound)) or tracing.is_traced()
