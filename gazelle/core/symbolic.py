"""Symbolic tensors: shape and dtype without values, and the graph of calls that made them."""

from __future__ import annotations

import itertools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from gazelle.core import dtypes, logits, sparse
from gazelle.core.errors import ArgumentError, MissingLengthError, StateError, SymbolicError, message
from gazelle.core.printable import printable
from gazelle.core.types import ArrayLike, DTypeLike, Shape, Tree

if TYPE_CHECKING:
    from gazelle.core.operation import Operation

#: operations that symbolic tensors have as operators and methods; filled by gazelle.ops.
OPS: dict[str, Callable[..., Any]] = {}


class KerasHistory(NamedTuple):
    """The call that made a symbolic tensor, as programs for Keras read it."""

    operation: Any
    node_index: int
    tensor_index: int


class KerasTensor:
    """A symbolic tensor: a shape (None for unknown sizes) and a dtype without values.

    Created by `Input` and by calling layers and ops on other symbolic tensors; `Model(inputs, outputs)` turns the
    graph between them into a model.

    Args:
        shape: Sizes along the axes; None is an unknown size.
        dtype: Dtype; None is the default float type.
        sparse: Whether its values are sparse arrays.
        ragged: Must be False: arrays of JAX are rectangular.
        record_history: Accepted for compatibility and ignored.
        name: Name; None is "keras_tensor".
    """

    __array_priority__ = 100
    accepts_other_sizes = False  # as the input of a model: data of other shapes is a warning
    accepts_any_rank = False  # as the input of a model: data of other shapes reaches the layers, which check it
    derived: type[KerasTensor]  # the class of results of operations on this tensor

    def __init__(
        self,
        shape: Shape,
        dtype: DTypeLike | None = None,
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> None:
        if ragged:
            hint = "Pad the rows to equal lengths, with a Masking layer or mask_zero=True."
            raise ArgumentError(message("ragged of a symbolic tensor", expected="False", got="True", hint=hint))
        self.sparse, self.ragged = bool(sparse), False
        self.shape: tuple[Any, ...] = tuple(  # int or None; a union would forbid `x.shape[-1] // 2`
            None if n is None else int(n) for n in shape
        )
        self.dtype = dtypes.standardize(dtype)
        self.name = name or "keras_tensor"
        self.node: Node | None = None  # the call that made it
        self.index = 0  # which of the call's outputs it is
        self.mask: tuple[int | None, ...] | None = None  # the shape of its mask
        self.attached: list[Tree] = []  # what is attached to its arrays, with symbolic tensors in place of arrays
        self.sequential: Any = None  # the Sequential whose output it is

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def _keras_history(self) -> KerasHistory:
        assert self.node is not None
        return KerasHistory(self.node.operation, self.node.operation._call_nodes.index(self.node), self.index)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={printable(self.name)}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise self._no_values("NumPy function")

    @property
    def __jax_array__(self) -> Any:
        if "_op" in sys._getframe(1).f_code.co_name:  # lets operators of JAX arrays defer to those of this class
            raise AttributeError("__jax_array__")
        raise StateError(str(self._no_values("jax.numpy function")))  # JAX would replace the text of a TypeError

    def __bool__(self) -> bool:
        raise self._no_values("Python condition")

    def __float__(self) -> float:
        raise self._no_values("float()")

    def __int__(self) -> int:
        raise self._no_values("int()")

    def __iter__(self) -> Iterator[KerasTensor]:
        if not self.shape or self.shape[0] is None:
            raise self._no_values("loop")
        return (self[i] for i in range(self.shape[0]))

    @property
    def __len__(self) -> Callable[[], int]:
        length = self.shape[0] if self.shape else None
        if length is None:  # without this attribute, for programs that look for it with hasattr
            raise MissingLengthError(str(self._no_values("len()")))
        return lambda: length

    def _no_values(self, where: str) -> SymbolicError:
        return SymbolicError(
            message(
                f"A symbolic tensor of shape {self.shape} was given to a {where}",
                expected="an array with values",
                got="a tensor of the graph, which has no values before the model runs",
                hint="Use gazelle.ops, or put the computation into a Lambda layer or a Layer's call.",
            )
        )

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS and name in OPS:
            if sys._getframe(1).f_globals.get("__name__", "").endswith(".fromnumeric"):  # np.mean(tensor)
                raise self._no_values("NumPy function")
            return lambda *args, **kwargs: OPS[name](self, *args, **kwargs)
        raise AttributeError(f"A symbolic tensor has no attribute {name!r}.")

    def __eq__(self, other: object) -> Any:
        """Compare elementwise with numbers, arrays and variables, and by identity with tensors, which lists search."""
        if isinstance(other, KerasTensor):
            return self is other
        if isinstance(other, _NUMBERS) or hasattr(other, "__jax_array__"):
            return OPS["equal"](self, other)
        return NotImplemented

    __hash__ = object.__hash__

    @property
    def T(self) -> KerasTensor:  # noqa: N802 - NumPy's name
        """The tensor with reversed axes."""
        return OPS["transpose"](self)

    def __getitem__(self, index: Any) -> KerasTensor:
        return OPS["get_item"](self, index)

    if TYPE_CHECKING:  # assigned below the class

        def __add__(self, other: ArrayLike) -> KerasTensor: ...
        def __radd__(self, other: ArrayLike) -> KerasTensor: ...
        def __sub__(self, other: ArrayLike) -> KerasTensor: ...
        def __rsub__(self, other: ArrayLike) -> KerasTensor: ...
        def __mul__(self, other: ArrayLike) -> KerasTensor: ...
        def __rmul__(self, other: ArrayLike) -> KerasTensor: ...
        def __truediv__(self, other: ArrayLike) -> KerasTensor: ...
        def __rtruediv__(self, other: ArrayLike) -> KerasTensor: ...
        def __floordiv__(self, other: ArrayLike) -> KerasTensor: ...
        def __rfloordiv__(self, other: ArrayLike) -> KerasTensor: ...
        def __mod__(self, other: ArrayLike) -> KerasTensor: ...
        def __rmod__(self, other: ArrayLike) -> KerasTensor: ...
        def __pow__(self, other: ArrayLike) -> KerasTensor: ...
        def __rpow__(self, other: ArrayLike) -> KerasTensor: ...
        def __matmul__(self, other: ArrayLike) -> KerasTensor: ...
        def __rmatmul__(self, other: ArrayLike) -> KerasTensor: ...
        def __and__(self, other: ArrayLike) -> KerasTensor: ...
        def __rand__(self, other: ArrayLike) -> KerasTensor: ...
        def __or__(self, other: ArrayLike) -> KerasTensor: ...
        def __ror__(self, other: ArrayLike) -> KerasTensor: ...
        def __xor__(self, other: ArrayLike) -> KerasTensor: ...
        def __rxor__(self, other: ArrayLike) -> KerasTensor: ...
        def __lt__(self, other: ArrayLike) -> KerasTensor: ...
        def __le__(self, other: ArrayLike) -> KerasTensor: ...
        def __gt__(self, other: ArrayLike) -> KerasTensor: ...
        def __ge__(self, other: ArrayLike) -> KerasTensor: ...
        def __ne__(self, other: object) -> KerasTensor: ...  # type: ignore[override]
        def __neg__(self) -> KerasTensor: ...
        def __abs__(self) -> KerasTensor: ...
        def __invert__(self) -> KerasTensor: ...


KerasTensor.derived = KerasTensor
_NUMBERS = (int, float, complex, np.generic, np.ndarray, jax.Array)
_METHODS = ("reshape", "astype", "squeeze", "sum", "mean", "max", "min", "transpose", "flatten")
_OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
}
_ONE_SIDED = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "ne": "not_equal",
    "neg": "negative",
    "abs": "absolute",
    "invert": "logical_not",
}

