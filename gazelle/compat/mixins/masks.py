"""Methods of layers that programs also call on symbolic tensors: masks and initial states."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat import era, facade
from gazelle.compat.classes import adopt
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import Function, receiving_tensors
from gazelle.compat.types import Array, Option, TensorResult
from gazelle.core import shape_inference, symbolic
from gazelle.core.masks import masked_score
from gazelle.layers import Layer, call_arguments
from gazelle.layers.merging import check_masks
from gazelle.layers.wrappers import joined_steps


def initial_state(original: Function) -> Function:
    """`get_initial_state` of recurrent layers and cells, which took the inputs and a dtype in Keras 2."""

    @functools.wraps(original)
    def called(self: Any, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        if batch_size is None:
            batch_size = inputs.shape[0] if getattr(inputs, "shape", ()) else inputs
        if batch_size is None and symbolic.is_symbolic(inputs):  # known when the graph runs
            return on_graph(lambda self, x: original(self, x.shape[0]))(self, inputs)
        state = original(self, batch_size)
        return state if called_by_gazelle(1) else facade.adapter.boxed(state)

    return called


def with_dtype(original: Function) -> Function:
    """`get_initial_state` of a cell of the program, which Keras 2 called with a dtype."""
    on_tensors = receiving_tensors(original)
    takes_dtype = "dtype" in inspect.signature(original).parameters

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if takes_dtype and called_by_gazelle(1):
            kwargs.setdefault("dtype", self.compute_dtype)
        return on_tensors(self, *args, **kwargs)

    return called


def on_graph(original: Function) -> Function:
    """A method of arrays that also takes symbolic tensors: it becomes a node of their graph."""

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not symbolic.any_symbolic(args, kwargs):
            return original(self, *args, **kwargs)
        without = []

        @functools.wraps(original)
        def method(*args: Any, **kwargs: Any) -> Any:
            out = original(self, *args, **kwargs)
            without.append(out is None)
            return jnp.zeros(()) if out is None else out

        tensor = adopt(shape_inference.call_op(method, args, kwargs))
        return None if any(without) else tensor

    return called


def by_name(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with `mask` by name: in tf.keras 2, `compute_mask` also receives one given by position."""
    if call_arguments.positional(layer, "mask", args) is None:
        return args, kwargs
    names = call_arguments.call_argument_names(layer)
    first = names.index("mask")
    return args[:first], {**dict(zip(names[first:], args[first:], strict=False)), **kwargs}


def own_mask(original: Function) -> Function | None:
    """`compute_mask` of layers that have one of their own, also for symbolic tensors."""
    return None if original is vars(Layer)["compute_mask"] else on_graph(original)


class UnmaskedMixin:
    """Identity, Normalization and Rescaling, through which masks pass since Keras 3."""

    supports_masking = property(
        lambda self: vars(self).get("supports_masking", era.number() == 3),
        lambda self, value: vars(self).update(supports_masking=value),
    )


class IdentityMixin(UnmaskedMixin):
    """Identity, which copied its inputs until Keras 3: the tensor itself would keep its mask."""

    def call(self, x: Option) -> TensorResult:
        y = super().call(x)
        return y if era.number() == 3 else jax.tree.map(lambda v: v.copy() if isinstance(v, jax.Array) else v, y)


class SoftmaxMixin:
    """Softmax of Keras 1 and 2, and of TensorFlow 1: masks pass through it and do not change its values.

    In tf.keras 2 a row that is fully masked has equal values; in Keras 3 they are 0.
    """

    def call(self, x: Option, mask: Option = None) -> TensorResult:
        if mask is None or era.number() == 3:
            return super().call(x, mask)
        if era.is_before_tf_keras_2():
            return super().call(x)
        return super().call(x + masked_score(x.dtype) * (1 - jnp.asarray(mask).astype(x.dtype)))


