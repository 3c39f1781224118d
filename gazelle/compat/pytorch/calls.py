"""What the mixins call while programs compute with PyTorch, as `gazelle.compat.tensorflow.model_calls` for TensorFlow.

A user-defined `call` or step receives tensors of PyTorch, unless it is being traced. Each call of a layer, loss or
operation of gazelle on tensors is one node in the graph of PyTorch. What is called by gazelle itself gets arrays.
"""

from __future__ import annotations

import functools
import re
import sys
import traceback
from contextvars import ContextVar
from types import FrameType
from typing import Any

import jax
import torch

from gazelle import ops
from gazelle.compat.era import NOTHING
from gazelle.compat.pytorch import functions, modules, parameters, recorded_calls, steps
from gazelle.compat.pytorch.tensors import boxed, has_tensor, is_box, is_traced, on_arrays, unbox
from gazelle.compat.tensorflow.eager.compiled_calls import is_library_code
from gazelle.compat.tensorflow.layer_calls import program_key
from gazelle.compat.types import Arguments, Function, Keywords, NamedObject, Option, TensorResult
from gazelle.core import shape_inference, symbolic, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.errors import StateError, message
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.layers import Layer, weight_tree
from gazelle.losses import Loss
from gazelle.losses.reduction import reduce
from gazelle.models.graph_inputs import fitted, match

serves_all = True
has_box = has_tensor
attribute_value = modules.attribute_value
update_weights = modules.update_weights
run_step = steps.run_step
prepare_uncompiled = steps.train_with_torch
#: whether a user-defined `call` runs on tensors: what gazelle calls in it is recorded
_on_tensors: ContextVar[bool] = ContextVar("gazelle_on_torch_tensors", default=False)
_kept: dict[int, Any] = {}  # objects whose ids are in program keys


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


def _by_program() -> bool:
    """Whether code of a program calls the function of this package or of the mixins that is running."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _module(frame).startswith(("gazelle.compat.", "gazelle.core.traceback")):
        frame = frame.f_back
    return not _module(frame).startswith("gazelle.")


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _is_inside_trace(tree: Tree) -> bool:
    scope = tracing.current()
    bound = [] if scope is None or scope.values is None else [*scope.values.values()]
    return on_arrays.get() or is_traced((tree, bound)) or tracing.is_traced()


def layer_call(original: Function, layer: Layer, args: Arguments, kwargs: Keywords) -> Tree:
    """Call a layer; `original(*args, **kwargs)` is gazelle's method, which takes arrays."""
    given = (args, kwargs)
    if symbolic.any_symbolic(*given):
        return original(*unbox(args), **unbox(dict(kwargs)))
    if shape_inference.infers_shapes.get():  # of a `call` that cannot be traced: the values have no meaning
        out = original(*unbox(args), **unbox(dict(kwargs)))
        return boxed(out) if has_tensor(given) else out
    by_program = _by_program()
    is_wanted = has_tensor(given) or _on_tensors.get() or by_program
    if not is_wanted or _is_inside_trace(given):
        return original(*args, **kwargs)
    outer = tracing.current()
    scope = tracing.TraceContext() if outer is None else outer
    with tracing.entered(scope):
        out = _call(original, layer, scope, args, dict(kwargs))
    if outer is None:
        _store_losses(layer, scope.losses)
    return out if by_program or has_tensor(given) else unbox(out)


def _store_losses(layer: Layer, found: list[tuple[Layer, Any]]) -> None:
    """Store the losses of a call in the layers that added them, in the place of those of earlier calls."""
    inside = {id(one): one for one in weight_tree.named_layers(layer).values()}
    for one in inside.values():
        one._eager_losses = []
    for owner, value in found:
        inside.get(id(owner), layer)._eager_losses.append(boxed(value))


def _call(
    original: Function, layer: Layer, scope: tracing.TraceContext, args: Arguments, kwargs: dict[str, Any]
) -> Tree:
    run = getattr(layer, "run_module", None)
    if run is not None:
        return run(*boxed(args), **{"training": scope.training, **boxed(kwargs)})
    is_own = not type(layer).call.__module__.startswith("gazelle.")
    if is_own:
        args, kwargs = jax.tree.map(functools.partial(_cast, layer), (args, kwargs), is_leaf=is_box)
        with assigned(_on_tensors, True):
            return boxed(original(*unbox(args), **unbox(kwargs)))
    library = is_library_code(layer)
    if not library and getattr(layer, "_graph", None) is not None and layer.built:
        return _call_nodes(layer, scope, args, kwargs)
    key = program_key(layer) if library else None
    return recorded_calls.call(original, args, kwargs, key, layer, is_compiled=library)


