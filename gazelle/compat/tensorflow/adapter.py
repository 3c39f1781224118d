"""What the mixins call while the facade of TensorFlow is active."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat import facade
from gazelle.compat.regularizers import Penalty
from gazelle.compat.tensor_adapter import TensorAdapter
from gazelle.compat.tensorflow import layer_calls
from gazelle.compat.tensorflow.calls import boxed, call, unbox
from gazelle.compat.tensorflow.data.dataset import Dataset
from gazelle.compat.tensorflow.dtypes import as_dtype
from gazelle.compat.tensorflow.eager import compiled_calls
from gazelle.compat.tensorflow.eager.recording import active_tapes, is_box, only_tapes, unboxed
from gazelle.compat.tensorflow.eager.stateful import stateful
from gazelle.compat.tensorflow.eager.tape import GradientTape, with_tape
from gazelle.compat.tensorflow.layer_calls import (
    from_outside,
    has_box,
    layer_call,
    may_compute_values,
    needs_tape,
    user_defined_call,
    without_values,
)
from gazelle.compat.tensorflow.ops import masked_rows
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.tensorflow.restoring import resume
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.text_variable import text_weight
from gazelle.compat.tensorflow.variable import IndexedSlices, text_of_variable
from gazelle.compat.types import Arguments, Branch, Function, Keywords, Nested, Option, TensorLike, TensorResult
from gazelle.core import logits, symbolic, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.data import dataset
from gazelle.layers import Layer, weight_tree
from gazelle.losses import Loss
from gazelle.models import Model
from gazelle.optimizers import Optimizer

T = TypeVar("T")
#: id -> variable, weakly: what `tf.train.Saver` and `tf.trainable_variables` find
all_variables: weakref.WeakValueDictionary[int, Variable] = weakref.WeakValueDictionary()


def remembered(made: T) -> T:
    """Add a variable to those that TensorFlow lists."""
    all_variables[id(made)] = made
    return made


def _with_logits(function: Function, args: Arguments) -> tuple[Function, Arguments]:
    """A function (y_true, y_pred, ...) and its arguments, with the logits of y_pred as a first one if there are any."""
    has_logits = len(args) > 1 and not isinstance(args[1], masked_rows.MaskedRows)
    found, loss = logits.entry(unboxed(args[1])) if has_logits else (None, None)
    return (function, args) if found is None else (_on_logits(function, loss), (boxed(found), *args))


@functools.lru_cache(maxsize=256)
def _on_logits(function: Function, loss: str | None) -> Function:
    def called(before: Any, y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        return function(y_true, logits.attach(y_pred, before, loss), *args, **kwargs)

    return called


def _is_tracing_step() -> bool:
    """Whether the default training step is being traced, which needs arrays."""
    scope = tracing.current()
    return scope is not None and scope.pure


def _recorded_penalty(regularizer: Any, variable: Variable) -> Any:
    if not isinstance(regularizer, Penalty):
        return call(penalty(regularizer), (variable,), {})
    found = regularizer.function()  # which reads variables itself
    return found if regularizer.before is None else found + _recorded_penalty(regularizer.before, variable)


@functools.cache
def penalty(regularizer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The penalty of an array as a function that is equal for equal regularizers, so that programs are shared."""

    def computed(w: Any) -> Any:
        with only_tapes(()):  # the penalty is recorded as one call
            return unboxed(regularizer(w))

    return computed


def minimize(
    optimizer: Optimizer,
    loss: Branch,
    var_list: Iterable[Variable] | Callable[[], Iterable[Variable]] | None = None,
    grad_loss: TensorLike = None,
    name: str | None = None,
    tape: GradientTape | None = None,
    **options: Option,
) -> TensorResult:
    """Take one optimizer step; the loss is a function without arguments, or a tensor recorded by `tape`."""
    if isinstance(var_list, Variable):  # the step of TensorFlow 1
        options["global_step"], var_list = var_list, None
    return optimizer.apply_gradients(gradients(loss, var_list, grad_loss, tape), **options)


def gradients(
    loss: Branch,
    var_list: Iterable[Variable] | Callable[[], Iterable[Variable]] | None = None,
    grad_loss: TensorLike = None,
    tape: GradientTape | None = None,
) -> list[tuple[Any, Variable]]:
    """The pairs (gradient, variable) of a loss: a function without arguments, or a tensor recorded by `tape`."""
    if isinstance(grad_loss, GradientTape):  # the third argument from TensorFlow 2.11 on
        grad_loss, tape = None, grad_loss
    if callable(loss):
        with GradientTape() as tape:
            loss = loss()
            loss = loss + 0 if isinstance(loss, Variable) else loss  # what tapes record is a computed tensor
    if tape is None:
        expected, hint = "the tape that recorded the loss", "Or give a function: minimize(lambda: ..., variables)."
        raise ArgumentError(message("minimize(loss)", expected=expected, got="none", hint=hint))
    if var_list is None:
        var_list = tape.watched_variables()
    variables = list(var_list() if callable(var_list) else var_list)
    return list(zip(tape.gradient(loss, variables, grad_loss), variables, strict=True))


