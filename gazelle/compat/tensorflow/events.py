"""`tf.train.summary_iterator`: the events in a file of TensorBoard."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from gazelle.compat.tensorflow.data.records import records
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import PathLike, TensorLike
from gazelle.saving.tensorflow_format import protobuf

#: numbers of dtypes in the message TensorProto -> (field of its values, format of one)
_KINDS = {1: (5, "<f4"), 2: (6, "<f8"), 3: (7, "<i4"), 9: (10, "<i8")}


class Message(SimpleNamespace):
    """A message, whose fields are attributes."""

    def HasField(self, name: str) -> bool:  # noqa: N802 - the name that programs call
        """Return whether the message has this field."""
        return name in self.given

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802
        """Return the name of the first field that it has."""
        return next(iter(self.given), None)


@named("train.summary_iterator", "summary_iterator")
def summary_iterator(path: PathLike | TensorLike) -> Iterator[Message]:
    """`tf.train.summary_iterator`: events with `step`, `wall_time` and `summary.value`."""
    for record in records(text(path)):
        yield _event(protobuf.fields(record.item()))


def _event(found: protobuf.Fields) -> Message:
    values = [_value(protobuf.fields(one)) for one in protobuf.contents(protobuf.fields(protobuf.content(found, 5)), 1)]
    given = [name for number, name in {3: "file_version", 4: "graph_def", 5: "summary"}.items() if number in found]
    time, step = protobuf.content(found, 1), protobuf.number(found, 2)
    return Message(
        given=given,
        wall_time=struct.unpack("<d", time)[0] if time else 0.0,
        step=step - 2**64 if step >= 2**63 else step,
        file_version=protobuf.content(found, 3).decode(),
        summary=Message(given=["value"], value=values),
    )


def _value(found: protobuf.Fields) -> Message:
    simple, tensor = protobuf.content(found, 2), protobuf.content(found, 8)
    names = {2: "simple_value", 4: "image", 5: "histo", 6: "audio", 8: "tensor"}
    return Message(
        given=[name for number, name in names.items() if number in found],
        tag=protobuf.content(found, 1).decode(),
        simple_value=struct.unpack("<f", simple)[0] if simple else 0.0,
        tensor=_tensor(protobuf.fields(tensor)) if tensor else None,
    )


def _tensor(found: protobuf.Fields) -> Any:
    """The values of a TensorProto of numbers or texts."""
    kind, raw = protobuf.number(found, 1), protobuf.content(found, 4)
    dims = protobuf.contents(protobuf.fields(protobuf.content(found, 2)), 2)
    shape = [protobuf.number(protobuf.fields(dim), 1) for dim in dims]
    if kind not in _KINDS:
        return Tensor(np.asarray(protobuf.contents(found, 8), object).reshape(shape))
    number, dtype = _KINDS[kind]
    parts = found.get(number, [])
    if raw or all(isinstance(part, bytes) for part in parts):
        flat = np.frombuffer(raw or b"".join(protobuf.contents(found, number)), dtype)
    else:
        flat = np.asarray(parts, dtype)
    return Tensor(np.broadcast_to(flat.reshape(-1), int(np.prod(shape))).reshape(shape))