for _python, _op in _OPERATORS.items():
    setattr(KerasTensor, f"__{_python}__", lambda self, other, op=_op: OPS[op](self, other))
    setattr(KerasTensor, f"__r{_python}__", lambda self, other, op=_op: OPS[op](other, self))
for _python, _op in _ONE_SIDED.items():
    setattr(KerasTensor, f"__{_python}__", lambda self, *other, op=_op: OPS[op](self, *other))


#: the calls in graphs are numbered in their order
numbers_of_calls = itertools.count()


class Node:
    """One call in the graph: `operation(*args, **kwargs) -> outputs`.

    Args:
        operation: The layer or op that was called.
        args: Positional arguments, with symbolic tensors in them.
        kwargs: Keyword arguments.
        outputs: The symbolic results.
        closure_inputs: Symbolic tensors that the operation uses from outside of its arguments.
    """

    def __init__(
        self,
        operation: Operation | Op,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        outputs: Tree,
        closure_inputs: Iterable[KerasTensor] = (),
    ) -> None:
        self.operation: Any = operation
        self.args, self.kwargs, self.outputs = args, dict(kwargs), outputs
        self.closure_inputs: list[KerasTensor] = list(closure_inputs)  # used in a closure
        self.has_dict = contains_dict(args) or contains_dict(list(kwargs.values()))
        self.number = next(numbers_of_calls)
        operation._call_nodes.append(self)
        for index, tensor in enumerate(symbolic_leaves(outputs)):
            tensor.node, tensor.index = self, index

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors among the arguments, in order, then those used in a closure."""
        return symbolic_leaves((self.args, self.kwargs)) + self.closure_inputs


class Op:
    """A function of `gazelle.ops` as an operation of the graph.

    Args:
        function: The function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.name, self._call_nodes = function, function.__name__, list[Node]()
        self.runs_on_host = False  # whether it takes strings

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        out = self.function(*args, **kwargs)
        keeps = self.name in ("cast", "convert_to_tensor")  # TensorFlow looks through them
        return out if keeps else logits.lost(out, (args, kwargs))


