"""What the mixins call while programs compute with PyTorch.

A user-defined `call` or step receives tensors of PyTorch, unless it is being traced. Each call of a layer, loss or
operation of gazelle on tensors is one node in the graph of PyTorch. What is called by gazelle itself gets arrays.
"""

from __future__ import annotations

import re
import traceback
from typing import Any

import jax
import torch

from gazelle.compat.era import NOTHING
from gazelle.compat.pytorch import functions, layer_calls, modules, parameters, recorded_calls, steps
from gazelle.compat.pytorch.dispatch import TorchTensor, by_program, is_inside_trace, module_of, on_tensors
from gazelle.compat.pytorch.tensors import boxed, has_tensor, is_box, on_arrays, unbox
from gazelle.compat.tensor_adapter import TensorAdapter
from gazelle.compat.tensorflow.eager.compiled_calls import is_library_code
from gazelle.compat.types import Arguments, Function, Keywords, TensorResult
from gazelle.core import symbolic, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.errors import StateError, message
from gazelle.core.own_code import from_gazelle
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.layers import Layer, weight_tree
from gazelle.losses import Loss
from gazelle.losses.reduction import reduce


def _check_has_no_weights(call: Function) -> None:
    owner = next(iter(getattr(call, "args", ())), None)
    if isinstance(owner, Layer) and owner.variables:
        what = f"{type(owner).__name__} '{owner.name}' in a layer such as TimeDistributed"
        hint = "Write its call with keras.ops, or call the layer in a layer or model of your own."
        raise StateError(message(what, expected="no function of PyTorch in its call", got="one", hint=hint))


def _reduced(loss: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """The value of a user-defined loss on tensors: its `call`, weighted, with the reduction of the loss."""

    def reduced(values: Any, weights: Any) -> Any:
        return reduce(jax.numpy.asarray(values), weights, None, loss.reduction, loss.name)

    return recorded_calls.call(reduced, (loss.call(y_true, y_pred), sample_weight), {}, is_compiled=False)


#: functions of `keras.ops` whose results have no gradients
_WITHOUT_GRADIENTS = frozenset(("convert_to_numpy", "dtype", "is_tensor", "ndim", "shape"))


def _needs_tensors(error: BaseException) -> bool:
    """Whether code for tensors raised an error because it was called on arrays, whose `size` is no method."""
    if not isinstance(error, AttributeError | RuntimeError | TypeError | ValueError):
        return False
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    of_torch = any(module_of(frame).startswith("torch.") for frame in frames)
    return of_torch or re.search("Tracer|ArrayImpl|'int' object is not callable", str(error)) is not None


class TorchAdapter(TensorAdapter):
    """For PyTorch, whose tensors record the calls of gazelle as nodes of its graph."""

    serves_all = True
    has_tensors = True
    boxed = staticmethod(boxed)
    unbox = staticmethod(unbox)
    is_box = staticmethod(is_box)
    has_box = staticmethod(has_tensor)
    layer_call = staticmethod(layer_calls.layer_call)
    run_step = staticmethod(steps.run_step)
    attribute_value = staticmethod(modules.attribute_value)
    update_weights = staticmethod(modules.update_weights)
    prepare_uncompiled = staticmethod(steps.train_with_torch)

    def user_defined_call(self, call: Function, args: Arguments, kwargs: Keywords) -> Tree:
        given = (args, kwargs)
        if has_tensor(given) or symbolic.any_symbolic(*given) or tracing.is_traced():
            return call(*args, **kwargs)
        if is_inside_trace(given):
            try:
                return call(*args, **kwargs)
            except Exception as error:
                if not _needs_tensors(error):
                    raise
            _check_has_no_weights(call)
            with assigned(on_arrays, False), assigned(on_tensors, True):
                return functions.call(call, args, kwargs)
        with assigned(on_tensors, True):
            return unbox(call(*boxed(args), **boxed(dict(kwargs))))

    def loss_call(self, original: Function, loss: Loss, args: Arguments, kwargs: Keywords) -> Tree:
        given = (args, kwargs)
        if is_inside_trace(given) or not (has_tensor(given) or by_program()):
            return original(*args, **kwargs)
        if not from_gazelle(type(loss).call):
            with assigned(on_tensors, True):
                return _reduced(loss, *boxed(args), **boxed(dict(kwargs)))
        return recorded_calls.call(original, args, kwargs, ("loss", loss), is_compiled=is_library_code(loss))

    def function_call(self, function: Function, args: Arguments, kwargs: Keywords) -> Tree:
        given = (args, kwargs)
        if symbolic.any_symbolic(*given) or is_inside_trace(given):
            return function(*args, **kwargs)
        if has_tensor(given) or by_program():
            return recorded_calls.call(function, args, kwargs)
        return function(*args, **kwargs)

    def is_recorded(self, args: Arguments, kwargs: Keywords) -> bool:
        leaves = jax.tree.leaves((args, kwargs), is_leaf=is_box)
        is_weight = any(isinstance(leaf, Variable) for leaf in leaves) and by_program() and not is_inside_trace(())
        return is_weight or any(isinstance(leaf, torch.Tensor) for leaf in leaves)

    def plain_function(self, function: Function, args: Arguments, kwargs: Keywords) -> Tree:
        if not has_tensor((args, kwargs)):
            return NOTHING
        if function.__name__ in _WITHOUT_GRADIENTS:
            return function(*unbox(args), **unbox(dict(kwargs)))
        return recorded_calls.call(function, args, kwargs)

    def result_of_ops(self, out: Tree, args: Arguments, kwargs: Keywords) -> Tree:
        return out if is_inside_trace((out, args, kwargs)) else boxed(out)

    def as_tensors(self, out: Tree) -> Tree:
        return out if not by_program() or is_inside_trace(out) else boxed(out)

    def tensors_of_program(self) -> type[TensorWrapper] | None:
        return None if is_inside_trace(()) else TorchTensor

    def variable_value(self, variable: Variable) -> TensorResult:
        return parameters.parameter(variable)

    def losses(self, layer: Layer, values: list[Any]) -> list[Any]:
        if is_inside_trace(values):
            return values
        weights = weight_tree.penalized(layer)
        added = values[: len(values) - len(weights)]
        regularizers: list[Any] = [variable.regularizer for variable in weights]
        pairs = zip(regularizers, weights, strict=True)
        penalties = [
            recorded_calls.call(regularizer, (variable,), {}, is_compiled=False) for regularizer, variable in pairs
        ]
        return [*map(boxed, added), *penalties] if by_program() else [*added, *map(unbox, penalties)]

    def may_compute_values(self, error: BaseException | None) -> bool:
        while error is not None:
            if isinstance(error, jax.errors.JAXTypeError) or _needs_tensors(error):
                return not tracing.is_traced()
            error = error.__cause__ or error.__context__
        return False


ADAPTER = TorchAdapter()
