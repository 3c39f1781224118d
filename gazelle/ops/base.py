"""The decorator that makes an array function an op: it accepts lists, NumPy arrays and symbolic tensors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import tracing
from gazelle.core.dtypes import check_range
from gazelle.core.errors import ArgumentError, ArgumentIndexError, ArgumentTypeError, DataError, GazelleError, message
from gazelle.core.registry import register
from gazelle.core.shape_inference import call_op, hint_of_none
from gazelle.core.sparse import any_sparse, to_dense
from gazelle.core.sparse import call as call_sparse
from gazelle.core.symbolic import OPS, KerasTensor
from gazelle.core.tensor_wrapper import wrapper_class
from gazelle.core.variable import Variable
from gazelle.ops import shape_errors, sizes, text

if TYPE_CHECKING:
    from gazelle.core.types import Array, ArrayLike

P = ParamSpec("P")
R = TypeVar("R")

#: parameters that hold one array
ARRAY = frozenset(
    [
        "x",
        "x1",
        "x2",
        "y",
        "a",
        "b",
        "inputs",
        "target",
        "output",
        "kernel",
        "condition",
        "updates",
        "data",
        "segment_ids",
        "targets",
        "predictions",
        "depthwise_kernel",
        "pointwise_kernel",
        "images",
        "image1",
        "image2",
        "volumes",
        "transform",
        "coordinates",
        "start_points",
        "end_points",
    ]
)
ARRAYS = frozenset({"xs"})  # parameters that hold several
EPSILON = 1e-7  # added where a division or logarithm would get 0


def op(function: Callable[P, R]) -> Callable[P, R]:
    """Make `function` an op and register its name for operators of symbolic tensors and for loading files."""
    lifted = lift(function)
    OPS[function.__name__] = lifted
    register("ops")(lifted)
    return lifted


def lift(function: Callable[P, R]) -> Callable[P, R]:
    """Let an array function accept what can be converted to arrays, and symbolic tensors.

    Arguments for the parameters in `ARRAY` and `ARRAYS` are converted before `function` is called. A call on symbolic
    tensors adds a node to the graph instead. The static signature stays that of `function`.
    """
    names = list(inspect.signature(function).parameters)
    conversions = {name: arrays if name in ARRAYS else array for name in names if name in ARRAY or name in ARRAYS}
    of_positions = [(i, conversions[name]) for i, name in enumerate(names) if name in conversions]
    of_sizes = function.__name__ in sizes.ARITHMETIC

    @functools.wraps(function)
    def lifted(*args: Any, **kwargs: Any) -> Any:
        wrapper = wrapper_class(args) or (wrapper_class(kwargs.values()) if kwargs else None)
        if wrapper is not None:
            return wrapper.dispatch(lifted, args, kwargs)
        if _symbolic(args) or _symbolic(kwargs.values()):
            return call_op(lifted, args, kwargs)
        if any_sparse(args) or (kwargs and any_sparse(kwargs.values())):
            return call_sparse(lifted, args, kwargs)
        if of_sizes and sizes.known(args) and sizes.known((0, *kwargs.values())):
            with jax.ensure_compile_time_eval():
                return compute(args, kwargs)
        return compute(args, kwargs)

    def compute(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        converted = list(args)
        try:
            for i, convert in of_positions:
                if i < len(converted):
                    converted[i] = convert(converted[i])
            for name, value in kwargs.items():
                if name in conversions:
                    kwargs[name] = conversions[name](value)
            return cast(Callable[..., R], function)(*converted, **kwargs)
        except DataError:  # integers of more bits than the device has
            raise
        except (TypeError, ValueError, IndexError, NameError) as error:
            if isinstance(error, TypeError | ValueError):
                of_text = text.compute(function, args, kwargs)
                if of_text is not NotImplemented:
                    return of_text
            explained = _explained(error, function, converted, kwargs)
            if explained is error:
                raise
            raise explained from error

    return lifted


def _explained(
    error: TypeError | ValueError | IndexError | NameError,
    function: Callable[..., Any],
    args: list[Any],
    kwargs: dict[str, Any],
) -> Exception:
    """An error of an op that names it and what it received; `error` itself if that is clear or has other readers."""
    name = function.__name__
    if isinstance(error, GazelleError | jax.errors.JAXTypeError):
        return error
    if isinstance(error, IndexError):
        return ArgumentIndexError(message(f"ops.{name}: {error}"))
    if isinstance(error, NameError):  # JAX takes the text of an axis for one of a mesh of devices
        of_axis = "unbound axis name" in str(error)
        return ArgumentTypeError(message(f"axis of ops.{name}", expected="integers")) if of_axis else error
    found = shape_errors.explain(function, args, kwargs, error)
    if found is not None:
        return found
    # JAX states no operation; inside of a trace its text has further readers
    if type(error) not in (TypeError, ValueError) or tracing.current() is not None:
        return error
    return _named_error(name, (*args, *kwargs.values()), error)


def _named_error(name: str, values: Iterable[Any], error: TypeError | ValueError) -> ArgumentError:
    """An error of JAX or NumPy with the operation and the shapes it received."""
    values = list(values)
    shapes = ", ".join(str(v.shape) for v in values if hasattr(v, "shape"))
    reason = str(error).split("\n")[0].rstrip(".")
    if reason.startswith("Error interpreting argument"):  # the text contains an address
        other = next((v for v in values if not hasattr(v, "shape") or v.dtype == object), None)
        reason = f"expected numbers, got {repr(other)[:80]} ({type(other).__name__})"
    what = f"ops.{name}{f' of shapes {shapes}' if shapes else ''} cannot be computed: {reason}"
    kind = ArgumentTypeError if isinstance(error, TypeError) else ArgumentError
    return kind(message(what, hint=hint_of_none(error)))


def array(value: ArrayLike | None) -> Array:
    """Convert to an array of JAX; a Python number stays, to take the dtype of the other operand."""
    if isinstance(value, jax.Array | int | float | complex) or value is None:
        return value
    if isinstance(value, Variable):
        return value.value
    if isinstance(value, np.ndarray | np.generic):
        return _on_device(value)
    if isinstance(value, list | tuple):
        of_several_dtypes = len({leaf.dtype for leaf in value if isinstance(leaf, np.ndarray)}) > 1  # JAX promotes them
        if of_several_dtypes or any(isinstance(leaf, jax.Array | Variable) for leaf in value):
            return jnp.stack([jnp.asarray(array(v)) for v in value])
        return _on_device(np.asarray(value))
    if hasattr(value, "__jax_array__"):
        return value.__jax_array__()
    return _on_device(np.asarray(value)) if hasattr(value, "__array__") else to_dense(value)


def _on_device(value: np.ndarray[Any, Any] | np.generic) -> Array:
    if value.dtype.itemsize == 8:
        check_range("An array", np.asarray(value))
    return jnp.asarray(value)


def arrays(values: ArrayLike) -> Array | list[Array]:
    """Convert each member of a list to an array; a single array stays one."""
    return [array(v) for v in values] if isinstance(values, list | tuple) else array(values)


def _symbolic(values: Iterable[Any]) -> bool:
    for value in values:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, list | tuple) and _symbolic(value):
            return True
        if isinstance(value, dict) and _symbolic(value.values()):
            return True
    return False
