"""Layers with random weights: a call draws from the posterior, and adds its divergence from the prior to the loss."""

from __future__ import annotations

import types
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from gazelle import initializers, ops
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.probability.layers.distributions import registered, tf, value_of
from gazelle.compat.probability.layers.divergence import divergence
from gazelle.compat.probability.objects import Deferred
from gazelle.compat.probability.outputs import tfp
from gazelle.compat.probability.parameters import REQUIRED, has_parameters
from gazelle.compat.probability.util import DeferredTensor
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.dtypes import as_dtype
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.types import DTypeLike, Function, Option
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import Layer


def default_mean_field_normal_fn(
    is_singular: bool = False,
    loc_initializer: InitializerLike = None,
    untransformed_scale_initializer: InitializerLike = None,
    loc_regularizer: RegularizerLike = None,
    untransformed_scale_regularizer: RegularizerLike = None,
    loc_constraint: ConstraintLike = None,
    untransformed_scale_constraint: ConstraintLike = None,
) -> Function:
    """Return a function that makes a posterior: independent normal distributions with variables, or fixed values."""
    loc_initializer = loc_initializer or initializers.RandomNormal(0.0, 0.1)
    scale_initializer = untransformed_scale_initializer or initializers.RandomNormal(-3.0, 0.1)
    of_scale = scale_initializer, untransformed_scale_regularizer, untransformed_scale_constraint
    parts = {"loc": (loc_initializer, loc_regularizer, loc_constraint), "untransformed_scale": of_scale}

    def posterior(dtype: Any, shape: Any, name: str, trainable: bool, add_variable_fn: Function) -> Any:
        def variable(part: str) -> Any:
            options = dict(zip(("initializer", "regularizer", "constraint"), parts[part], strict=True))
            return add_variable_fn(name=f"{name}_{part}", shape=shape, dtype=dtype, trainable=trainable, **options)

        loc, tfd = variable("loc"), tfp("distributions")
        made = tfd.Deterministic(loc)
        if not is_singular:
            least = np.finfo(as_dtype(dtype).as_numpy_dtype).eps
            made = tfd.Normal(loc, DeferredTensor(variable("untransformed_scale"), lambda x: least + tf.nn.softplus(x)))
        return tfd.Independent(made, reinterpreted_batch_ndims=len(shape))

    return posterior


@ignores("name trainable add_variable_fn")
def default_multivariate_normal_fn(dtype: DTypeLike, shape: Shape) -> Deferred:
    """Make a prior: independent normal distributions with mean 0 and deviation 1."""
    tfd = tfp("distributions")
    made = tfd.Normal(tf.zeros(shape, dtype), tf.ones((), dtype))
    return tfd.Independent(made, reinterpreted_batch_ndims=len(shape))


def _exact(posterior: Any, prior: Any, _: Any) -> Any:
    return tfp("distributions").kl_divergence(posterior, prior)


def _sample(distribution: Any) -> Any:
    return distribution.sample()


#: the parameters of layers with a kernel and a bias
_RANDOM_WEIGHTS = {
    "kernel_posterior_fn": default_mean_field_normal_fn(),
    "kernel_posterior_tensor_fn": _sample,
    "kernel_prior_fn": default_multivariate_normal_fn,
    "kernel_divergence_fn": _exact,
    "bias_posterior_fn": default_mean_field_normal_fn(is_singular=True),
    "bias_posterior_tensor_fn": _sample,
    "bias_prior_fn": None,
    "bias_divergence_fn": _exact,
    "seed": None,
}


