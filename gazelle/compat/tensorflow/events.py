"""`tf.train.summary_iterator`: the events in a file of TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator

from gazelle.compat.tensorflow.data.records import records
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.tensor_messages import parsed
from gazelle.compat.types import NamedObject, PathLike, TensorLike


@named("train.summary_iterator", "summary_iterator")
def summary_iterator(path: PathLike | TensorLike) -> Iterator[NamedObject]:
    """`tf.train.summary_iterator`: events with `step`, `wall_time` and `summary.value`."""
    from tensorboardX.proto import event_pb2

    for record in records(text(path)):
        yield parsed(event_pb2.Event, record)
