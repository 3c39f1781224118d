"""Variables of programs: what programs compute with them is recorded, on tapes or in a graph."""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

from gazelle.compat import era, facade, old_names
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.old_variable import OldVariable
from gazelle.compat.tables import listed
from gazelle.compat.types import TensorResult
from gazelle.core import tracing
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable, is_variable

#: the class whose `dispatch` records calls, on tapes or in a graph; None if nothing is recorded
recorder: ContextVar[type[TensorWrapper] | None] = ContextVar("gazelle_recorder", default=None)


def recorder_of_program() -> type[TensorWrapper] | None:
    """The class of results, if a program called the function that calls this one; gazelle's own code gets arrays.

    It is the recorder, and else `tf.Tensor` for modules that import tensorflow.
    """
    if called_by_gazelle(2):
        return None
    return active_recorder() or facade.adapter.tensors_of_program()


def active_recorder() -> type[TensorWrapper] | None:
    """The recorder; in programs for the package `keras` 1 and 2 the class of `K.variable`, which builds graphs."""
    kind = recorder.get()
    if kind is not None or not era.is_package_before_keras_3() or facade.adapter.has_tensors:
        return kind
    if tracing.current() is not None or tracing.is_traced():
        return None
    from gazelle.compat.backend.lifting import GraphVariable  # it imports this module

    return GraphVariable


def has_variable(tree: object) -> bool:
    """Whether there is a variable in lists, tuples and dicts."""
    return any(isinstance(leaf, Variable) for leaf in jax.tree.leaves(tree, is_leaf=is_variable))


class RecordedVariable(OldVariable):
    """Put in front of `Variable`: operators, indices and methods return tensors to programs, and are recorded."""

    @property
    def value(self) -> TensorResult:
        """The array; for programs a tensor, which is recorded, or in Keras 3 on TensorFlow the variable itself.

        TensorFlow calls it: `variable.value()`.
        """
        kind = recorder_of_program()
        if kind is None:
            return Variable.value.fget(self)
        if era.number() == 3:
            return facade.adapter.variable_value(self)
        found = kind.dispatch(operator.pos, (self,), {})
        if isinstance(found, KerasTensor):
            return lambda: found
        if not (facade.adapter.has_tensors and hasattr(found, "array")):
            return found
        from gazelle.compat.tensorflow.variable import VariableValue  # it imports this module

        return VariableValue(found)

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value; where TensorFlow is imported, a number of NumPy if it has no axes."""
        array: np.ndarray[Any, Any] = super().numpy()
        return array[()] if facade.adapter.has_tensors and not called_by_gazelle(1) else array

    def __repr__(self) -> str:
        """The text of the library that a program imports, which has the value."""
        if called_by_gazelle(1) or tracing.current() is not None:
            return super().__repr__()
        if era.number() == 3:
            return f"{super().__repr__()[:-1]}, value={super().numpy()}>"
        return facade.adapter.text_of_variable(self, old_names.weight_name(self.path))

    def __getitem__(self, index: Any) -> Any:
        kind = recorder_of_program()
        if kind is None:
            return super().__getitem__(index)
        found = kind.dispatch(operator.pos, (self,), {})[index]
        if not facade.adapter.has_tensors:
            return found
        from gazelle.compat.tensorflow.variable import VariableSlice  # it imports this module

        variable: Any = self
        return VariableSlice(found, variable, index) if hasattr(found, "array") else found

    def read_value(self) -> TensorResult:
        """Return the present value as a tensor, which tapes record, and which later assignments leave as it is."""
        kind = recorder_of_program()
        return self.value if kind is None else kind.dispatch(operator.pos, (self,), {})

    initialized_value = read_value

    def __getattr__(self, name: str) -> Any:  # sum, mean, reshape ...
        kind = None if name.startswith("_") else recorder_of_program()
        if kind is None:
            return super().__getattr__(name)
        return getattr(kind.dispatch(operator.pos, (self,), {}), name)


def _assignment(kind: str) -> Callable[..., Any]:
    """A method that assigns; TensorFlow's arguments about locks and names have no effect."""
    original = getattr(Variable, kind)
    of_graph = kind.replace("assign", "update")

    def method(
        self: Any, value: Any, use_locking: bool | None = None, name: str | None = None, read_value: bool = True
    ) -> Any:
        if hasattr(value, "numpy") and isinstance(value, KerasTensor):  # for Keras since 2.4, which computed at once
            value = value.numpy()
        elif isinstance(value, KerasTensor) and era.is_package_before_keras_3():  # done when a session runs it
            from gazelle.compat.backend import updates

            return getattr(updates, of_graph)(self, value)
        if getattr(recorder.get(), "writes_graphs", False) and not (called_by_gazelle(1) or tracing.current()):
            from gazelle.compat.tensorflow.v1 import graph_variables

            return graph_variables.assigned(self, kind, value)
        out = original(self, facade.adapter.unbox(value) if facade.computes_with_torch() else value)
        if called_by_gazelle(1):
            return out
        if era.is_tf_keras_2():
            return self  # a variable, which can be assigned again and is read later
        tensors = recorder_of_program() or (type(value) if isinstance(value, TensorWrapper) else None)
        return out if tensors is None else tensors.dispatch(operator.pos, (self,), {})

    return method


for _name in ("assign", "assign_add", "assign_sub"):
    setattr(RecordedVariable, _name, _assignment(_name))


def _recorded(name: str, function: Callable[..., Any], reflected: bool = False) -> Callable[..., Any]:
    """The method `name` of `Variable`, which is `function` of the variable and other operands, recorded."""
    original = getattr(Variable, name)

    def method(self: Any, *others: Any) -> Any:
        kind = recorder_of_program()
        if kind is None or (others and isinstance(others[0], KerasTensor | TensorWrapper)):
            return original(self, *others)
        return kind.dispatch(function, (*others, self) if reflected else (self, *others), {})

    return method


for _name in listed("add sub mul truediv floordiv mod pow matmul lt le gt ge neg abs pos"):
    _function = getattr(operator, _name)
    setattr(RecordedVariable, f"__{_name}__", _recorded(f"__{_name}__", _function))
    if hasattr(Variable, f"__r{_name}__"):
        setattr(RecordedVariable, f"__r{_name}__", _recorded(f"__r{_name}__", _function, reflected=True))