def is_symbolic(x: object) -> bool:
    """Return whether a value is a symbolic tensor.

    Args:
        x: Any value.

    Returns:
        A boolean.
    """
    return isinstance(x, KerasTensor)


def leaves(tree: Tree) -> list[Any]:
    """The leaves of lists, tuples and dicts, symbolic tensors and sparse arrays among them."""
    return jax.tree.leaves(tree, is_leaf=_is_tensor)


def map_tree(fn: Callable[[Any], Any], tree: Tree) -> Tree:
    """Apply `fn` to every leaf."""
    return jax.tree.map(fn, tree, is_leaf=_is_tensor)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, KerasTensor) or sparse.is_sparse(value)


def map_in_order(fn: Callable[[Any], Any], tree: Tree, is_leaf: Callable[[Any], bool] = _is_tensor) -> Tree:
    """Apply `fn` to every leaf; the keys of dicts remain in their order, while JAX sorts them."""
    if type(tree) is dict:
        return {key: map_in_order(fn, value, is_leaf) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(map_in_order(fn, value, is_leaf) for value in tree)
    if isinstance(tree, jax.Array | np.ndarray):  # the usual result of an operation, without a search in JAX
        return fn(tree)
    return jax.tree.map(fn, tree, is_leaf=is_leaf)


def contains_dict(tree: Tree) -> bool:
    """Whether there is a dict in lists and tuples."""
    return type(tree) is dict or (type(tree) in (list, tuple) and any(map(contains_dict, tree)))


def with_sorted_keys(tree: Tree) -> Tree:
    """A tree with a dict for every OrderedDict: JAX sorts the keys of a dict, as inputs and outputs by name are."""
    if isinstance(tree, OrderedDict):
        tree = dict(tree)
    if type(tree) is dict:
        return {key: with_sorted_keys(value) for key, value in tree.items()}
    return type(tree)(map(with_sorted_keys, tree)) if type(tree) in (list, tuple) else tree


def symbolic_leaves(tree: Tree) -> list[KerasTensor]:
    return [leaf for leaf in jax.tree.leaves(tree, is_leaf=is_symbolic) if is_symbolic(leaf)]


def any_symbolic(*trees: Tree) -> bool:
    return bool(symbolic_leaves(trees))


def any_in_graph(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether there are variables of graphs: a layer that is called on them reads them when the graph runs."""
    for value in (*args, *kwargs.values()):
        is_tree = isinstance(value, (list, tuple, dict))
        if any(map(is_in_graph, jax.tree.leaves(value, is_leaf=is_in_graph))) if is_tree else is_in_graph(value):
            return True
    return False


def is_in_graph(value: object) -> bool:
    """Whether a value is a variable of a graph."""
    return hasattr(value, "writes_graphs")
