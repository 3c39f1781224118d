"""Operations that PyTensor's graph does not have. This file is imported at first use: it needs PyTensor to be there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.scalar.basic import BinaryScalarOp
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.type import TensorType


def _type_of_first(x: Any, y: Any) -> tuple[Any]:
    return (x,)


class Shift(BinaryScalarOp):
    """x << y or x >> y on numbers; the type of x decides whether the sign goes along."""

    def __init__(self, sign: str) -> None:
        self.sign, name = sign, "left_shift" if sign == "<<" else "right_shift"
        self.nfunc_spec = (name, 2, 1)  # the function of NumPy, which Numba knows too
        super().__init__(_type_of_first, name=name)

    def impl(self, x: Any, y: Any) -> Any:
        return np.left_shift(x, y) if self.sign == "<<" else np.right_shift(x, y)

    def c_code(self, node: Any, name: str, inputs: Any, outputs: Any, sub: Any) -> str:
        return f"{outputs[0]} = {inputs[0]} {self.sign} {inputs[1]};"

    def c_code_cache_version(self) -> tuple[int]:
        return (1,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shift) and other.sign == self.sign

    def __hash__(self) -> int:
        return hash((Shift, self.sign))


left_shift, right_shift = Elemwise(Shift("<<")), Elemwise(Shift(">>"))


class Bitcast(Op):
    """The same bytes read as numbers of another type."""

    __props__ = ("dtype", "shape")

    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        self.dtype, self.shape = dtype, shape

    def make_node(self, x: Any) -> Any:
        return Apply(self, [x], [TensorType(self.dtype, self.shape)()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        outputs[0][0] = np.ascontiguousarray(inputs[0]).view(self.dtype).reshape(self.shape).copy()


class Repeat(Op):
    """Runs one compiled function as long as another says so: the bounds are values.

    Inputs: what `more` and `once` only read (`reads` of them), then what goes from step to step; that is the output.
    """

    def __init__(
        self, more: Callable[..., Any], once: Callable[..., Any], reads: tuple[int, int], kinds: list[Any]
    ) -> None:
        self.more, self.once, self.reads, self.kinds = more, once, reads, kinds

    def make_node(self, *inputs: Any) -> Any:
        return Apply(self, list(inputs), [kind() for kind in self.kinds])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        of_more, of_once = self.reads
        asks, does = inputs[:of_more], inputs[of_more : of_more + of_once]
        carry = inputs[of_more + of_once :]
        while self.more(*asks, *carry)[0]:
            carry = self.once(*does, *carry)
        for place, value in zip(outputs, carry, strict=True):
            place[0] = np.array(value)
