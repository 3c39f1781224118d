"""Operations of tensors and variables in graphs of TensorFlow 1: `tensor.op`."""

from __future__ import annotations

from gazelle.compat.backend.execution_order import Fetch
from gazelle.compat.tables import pairs
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import message
from gazelle.core.variable import Variable

#: call of gazelle -> type of its operation in TensorFlow
_TYPES = pairs(
    "input=Placeholder matmul=MatMul relu=Relu relu6=Relu6 softmax=Softmax sigmoid=Sigmoid tanh=Tanh mean=Mean"
)


class TensorOperation(Fetch):
    """The operation of a tensor or a variable, which has a name; a session returns None for it."""

    def __init__(self, name: str, tensor: TensorLike) -> None:
        self.name, self.fetched, self.control = name, tensor, ()

    outputs = property(lambda self: [self.fetched])
    inputs = property(lambda self: list(getattr(getattr(self.fetched, "node", None), "inputs", ())))

    @property
    def type(self) -> str:
        """The type of the operation in TensorFlow, where it is known."""
        if isinstance(self.fetched, Variable):
            return "VariableV2"
        node = self.fetched.node
        name = "input" if node is None or not node.args else node.operation.name
        if name not in _TYPES:
            expected = f"the operation of a variable, or one of {', '.join(_TYPES.values())}"
            raise AttributeError(str(message(f"Type of the operation {self.name!r}", expected=expected, got=name)))
        return _TYPES[name]

    def values(self) -> tuple[TensorResult, ...]:
        """Return the tensor in a tuple."""
        return (self.fetched,)

    def result(self, value: TensorResult) -> None:
        """Return nothing, as TensorFlow."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorOperation) and other.fetched is self.fetched

    def __hash__(self) -> int:
        return id(self.fetched)
