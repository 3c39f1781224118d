"""Input validation of layers: the accepted shapes, and errors that name the layer, the shapes and the fix."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes, shape_inference, symbolic
from gazelle.core.errors import ArgumentTypeError, GazelleError, IncompatibleShapesError, ShapeError, english, message
from gazelle.core.own_code import from_gazelle
from gazelle.core.symbolic import KerasTensor
from gazelle.core.traceback import tracer_error

if TYPE_CHECKING:
    from gazelle.core.types import Array, DTypeLike, Shape, Symbolic, Tree
    from gazelle.layers.base import Layer


class InputSpec:
    """The rank, sizes and dtype of the arrays that a layer accepts. Only given values are checked.

    Args:
        dtype: dtype of the data.
        shape: the whole shape, batch axis first; None for any size.
        ndim: number of axes.
        max_ndim: largest number of axes.
        min_ndim: smallest number of axes.
        axes: {axis: size} of single axes.
        name: name of the input in an exported program.

    >>> InputSpec(min_ndim=2, axes={-1: 3}).misfit((8, 4))
    'size 3 on the last axis'
    """

    def __init__(
        self,
        dtype: DTypeLike | None = None,
        shape: Shape | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        name: str | None = None,
        **_: object,
    ) -> None:
        self.name = name
        self.dtype, self.shape, self.min_ndim, self.max_ndim = dtype, shape, min_ndim, max_ndim
        self.ndim = len(shape) if shape is not None else ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}

    @classmethod
    def of_batches(cls, value: object) -> InputSpec:
        """Return the shape and dtype of batches of any size.

        Args:
            value: one batch.

        Returns:
            The specification.
        """
        shape = tuple(getattr(value, "shape", ()))
        return cls(getattr(value, "dtype", None), (None, *shape[1:]) if shape else ())

    def misfit(self, shape: Shape) -> str | None:
        """Compare a shape with the specification.

        Args:
            shape: shape of an input.

        Returns:
            What was expected if the shape does not fit, else None.
        """
        if self.ndim is not None and len(shape) != self.ndim:
            return f"{self.ndim} axes"
        if self.min_ndim is not None and len(shape) < self.min_ndim:
            return f"at least {self.min_ndim} axes"
        if self.max_ndim is not None and len(shape) > self.max_ndim:
            return f"at most {self.max_ndim} axes"
        for size, got in zip(self.shape or (), shape, strict=False):
            if size is not None and got not in (None, size):
                return f"shape {tuple(self.shape or ())}"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (None, size):
                return f"size {size} on {'the last axis' if axis == -1 else f'axis {axis}'}"
        return None

    def hint(self, shape: Shape) -> str:
        """Propose a fix for a shape that does not fit.

        Args:
            shape: shape of the input.

        Returns:
            The most likely fix, a sentence.
        """
        if len(shape) > (self.ndim or self.min_ndim or 0):
            return "Give input_shape without the batch axis: it is the shape of one sample."
        return "A missing axis can be added: x[..., None] for one channel, x[:, None] for one time step."


def check_inputs(layer: Layer, args: Sequence[Any]) -> None:
    """Check the first argument of a call against the layer's `input_spec`: one, or a list with one for each tensor.

    Raises:
        ShapeError: a shape does not fit, or there are more or fewer tensors.
        ArgumentTypeError: a dtype does not fit.
    """
    given = layer.input_spec
    if given is None or not args:
        return
    specs = given if isinstance(given, list | tuple) else (given,)
    arrays: Sequence[Any] = args[:1]
    if len(specs) > 1:
        arrays = jax.tree.leaves(
            args[0], is_leaf=lambda leaf: leaf is None or not isinstance(leaf, list | tuple | dict)
        )
        if len(arrays) != len(specs):
            raise ShapeError(message(f"Inputs of {layer._label}", expected=f"{len(specs)} tensors", got=len(arrays)))
    for spec, array in zip(specs, arrays, strict=False):
        if isinstance(spec, InputSpec) and hasattr(array, "shape"):
            check_input(layer, spec, array)


def check_input(layer: Layer, spec: InputSpec, array: Array) -> None:
    """Check one array; raises the errors of `check_inputs`."""
    shape = tuple(array.shape)
    expected = spec.misfit(shape)
    if expected is not None:
        built = f"It was built on {layer._build_shapes}: make a new layer, or reshape the input."
        hint = built if layer.built and layer._build_shapes is not None else spec.hint(shape)
        raise ShapeError(message(layer._label, expected=expected, got=f"shape {shape}", hint=hint))
    if spec.dtype is not None and dtypes.standardize(array.dtype) != dtypes.standardize(spec.dtype):
        what = f"Input of {layer._label}"
        raise ArgumentTypeError(message(what, expected=f"dtype {spec.dtype}", got=array.dtype))


def check_single(layer: Layer, value: Sequence[Any], label: str = "") -> None:
    """Raise an error for a list of tensors that is given to a layer of gazelle that takes one.

    Args:
        layer: the layer that was called.
        value: the first argument of the call.
        label: the layer around it, which was called; empty if there is none.
    """
    if layer._maps_lists or not _takes_one_tensor(type(layer).call):
        return
    if "call" not in vars(layer) and any(len(getattr(tensor, "shape", ())) for tensor in value):
        hint = "Call it on one of them, or join them first: Concatenate()([a, b]), Add()([a, b])."
        got = f"a {type(value).__name__} of {len(value)}"
        raise ArgumentTypeError(message(f"Input of {label or layer._label}", expected="one tensor", got=got, hint=hint))


@functools.cache
def _takes_one_tensor(call: Callable[..., Any]) -> bool:
    """Whether a `call` of gazelle is annotated to take one tensor, not a sequence with further states."""
    parameters = list(inspect.signature(call).parameters.values())
    named = len(parameters) > 1 and parameters[1].name in ("x", "query", "data")
    return from_gazelle(call) and named and parameters[1].annotation in ("Array", "ImageData")


def explain_build_error(layer: Layer, args: Sequence[Any], first: object) -> Exception | None:
    """Return an error that explains why `build` failed, if the arguments of the call are the reason.

    Args:
        layer: the layer that was called.
        args: positional arguments of the call.
        first: the first argument of the call.
    """
    what, kind = f"Input of {layer._label}", type(layer).__name__
    shapes = [tuple(leaf.shape) for leaf in symbolic.leaves(first) if hasattr(leaf, "shape")]
    if not shapes:
        got = "none" if first is None else repr(first)[:80]
        hint = f"A layer is called on a tensor: {kind}(...)(x), where x may be made by Input(shape)."
        return ArgumentTypeError(message(what, expected="a tensor or an array", got=got, hint=hint))
    unknown = [shape for shape in shapes if None in shape[1:]]
    if unknown:
        hint = "Write that size into Input(shape), or make it known, for instance by a global pooling layer."
        wanted = "known sizes along the axes that its weights belong to"
        return ShapeError(message(what, expected=wanted, got=f"shape {unknown[0]}", hint=hint))
    parameters = list(inspect.signature(type(layer).call).parameters.values())[1:]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(args) < len(needed):
        hint = f"Call it as {kind}(...)({', '.join(needed)})."
        return ArgumentTypeError(message(what, expected=f"{len(needed)} tensors", got=len(args), hint=hint))
    return None


_TO_NUMBERS = "Convert text to numbers first, for example with StringLookup; drop or fill missing values."


def explain_call_error(layer: Layer, error: Exception, args: Sequence[Any]) -> Exception:
    """Return an error with the layer's name and the shapes it received, for a failure inside `call`."""
    shapes = [shape_inference.shown(leaf.shape) for leaf in jax.tree.leaves(args) if hasattr(leaf, "shape")]
    first = english(error).strip()
    if any(getattr(getattr(leaf, "dtype", None), "kind", None) in ("O", "S", "U") for leaf in jax.tree.leaves(args)):
        text = message(f"Input of {layer._label}", expected="numbers", got="strings or objects", hint=_TO_NUMBERS)
        return ArgumentTypeError(f"{text}\n{first}")
    if not isinstance(error, IncompatibleShapesError):
        first = first.split("\n")[0]
    kind: type[Exception] = ShapeError if isinstance(error, ValueError) or "shape" in first else ArgumentTypeError
    if re.search(r"\.call\(\) (takes|missing)", first):
        first += ".\n" + _signature_hint(type(layer))
    what = f"{layer._label} failed on input of shape {', '.join(map(str, shapes))}"
    if not shapes:
        what = f"{layer._label} failed"
    return tracer_error(what, error) or kind(f"{what}: {first}")


