"""tf.summary: numbers in event files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gazelle.compat.ignored import ignores
from gazelle.compat.tensorflow.arrays import constant
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.function_tables import LISTS
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.types import DTypeLike, PathLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.symbolic import is_symbolic
from gazelle.training.callbacks.event_file import NumberWriter


class Writer:
    """`tf.summary.create_file_writer(folder)`: writes scalars to an event file in the folder."""

    def __init__(self, logdir: PathLike | TensorLike) -> None:
        self.logdir = text(logdir)
        self._events = NumberWriter(self.logdir)

    @contextlib.contextmanager
    def as_default(self, step: TensorLike = None) -> Iterator[Writer]:
        global _writer, _step
        before = _writer, _step
        _writer, _step = self, step if step is not None else _step
        try:
            yield self
        finally:
            _writer, _step = before

    def set_as_default(self, step: TensorLike = None) -> None:
        """Write to this writer from now on."""
        global _writer, _step
        _writer, _step = self, step if step is not None else _step

    def write(self, name: str, value: float, step: int) -> None:
        self._events.add_scalar(name, value, step)
        self._events.flush()

    def write_summary(self, summary: bytes, step: int) -> None:
        self._events.add_summary(summary, step)
        self._events.flush()

    def flush(self) -> None:
        """Do nothing: each number is written immediately."""

    close = flush


_writer: Writer | None = None
_step: Any = None
_recording = True

named("summary.create_file_writer")(
    ignores("max_queue flush_millis filename_suffix name experimental_trackable")(lambda logdir: Writer(logdir))
)


@named("summary.scalar", "scalar_summary")
@ignores("description collections family")
def scalar(name: str, data: TensorLike = None, step: TensorLike = None) -> TensorResult:
    """`tf.summary.scalar`: write a number to the event file of the writer; for a tensor of a graph, a node."""
    if is_symbolic(data):
        return _node(name, data)
    array, at = unboxed(data), unboxed(step if step is not None else _step)
    if _writer is None or not _recording or isinstance(array, jax.core.Tracer) or isinstance(at, jax.core.Tracer):
        return False
    _writer.write(name, float(np.asarray(array)), 0 if at is None else int(np.asarray(at)))
    return True


@named("summary.experimental.set_step")
def set_step(step: TensorLike) -> None:
    """Set the step of summaries that are written without one."""
    global _step
    _step = step


named("summary.experimental.get_step")(lambda: _step)


@named("summary.record_if")
@contextlib.contextmanager
def record_if(condition: TensorLike | Callable[[], TensorLike]) -> Iterator[None]:
    """`tf.summary.record_if`: write summaries only if a condition holds."""
    global _recording
    before, _recording = _recording, bool(unboxed(condition() if callable(condition) else condition))
    try:
        yield
    finally:
        _recording = before


named("summary.should_record_summaries")(lambda: _writer is not None and _recording)
named("summary.flush")(ignores("writer name")(lambda: None))


@named("summary.experimental.write_raw_pb")
def write_raw_pb(tensor: TensorLike, step: TensorLike = None) -> TensorResult:
    """`tf.summary.experimental.write_raw_pb`: write a serialized summary, such as those of TensorBoard's hparams."""
    if _writer is None or not _recording:
        return False
    at = unboxed(step if step is not None else _step)
    _writer.write_summary(np.asarray(unboxed(tensor)).item(), 0 if at is None else int(np.asarray(at)))
    return True


@named("summary.experimental.summary_scope")
@ignores("values")
@contextlib.contextmanager
def summary_scope(
    name: str, default_name: str = "summary", values: TensorLike = None
) -> Iterator[tuple[TensorResult, TensorResult]]:
    """`tf.summary.experimental.summary_scope`: the tag and the scope of a summary."""
    yield name or default_name, name or default_name


@named("make_tensor_proto", "contrib.util.make_tensor_proto")
def make_tensor_proto(values: TensorLike, dtype: DTypeLike = None, shape: ShapeLike | None = None) -> TensorResult:
    """`tf.make_tensor_proto`: the protocol buffer of the package tensorboard; without this package a tensor."""
    try:
        from tensorboard.util.tensor_util import make_tensor_proto
    except ImportError:
        return constant(values, dtype, shape)
    return make_tensor_proto(np.asarray(unboxed(values)), dtype=dtype, shape=shape)


@named("make_ndarray", "contrib.util.make_ndarray")
def make_ndarray(tensor: TensorLike) -> TensorResult:
    """`tf.make_ndarray`: the array in the result of `make_tensor_proto`."""
    if not hasattr(tensor, "tensor_shape"):
        return np.asarray(unboxed(tensor))
    from tensorboard.util.tensor_util import make_ndarray

    return make_ndarray(tensor)


def _node(name: str, tensor: Any) -> Any:
    from gazelle.compat.tensorflow.graph_sessions import summary_node

    return summary_node(name, tensor)


def _not_written(name: str = "", data: TensorLike = None, *_: Any, **__: Any) -> TensorResult:
    """Ignore a summary of another kind than scalars."""
    return _node(name, data) if is_symbolic(data) else False


for _name in LISTS["summaries that are not written"]:
    named(f"summary.{_name}", f"{_name}_summary")(_not_written)