def _cast(layer: Layer, value: Any) -> Any:
    """A float tensor in the dtype in which a layer computes, so that its array is not converted later."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or not getattr(layer, "autocast", True):
        return value
    return value.to(getattr(torch, layer.compute_dtype, value.dtype))


def _call_nodes(model: Any, scope: tracing.TraceContext, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call the layers and operations of a functional model one by one."""
    graph = model._extended_graph or model._graph
    given = kwargs.get("training", args[1] if len(args) > 1 else None)
    inputs = match(graph, args[0] if args else kwargs["inputs"])
    values = {
        id(tensor): recorded_calls.call(
            functools.partial(fitted, tensor, guessed=graph.guessed), (value,), {}, is_compiled=False
        )
        for tensor, value in zip(graph.flat_inputs, map(_as_tensor, inputs), strict=True)
    }
    before = scope.training
    scope.training = before if given is None else bool(given)
    try:
        for node in graph.nodes:
            outputs = symbolic.leaves(node.outputs)
            if all(id(tensor) in values for tensor in outputs):
                continue
            args_, kwargs_ = symbolic.map_tree(lambda v: values.get(id(v), v), (node.args, node.kwargs))
            if isinstance(node.operation, Layer):
                found = node.operation(*args_, **kwargs_)
            else:
                found = TorchTensor.dispatch(node.operation, args_, kwargs_)
            results = jax.tree.leaves(boxed(found))
            values.update((id(tensor), result) for tensor, result in zip(outputs, results, strict=True))
    finally:
        scope.training = before
    return symbolic.map_tree(lambda tensor: values[id(tensor)], graph.outputs)


def _as_tensor(value: Any) -> Any:
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value)


def user_defined_call(call: Function, args: Arguments, kwargs: Keywords) -> Tree:
    """Run the `call` of a user-defined layer, which gazelle calls on arrays: with tensors, converting the result."""
    given = (args, kwargs)
    if has_tensor(given) or symbolic.any_symbolic(*given) or tracing.is_traced():
        return call(*args, **kwargs)
    if on_arrays.get() or _is_inside_trace(given):
        try:
            return call(*args, **kwargs)
        except Exception as error:
            if not _needs_tensors(error):
                raise
        _check_has_no_weights(call)
        with assigned(on_arrays, False), assigned(_on_tensors, True):
            return functions.call(call, args, kwargs)
    with assigned(_on_tensors, True):
        return unbox(call(*boxed(args), **boxed(dict(kwargs))))


def _check_has_no_weights(call: Function) -> None:
    owner = next(iter(getattr(call, "args", ())), None)
    if isinstance(owner, Layer) and owner.variables:
        what = f"{type(owner).__name__} '{owner.name}' in a layer such as TimeDistributed"
        hint = "Write its call with keras.ops, or call the layer in a layer or model of your own."
        raise StateError(message(what, expected="no function of PyTorch in its call", got="one", hint=hint))


def loss_call(original: Function, loss: Loss, args: Arguments, kwargs: Keywords) -> Tree:
    """Call a loss."""
    given = (args, kwargs)
    if _is_inside_trace(given) or not (has_tensor(given) or _by_program()):
        return original(*args, **kwargs)
    if not type(loss).call.__module__.startswith("gazelle."):
        with assigned(_on_tensors, True):
            return _reduced(loss, *boxed(args), **boxed(dict(kwargs)))
    _kept[id(loss)] = loss
    return recorded_calls.call(original, args, kwargs, ("loss", id(loss)), is_compiled=is_library_code(loss))


