"""Symbolic tensors and variables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from gazelle.compat import era, facade, graph_views, old_names
from gazelle.compat.backend.execution_order import open_dependencies
from gazelle.compat.backend.lifting import OPERATORS
from gazelle.compat.backend.shapes import Size
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.mixins.common import CompatObject, FunctionAttribute
from gazelle.compat.old_variable import OldVariable, TensorShape
from gazelle.compat.operators import add_operators, exceeds_32_bits
from gazelle.compat.recorded_variable import RecordedVariable
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core import symbolic
from gazelle.core.errors import ShapeError, message
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import KerasHistory, KerasTensor, Node
from gazelle.core.types import Shape
from gazelle.models.closures import roots
from gazelle.models.graph import Graph


class DtypeAttribute:
    """The dtype of a tensor or variable; programs that import tensorflow receive a `tf.DType`, a string, too."""

    def __get__(self, tensor: object, owner: type | None = None) -> str:
        dtype: str = vars(tensor)["dtype"]
        return dtype if called_by_gazelle(1) else facade.adapter.as_dtype(dtype)

    def __set__(self, tensor: object, dtype: str) -> None:
        vars(tensor)["dtype"] = dtype


class LayerHistory(KerasHistory):
    """The call that made a symbolic tensor, with its name in tf.keras."""

    layer = property(lambda self: self.operation)


class SymbolicTensor(KerasTensor):
    """A symbolic tensor with the attributes of earlier versions."""

    dtype = DtypeAttribute()
    control: tuple[Any, ...] = ()  # what runs before it in a session
    effects: tuple[Any, ...] = ()  # what a session runs with it

    @property
    def node(self) -> Node | None:
        """The call that made the tensor."""
        node = self.__dict__["node"]
        if type(node) is Node:
            node.__class__ = graph_views.CompatNode
        return node

    @node.setter
    def node(self, node: Node | None) -> None:
        self.__dict__.setdefault("control", open_dependencies())  # it is first set when the tensor is made
        self.__dict__["node"] = node
        if node is not None:
            graph_views.note_consumer(node)

    @property
    def shape(self) -> tuple[Any, ...]:
        """Sizes along the axes; programs for `keras` 1 and 2, or that import tensorflow, receive a `TensorShape`."""
        sizes: tuple[Any, ...] = self.__dict__["shape"]
        plain = era.number() == 3 and not facade.adapter.has_tensors
        return sizes if plain or called_by_gazelle(1) else TensorShape(sizes)

    @shape.setter
    def shape(self, shape: tuple[Any, ...]) -> None:
        self.__dict__["shape"] = shape

    @property
    def _keras_shape(self) -> tuple[Any, ...]:
        return self.shape

    @_keras_shape.setter
    def _keras_shape(self, shape: Shape) -> None:
        """Programs set it where functions of the backend left sizes unknown; known sizes stay."""
        if len(self.shape) == len(shape):
            self.shape = tuple(b if a is None else a for a, b in zip(self.shape, shape, strict=True))

    @property
    def _keras_history(self) -> LayerHistory:
        return LayerHistory(*super()._keras_history)

    def __bool__(self) -> bool:
        node = self.node
        if facade.tensorflow_builds_graphs() and node is not None and node.operation.name == "not_equal":
            return True  # in graphs of TensorFlow 1 operators of Python compared the objects
        return bool(self._value()) if self._computed_at_once() else super().__bool__()

    def __float__(self) -> float:
        return float(self._value()) if self._computed_at_once() else super().__float__()

    def __int__(self) -> int:
        return int(self._value()) if self._computed_at_once() else super().__int__()

    def __format__(self, spec: str) -> str:
        return format(self._value().item(), spec) if spec and self._computed_at_once() else super().__format__(spec)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if not self._computed_at_once():
            return super().__array__(dtype, copy)
        return np.asarray(self._value(), dtype)

    def __getattr__(self, name: str) -> Any:
        if name == "numpy" and self._computed_at_once():
            return self._value
        return super().__getattr__(name)

    def _computed_at_once(self) -> bool:
        """Whether the tensor has no inputs and the program may be for Keras since 2.4, which computed it at once."""
        release = era.release()
        shows_none = release.number == 2 and release.standalone and release.version is None
        return shows_none and not facade.tensorflow_builds_graphs() and next(roots(self), None) is None

    def _value(self) -> Any:
        return Graph([], self).run([])

    def get_shape(self) -> TensorShape:
        """Return the shape as TensorFlow returned it."""
        return TensorShape(self.shape)

    def set_shape(self, shape: Shape) -> None:
        """Replace the unknown sizes by those of a shape, and a rank that is a guess."""
        sizes = TensorShape(shape)
        if vars(self).pop("rank_is_guessed", False):
            self.shape = tuple(sizes)
        elif len(sizes) == len(self.shape):
            self.shape = tuple(b if a is None else a for a, b in zip(self.shape, sizes, strict=True))
        else:
            raise ShapeError(message("set_shape", expected=f"a shape of rank {len(self.shape)}", got=tuple(sizes)))

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        bounds = [(part.start, part.stop, part.step) if isinstance(part, slice) else part for part in parts]
        flat = [n for bound in bounds if type(bound) is tuple for n in bound]
        if not any(isinstance(n, KerasTensor | Size) or hasattr(n, "sizes") for n in flat):
            return super().__getitem__(index)
        sizes = lambda v: getattr(v, "sizes", v)  # noqa: E731
        given = self, [tuple(map(sizes, b)) if type(b) is tuple else b for b in bounds]
        try:
            made = call_op(_part, given, {})
        except (IndexError, ShapeError):  # a bound depends on values: the size is known when the graph runs
            return _part_by_values(self, given, bounds)
        made.shape = tuple(n or None for n in made.shape)  # what is behind a size is not always empty
        return made

    @cached_property
    def _uses_learning_phase(self) -> bool:
        from gazelle.compat.backend.phase_users import of_tensors  # which imports this module

        return of_tensors(self)

    op = OldVariable.op
    graph = OldVariable.graph
    ref = experimental_ref = OldVariable.ref

    def __eq__(self, other: object) -> Any:
        """Compare elementwise for programs of tf.keras 2, also with other symbolic tensors."""
        if other is self:  # a key of a dict
            return True
        elementwise = era.is_tf_keras_2() and not facade.tensorflow_builds_graphs()
        if elementwise and isinstance(other, KerasTensor) and not called_by_gazelle(1):
            return symbolic.OPS["equal"](self, other)
        return super().__eq__(other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else super().__ne__(other)

    __hash__ = KerasTensor.__hash__

    def eval(self, feed_dict: Mapping[Any, TensorLike] | None = None, session: object = None) -> TensorResult:
        """Return the value, computed from those of the inputs in `feed_dict`."""
        from gazelle.compat.backend.sessions import get_session

        return get_session().run(self, feed_dict)

    @property
    def _keras_mask(self) -> Any:
        return graph_views.mask_of(self)

    @_keras_mask.setter
    def _keras_mask(self, mask: Any) -> None:
        self.mask = None if mask is None else mask.shape
        self.given_mask = mask

    @property
    def accepts_any_rank(self) -> bool:  # type: ignore[override]
        # in Keras 1 and 2 a model did not check its input; each layer did. A placeholder without a shape is a number
        return era.number() < 3 or self.shape == ()

    @property
    def accepts_other_sizes(self) -> bool:  # type: ignore[override]
        return not era.standalone()  # tf.keras of TensorFlow 2.0 to 2.15 only warned


def _part_by_values(x: Any, given: Any, bounds: list[Any]) -> Any:
    from gazelle.compat.tensorflow.v1.host_nodes import host_node

    if any(bound is Ellipsis or hasattr(bound, "shape") for bound in bounds):
        raise ShapeError(message("Index where a bound is computed", expected="slices and numbers", got=bounds))
    sizes = [None if type(bound) is tuple else 1 for bound in bounds if type(bound) is tuple or bound is None]
    sizes += x.shape[len(bounds) - bounds.count(None) :]
    return host_node(_part, given, {}, lambda: KerasTensor.derived(sizes, x.dtype), stops_gradients=False)


def _part(x: Any, bounds: list[Any]) -> Any:
    return x[tuple(slice(*bound) if isinstance(bound, tuple) else bound for bound in bounds)]


SymbolicTensor.derived = SymbolicTensor


def _operate(name: str, *operands: Any) -> Any:
    tensor = next(one for one in operands if isinstance(one, SymbolicTensor))
    given = [float(one) if exceeds_32_bits(one, tensor) else one for one in operands]
    return symbolic.OPS[OPERATORS[name]](*given)


add_operators(SymbolicTensor, OPERATORS, _operate)


class VariableMixin(RecordedVariable):
    """Variables."""

    regularizer = FunctionAttribute()
    constraint = FunctionAttribute()
    _init_core = CompatObject._init_core
    ref = experimental_ref = OldVariable.ref

    def __bool__(self) -> bool:
        # variables of Theano are true: `if self.bias:`, which was an argument in Keras 1
        return era.number() == 1 or super().__bool__()

    @property
    def dtype(self) -> str:
        """The dtype; in a layer of mixed precision that of `value`, for programs before Keras 3 the variable's own."""
        dtype: str = super().dtype if era.number() == 3 or called_by_gazelle(1) else self._own_dtype
        return dtype if called_by_gazelle(1) else facade.adapter.as_dtype(dtype)

    @dtype.setter
    def dtype(self, dtype: str) -> None:
        self._own_dtype = dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes along the axes; programs for `keras` 1 and 2, or that import tensorflow, receive a `TensorShape`."""
        sizes: tuple[int, ...] = super().shape
        plain = era.number() == 3 and not facade.adapter.has_tensors
        return sizes if plain or called_by_gazelle(1) else TensorShape(sizes)

    @property
    def name(self) -> str:
        """The name; until Keras 3 it was the path in the graph of TensorFlow, such as "dense/kernel:0"."""
        name: str = self.__dict__["name"]
        return name if era.number() == 3 or called_by_gazelle(1) else old_names.weight_name(self.path)

    @name.setter
    def name(self, name: str) -> None:
        self.__dict__["name"] = name
