"""Puts the calls of PyTorch in place, and takes them away again."""

from __future__ import annotations

from typing import Any

import torch

from gazelle.compat import facade, old_names
from gazelle.compat.mixins.variables import VariableMixin
from gazelle.compat.pytorch import calls, parameters
from gazelle.core.tensor_wrapper import take_for_wrapper, tensor_classes
from gazelle.core.variable import Variable


def _torch_function(cls: type, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Call a function of PyTorch on variables, as on their parameters."""

    def value(one: Any) -> Any:
        if isinstance(one, list | tuple):
            return type(one)(map(value, one))
        return parameters.parameter(one) if isinstance(one, Variable) else one

    return function(*value(args), **{name: value(one) for name, one in (kwargs or {}).items()})


def activate() -> None:
    """Let programs compute with PyTorch."""
    facade.calls = calls
    for kind in (torch.Tensor, torch.nn.Parameter):
        take_for_wrapper(kind, calls.TorchTensor)
    VariableMixin._full = parameters.value_of
    VariableMixin.__torch_function__ = classmethod(_torch_function)
    old_names.replace_in_keras_3(
        "gazelle.layers.TorchModuleWrapper", "gazelle.compat.pytorch.modules:TorchModuleWrapper"
    )


def close() -> None:
    """Undo `activate`."""
    facade.calls = None
    tensor_classes.clear()
    del VariableMixin._full, VariableMixin.__torch_function__