def _reduced(loss: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """The value of a user-defined loss on tensors: its `call`, weighted, with the reduction of the loss."""

    def reduced(values: Any, weights: Any) -> Any:
        return reduce(jax.numpy.asarray(values), weights, None, loss.reduction, loss.name)

    return recorded_calls.call(reduced, (loss.call(y_true, y_pred), sample_weight), {}, is_compiled=False)


def function_call(function: Function, args: Arguments, kwargs: Keywords) -> Tree:
    """Call a function of `keras.losses`, `metrics` or `activations`, which may receive tensors."""
    given = (args, kwargs)
    if symbolic.any_symbolic(*given) or _is_inside_trace(given):
        return function(*args, **kwargs)
    if has_tensor(given) or _by_program():
        return recorded_calls.call(function, args, kwargs)
    return function(*args, **kwargs)


def is_recorded(args: Arguments, kwargs: Keywords) -> bool:
    """Whether tensors or, by a program, variables are given, whose computation PyTorch records."""
    leaves = jax.tree.leaves((args, kwargs), is_leaf=is_box)
    is_weight = any(isinstance(leaf, Variable) for leaf in leaves) and _by_program() and not _is_inside_trace(())
    return is_weight or any(isinstance(leaf, torch.Tensor) for leaf in leaves)


#: functions of `keras.ops` whose results have no gradients
_WITHOUT_GRADIENTS = frozenset(("convert_to_numpy", "dtype", "is_tensor", "ndim", "shape"))


def plain_function(function: Function, args: Arguments, kwargs: Keywords) -> Tree:
    """Call a function of `keras.ops` and `keras.random` that is no op; NOTHING if it is not given tensors."""
    if not has_tensor((args, kwargs)):
        return NOTHING
    if function.__name__ in _WITHOUT_GRADIENTS:
        return function(*unbox(args), **unbox(dict(kwargs)))
    return recorded_calls.call(function, args, kwargs)


def result_of_ops(out: Tree, args: Arguments, kwargs: Keywords) -> Tree:
    """The arrays that a function of `keras.ops` returns to a program, as tensors."""
    return out if _is_inside_trace((out, args, kwargs)) else boxed(out)


def as_tensors(out: Tree) -> Tree:
    """The result of a metric as a tensor for a program."""
    return out if not _by_program() or _is_inside_trace(out) else boxed(out)


def tensors_of_program() -> type[TensorWrapper] | None:
    """The class that records what a program computes with variables; None in a trace, where they are arrays."""
    return None if _is_inside_trace(()) else TorchTensor


def variable_value(variable: Variable) -> TensorResult:
    """`variable.value` for a program: a parameter of PyTorch."""
    return parameters.parameter(variable)


def losses(layer: Layer, values: list[Any]) -> list[Any]:
    """`layer.losses` as tensors, whose gradients are those of the weights and activations."""
    if _is_inside_trace(values):
        return values
    weights = weight_tree.penalized(layer)
    added = values[: len(values) - len(weights)]
    regularizers: list[Any] = [variable.regularizer for variable in weights]
    pairs = zip(regularizers, weights, strict=True)
    penalties = [
        recorded_calls.call(regularizer, (variable,), {}, is_compiled=False) for regularizer, variable in pairs
    ]
    return [*map(boxed, added), *penalties] if _by_program() else [*added, *map(unbox, penalties)]


def may_compute_values(error: BaseException | None) -> bool:
    """Whether an error means that a function of PyTorch or of Python needs values, which a trace does not have."""
    while error is not None:
        if isinstance(error, jax.errors.JAXTypeError) or _needs_tensors(error):
            return not tracing.is_traced()
        error = error.__cause__ or error.__context__
    return False


def _needs_tensors(error: BaseException) -> bool:
    """Whether code for tensors raised an error because it was called on arrays, whose `size` is no method."""
    if not isinstance(error, AttributeError | RuntimeError | TypeError | ValueError):
        return False
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    of_torch = any(_module(frame).startswith("torch.") for frame in frames)
    return of_torch or re.search("Tracer|ArrayImpl|'int' object is not callable", str(error)) is not None


def needs_tape(error: Exception) -> bool:
    """Return False: PyTorch records by itself."""
    return False


def without_values(function: Function, error: Exception) -> Function | None:
    """Return None: conditions on tensors are not rewritten."""
    return None


def as_dtype(dtype: str) -> str:
    """Return the name: dtypes of Keras are strings."""
    return dtype


def remembered(variable: Variable) -> Variable:
    """Return a new weight."""
    return variable


def resume() -> None:
    """Do nothing after a layer was built."""


def datasets(out: NamedObject) -> NamedObject:
    """Return datasets as they are."""
    return out


def mark(tensor: Option) -> None:
    """Do nothing with a symbolic tensor that a layer returns."""