class TimeDistributedMixin:
    """TimeDistributed of Keras 1 and 2: one batch of all steps; the mask of the output is that of the wrapped layer."""

    def _has_statistics(self) -> bool:
        return era.number() == 3 and super()._has_statistics()

    @on_graph
    def compute_mask(self, inputs: Option, mask: Option = None) -> TensorResult:
        if era.number() == 3:
            return super().compute_mask(inputs, mask)
        several = isinstance(inputs, list | tuple | dict)
        inner = self.layer.compute_mask(jax.tree.map(joined_steps, inputs), jax.tree.map(joined_steps, mask))
        if several:
            steps = jax.tree.leaves(inputs)[0].shape[:2]
            return jax.tree.map(lambda each: each.reshape((*steps, *each.shape[1:])), inner)
        if inner is not None:
            return inner.reshape((*inputs.shape[:2], *inner.shape[1:]))
        return mask if mask is None else jnp.any(mask, axis=tuple(range(2, mask.ndim)))


class MergeMixin:
    """Masks of merged inputs in Keras 1 and 2: the conjunction of the masks of all inputs that have one.

    A `_merge_function` of the program computes in place of that of the layer, as in Keras.
    """

    @on_graph
    def _merge_function(self, inputs: Option) -> TensorResult:
        return super()._merge([jnp.asarray(x) for x in inputs], [None] * len(inputs))

    def _merge(self, x: list[Any], masks: list[Any]) -> Any:
        is_own = type(self)._merge_function is not MergeMixin._merge_function
        return self._merge_function(x) if is_own else super()._merge(x, masks)

    def compute_mask(self, inputs: Option, mask: Option = None) -> Array | None:
        if era.number() == 3:
            has_values = bool(mask) and not any(each is None or symbolic.is_symbolic(each) for each in mask)
            return super().compute_mask(inputs, mask) if has_values else self._core_mask(inputs, mask)
        check_masks(self, inputs, mask)
        known = [each for each in mask or () if each is not None]
        return self._joint(known) if known else None

    @on_graph
    def _core_mask(self, inputs: Any, mask: Any) -> Any:
        return super().compute_mask(inputs, mask)

    @on_graph
    def _joint(self, masks: Any) -> Any:
        return functools.reduce(jnp.logical_and, map(jnp.asarray, masks))


class JoinMixin:
    """Concatenate and Dot: a `_merge_function` of the program computes in place of that of the layer, as in Keras."""

    @on_graph
    def _merge_function(self, inputs: Option) -> TensorResult:
        return super().call([jnp.asarray(x) for x in inputs])

    def call(self, x: Option) -> TensorResult:
        is_own = type(self)._merge_function is not JoinMixin._merge_function
        return self._merge_function(x) if is_own else super().call(x)


class ConcatenateMixin(JoinMixin):
    """The mask of concatenated inputs in Keras 1 and 2, which depends on the inputs only where one has no mask."""

    def compute_mask(self, inputs: Option, mask: Option = None) -> TensorResult:
        check_masks(self, inputs, mask)
        masks = [each for each in mask or () if each is not None]
        if era.number() == 3 or len(masks) < len(inputs):
            return self._core_mask(inputs, mask) if masks else None
        return self._concatenated([len(x.shape) for x in inputs], masks)

    @on_graph
    def _core_mask(self, inputs: Any, mask: Any) -> Any:
        return super().compute_mask(inputs, mask)

    @on_graph
    def _concatenated(self, ranks: list[int], masks: Any) -> Any:
        arrays = [jnp.asarray(mask) for mask in masks]
        arrays = [m[..., None] if m.ndim < rank else m for m, rank in zip(arrays, ranks, strict=True)]
        return self._joined_mask(jnp.concatenate(arrays, self.axis))

    def _joined_mask(self, joined: Any) -> Any:
        if era.number() == 3:
            return super()._joined_mask(joined)
        return jnp.all(joined, axis=-1)
