"""How the arguments of a call reach `call` and `build`: names, `training`, `mask`, shapes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

import jax

from gazelle.core import conventions, shape_inference, symbolic
from gazelle.core.errors import ArgumentError, message
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.own_code import from_gazelle

if TYPE_CHECKING:
    from gazelle.core.types import Shapes, Tree
    from gazelle.layers.base import Layer


@functools.cache
def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters without `self`, `*args` and `**kwargs`."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(p.name for p in _parameters(function) if p.kind not in variadic)


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a function or method without `self`, which may have another name."""
    parameters = list(inspect.signature(function).parameters.values())
    outside = getattr(function, "__qualname__", "").rpartition(".")[0]
    is_method = isinstance(function, FunctionType) and outside != "" and not outside.endswith("<locals>")
    unnamed = is_method and parameters and parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    return parameters[1:] if unnamed else [p for p in parameters if p.name != "self"]


def normalized(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments with the first one by position, where masks are taken from, and None for `training` by name."""
    if len(args) > 1:
        return _none_by_name(layer, args, kwargs)
    if args or not kwargs:
        return args, kwargs
    name = _first_positional(getattr(layer.call, "__func__", layer.call))
    if name is None or name not in kwargs:
        return args, kwargs
    rest = dict(kwargs)
    return (rest.pop(name),), rest


def _none_by_name(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments, with `training` and `mask` by name if one of them is None by position, so that it is filled in."""
    if all(value is not None for value in args):
        return args, kwargs
    names = tuple(n for n in call_argument_names(layer) if n not in _keyword_only(type(layer).call))
    filled_in = [
        i for i, (n, v) in enumerate(zip(names, args, strict=False)) if v is None and n in ("training", "mask")
    ]
    if not filled_in or len(args) > len(names):
        return args, kwargs
    first = filled_in[0]
    return args[:first], {**dict(zip(names[first:], args[first:], strict=False)), **kwargs}


@functools.cache
def _first_positional(call: Callable[..., Any]) -> str | None:
    """Return the name of the first parameter of a `call`, if it can be given by position."""
    parameters = _parameters(call)
    by_position = bool(parameters) and parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    return parameters[0].name if by_position else None


def call_argument_names(layer: Layer) -> tuple[str, ...]:
    """Return the names of the parameters of a layer's `call`, also if another function was set on the layer.

    A function that takes `**kwargs` may pass them on to the method that it replaces, so it receives its arguments.
    """
    names = argument_names(type(layer).call)
    function = vars(layer).get("call")
    if function is None:
        return names
    parameters = inspect.signature(function).parameters.values()
    kinds = {p.kind for p in parameters}
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return names
    own = tuple(p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD)
    return (*own, *(n for n in names if n not in own)) if inspect.Parameter.VAR_KEYWORD in kinds else own


def positional(layer: Layer, name: str, args: Sequence[Any]) -> object:
    """Return the positional argument that `call` receives as `name`; None if there is none."""
    names = call_argument_names(layer)
    index = names.index(name) if name in names else len(args)
    if index >= len(args) or name in _keyword_only(getattr(layer.call, "__func__", layer.call)):
        return None
    return args[index]


@functools.cache
def _keyword_only(call: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the parameters behind `*` or `*args`, which are never given by position."""
    return frozenset(p.name for p in _parameters(call) if p.kind is inspect.Parameter.KEYWORD_ONLY)


def is_training(layer: Layer, outer: bool | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool | None:
    """Return the mode of a call: its argument `training`, else the mode of the outer call, else the default of `call`.

    Args:
        layer: the layer that is called.
        outer: the mode of the call around this one; None if there is none.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
    """
    given = kwargs.get("training", positional(layer, "training", args))
    if given is not None:
        return bool(given)
    if outer is not None or "training" in kwargs or "training" not in call_argument_names(layer):
        return outer
    return _default_mode(getattr(layer.call, "__func__", layer.call))


@functools.cache
def _default_mode(call: Callable[..., Any]) -> bool | None:
    """Return the default of the parameter `training` of a `call`; None if it has none."""
    parameter = inspect.signature(call).parameters.get("training")
    default = None if parameter is None else parameter.default
    return default if isinstance(default, bool) else None


def add_training(layer: Layer, training: bool | None, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Set `training` in the keyword arguments where `call` has a parameter for it; remove it elsewhere."""
    by_keywords = conventions.active.keywords_take_modes and _takes_keywords(type(layer).call)
    if (by_keywords or "training" in call_argument_names(layer)) and positional(layer, "training", args) is None:
        kwargs["training"] = bool(training)
    else:
        kwargs.pop("training", None)


@functools.cache
def _takes_keywords(call: Callable[..., Any]) -> bool:
    """Whether a user-defined `call` has `**kwargs`."""
    kinds = {p.kind for p in inspect.signature(call).parameters.values()}
    return inspect.Parameter.VAR_KEYWORD in kinds and not from_gazelle(call)


def masks_of(args: Sequence[Any]) -> list[Any]:
    """Return the masks that the tensors of the first argument carry, None for each without one."""
    return [get_mask(leaf) for leaf in jax.tree.leaves(args[:1])]


def add_mask(layer: Layer, masks: list[Any], args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, bool]:
    """Set `mask` in the keyword arguments where `call` has a parameter for it and a mask is given.

    Args:
        layer: the layer that is called.
        masks: the masks that the inputs carry.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call; changed in place.

    Returns:
        The mask in the structure of the inputs, and whether any mask is given.
    """
    mask = masks[0] if len(masks) == 1 and not isinstance(args[0], (list, tuple, dict)) else masks
    masked = any(m is not None for m in masks)
    if kwargs.get("mask") is not None:
        mask, masked = kwargs["mask"], True
    if masked and positional(layer, "mask", args) is None:
        by_keywords = conventions.active.keywords_take_modes and _takes_keywords(type(layer).call)
        if by_keywords or "mask" in call_argument_names(layer):
            kwargs["mask"] = mask
    return mask, masked


def named_masks(layer: Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the masks for the parameters of `call` that are named after other ones: `query_mask` for `query`.

    They are filled in if at least two arguments are tensors; parameters that the call gives a value for are left out.
    The layers of gazelle read the masks of their arguments themselves.
    """
    given = dict(zip(call_argument_names(layer), args, strict=False)) | dict(kwargs)
    if sum(any(hasattr(leaf, "shape") for leaf in jax.tree.leaves(value)) for value in given.values()) < 2:
        return {}
    names = [name for name in layer._masked_arguments if given.get(name) is not None]
    return {f"{n}_mask": symbolic.map_tree(get_mask, given[n]) for n in names if given.get(f"{n}_mask") is None}


def masked_arguments(call: Callable[..., Any]) -> tuple[str, ...]:
    """Return the parameters of a `call` to which a second one belongs, with the ending `_mask`."""
    names = argument_names(call)
    return tuple(name for name in names if f"{name}_mask" in names)


def have_masks(outputs: Tree, inputs: Tree) -> bool:
    """Whether layers inside have set a mask on each output; an input that is returned has that of the input."""
    given = {id(leaf) for leaf in jax.tree.leaves(inputs)}
    leaves = jax.tree.leaves(outputs)
    return bool(leaves) and all(get_mask(leaf) is not None and id(leaf) not in given for leaf in leaves)


def set_masks(outputs: Tree, mask: Tree) -> None:
    """Attach a mask to each output: one for all of them, or one each in any structure, where None is one."""
    leaves = jax.tree.leaves(outputs)
    many = isinstance(mask, (list, tuple, dict))
    each = jax.tree.leaves(mask, is_leaf=lambda one: one is None) if many else [mask] * len(leaves)
    for tensor, its in zip(leaves, each, strict=False):
        set_mask(tensor, its)


def shapes_of(value: Tree) -> Shapes:
    """Return the shapes of tensors in the structure in which they are given; an unknown batch size is None."""
    return symbolic.map_in_order(_shape_of, value)


def _shape_of(leaf: Any) -> tuple[int | None, ...]:
    shape = tuple(getattr(leaf, "shape", ()))
    return shape_inference.shown(shape[:1]) + shape[1:] if shape_inference.infers_shapes.get() else shape


def build_arguments(layer: Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of `build(self, query_shape, value_shape)`, by the names of the arguments of `call`.

    None if `build` has one parameter, or one that no argument of the call belongs to.
    """
    names = argument_names(type(layer).build)
    if len(names) < 2:
        return None
    given = dict(zip(call_argument_names(layer), args, strict=False)) | dict(kwargs)
    shapes = {f"{key}_shape": shapes_of(value) for key, value in given.items() if hasattr(value, "shape")}
    parameters = inspect.signature(type(layer).build).parameters
    if any(name not in shapes and parameters[name].default is inspect.Parameter.empty for name in names):
        return None
    return {name: shapes[name] for name in names if name in shapes}


@functools.cache
def takes_shapes(build: Callable[..., None]) -> bool:
    """Whether a `build` has any parameter; one without receives no shape, as in Keras 3."""
    return len(inspect.signature(build).parameters) > 1


def check_build(layer: Layer) -> None:
    """Raise an error if `build` needs several arguments and one of them is not named after an argument of `call`.

    Raises:
        ArgumentError: there is such an argument.
    """
    parameters = inspect.signature(type(layer).build).parameters.values()
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p.name for p in parameters if p.default is p.empty and p.kind in named][1:]
    known = [f"{name}_shape" for name in call_argument_names(layer) if name not in ("training", "mask")]
    wrong = next((name for name in required if name not in known), None)
    if len(required) > 1 and wrong is not None:
        wanted = f"arguments that are named after those of call: {', '.join(known)}"
        raise ArgumentError(message(f"build of {layer._label}", expected=wanted, got=repr(wrong)))


def as_shape(value: Shapes) -> Shapes:
    """Return shapes for lists of sizes as JSON holds them.

    >>> as_shape([[None, 3], [None, 4]])
    [(None, 3), (None, 4)]
    """
    if isinstance(value, Mapping):
        return {k: as_shape(v) for k, v in value.items()}
    if type(value) in (list, tuple):  # a shape of a class of its own stays one
        inner = [as_shape(v) for v in value]
        return tuple(inner) if all(v is None or isinstance(v, int) for v in inner) else inner
    return value
