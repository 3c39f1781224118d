"""Layers whose outputs are distributions: the parameters are the last axis of the input."""

from __future__ import annotations

import math
import types
from typing import TYPE_CHECKING, Any, Unpack

from gazelle.compat.probability.objects import Deferred, distribution, parts_of
from gazelle.compat.probability.outputs import attached, tfp
from gazelle.compat.probability.parameters import REQUIRED, has_parameters
from gazelle.compat.tensorflow import Facade
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.types import Function, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.registry import register_keras_serializable
from gazelle.core.types import Array, Tree
from gazelle.layers import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions

tf: Any = Facade("tensorflow")
registered = register_keras_serializable("TensorFlow Probability")


def value_of(made: Option, convert: str | Function = "sample") -> TensorResult:
    """The value of a layer's output, or that of a distribution: of the method with a name, or of a function."""
    if is_box(made):
        return made
    if not isinstance(convert, str):
        return convert(made)
    of: Any = made if hasattr(made, convert) else made.distribution  # below `tfd.Independent`
    found = getattr(of, convert)
    return found() if callable(found) else found


@registered
class DistributionLambda(Layer, abstract=True):
    """A layer that returns the distribution of a function of its inputs.

    As a tensor, its output is `convert_to_tensor_fn(distribution)`, by default a sample.
    """

    def __init__(
        self,
        make_distribution_fn: Function,
        convert_to_tensor_fn: str | Function = "sample",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.convert_to_tensor_fn = _name_of_value(convert_to_tensor_fn)

    def call(self, inputs: Tree, *args: Option, **kwargs: Option) -> Array:
        made = self.make_distribution_fn(boxed(inputs), *boxed(args), **boxed(kwargs))
        if not isinstance(made, Deferred):
            raise ArgumentError(
                message("make_distribution_fn", expected="a function that returns a distribution", got=made)
            )
        made = distribution(made)
        vars(self)["_weight_parts"] = parts_of(made)
        out = attached(unboxed(tf.convert_to_tensor(value_of(made, self.convert_to_tensor_fn))), made)
        if self.activity_regularizer is not None:  # Keras adds it twice: for the distribution, and for its value
            self.add_loss(self.activity_regularizer(out) / max(out.shape[0], 1))
        return out


def _name_of_value(convert: Any) -> str | Function:
    """`tfd.Distribution.mean` and `tfd.Bernoulli.logits` by their names, which files contain."""
    if isinstance(convert, property):
        return str(convert.fget.keywords["name"])  # type: ignore[union-attr]
    return convert.__name__ if getattr(convert, "genuine", None) is not None else convert


def _family(name: str, own: dict[str, Any], new: Function, size: Function, has_dtype: bool = False) -> Any:
    """A layer whose constructor has the arguments `own`, which `new(params, ...)` and `params_size(...)` take, too."""
    more = {"sample_dtype": None} if has_dtype else {}

    @has_parameters(**own, convert_to_tensor_fn="sample", **more, validate_args=False)
    def __init__(self: Any, convert_to_tensor_fn: Any, **layer_options: Any) -> None:  # noqa: N807
        given = {name.removeprefix("sample_"): getattr(self, name) for name in [*own, *more, "validate_args"]}
        DistributionLambda.__init__(self, lambda t: new(t, **given), convert_to_tensor_fn, **layer_options)
        self.convert_to_tensor_fn = _name_of_value(convert_to_tensor_fn)

    members = {
        "__init__": __init__,
        "new": staticmethod(new),
        "params_size": staticmethod(size),
        "__module__": __name__,
    }
    members["__doc__"] = f"A layer that returns the distribution {name}; as a tensor, `convert_to_tensor_fn` of it."
    return registered(
        types.new_class(name, (DistributionLambda,), {"abstract": True}, lambda made: made.update(members))
    )


def _sizes(shape: Any) -> list[int]:
    return [int(size) for size in (shape if isinstance(shape, tuple | list) else [shape])]


def _reshaped(params: Any, *sizes: int) -> Any:
    """Parameters with these sizes in place of the last axis."""
    return tf.reshape(params, tf.concat([tf.shape(params)[:-1], tf.constant(sizes, "int32")], 0))


def _independent(distribution: Any, event_shape: Any, validate_args: bool) -> Any:
    count = len(_sizes(event_shape))
    return tfp("distributions").Independent(distribution, count, validate_args=validate_args)


def _location_scale(kind: str) -> Function:
    """`new` of a distribution with the parameters loc and, before softplus, scale."""

    def new(
        params: TensorLike, event_shape: ShapeLike = (), validate_args: bool = False, name: str | None = None
    ) -> TensorResult:
        loc, scale = (_reshaped(part, *_sizes(event_shape)) for part in tf.split(params, 2, axis=-1))
        made = getattr(tfp("distributions"), kind)(loc, tf.math.softplus(scale), validate_args=validate_args)
        return _independent(made, event_shape, validate_args)

    return new


def _poisson(params: Any, event_shape: Any = (), validate_args: bool = False, name: str | None = None) -> Any:
    made = tfp("distributions").Poisson(log_rate=_reshaped(params, *_sizes(event_shape)), validate_args=validate_args)
    return _independent(made, event_shape, validate_args)


def _bernoulli(
    params: Any, event_shape: Any = (), dtype: Any = None, validate_args: bool = False, name: str | None = None
) -> Any:
    logits, dtype = _reshaped(params, *_sizes(event_shape)), dtype or params.dtype
    made = tfp("distributions").Bernoulli(logits=logits, dtype=dtype, validate_args=validate_args)
    return _independent(made, event_shape, validate_args)


def _lower_triangle(params: Any, event_size: int, validate_args: bool = False, name: str | None = None) -> Any:
    scale = tfp("bijectors").FillScaleTriL(diag_shift=1e-5)(params[..., event_size:])
    return tfp("distributions").MultivariateNormalTriL(params[..., :event_size], scale, validate_args=validate_args)


def _one_hot(
    params: Any, event_size: int, dtype: Any = None, validate_args: bool = False, name: str | None = None
) -> Any:
    kind = tfp("distributions").OneHotCategorical
    return kind(logits=params[..., :event_size], dtype=dtype or params.dtype, validate_args=validate_args)


def _mixture(
    params: Any, num_components: int, component_layer: Any, validate_args: bool = False, name: str | None = None
) -> Any:
    tfd = tfp("distributions")
    components = component_layer(_reshaped(params[..., num_components:], num_components, -1))
    logits = params[..., :num_components]
    return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), components, validate_args=validate_args)


