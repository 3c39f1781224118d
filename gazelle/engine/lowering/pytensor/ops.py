"""Operations that PyTensor lacks. This module needs PyTensor and is imported on first use."""

# mypy: disallow-subclassing-any=False

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.scalar.basic import BinaryScalarOp
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.type import TensorType

from gazelle.engine.lowering.keys import encrypt

if TYPE_CHECKING:
    from gazelle.core.types import Foreign

Function = Callable[..., list[Any]]


def _type_of_first(x: Any, y: Any) -> tuple[Any]:
    return (x,)


class Shift(BinaryScalarOp):
    """x << y or x >> y; the dtype of x determines whether the shift is arithmetic."""

    def __init__(self, sign: str) -> None:
        self.sign, name = sign, "left_shift" if sign == "<<" else "right_shift"
        self.nfunc_spec = (name, 2, 1)  # the NumPy function, which Numba also supports
        super().__init__(_type_of_first, name=name)

    def impl(self, x: np.ndarray, y: np.ndarray) -> Foreign:
        return np.left_shift(x, y) if self.sign == "<<" else np.right_shift(x, y)

    def c_code(
        self, node: Foreign, name: str, inputs: Sequence[str], outputs: Sequence[str], sub: Mapping[str, str]
    ) -> str:
        return f"{outputs[0]} = {inputs[0]} {self.sign} {inputs[1]};"

    def c_code_cache_version(self) -> tuple[int]:
        return (1,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shift) and other.sign == self.sign

    def __hash__(self) -> int:
        return hash((Shift, self.sign))


left_shift, right_shift = Elemwise(Shift("<<")), Elemwise(Shift(">>"))


class Bitcast(Op):
    """Reinterpret the bytes as another dtype."""

    __props__ = ("dtype", "shape")

    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        self.dtype, self.shape = dtype, shape

    def make_node(self, *inputs: Any) -> Foreign:
        return Apply(self, list(inputs), [TensorType(self.dtype, self.shape)()])

    def perform(self, node: Foreign, inputs: list[Any], outputs: Sequence[list[Any]]) -> None:
        outputs[0][0] = np.ascontiguousarray(inputs[0]).view(self.dtype).reshape(self.shape).copy()


class ArrayOp(Op):
    """An operation that runs compiled functions; `kinds` are the types of its outputs."""

    def __init__(self, kinds: list[Any]) -> None:
        self.kinds = kinds

    def make_node(self, *inputs: Any) -> Foreign:
        return Apply(self, list(inputs), [kind() for kind in self.kinds])

    def perform(self, node: Foreign, inputs: list[Any], outputs: Sequence[list[Any]]) -> None:
        for place, value in zip(outputs, self.run(inputs), strict=True):
            place[0] = np.asarray(value)

    def run(self, inputs: list[Any]) -> list[Any]:
        """The outputs as separate arrays."""
        raise NotImplementedError


class While(ArrayOp):
    """Run one function while another returns True; the bounds are known at run time.

    Inputs: the values that `more` and `once` only read (`reads` of them), then the carried values, which are the
    output.
    """

    def __init__(self, more: Function, once: Function, reads: tuple[int, int], kinds: list[Any]) -> None:
        super().__init__(kinds)
        self.more, self.once, self.reads = more, once, reads

    def run(self, inputs: list[Any]) -> list[Any]:
        of_more, of_once = self.reads
        cond_consts, body_consts = inputs[:of_more], inputs[of_more : of_more + of_once]
        carry = [np.array(value) for value in inputs[of_more + of_once :]]
        while self.more(*cond_consts, *carry)[0]:
            carry = self.once(*body_consts, *carry)
        return carry


class Scan(ArrayOp):
    """Runs one function over the rows of arrays.

    Inputs: `consts` that every step reads, `carry` for the carried values, arrays (length, ...) that are read row by
    row. Outputs: the last carry, and the other outputs of the steps, stacked.
    """

    def __init__(self, once: Function, consts: int, carry: int, length: int, reverse: bool, kinds: list[Any]) -> None:
        super().__init__(kinds)
        self.once, self.consts, self.carry, self.length, self.reverse = once, consts, carry, length, reverse

    def run(self, inputs: list[Any]) -> list[Any]:
        fixed, rows = inputs[: self.consts], inputs[self.consts + self.carry :]
        carry = [np.array(value) for value in inputs[self.consts : self.consts + self.carry]]
        stacked = [np.empty(kind.shape, kind.dtype) for kind in self.kinds[self.carry :]]
        for index in range(self.length)[:: -1 if self.reverse else 1]:
            made = self.once(*fixed, *carry, *(row[index] for row in rows))
            carry = made[: self.carry]
            for whole, value in zip(stacked, made[self.carry :], strict=True):
                whole[index] = value
        return [*carry, *stacked]


class Branch(ArrayOp):
    """Runs the function whose index is the first input; indices out of range select the first or the last one."""

    def __init__(self, functions: list[Function], kinds: list[Any]) -> None:
        super().__init__(kinds)
        self.functions = functions

    def run(self, inputs: list[Any]) -> list[Any]:
        which = min(max(int(inputs[0]), 0), len(self.functions) - 1)
        return self.functions[which](*inputs[1:])


class Encrypt(Op):
    """Threefry as one operation, because its twenty rounds would be hundreds of operations."""

    __props__ = ("shape",)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def make_node(self, *inputs: Any) -> Foreign:
        return Apply(self, list(inputs), [TensorType("uint32", self.shape)() for _ in range(2)])

    def perform(self, node: Foreign, inputs: list[Any], outputs: Sequence[list[Any]]) -> None:
        # arrays wrap at 2^32, while scalars raise a warning
        made = encrypt(*(np.atleast_1d(values) for values in inputs))
        for place, value in zip(outputs, made, strict=True):
            place[0] = np.broadcast_to(value, self.shape or (1,)).reshape(self.shape).copy()


class Accumulate(Op):
    """array[indices] = ufunc(array[indices], updates), where an index may occur several times."""

    __props__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def make_node(self, *inputs: Any) -> Foreign:
        return Apply(self, list(inputs), [inputs[0].type()])

    def perform(self, node: Foreign, inputs: list[Any], outputs: Sequence[list[Any]]) -> None:
        array, table, updates = inputs
        made = np.array(array)
        getattr(np, self.name).at(made, tuple(np.moveaxis(table, -1, 0)), updates)
        outputs[0][0] = made


class Call(ArrayOp):
    """A Python function of arrays as an operation of the graph."""

    def __init__(self, function: Function, kinds: list[Any]) -> None:
        super().__init__(kinds)
        self.function = function

    def run(self, inputs: list[Any]) -> list[Any]:
        made = self.function(*inputs)
        return [np.array(value, kind.dtype) for value, kind in zip(made, self.kinds, strict=True)]
