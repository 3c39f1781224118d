"""Puts the calls of PyTorch in place, and takes them away again."""

from __future__ import annotations

from typing import Any

import torch

from gazelle.compat import facade, old_names
from gazelle.compat.classes import compat_class
from gazelle.compat.mixins.variables import VariableMixin
from gazelle.compat.pytorch import dispatch, modules, parameters
from gazelle.compat.pytorch.adapter import ADAPTER
from gazelle.core.tensor_wrapper import take_for_wrapper, tensor_classes
from gazelle.core.variable import Variable
from gazelle.layers import Layer


def _torch_function(cls: type, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Call a function of PyTorch on variables, as on their parameters."""

    def value(one: Any) -> Any:
        if isinstance(one, list | tuple):
            return type(one)(map(value, one))
        return parameters.parameter(one) if isinstance(one, Variable) else one

    return function(*value(args), **{name: value(one) for name, one in (kwargs or {}).items()})


_OF_VARIABLES = {"_full": parameters.value_of, "__torch_function__": classmethod(_torch_function)}
_WRAPPER = "gazelle.layers.TorchModuleWrapper"


def activate() -> None:
    """Let programs compute with PyTorch."""
    facade.adapter = ADAPTER
    for kind in (torch.Tensor, torch.nn.Parameter):
        take_for_wrapper(kind, dispatch.TorchTensor)
    for name, member in _OF_VARIABLES.items():
        setattr(VariableMixin, name, member)
    layer = compat_class(Layer)
    layer.__bases__ = (*layer.__bases__, modules.LayerModule)
    old_names.replaced_in_keras_3[_WRAPPER] = "gazelle.compat.pytorch.modules:TorchModuleWrapper"


def close() -> None:
    """Undo `activate`, if it was called."""
    if old_names.replaced_in_keras_3.pop(_WRAPPER, None) is None:
        return
    facade.adapter = facade.ARRAYS
    tensor_classes.clear()
    for name in _OF_VARIABLES:
        delattr(VariableMixin, name)
    layer = compat_class(Layer)
    layer.__bases__ = tuple(base for base in layer.__bases__ if base is not modules.LayerModule)
