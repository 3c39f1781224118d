"""Methods of `torch.nn.Module` that layers have while programs compute with PyTorch, and modules inside of layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from gazelle.compat.classes import adopt, compat_class
from gazelle.compat.era import NOTHING
from gazelle.compat.pytorch import parameters
from gazelle.compat.pytorch.tensors import boxed, to_array, unbox
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.layers import Layer, weight_tree


def _named_parameters(layer: Layer, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
    for variable in layer.variables:
        yield f"{prefix}{'.' if prefix else ''}{variable.path}", parameters.parameter(variable)


def _parameters(layer: Layer, recurse: bool = True) -> Iterator[Any]:
    return (one for _, one in _named_parameters(layer))


def _zero_grad(layer: Layer, set_to_none: bool = True) -> None:
    for variable in layer.variables:
        known = parameters.known(variable)
        if known is not None:
            known.grad = None


def _state_dict(layer: Layer) -> dict[str, torch.Tensor]:
    return {name: one.detach() for name, one in _named_parameters(layer)}


def _load_state_dict(layer: Layer, state_dict: Mapping[str, torch.Tensor], strict: bool = True) -> None:
    variables = {variable.path: variable for variable in layer.variables}
    if strict and variables.keys() != state_dict.keys():
        expected, got = sorted(variables), sorted(state_dict)
        raise ArgumentTypeError(message("state_dict of load_state_dict", expected=expected, got=got))
    for name in variables.keys() & state_dict.keys():
        variables[name].assign(to_array(state_dict[name]))


def _requires_grad(layer: Layer, requires_grad: bool = True) -> Layer:
    layer.trainable = requires_grad
    return layer


def _unchanged(layer: Layer, *_: Any, **__: Any) -> Layer:
    return layer


def _forward(layer: Layer, *args: Any, **kwargs: Any) -> Tree:
    return layer(*args, **kwargs)


_METHODS: dict[str, Callable[..., Any]] = {
    "parameters": _parameters,
    "named_parameters": _named_parameters,
    "zero_grad": _zero_grad,
    "state_dict": _state_dict,
    "load_state_dict": _load_state_dict,
    "requires_grad_": _requires_grad,
    "forward": _forward,
    **dict.fromkeys(("train", "eval", "to", "cuda", "cpu", "float"), _unchanged),
}


def attribute(instance: Any, name: str) -> Any:
    """A method of `torch.nn.Module` of a layer; NOTHING for other names."""
    is_method = name in _METHODS and isinstance(instance, Layer)
    return functools.partial(_METHODS[name], instance) if is_method else NOTHING


def attribute_value(instance: Any, value: Any) -> Any:
    """The value of an attribute that is being set: a layer with the weights of the module for one of PyTorch."""
    is_owner = isinstance(instance, Layer) and not isinstance(instance, TorchModuleWrapper)
    is_module = is_owner and isinstance(value, torch.nn.Module)
    return compat_class(TorchModuleWrapper)(value) if is_module else value


def update_weights(layer: Layer) -> None:
    """Assign to the variables of a layer what optimizers of PyTorch assigned to their parameters."""
    for variable in weight_tree.named_variables(layer).values():
        parameters.update(variable)


class TorchModuleWrapper(Layer):
    """A module of PyTorch as a layer; its parameters are the weights.

    It computes with PyTorch, so that a model with it is not compiled.

    Args:
        module: The module.
        name: The name of the layer.
        output_shape: Ignored, as the shape is that of the result.
    """

    def __init__(self, module: torch.nn.Module, name: str | None = None, output_shape: object = None) -> None:
        if not isinstance(module, torch.nn.Module):
            raise ArgumentTypeError(
                message("module of TorchModuleWrapper", expected="a torch.nn.Module", got=repr(module))
            )
        super().__init__(name=name)
        self.module = module
        self._weights_of_module: list[Variable] = []
        for path, one in module.named_parameters():
            name = path.replace(".", "_")
            variable = adopt(Variable(to_array(one), name=name, trainable=one.requires_grad))
            parameters.attach(variable, one)
            self._weights_of_module.append(variable)
        self.built = True

    def run_module(self, *inputs: Any, training: bool | None = None, **kwargs: Any) -> Tree:
        """Call the module on tensors."""
        for variable in self._weights_of_module:
            parameters.parameter(variable)
        self.module.train(bool(training))
        return self.module(*inputs, **kwargs)

    def call(self, inputs: Tree, *args: Any, training: bool | None = None, **kwargs: Any) -> Tree:
        """Call the module on arrays, which must have values."""
        return unbox(self.run_module(*boxed((inputs, *args)), training=training, **boxed(kwargs)))