def _signature_hint(cls: type[Layer]) -> str:
    if not from_gazelle(cls.call):
        return "The method needs self and the inputs: def call(self, x): ..."
    parameters = list(inspect.signature(cls.call).parameters.values())[1:]
    return f"Call it on its inputs: {cls.__name__}(...)({', '.join(p.name for p in parameters)})."


def declared_outputs(layer: Layer, args: Sequence[Any], error: Exception) -> Symbolic:
    """Return symbolic outputs of the shapes that user code declares, after an error in the trace of `call`.

    The argument `output_shape` of the layer and an overridden `compute_output_shape` declare shapes. None if nothing is
    declared, or if gazelle raised the error and only the batch size is unknown: the error is then the user's, except
    where `call` needs values, as of NumPy functions.
    """
    found = symbolic.symbolic_leaves(args)
    needs_values = isinstance(error.__cause__, jax.errors.JAXTypeError)  # a `call` that runs on arrays alone
    clear = isinstance(error, GazelleError | NameError | AttributeError) and not needs_values
    if not found or (clear and not any(None in tensor.shape[1:] for tensor in found)):
        return None
    declared = layer._config.get("output_shape")
    own = type(layer).compute_output_shape
    if declared is not None and not callable(declared):
        shape: Any = (found[0].shape[0], *declared)
    elif declared is not None or not from_gazelle(own):
        shape = (declared or layer.compute_output_shape)(symbolic.map_tree(lambda t: t.shape, args[0]))
    else:
        return None
    return _of_shapes(shape, lambda one: KerasTensor(one, layer.compute_dtype, name=layer.name))


def declared_arrays(layer: Layer, args: Sequence[Any]) -> Tree:
    """Return zeros of the shapes that an overridden `compute_output_shape` declares, in place of a call that failed.

    For traces with placeholders for unknown sizes, which a layer with a limit (such as a maximum length) refuses.
    """
    if from_gazelle(type(layer).compute_output_shape) or not args:
        return None
    shape: Any = layer.compute_output_shape(jax.tree.map(lambda leaf: tuple(leaf.shape), args[0]))
    return _of_shapes(shape, lambda one: jnp.zeros(one, layer.compute_dtype))


def _of_shapes(shape: Any, make: Callable[[Shape], Any]) -> Any:
    """What is made of a shape, or of each of a list or tuple of shapes."""
    if not shape or not all(isinstance(each, tuple | list) for each in shape):
        return make(tuple(shape))
    made = [make(tuple(each)) for each in shape]
    return made if isinstance(shape, list) else tuple(made)
