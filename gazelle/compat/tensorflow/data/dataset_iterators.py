"""What `iter(dataset)` returns, and `tf.experimental.Optional`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.compat.tensorflow.data.elements import tensors_of
from gazelle.compat.tensorflow.eager.function import is_tracing
from gazelle.compat.tensorflow.eager.programs import NotCompilableError
from gazelle.compat.tensorflow.errors import InvalidArgumentError, OutOfRangeError
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import TensorResult
from gazelle.core.errors import message

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.data.dataset import Dataset


class DatasetIterator(Iterator[Any]):
    """What `iter(dataset)` returns: an iterator whose elements `get_next` returns, too."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset, self._elements = dataset, dataset._begin()
        self._count = self._stored = 0  # elements that were read; their number in the checkpoint
        self._position: TensorFlowVariable | None = None

    element_spec = property(lambda self: self._dataset.element_spec)

    def __next__(self) -> Any:
        if is_tracing():
            raise NotCompilableError  # a compiled function would contain this element as a constant
        if self._position is not None and int(self._position) != self._stored:  # a checkpoint was restored
            self._count = self._stored = int(self._position)
            self._elements = itertools.islice(self._dataset._begin(), self._count, None)
        element = next(self._elements)
        self._count += 1
        return tensors_of(element)

    next = __next__

    @property
    def weight_parts(self) -> dict[str, TensorFlowVariable]:
        """The number of elements that were read, which a `Checkpoint` stores and sets."""
        if self._position is None:
            self._position = TensorFlowVariable(self._count, dtype="int64", trainable=False)
        self._stored = self._count
        self._position.assign(self._count)
        return {"position": self._position}

    def get_next_as_optional(self) -> Optional:
        """Return the next element, or that there is none."""
        return Optional(list(itertools.islice(self, 1)))

    def get_next(self) -> TensorResult:
        """Return the next element.

        Raises:
            OutOfRangeError: There is none.
        """
        for element in self:
            return element
        raise OutOfRangeError(message("get_next", expected="another element", got="the end of the dataset"))


class Optional:
    """`tf.experimental.Optional`: a value, or none."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def has_value(self) -> Tensor:
        return Tensor(np.asarray(bool(self._values)))

    def get_value(self) -> TensorResult:
        """Return the value.

        Raises:
            InvalidArgumentError: There is none.
        """
        if not self._values:
            raise InvalidArgumentError(message("Optional.get_value", expected="a value", got="none"))
        return self._values[0]

    from_value = classmethod(lambda cls, value: cls([value]))
    empty = classmethod(lambda cls, element_spec=None: cls([]))