def _mixture_of(kind: str) -> Function:
    def new(
        params: TensorLike,
        num_components: int,
        event_shape: ShapeLike = (),
        validate_args: bool = False,
        name: str | None = None,
    ) -> TensorResult:
        make = _location_scale(kind)
        return _mixture(params, num_components, lambda t: make(t, event_shape, validate_args), validate_args)

    return new


def _mixture_of_one_hot(
    params: Any, event_size: int, num_components: int, dtype: Any = None, validate_args: bool = False, name: Any = None
) -> Any:
    return _mixture(params, num_components, lambda t: _one_hot(t, event_size, dtype), validate_args)


def _size(event_shape: Any = (), name: str | None = None) -> int:
    return math.prod(_sizes(event_shape))


def _two_sizes(event_shape: Any = (), name: str | None = None) -> int:
    return 2 * _size(event_shape)


def _mixture_size(num_components: Any, component_params_size: Any, name: str | None = None) -> int:
    return int(num_components) * (1 + int(component_params_size))


_SHAPE, _EVENT_SIZE, _COUNT = {"event_shape": ()}, {"event_size": REQUIRED}, {"num_components": REQUIRED}
IndependentNormal = _family("IndependentNormal", _SHAPE, _location_scale("Normal"), _two_sizes)
IndependentLogistic = _family("IndependentLogistic", _SHAPE, _location_scale("Logistic"), _two_sizes)
IndependentPoisson = _family("IndependentPoisson", _SHAPE, _poisson, _size)
IndependentBernoulli = _family("IndependentBernoulli", _SHAPE, _bernoulli, _size, has_dtype=True)
MultivariateNormalTriL = _family(
    "MultivariateNormalTriL",
    _EVENT_SIZE,
    _lower_triangle,
    lambda event_size, name=None: event_size * (event_size + 3) // 2,
)
OneHotCategorical = _family("OneHotCategorical", _EVENT_SIZE, _one_hot, lambda event_size, name=None: event_size, True)
MixtureSameFamily = _family("MixtureSameFamily", _COUNT | {"component_layer": REQUIRED}, _mixture, _mixture_size)
MixtureNormal, MixtureLogistic = (
    _family(
        f"Mixture{kind}",
        _COUNT | _SHAPE,
        _mixture_of(kind),
        lambda num_components, event_shape=(), name=None: _mixture_size(num_components, _two_sizes(event_shape)),
    )
    for kind in ("Normal", "Logistic")
)
CategoricalMixtureOfOneHotCategorical = _family(
    "CategoricalMixtureOfOneHotCategorical",
    _EVENT_SIZE | _COUNT,
    _mixture_of_one_hot,
    lambda event_size, num_components, name=None: _mixture_size(num_components, event_size),
    has_dtype=True,
)
