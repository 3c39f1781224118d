"""Single layers: ActivityRegularization, BatchNormalization, Lambda, UpSampling2D, Wrapper and others."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat import era, facade, frozen
from gazelle.compat.backend import networks
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import OutputShape
from gazelle.compat.mixins.masks import UnmaskedMixin
from gazelle.compat.types import Option, TensorLike, TensorResult
from gazelle.core import symbolic, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, Data, Nested, Shape, Tree
from gazelle.core.variable import Variable
from gazelle.layers.adapting import is_array
from gazelle.layers.calling import path_of
from gazelle.layers.normalization import as_wide
from gazelle.layers.spatial import space_axes
from gazelle.layers.vocabulary import LookupLayer
from gazelle.saving.h5_format.regularizers import Undivided


class ActivityRegularizationMixin:
    """ActivityRegularization, whose penalty was not divided by the number of samples."""

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        super()._init_core(core, args, kwargs, by_gazelle)
        if era.is_package_before_keras_3() or era.is_tf_keras_before_1_13():
            self.activity_regularizer = Undivided(vars(self)["activity_regularizer"])


class BatchNormalizationMixin:
    """BatchNormalization of earlier versions.

    The moving variance of Keras 2 estimates the variance of all data, not of batches: for n values per channel it
    moves to n / (n - 1) times the variance of a batch, in tf.keras for images, whose operation computes this unless
    `fused=False`, and in Keras 2 for all inputs, so that the factor is there twice for images. Before TensorFlow 2,
    statistics of batches included masked steps, and a frozen layer used them in training, too; in Keras 2 those that
    move then did not, nor in a model that is frozen.

    From Keras 2.0 to 2.2 the moving statistics were debiased: after t batches since the layer was built they are the
    mean of these with the weights momentum^(t - i), without the initial values.
    """

    fused: bool | None = None  # whether images are normalized by an operation of their own
    _batches: Variable | None = None  # how many have moved the debiased statistics
    _sums: list[Variable]  # of the weighted means and variances of these batches

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self._on_adoption()

    def _on_adoption(self) -> None:
        """Create what debiases the moving statistics; those of a model from a file begin again, as there."""
        if self._batches is None and hasattr(self, "moving_mean") and era.number() == 2 and era.is_package_before_2_3():
            self._batches = Variable(0.0, trainable=False, persistent=False, name="batches")
            moving = (("mean_sum", self.moving_mean), ("variance_sum", self.moving_variance))
            self._sums = [
                Variable(np.zeros(v.shape, v.dtype), trainable=False, persistent=False, name=name) for name, v in moving
            ]

    def _uses_batches(self) -> bool:
        return self.trainable or era.is_before_tf_keras_2()

    def _move(self, moving: Variable, value: Array, momentum: float) -> None:
        if era.number() > 1 and (not self.trainable or frozen.is_frozen()):
            return
        context = tracing.current()
        if context is not None and context.mode is False and era.is_before_tf_keras_2():
            return  # `layer(x, training=True)` in a prediction: the updates of a model belonged to its training
        if self._batches is None or (moving is not self.moving_mean and moving is not self.moving_variance):
            super()._move(moving, value, momentum)
            return
        if moving is self.moving_mean:
            self._batches.assign_add(1)
        total = self._sums[moving is self.moving_variance]
        super()._move(total, value, momentum)
        moving.assign(total.value / (1 - momentum**self._batches.value))

    def _batch_moments(self, x: Array, mask: Array | None) -> tuple[Array, Array]:
        moments: tuple[Array, Array] = super()._batch_moments(x, None if era.is_before_tf_keras_2() else mask)
        return moments

    def _population_variance(self, variance: Array, shape: tuple[int, ...]) -> Array:
        count = math.prod(shape) / shape[self.axis]
        ranks = (4,) if era.is_before_tf_keras_2() else (4, 5)
        axes = (len(shape) - 1,) if era.standalone() else (1, len(shape) - 1)  # that the operation takes
        may_be_fused = not self.synchronized and self.fused is not False
        if era.number() == 2 and may_be_fused and len(shape) in ranks and self.axis % len(shape) in axes:
            variance *= count / max(count - 1, 1)
        if era.number() == 2 and era.standalone():
            variance *= count / (count - 1 - self.epsilon)
        return variance


class GroupNormalizationMixin:
    """GroupNormalization, whose mean and variance in tf.keras 2 are those of the elements that a mask keeps."""

    def call(self, x: Array, mask: Array | None = None) -> Array:
        if mask is None or not era.is_tf_keras_2():
            return facade.adapter.method_call(super().call, (x,), {})
        x = as_wide(x)
        (grouped, over), (weights, _) = self._grouped(x), self._grouped(jnp.broadcast_to(mask, x.shape).astype(x.dtype))
        total = jnp.sum(weights, over, keepdims=True)
        mean = ops.divide_no_nan(jnp.sum(weights * grouped, over, keepdims=True), total)
        variance = ops.divide_no_nan(jnp.sum(weights * (grouped - mean) ** 2, over, keepdims=True), total)
        return self._ungrouped((grouped - mean) * jax.lax.rsqrt(variance + self.epsilon), x.shape)


class LambdaMixin:
    """Lambda: its function receives tensors if its module imports tensorflow."""

    output_shape = OutputShape()

    def call(self, x: Nested[Array], mask: Nested[Array] | None = None, training: bool = False) -> Tree:
        return facade.adapter_for(self.function).user_defined_call(super().call, (x, mask, training), {})


class EinsumDenseMixin:
    """EinsumDense: `output_shape` of one that was called."""

    output_shape = OutputShape()


class ResizingMixin:
    """Resizing, whose output had the dtype of the layer: integers of images are not rounded."""

    def _changed(self, x: Any, transformation: Any, interpolation: str) -> Any:
        given = x if era.number() > 2 else jnp.asarray(x, self.compute_dtype)
        return super()._changed(given, transformation, interpolation)


class UpSampling2DMixin:
    """UpSampling2D, whose bilinear interpolation in the package `keras` was that of TensorFlow 1."""

    def call(self, x: Array) -> Array:
        if self.interpolation != "bilinear" or not era.is_package_before_keras_3():
            return super().call(x)
        factors = dict(zip(space_axes(self), self.size, strict=True))
        return networks.interpolated(x, factors)


class DepthwiseMixin:
    """Convolutions of each channel, whose kernel had another name."""

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if era.number() < 3:
            self.kernel.path = f"{self.kernel.path.removesuffix('kernel')}depthwise_kernel"


class WrapperMixin:
    """Wrapper: a subclass that has built the wrapped layer may call `super().build()` without a shape."""

    def build(self, input_shape: Shape | None = None) -> None:
        if input_shape is not None:
            if era.number() == 2 and self.layer.path is None and not hasattr(type(self.layer), "layers"):
                self.layer.path = path_of(self)  # the names of weights did not contain the name of the inner layer
            super().build(input_shape)


class AdaptMixin:
    """Layers with `adapt`, to which tf.keras 2 passed the size and the number of batches."""

    def adapt(self, data: Data, batch_size: int | None = None, steps: int | None = None) -> None:
        given: Any = data
        if steps is not None and (is_array(data) or isinstance(data, list | tuple)):
            given = given[: (batch_size or 32) * steps]
        elif steps is not None:
            given = itertools.islice(given, steps)
        if (
            era.is_tf_keras_2()
            and isinstance(self, LookupLayer)
            and (is_array(given) or isinstance(given, list | tuple))
        ):
            tokens, size = np.asarray(given), batch_size or 32  # a batch of tokens was a document
            given = [tokens[n : n + size][None] for n in range(0, len(tokens), size)] if tokens.ndim == 1 else given
        super().adapt(given)


class TextVectorizationMixin(AdaptMixin):
    """TextVectorization, whose `ragged=True` gives a ragged tensor while the facade is active."""

    _ragged = False

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        ragged = facade.adapter.has_tensors and bool(kwargs.get("ragged"))
        kwargs = {name: value for name, value in kwargs.items() if name != "ragged" or not ragged}
        super()._init_core(core, args, kwargs, by_gazelle)
        self._ragged = ragged

    def __call__(self, inputs: TensorLike, *args: Any, **kwargs: Any) -> TensorResult:
        out = super().__call__(inputs, *args, **kwargs)
        if self._ragged and symbolic.is_symbolic(out):
            hint = "Use ragged=False, and mask_zero=True in the Embedding, which leaves out zeros at the end of rows."
            expected = "ragged=False, since arrays of a model have rows of equal length"
            raise ArgumentError(message(f"'{self.name}' in a model", expected=expected, got="ragged=True", hint=hint))
        return facade.adapter.without_zeros(out) if self._ragged else out


class RandomCropMixin:
    """RandomCrop, which resized the center of all images that are smaller than the target in tf.keras 2."""

    def get_random_transformation(self, data: Option, training: bool = True, seed: Option = None) -> TensorResult:
        images = data["images"] if isinstance(data, dict) else data
        if era.is_tf_keras_2() and not self._is_larger(*self._size(images.shape)):
            return None
        return super().get_random_transformation(data, training, seed)

    def _is_larger(self, height: int, width: int) -> bool:
        if era.is_tf_keras_2():
            return height >= self.height and width >= self.width
        return super()._is_larger(height, width)


class NormalizationMixin(UnmaskedMixin, AdaptMixin):
    """The layer `Normalization`."""

    @property
    def mean(self) -> TensorResult:
        return for_program(super().mean, called_by_gazelle(1))

    @property
    def variance(self) -> TensorResult:
        return for_program(super().variance, called_by_gazelle(1))


def for_program(value: Tree, by_gazelle: bool) -> Tree:
    """An array in an attribute; programs receive a tensor while the facade is active."""
    return value if by_gazelle or not facade.serves_caller() else facade.adapter.boxed(value)