class _Variational(Layer, abstract=True):
    """Layers with a kernel and a bias, of which each has a posterior, a prior and functions of them."""

    def build(self, input_shape: Shape) -> None:
        shape = self._kernel_shape(input_shape)
        for part, own in (("kernel", shape), ("bias", shape[-1:])):
            for kind in ("posterior", "prior"):
                make = getattr(self, f"{part}_{kind}_fn")
                given = as_dtype(self.variable_dtype), list(own), f"{part}_{kind}", self.trainable, self._add
                setattr(self, f"{part}_{kind}", None if make is None else make(*given))

    def _add(self, name: str, *args: Any, **kwargs: Any) -> Any:
        made = self.add_weight(*args, name=name, **kwargs)
        setattr(self, f"_{name}", made)  # the weights of a layer are found by its attributes
        return made

    def call(self, x: Array) -> Array:
        kernel, bias = None, None
        if self._method == "reparameterization":
            kernel = self.kernel_posterior_tensor_fn(self.kernel_posterior)
            y = self._product(x, unboxed(kernel))
        else:
            y = self._perturbed(x, *self._normal())
        if self.bias_posterior is not None:
            bias = self.bias_posterior_tensor_fn(self.bias_posterior)
            y = y + self._on_channels(unboxed(bias))
        if self.activation is not None:
            y = self.activation(y)
        for part, drawn in (("kernel", kernel), ("bias", bias)):
            posterior, prior = getattr(self, f"{part}_posterior"), getattr(self, f"{part}_prior")
            function = getattr(self, f"{part}_divergence_fn")
            if function is not None and posterior is not None and prior is not None:
                self.add_loss(unboxed(function(posterior, prior, drawn)))
        return y

    def _normal(self) -> tuple[Array, Array]:
        """The location and scale of the posterior of the kernel."""
        inner = self.kernel_posterior.arguments.get("distribution")
        if not isinstance(inner, tfp("distributions").Normal):
            expected = "one that returns tfd.Independent(tfd.Normal(...))"
            raise ArgumentError(message(f"kernel_posterior_fn of {type(self).__name__}", expected=expected, got=inner))
        return unboxed(inner.arguments["loc"]), unboxed(inner.arguments["scale"])

    def _drawn(self, loc: Array, scale: Array) -> Array:
        return unboxed(self.kernel_posterior_tensor_fn(tfp("distributions").Normal(loc, scale)))

    def _perturbed(self, x: Array, loc: Array, scale: Array) -> Array:
        """The product with the mean, and that with a draw whose signs differ between the samples."""
        signs = [
            jnp.sign(unboxed(tf.random.uniform(self._signs(x, size), seed=self.seed)) - 0.5).astype(x.dtype)
            for size in (loc.shape[-2], loc.shape[-1])
        ]
        drawn = self._drawn(jnp.zeros_like(loc), scale)
        return self._product(x, loc) + self._product(x * signs[0], drawn) * signs[1]

    # layers of other ranks replace these
    def _kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        return (int(input_shape[-1] or 0), self.units)

    def _product(self, x: Array, kernel: Array) -> Array:
        return x @ kernel

    def _signs(self, x: Array, size: int) -> tuple[int, ...]:
        """The shape of the signs of inputs or outputs."""
        return (*x.shape[:-1], size)

    def _on_channels(self, bias: Array) -> Array:
        return bias


class _Dense(_Variational, abstract=True):
    _options: ClassVar = {"units": REQUIRED, "activation": None, "activity_regularizer": None, "trainable": True}

    @has_parameters(**_options, **_RANDOM_WEIGHTS)
    def __init__(self, activity_regularizer: RegularizerLike, trainable: bool, **layer_options: Option) -> None:
        super().__init__(activity_regularizer=activity_regularizer, trainable=trainable, **layer_options)


@registered
class DenseReparameterization(_Dense, abstract=True):
    """A dense layer that draws its kernel from the posterior."""

    _method = "reparameterization"


@registered
class DenseFlipout(_Dense, abstract=True):
    """A dense layer that draws its kernel once, with other signs of the deviations for each sample.

    Source: Wen et al., Flipout: Efficient Pseudo-Independent Weight Perturbations on Mini-Batches (2018).
    """

    _method = "flipout"


@registered
class DenseLocalReparameterization(_Dense, abstract=True):
    """A dense layer that draws its outputs, whose distribution follows from that of the kernel.

    Source: Kingma, Salimans and Welling, Variational Dropout and the Local Reparameterization Trick (2015).
    """

    _method = "local reparameterization"

    def _perturbed(self, x: Array, loc: Array, scale: Array) -> Array:
        return self._drawn(x @ loc, jnp.sqrt(x**2 @ scale**2))