class TensorFlowAdapter(TensorAdapter):
    """For TensorFlow: the tensors of `gazelle.compat.tensorflow`, which tapes record."""

    has_tensors = True
    boxed = staticmethod(boxed)
    unbox = staticmethod(unbox)
    is_box = staticmethod(is_box)
    has_box = staticmethod(has_box)
    layer_call = staticmethod(layer_call)
    user_defined_call = staticmethod(user_defined_call)
    may_compute_values = staticmethod(may_compute_values)
    needs_tape = staticmethod(needs_tape)
    without_values = staticmethod(without_values)
    as_dtype = staticmethod(as_dtype)
    remembered = staticmethod(remembered)
    resume = staticmethod(resume)
    text_of_variable = staticmethod(text_of_variable)
    text_weight = staticmethod(text_weight)

    def sparse_tensor(self, made: Iterable[TensorLike]) -> SparseTensor:
        return SparseTensor(*made)

    def run_step(self, step: Function, model: Model, data: Tree) -> Tree:
        run = with_tape(step) if model._records_steps else step
        return unbox(run(model, boxed(data) if facade.serves_function(step) else data))

    def mark(self, tensor: symbolic.KerasTensor) -> None:
        layer_calls.layer_outputs.mark(tensor)

    def is_recorded(self, args: Arguments, kwargs: Keywords) -> bool:
        leaves = jax.tree.leaves((args, kwargs), is_leaf=is_box)
        has_variables = bool(active_tapes()) and any(isinstance(leaf, Variable) for leaf in leaves)
        return has_variables or any(isinstance(leaf, TensorWrapper) for leaf in leaves)

    def tensors_of_program(self) -> type[TensorWrapper] | None:
        return Tensor if facade.serves_caller(besides_jax=False) else None

    def result_of_ops(self, out: Tree, args: Arguments, kwargs: Keywords) -> Tree:
        flat = jax.tree.leaves(out, is_leaf=is_box)
        made = any(isinstance(v, jax.Array) for v in flat) and not any(
            isinstance(v, jax.Array) for v in jax.tree.leaves((args, kwargs), is_leaf=is_box)
        )
        if not made or not facade.serves_caller(besides_jax=False):
            return out
        return jax.tree.map(lambda v: boxed(v) if isinstance(v, jax.Array) else v, out, is_leaf=is_box)

    def loss_call(self, original: Function, loss: Loss, args: Arguments, kwargs: Keywords) -> Tree:
        if not (has_box((args, kwargs)) or from_outside((args, kwargs))):
            return unbox(original(*args, **kwargs))
        if any(isinstance(v, masked_rows.MaskedRows) for v in (*args, *kwargs.values())):
            return masked_rows.loss(original, loss, args, kwargs)
        layer_calls.keep_alive[id(loss)] = loss
        function, options, checked = getattr(loss, "fn", None), getattr(loss, "fn_kwargs", {}), args[:2]
        original, args = _with_logits(original, args)

        def check() -> None:
            function.check_values(*unbox(checked), **options)

        def is_pure() -> bool:
            return len(args) > 1 and hasattr(function, "check_values") and compiled_calls.is_library_code(loss)

        key = ("loss", id(loss), len(args))
        return boxed(unbox(stateful(original, args, kwargs, key, is_pure=is_pure, check=check)))

    def dense_gradient(self, gradient: TensorLike, variable: Variable) -> TensorLike:
        if isinstance(gradient, IndexedSlices):
            return gradient.dense(variable.shape)
        return jnp.asarray(unbox(gradient)) if isinstance(gradient, list | tuple) else gradient

    def as_tensors(self, out: Tree) -> Tree:
        return out if _is_tracing_step() else boxed(out)

    def losses(self, layer: Layer, values: list[Any]) -> list[Any]:
        if not active_tapes():
            return values if _is_tracing_step() else boxed(values)
        weights = weight_tree.penalized(layer)
        added = [boxed(v) if not isinstance(v, TensorWrapper) else v for v in values[: len(values) - len(weights)]]
        return [*added, *(_recorded_penalty(v.regularizer, v) for v in weights)]

    def without_zeros(self, tokens: TensorLike) -> RaggedTensor:
        array = np.asarray(unboxed(tokens))
        lengths = np.count_nonzero(array, axis=-1)
        return RaggedTensor.of_rows([row[:length] for row, length in zip(array, lengths, strict=True)])

    def ragged(self, batches: Iterable[TensorLike]) -> RaggedTensor:
        return RaggedTensor.of_rows([row for batch in batches for row in batch])

    def function_call(self, function: Function, args: Arguments, kwargs: Keywords) -> Tree:
        given = (args, kwargs)
        if symbolic.any_symbolic(given) or not (self.is_recorded(*given) or from_outside(given)):
            return function(*args, **kwargs)
        return call(*_with_logits(function, args), kwargs)

    def method_call(self, method: Function, args: Arguments, kwargs: Keywords) -> Tree:
        if active_tapes() or not (args and has_box(args[0])):  # tapes record what it computes with tensors
            return method(*args, **kwargs)
        return boxed(method(*unbox(args), **unbox(kwargs)))

    def datasets(self, out: Nested[dataset.Dataset]) -> Nested[Dataset]:
        return type(out)(map(Dataset.of, out)) if isinstance(out, (list, tuple)) else Dataset.of(out)


ADAPTER = TensorFlowAdapter()
