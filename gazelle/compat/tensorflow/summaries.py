"""tf.summary: numbers, histograms, images, audio and text in event files."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.lifting import computes_values
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.function_tables import LISTS
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import graphs
from gazelle.compat.types import NamedObject, PathLike, TensorLike, TensorResult
from gazelle.core.symbolic import is_symbolic


class Writer:
    """`tf.summary.create_file_writer(folder)`: writes summaries to an event file in the folder."""

    def __init__(self, logdir: PathLike | TensorLike) -> None:
        # it imports tensorboardX, which few programs need
        from gazelle.compat.tensorflow.event_writer import EventWriter

        self.logdir = text(logdir)
        self._events = EventWriter(self.logdir)

    @contextlib.contextmanager
    def as_default(self, step: TensorLike = None) -> Iterator[Writer]:
        global _writer, _step
        before = _writer, _step
        _writer, _step = self, step if step is not None else _step
        try:
            yield self
        finally:
            _writer, _step = before[0], before[1] if step is not None else _step

    def set_as_default(self, step: TensorLike = None) -> None:
        """Write to this writer from now on."""
        global _writer, _step
        _writer, _step = self, step if step is not None else _step

    def write(self, summary: NamedObject, step: int) -> None:
        self._events.write(summary, step)

    def flush(self) -> None:
        """Do nothing: each summary is written immediately."""

    close = flush


_writer: Writer | None = None
_step: Any = None
_recording = True

named("summary.create_file_writer")(
    ignores("max_queue flush_millis filename_suffix name experimental_trackable")(lambda logdir: Writer(logdir))
)


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


@named("summary.experimental.write_raw_pb")
def write_raw_pb(tensor: TensorLike, step: TensorLike = None) -> TensorResult:
    """`tf.summary.experimental.write_raw_pb`: write a serialized summary, such as those of TensorBoard's hparams."""
    if _writer is None or not _recording:
        return False
    from tensorboardX.proto import summary_pb2

    at = unboxed(step if step is not None else _step)
    summary = summary_pb2.Summary.FromString(np.asarray(unboxed(tensor)).item())
    _writer.write(summary, 0 if at is None else int(np.asarray(at)))
    return True


@named("summary.experimental.summary_scope")
@ignores("values")
@contextlib.contextmanager
def summary_scope(name: str, default_name: str = "summary") -> Iterator[tuple[TensorResult, TensorResult]]:
    """`tf.summary.experimental.summary_scope`: the tag and the scope of a summary."""
    yield name or default_name, name or default_name


def _node(kind: str, name: str, tensor: Any, is_scoped: bool, **options: Any) -> Any:
    from gazelle.compat.tensorflow.v1 import scopes, summaries

    tag = scopes.unique(re.sub(r"[^-/\w.]", "_", name).lstrip("/")) if is_scoped else name
    return summaries.summary_node(kind, tag, tensor, options)


def _write(
    kind: str, name: str, data: TensorLike, step: TensorLike, is_scoped: bool = True, **options: Any
) -> TensorResult:
    """Write a summary; for a tensor of a graph, return a node."""
    options = {key: value for key, value in options.items() if value is not None}
    if is_symbolic(data) or (_writer is None and graphs.active() and not computes_values()):  # of variables, too
        return _node(kind, name, data, is_scoped, **options)
    array, at = unboxed(data), unboxed(step if step is not None else _step)
    if _writer is None or not _recording or isinstance(array, jax.core.Tracer) or isinstance(at, jax.core.Tracer):
        return False
    at = 0 if at is None else int(np.asarray(at))
    from gazelle.compat.tensorflow.summary_messages import summary_of

    _writer.write(summary_of(kind, name, array, **options), at)
    return True


def _writing(kind: str, parameters: str, **options: Any) -> Callable[..., TensorResult]:
    """The function with these parameters that writes a summary of a kind, or returns a node for a tensor of a graph."""
    names = [text.partition("=")[0].partition("/")[0] for text in parameters.split() if text[0] != "-"]
    write = lambda *given: _write(kind, **dict(zip(names, given, strict=True)), **options)  # noqa: E731
    return with_parameters(write, parameters.split())


#: those of TensorFlow 1 too
_OPTIONS = "-description=None -collections=None -family=None"
for _kind, _parameters in {
    "scalar": "name data/tensor=None step=None",
    "histogram": "name data/values=None step=None buckets=None",
    "audio": "name data/tensor=None sample_rate=None step=None max_outputs=None -encoding=None",
}.items():
    named(f"summary.{_kind}")(_writing(_kind, f"{_parameters} {_OPTIONS}"))
    named(f"{_kind}_summary")(_writing(_kind, f"{_parameters} {_OPTIONS}", is_scoped=False))
named("summary.text")(_writing("text", f"name data/tensor=None step=None {_OPTIONS}"))


@named("summary.image", "image_summary")
@ignores("description collections family")
def image(
    name: str,
    data: TensorLike = None,
    step: TensorLike = None,
    max_outputs: int | None = None,
    tensor: TensorLike = None,
    max_images: int | None = None,
) -> TensorResult:
    """`tf.summary.image`: write the first images of a batch."""
    data = tensor if data is None else data
    most = max_outputs if max_images is None else max_images
    if is_symbolic(data) and most is None:  # the third argument in TensorFlow 1
        step, most = None, step
    return _write("image", name, data, step, max_outputs=most)


def _not_written(*_: Any, **__: Any) -> bool:
    """Ignore graphs and traces."""
    return False


for _name in LISTS["summaries that are not written"]:
    named(f"summary.{_name}")(_not_written)
