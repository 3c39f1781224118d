"""The config of a layer: the arguments of its class, and those that all layers have."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import TYPE_CHECKING, Any

from gazelle.core.config import has_own_get_config
from gazelle.core.errors import ArgumentError, ArgumentTypeError, message
from gazelle.core.own_code import from_gazelle
from gazelle.core.serialization import serialize, serialize_object
from gazelle.layers.call_arguments import argument_names
from gazelle.layers.dtype_handling import policy_in_config

if TYPE_CHECKING:
    from gazelle.core.types import Config, Shape
    from gazelle.layers.base import Layer


@functools.cache
def adds_its_arguments(cls: type[Layer]) -> bool:
    """Whether a direct subclass of Layer has a get_config, which adds its arguments to those of a Layer."""
    return has_own_get_config(cls) and _takes_the_arguments_of_layer(_described(cls))  # type: ignore[arg-type]


@functools.cache
def _described(cls: type) -> Any:
    """The class whose constructor takes the config: for a custom class with a get_config the one it inherits from."""
    return next(c for c in cls.__mro__ if from_gazelle(c)) if has_own_get_config(cls) else cls


@functools.cache
def _takes_the_arguments_of_layer(cls: type) -> bool:
    """Whether a class inherits the constructor of Layer."""
    from gazelle.layers.base import Layer

    return inspect.unwrap(cls.__init__) is inspect.unwrap(Layer.__init__)  # type: ignore[misc]


def complete(layer: Layer, own: Config) -> Config:
    """Return a config with the arguments that all layers have, without those that are not part of it.

    Args:
        layer: the layer.
        own: the arguments of its class.
    """
    cls = _described(type(layer))  # type: ignore[arg-type]
    names = argument_names(cls.__init__)
    inherited = _takes_the_arguments_of_layer(cls)
    config = dict(own)
    of_build = ("input_shape", "input_dim") if from_gazelle(cls) else ()
    for key in ("input_shape", "input_dim", "batch_input_shape", "batch_size", "batch_shape", "autocast"):
        if inherited or key not in names or key in of_build:
            config.pop(key, None)
    if hasattr(type(layer), "lora_enabled") and config.get("lora_rank") is None:
        config = {key: value for key, value in config.items() if key not in ("lora_rank", "lora_alpha")}
    base = {"name": layer.name, "trainable": layer.trainable, "dtype": serialize_object(policy_in_config(layer))}
    config = {**base, **config, **base}
    if layer.activity_regularizer is not None:
        config["activity_regularizer"] = serialize(layer.activity_regularizer)
    elif inherited or "activity_regularizer" not in names:
        config.pop("activity_regularizer", None)
    return config


def arguments_left_out(layer: Layer, config: Config) -> dict[str, Any]:
    """Arguments of the constructor that a get_config of the program does not report, if a file can hold them."""
    left: dict[str, Any] = {}
    cls: Any = type(layer)
    makes_layers = not from_gazelle(cls.from_config)  # from what its get_config returns
    if makes_layers or not adds_its_arguments(cls):
        return left
    names = argument_names(type(layer).__init__)
    for name, value in layer._config.items():
        if name in names and name not in config:
            with contextlib.suppress(ArgumentTypeError):
                left[name] = serialize(value, by_name=False)
    return left


def sample_shape(label: str, input_shape: Shape | int | None, input_dim: int | None) -> tuple[int | None, ...] | None:
    """Return the shape of one sample that a constructor was given, None without one.

    Args:
        label: the layer, in errors.
        input_shape: the argument of the constructor.
        input_dim: the argument of the constructor, which takes precedence.
    """
    if input_dim is not None:
        if not hasattr(input_dim, "__index__") or input_dim < 0:
            wanted = "the size of one sample, an integer"
            raise ArgumentError(message(f"input_dim of {label}", expected=wanted, got=repr(input_dim)))
        return (input_dim,)
    if input_shape is None:
        return None
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
    if any(n is not None and (not hasattr(n, "__index__") or n < 0) for n in shape):
        wanted = "sizes of one sample, integers or None"
        raise ArgumentError(message(f"input_shape of {label}", expected=wanted, got=repr(input_shape)))
    return shape
