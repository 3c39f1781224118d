"""Methods of `torch.nn.Module` that layers have while programs compute with PyTorch, and modules inside of layers."""

from __future__ import annotations

from typing import Any

import torch

from gazelle.compat.classes import adopt, compat_class
from gazelle.compat.pytorch import parameters
from gazelle.compat.pytorch.tensors import boxed, to_array, unbox
from gazelle.compat.types import NamedObject
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.layers import Layer, weight_tree


class LayerModule(torch.nn.Module):  # type: ignore[misc]
    """The last base class of layers: methods of `torch.nn.Module`, which read the tables below.

    The parameters are those of all weights of the layer and of the layers inside.
    """

    _buffers: dict[str, Any] = {}
    _modules: dict[str, Any] = {}
    _non_persistent_buffers_set: set[str] = set()
    _backward_hooks = _forward_hooks = _forward_pre_hooks = _load_state_dict_post_hooks = _modules
    _load_state_dict_pre_hooks = _state_dict_hooks = _state_dict_pre_hooks = _modules

    @property
    def _parameters(self) -> dict[str, torch.nn.Parameter]:
        variables = [*self.variables]
        names = [variable.path.replace(".", "_") for variable in variables]
        return {name: parameters.parameter(variable) for name, variable in zip(names, variables, strict=True)}

    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__

    def forward(self, *args: Any, **kwargs: Any) -> Tree:
        """Call the layer."""
        return self(*args, **kwargs)

    def requires_grad_(self, requires_grad: bool = True) -> LayerModule:
        """Set whether the weights are trained."""
        self.trainable = requires_grad
        return self


def attribute_value(instance: object, value: NamedObject) -> NamedObject:
    """The value of an attribute that is being set: a layer with the weights of the module for one of PyTorch."""
    is_owner = isinstance(instance, Layer) and not isinstance(instance, TorchModuleWrapper)
    is_module = is_owner and isinstance(value, torch.nn.Module) and not isinstance(value, Layer)
    return compat_class(TorchModuleWrapper)(value) if is_module else value


def update_weights(layer: Layer) -> None:
    """Let the variables of a layer and their parameters have the values that either were given last."""
    for variable in weight_tree.named_variables(layer).values():
        if parameters.has_parameter(variable):
            parameters.update(variable)
            parameters.parameter(variable)


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
            label = path.replace(".", "_")
            variable = adopt(Variable(to_array(one), name=label, trainable=one.requires_grad))
            parameters.attach(variable, one)
            self._weights_of_module.append(variable)
        self.built = True

    def run_module(self, *inputs: Any, training: bool | None = None, **kwargs: Any) -> Tree:
        """Call the module on tensors; as in Keras it is in training mode unless `training` is False."""
        for variable in self._weights_of_module:
            parameters.parameter(variable)
        self.module.train(training is not False)
        return self.module(*inputs, **kwargs)

    def call(self, *inputs: Any, training: bool | None = None, **kwargs: Any) -> Tree:
        """Call the module on arrays, which must have values."""
        return unbox(self.run_module(*boxed(inputs), training=training, **boxed(kwargs)))