class _Convolution(_Variational, abstract=True):
    rank: int
    _sizes: ClassVar = {"filters": REQUIRED, "kernel_size": REQUIRED, "strides": 1, "padding": "valid"}
    _options: ClassVar = {"data_format": "channels_last", "dilation_rate": 1, "activation": None}

    @has_parameters(**_sizes, **_options, activity_regularizer=None, **_RANDOM_WEIGHTS)
    def __init__(self, activity_regularizer: RegularizerLike, **layer_options: Option) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **layer_options)
        for name in ("kernel_size", "strides", "dilation_rate"):
            value = getattr(self, name)
            setattr(self, name, (value,) * self.rank if isinstance(value, int) else tuple(value))

    def _kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        channels = input_shape[1 if self.data_format == "channels_first" else -1]
        return (*self.kernel_size, channels, self.filters)

    def _product(self, x: Array, kernel: Array) -> Array:
        return ops.conv(x, kernel, self.strides, self.padding.lower(), self.data_format, self.dilation_rate)

    def _signs(self, x: Array, size: int) -> tuple[int, ...]:
        return (x.shape[0], *self._on_channels(jnp.zeros(size)).shape)

    def _on_channels(self, bias: Array) -> Array:
        ones = (1,) * self.rank
        return bias.reshape((-1, *ones) if self.data_format == "channels_first" else (*ones, -1))


def _convolution(rank: int, method: str) -> Any:
    members = {"rank": rank, "_method": method.lower(), "__module__": __name__}
    members["__doc__"] = f"A convolution of {rank} axes that draws its kernel as Dense{method} does."
    made = types.new_class(f"Conv{rank}D{method}", (_Convolution,), {"abstract": True}, lambda all: all.update(members))
    return registered(made)


Conv1DReparameterization, Conv1DFlipout = _convolution(1, "Reparameterization"), _convolution(1, "Flipout")
Conv2DReparameterization, Conv2DFlipout = _convolution(2, "Reparameterization"), _convolution(2, "Flipout")
Conv3DReparameterization, Conv3DFlipout = _convolution(3, "Reparameterization"), _convolution(3, "Flipout")


@registered
class DenseVariational(Layer, abstract=True):
    """A dense layer with weights from the distribution that `make_posterior_fn` returns for their number."""

    _options: ClassVar = {"units": REQUIRED, "make_posterior_fn": REQUIRED, "make_prior_fn": REQUIRED}
    _divergence: ClassVar = {"kl_weight": None, "kl_use_exact": False}

    @has_parameters(**_options, **_divergence, activation=None, use_bias=True, activity_regularizer=None)
    def __init__(self, activity_regularizer: RegularizerLike, **layer_options: Option) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **layer_options)

    def build(self, input_shape: Shape) -> None:
        count = int(input_shape[-1] or 0) * self.units
        given = count, self.units if self.use_bias else 0, as_dtype(self.variable_dtype)
        self._posterior, self._prior = self.make_posterior_fn(*given), self.make_prior_fn(*given)

    def call(self, x: Array) -> Array:
        posterior, prior = self._posterior(boxed(x)), self._prior(boxed(x))
        self.add_loss(unboxed(divergence(posterior, prior, self.kl_use_exact, self.kl_weight)))
        weights, count = unboxed(value_of(posterior)), x.shape[-1] * self.units
        y = jnp.matmul(x, weights[..., :count].reshape((*weights.shape[:-1], -1, self.units)))
        return self.activation(y + weights[..., count:] if self.use_bias else y)


@registered
class VariableLayer(Layer, abstract=True):
    """A layer that ignores its input and returns a variable."""

    _options: ClassVar = {"initializer": "zeros", "regularizer": None, "constraint": None}

    @has_parameters(shape=REQUIRED, dtype=None, activation=None, **_options)
    def __init__(self, shape: int | Shape, dtype: DTypeLike, **layer_options: Option) -> None:
        super().__init__(dtype=dtype, **layer_options)
        options = {name: getattr(self, name) for name in self._options}
        self.constant = self.add_weight(
            name="constant", shape=[shape] if isinstance(shape, int) else list(shape), **options
        )

    def call(self, _: Array) -> Array:
        found: Array = self.constant.value
        return found if self.activation is None else self.activation(found)
