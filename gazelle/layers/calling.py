"""The call of a layer: it is built, `call` is traced or computed, and masks, penalties and nodes are attached."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax

from gazelle import engine
from gazelle.core import closed_over_tensors, shape_inference, sparse, symbolic, tracing
from gazelle.core.errors import GazelleError, IncompatibleShapesError
from gazelle.core.names import PATH, scoped
from gazelle.core.own_code import from_gazelle
from gazelle.core.replaced_methods import overrides
from gazelle.core.symbolic import Node
from gazelle.core.variable import Variable
from gazelle.layers import call_arguments, dtype_handling, input_spec
from gazelle.layers.call_arguments import argument_names

if TYPE_CHECKING:
    from gazelle.core.types import Tree
    from gazelle.layers.base import Layer

#: arguments that may contain a dict, whose order the program chose: a `call` may join `inputs.values()`
_CONTAINERS = frozenset({dict, list, tuple})


def _is_leaf(value: object) -> bool:
    """Whether an argument is one tensor, although it may be a structure of arrays for JAX."""
    return isinstance(value, Variable) or sparse.is_sparse(value)


def call_symbolic(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tree:
    """Trace the layer and add a node to the graph."""
    if symbolic.any_symbolic(args, kwargs):

        def to_array(leaf: Any) -> Any:
            return leaf if symbolic.is_in_graph(leaf) else layer._argument_as_array(leaf)

        args, kwargs = symbolic.map_in_order(to_array, (args, kwargs), _is_leaf)
    layer._ensure_built(args, kwargs)
    closed_over = closed_over_tensors.find_tensors_of_object(layer)

    def call(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        with tracing.bind_symbolic(dict(zip(map(id, closed_over), arrays, strict=True))):
            return layer._call_arrays_here(*args, **kwargs)

    if any(tensor.dtype == "string" for tensor in symbolic.symbolic_leaves((args, kwargs))):
        if not layer.trainable_variables:
            layer.runs_on_host = True
        outputs = call_on_values(layer, args, kwargs)
        Node(layer, args, kwargs, outputs, closed_over)
        return outputs
    try:
        outputs = shape_inference.output_spec(call, (closed_over, *args), kwargs, name=layer.name)
    except shape_inference.NeedsGraphError:  # the operations of the layer become nodes of the graph around it
        out = layer.call(*args, **kwargs)
        return out[0] if isinstance(out, list) and len(out) == 1 else out
    except Exception as error:
        outputs = _declared_outputs(layer, args, kwargs, error)
    Node(layer, args, kwargs, outputs, closed_over)
    return outputs


def _declared_outputs(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> Tree:
    """The symbolic outputs that a custom layer declares for a `call` that cannot be traced; else raise the error."""
    own = type(layer).compute_output_spec
    if not from_gazelle(own):
        return own(layer, *args, **kwargs)
    outputs = input_spec.declared_outputs(layer, args, error)
    if outputs is None:
        raise error
    return outputs


def call_on_values(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tree:
    """The symbolic outputs of a `call` that cannot be traced."""
    with tracing.entered(tracing.TraceContext(values={}, key=jax.random.key(0), training=False, closed=True)):
        return shape_inference.host_spec(layer._call_arrays_here, args, kwargs, name=layer.name)


def call_arrays(layer: Layer, scope: tracing.TraceContext, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tree:
    """Call the layer on arrays: validate, build, compute, and attach masks, penalties and observers."""
    from gazelle.layers.base import Layer  # which imports this module

    if layer._sparse_inputs != "call" and sparse.any_sparse((*args, *kwargs.values())):
        dense_args, dense_kwargs = jax.tree.map(sparse.to_dense, (args, dict(kwargs)), is_leaf=_is_leaf)
        out = layer._call_arrays(scope, dense_args, dense_kwargs)
        return sparse.to_sparse_like(out, args) if layer._sparse_inputs == "kept" else out
    if len(args) != 1:
        args, kwargs = call_arguments.normalized(layer, args, kwargs)
    masks = call_arguments.masks_of(args)
    if layer._masked_arguments:
        kwargs = {**kwargs, **call_arguments.named_masks(layer, args, kwargs)}
    kinds = {*map(type, args), *map(type, kwargs.values())}
    if not kinds.isdisjoint(_CONTAINERS):
        args, kwargs = symbolic.map_in_order(layer._argument_as_array, (args, dict(kwargs)), _is_leaf)
    else:  # without dicts, which JAX sorts, in one call that is faster
        args, kwargs = jax.tree.map(layer._argument_as_array, (args, dict(kwargs)), is_leaf=_is_leaf)
    layer._ensure_built(args, kwargs)
    layer._check_call_inputs(args)
    if not layer.quantization_modes:
        dtype_handling.check_quantizable(layer)
    training = call_arguments.is_training(layer, scope.training, args, kwargs)
    call_arguments.add_training(layer, training, args, kwargs)
    mask, masked = call_arguments.add_mask(layer, masks, args, kwargs)
    out = _run_call(layer, scope, training, args, kwargs)
    if scope.pure and engine.active_distribution() is not None:
        path, given = scope.names.get(id(layer), layer.name), path_of(layer)
        out = engine.constrain_outputs(f"{path}/output", f"{given}/output", out)
    makes_mask = masked or overrides(layer, Layer, "compute_mask")
    if makes_mask and not (layer._keeps_inner_masks and call_arguments.have_masks(out, args)):
        its = mask if masked else mask or None
        call_arguments.set_masks(out, layer.compute_mask(args[0] if args else None, its))
    if layer.activity_regularizer is not None:
        for leaf in jax.tree.leaves(out):
            scope.losses.append((layer, layer.activity_regularizer(leaf) / max(leaf.shape[0], 1)))
    if scope.observe is not None:
        scope.observe(layer, out)
    return out


def _run_call(
    layer: Layer, scope: tracing.TraceContext, training: bool | None, args: Any, kwargs: dict[str, Any]
) -> Any:
    """Run `call` with the layer's mode, dtype of weights and path."""
    outer = scope.training, scope.cast, scope.inside
    scope.mode = scope.mode if scope.inside else training
    scope.training, scope.cast, scope.inside = training, dtype_handling.weight_dtype(layer, scope.cast), True
    token = PATH.set(path_of(layer))
    try:
        with jax.named_scope(layer.name) if scope.pure else contextlib.nullcontext():  # used in errors of engines
            return layer.rematerialized_call(layer.call, *args, **kwargs)(*args, **kwargs)
    except AttributeError as error:
        if not isinstance(error.obj, jax.core.Tracer):
            raise
        raise input_spec.explain_call_error(layer, error, args).with_traceback(error.__traceback__) from error
    except (TypeError, ValueError) as error:
        if isinstance(error, GazelleError) and not isinstance(error, IncompatibleShapesError):
            raise
        declared = input_spec.declared_arrays(layer, args) if scope.guesses else None
        if declared is not None:
            return declared
        explained = input_spec.explain_call_error(layer, error, args)
        raise explained.with_traceback(error.__traceback__) from error
    finally:
        scope.training, scope.cast, scope.inside = outer
        PATH.reset(token)


