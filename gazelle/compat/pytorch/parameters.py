"""The parameter of PyTorch that a variable is for a program: its value, and the gradient that PyTorch adds up in it.

The variable has the value. A parameter is updated when the variable was assigned, and the variable when the parameter
was: by an optimizer of PyTorch, or by the program.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import torch

from gazelle.compat.pytorch.tensors import on_arrays, to_array, to_tensor
from gazelle.core import tracing
from gazelle.core.types import Array
from gazelle.core.variable import Variable


@dataclasses.dataclass(eq=False)
class _Link:
    """A parameter, and the value that it and the variable had in common when they were compared last."""

    parameter: torch.nn.Parameter
    value: Array
    copy: torch.Tensor


_LINK = "_parameter_of_pytorch"  # attribute of a variable


def parameter(variable: Variable) -> torch.nn.Parameter:
    """The parameter of a variable, with its present value and a gradient if the variable is trainable."""
    link, value = vars(variable).get(_LINK), Variable._full(variable)
    if link is None:
        link = attach(variable, torch.nn.Parameter(to_tensor(value), requires_grad=False))
    elif link.value is not value:
        with torch.no_grad():
            link.parameter.data.copy_(to_tensor(value))
        _compare(link, value)
    made, has_gradient = link.parameter, variable.trainable and link.parameter.is_floating_point()
    if made.requires_grad != has_gradient:
        made.requires_grad_(has_gradient)
    return made


def attach(variable: Variable, made: torch.nn.Parameter) -> _Link:
    """Let a parameter be that of a variable with an equal value."""
    link = _Link(made, Variable._full(variable), made)
    _compare(link, link.value)
    vars(variable)[_LINK] = link
    return link


def has_parameter(variable: Variable) -> bool:
    """Whether a variable has a parameter, since a program or a call needed it."""
    return _LINK in vars(variable)


def _compare(link: _Link, value: Any) -> None:
    link.value = value
    link.copy = link.parameter.detach().clone()


def update(variable: Variable) -> None:
    """Assign the value of the parameter to the variable if it was changed, also through its `data`."""
    link = vars(variable).get(_LINK)
    if link is not None and not torch.equal(link.parameter.detach(), link.copy):
        _assign(variable, link)


def value_of(variable: Variable) -> Array:
    """`Variable._full`, with the value of the parameter if that was changed since."""
    update(variable)
    return Variable._full(variable)


def _assign(variable: Variable, link: _Link) -> None:
    scope = tracing.current()
    bound = None if scope is None or scope.values is None else scope.values.get(id(variable))
    if on_arrays.get() or isinstance(bound, jax.core.Tracer) or tracing.is_traced():
        return  # a function is traced or runs on given values, which are not those of now
    value = to_array(link.parameter)
    _compare(link, value)
    variable.assign(value)
    link.value = Variable._full(variable)
