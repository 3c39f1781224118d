"""`tf.data.Iterator`: iterators of TensorFlow 1, whose tensors have the values of the next element at each run."""

from __future__ import annotations

from collections.abc import Iterator as Elements
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend import sessions, variables
from gazelle.compat.tensorflow.data.dataset import Dataset
from gazelle.compat.tensorflow.dtypes import name_on_device
from gazelle.compat.tensorflow.errors import OutOfRangeError
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.tensor_specs import TensorSpec
from gazelle.compat.types import DTypeLike, Nested, ShapeLike, TensorResult
from gazelle.core.errors import ArgumentError, StateError, message

#: handle -> iterator, for `Iterator.from_string_handle`
_by_handle: dict[bytes, Iterator] = {}


class _Handle(sessions.Fetch):
    """The string that selects an iterator."""

    fetched = None

    def __init__(self, iterator: Iterator) -> None:
        self._handle = b"iterator of gazelle %d" % id(iterator)
        _by_handle[self._handle] = iterator

    def result(self, value: object) -> bytes:
        return self._handle


class _Begin(sessions.Fetch):
    """The operation that begins an iterator with a dataset."""

    fetched = None

    def __init__(self, iterator: Iterator, dataset: Dataset) -> None:
        self._iterator, self._dataset = iterator, dataset

    def result(self, value: object) -> None:
        self._iterator.begin(self._dataset)


@named("data.Iterator", "compat.v1.data.Iterator")
class Iterator(Dataset):
    """The elements of a dataset in a graph: each run of a session that needs its tensors takes the next one."""

    def __new__(cls, *_: Any) -> Iterator:
        return object.__new__(cls)

    def __init__(self, dataset: Dataset | None, spec: Nested[TensorSpec] | None = None) -> None:
        self._dataset, self._spec = dataset, spec
        self._elements: Elements[Any] | None = None
        self._fed: Mapping[Any, Any] = {}
        self._tensors: Any = None
        self._handle: Any = None  # the placeholder that selects another iterator at each run
        super().__init__(dataset._begin, dataset._length) if dataset is not None else super().__init__(lambda: iter(()))

    @classmethod
    @ignores("shared_name output_classes")
    def from_structure(cls, output_types: Nested[DTypeLike], output_shapes: Nested[ShapeLike] = None) -> Iterator:
        """Return an iterator that `make_initializer` begins with one of several datasets."""
        if output_shapes is None:  # those of the first dataset
            return cls(None)
        kinds, structure = jax.tree.flatten(output_types)
        return cls(None, structure.unflatten(map(TensorSpec, structure.flatten_up_to(output_shapes), kinds)))

    @classmethod
    @ignores("output_classes")
    def from_string_handle(
        cls, string_handle: TensorResult, output_types: Nested[DTypeLike], output_shapes: Nested[ShapeLike] = None
    ) -> Iterator:
        """Return an iterator that takes the elements of the one whose handle is passed to `Session.run`."""
        if output_shapes is None:
            hint = "Pass dataset.output_shapes."
            raise ArgumentError(message("output_shapes of from_string_handle", expected="shapes", got=None, hint=hint))
        made = cls.from_structure(output_types, output_shapes)
        made._handle = string_handle
        sessions.handles.add(string_handle)
        return made

    def string_handle(self, name: str | None = None) -> sessions.Fetch:
        """Return what a session evaluates to the handle."""
        return _Handle(self)

    def make_initializer(self, dataset: Dataset, name: str | None = None) -> sessions.Fetch:
        """Return the operation that begins with this dataset."""
        self._dataset = self._dataset or dataset
        return _Begin(self, dataset)

    @property
    def initializer(self) -> sessions.Fetch:
        assert self._dataset is not None
        return _Begin(self, self._dataset)

    def begin(self, dataset: Dataset) -> None:
        """Start again, with the first element of a dataset, for what the session is fed now."""
        self._elements, self._fed = dataset._begin(), sessions.fed_now()

    def get_next(self, name: str | None = None) -> TensorResult:
        """Return tensors of the graph, in the structure of an element."""
        if self._tensors is None:
            if self._dataset is None and self._spec is None:
                hint = "Call iterator.make_initializer(dataset) first."
                raise StateError(message("Iterator.get_next", expected="a dataset", got="none", hint=hint))
            is_leaf = lambda v: isinstance(v, TensorSpec)  # noqa: E731
            spec = self._spec if self._dataset is None else self._dataset.element_spec
            self._tensors = jax.tree.map(_placeholder, spec, is_leaf=is_leaf)
            for tensor in jax.tree.leaves(self._tensors):
                sessions.iterators[tensor] = self
        return self._tensors

    def next_values(self, fed: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return {tensor: value} for the next element."""
        if self._handle is not None:
            if self._handle not in fed:
                hint = "feed_dict={handle: sess.run(iterator.string_handle())}"
                raise StateError(message("Session.run", expected="a handle", got="none", hint=hint))
            chosen = _by_handle[np.asarray(fed[self._handle]).item()]
            if chosen._tensors is None:  # those of this iterator are of the same structure
                chosen._tensors = self._tensors
            values = chosen.next_values(fed).values()
            return dict(zip(jax.tree.leaves(self._tensors), values, strict=True))
        if self._elements is None:
            if self._dataset is None:
                hint = "Run iterator.make_initializer(dataset) first."
                raise StateError(message("Session.run", expected="an iterator that has begun", got="none", hint=hint))
            self.begin(self._dataset)
        with sessions.feeding(self._fed):
            for element in self._elements or ():
                return dict(zip(jax.tree.leaves(self._tensors), jax.tree.leaves(element), strict=True))
        raise OutOfRangeError(message("Session.run", expected="another element", got="the end of the dataset"))


def _placeholder(spec: Any) -> Any:
    kind = name_on_device(spec.dtype)
    sizes = [None, *spec.shape[1:]] if len(spec.shape) else []  # the last batch may be smaller
    return variables.placeholder(sizes, dtype=kind if kind == "string" else np.dtype(kind).name)


named("compat.v1.data.make_one_shot_iterator", "data.make_one_shot_iterator")(
    lambda dataset: dataset.make_one_shot_iterator()
)
named("compat.v1.data.make_initializable_iterator", "data.make_initializable_iterator")(
    ignores("shared_name")(lambda dataset: dataset.make_initializable_iterator())
)