def build(layer: Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Build a layer for the arguments of its first call; what `build` assigns is kept, even while shapes are traced."""
    with initial_values():
        _build(layer, args, kwargs)


@contextlib.contextmanager
def initial_values() -> Iterator[None]:
    """Draw and compute initial values at once, also while a call is traced."""
    scope = tracing.current()
    with contextlib.ExitStack() as stack:
        if scope is not None and (scope.closed or scope.key is not None):
            stack.enter_context(tracing.entered(dataclasses.replace(scope, closed=False, key=None)))
        stack.enter_context(jax.ensure_compile_time_eval())
        yield


def _build(layer: Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    shapes = call_arguments.build_arguments(layer, args, kwargs)
    if shapes is not None:
        layer._build_shapes = shapes
        layer.build(**shapes)
        return
    layer._check_call_inputs(args)
    if not call_arguments.takes_shapes(type(layer).build):
        layer.build()
        return
    first = args[0] if args else next(iter(kwargs.values()), None)
    call_arguments.check_build(layer)
    try:
        layer.build(call_arguments.shapes_of(first))
    except (TypeError, IndexError) as error:
        own = isinstance(error, GazelleError)  # it states a reason already
        explained = None if own else input_spec.explain_build_error(layer, args, first)
        if explained is None:
            raise
        raise explained from error


def marks_built(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a `build` so that it records the shapes, sets `built`, and gives layers inside their path."""

    @functools.wraps(build)
    def wrapped(layer: Layer, *args: Any, **kwargs: Any) -> None:
        shapes = call_arguments.as_shape(args[0]) if args else next(iter(kwargs.values()), None)
        named = dict(zip(argument_names(build), args, strict=False)) | kwargs
        own: dict[str, Any] = vars(layer)
        if "name" not in own:  # a subclass builds before `Layer.__init__`, and again at its first call
            build(layer, *args, **kwargs)
            return
        is_outer = "_outer_shapes" not in own  # not of a base class
        own.setdefault("_outer_shapes", shapes)
        token = PATH.set(path_of(layer))
        try:
            build(layer, *((shapes, *args[1:]) if args else ()), **kwargs)
        finally:
            PATH.reset(token)
            if is_outer:
                own.pop("_outer_shapes", None)
        if is_outer and layer._build_shapes is None:
            layer._build_shapes = named if len(named) > 1 else shapes
        layer.built = True

    return wrapped


def path_of(layer: Layer) -> str:
    """The path of the layer, below the layer that builds or calls it first."""
    if layer.path is None:
        layer.path = scoped(layer.name)
    return layer.path
