"""Summaries of TensorFlow 1: `tf.Summary`, the summaries of tensors of a graph, and their writer."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend import sessions
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.summaries import Writer
from gazelle.compat.tensorflow.summary_messages import encoded, message_types
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.scopes import summaries
from gazelle.compat.types import Option, TensorLike, TensorResult
from gazelle.core.types import PathLike


class HistogramProto(SimpleNamespace):
    """`tf.HistogramProto()`: a histogram that a program fills for an event file."""

    def __init__(self, **fields: Option) -> None:
        super().__init__(**{"bucket_limit": [], "bucket": []} | fields)


class Summary:
    """`tf.Summary(value=[tf.Summary.Value(tag=..., simple_value=...)])`: values for an event file."""

    class Image(SimpleNamespace):
        """`tf.Summary.Image(encoded_image_string=..., height=..., width=...)`."""

    class Audio(SimpleNamespace):
        """`tf.Summary.Audio(encoded_audio_string=..., sample_rate=..., content_type=...)`."""

    class Value(SimpleNamespace):
        """A value with its name: `tag` and one of `simple_value`, `histo`, `image` and `audio`."""

        def serialized(self) -> bytes:
            """The bytes of a summary with this value; none if it needs tensorboardX, which is absent."""
            messages = message_types("tf.Summary")
            if messages is None:
                return b""
            kinds = {
                "histo": messages.HistogramProto,
                "image": messages.Summary.Image,
                "audio": messages.Summary.Audio,
            }
            fields = {k: kinds[k](**vars(v)) if k in kinds else v for k, v in vars(self).items()}
            return bytes(messages.Summary(value=[messages.Summary.Value(**fields)]).SerializeToString())

    def __init__(self, value: Sequence[Any] = ()) -> None:
        self.value = _Values(value)

    def ParseFromString(self, serialized: Summary) -> None:  # noqa: N802 - the name of protocol buffers
        """Take over the values of a summary that a session computed."""
        self.value = _Values(serialized.value)


class _Values(list[Any]):
    def add(self, **fields: Any) -> Any:
        """Append a value and return it."""
        self.append(Summary.Value(**fields))
        return self[-1]


class SummaryNode(sessions.Fetch):
    """A summary of a tensor of a graph, which a session computes.

    Args:
        kind: "scalar", "histogram", "image", "audio" or "text".
        tag: The name of the summary.
        tensor: The tensor.
        options: Further arguments of the summary.
    """

    def __init__(self, kind: str, tag: str, tensor: TensorLike, options: dict[str, Any]) -> None:
        self.kind, self.tag, self.fetched, self.options = kind, tag, tensor, options

    def result(self, value: TensorResult) -> Summary:
        """The summary of a computed value."""
        if self.kind == "scalar":
            return Summary([Summary.Value(tag=self.tag, simple_value=float(value))])
        scaled = {"scaled": True} if self.kind == "image" else {}
        return Summary(encoded(self.kind, self.tag, value, **self.options, **scaled))


def summary_node(kind: str, tag: str, tensor: TensorLike, options: dict[str, Any]) -> SummaryNode:
    """`tf.summary.scalar` and the like for a tensor of a graph."""
    summaries.append(SummaryNode(kind, tag, tensor, options))
    return summaries[-1]


class _Merged(sessions.Fetch):
    def __init__(self, nodes: Sequence[SummaryNode]) -> None:
        self.nodes = list(nodes)
        self.fetched = [node.fetched for node in self.nodes]

    def result(self, value: Any) -> Summary:
        return Summary([one for node, v in zip(self.nodes, value, strict=True) for one in node.result(v).value])


named("summary.merge_all", "merge_all_summaries", "compat.v1.summary.merge_all")(
    lambda *_, **__: _Merged(summaries) if summaries else None
)
named("summary.merge")(lambda inputs, *_, **__: _Merged(inputs))


@named("summary.FileWriter", "train.SummaryWriter")
class FileWriter(Writer):
    """`tf.summary.FileWriter`: writes summaries to an event file."""

    @ignores("graph max_queue flush_secs graph_def filename_suffix session")
    def __init__(self, logdir: PathLike) -> None:
        super().__init__(logdir)

    def add_summary(self, summary: Summary | bytes, global_step: TensorLike = None) -> None:
        """Write the values of a summary."""
        step = int(np.asarray(unboxed(global_step or 0)))
        for one in [summary] if isinstance(summary, bytes) else summary.value:
            if isinstance(one, Summary.Value) and getattr(one, "simple_value", None) is not None:
                self.write(one.tag, float(one.simple_value), step)  # also without tensorboardX
            elif message := one if isinstance(one, bytes) else one.serialized():
                self.write_summary(message, step)

    def add_graph(self, *_: object, **__: object) -> None:
        """Do nothing: graphs are not written."""

    add_run_metadata = add_graph


def writer_of(callback: Option) -> FileWriter:
    """`TensorBoard.writer`, until TensorFlow 2, for values of the program; those of trainings are in folders below."""
    kept: dict[str, Any] = vars(callback)
    if "_writer_of_program" not in kept:
        kept["_writer_of_program"] = FileWriter(callback.log_dir)
    return kept["_writer_of_program"]


@named("contrib.layers.summarize_tensor")
def summarize_tensor(tensor: TensorLike, tag: str | None = None) -> SummaryNode | None:
    """`tf.contrib.layers.summarize_tensor`: the number or the histogram; None for texts and truth values."""
    if any(kind in str(tensor.dtype) for kind in ("string", "bool")):
        return None
    kind = "histogram" if len(tensor.shape) else "scalar"
    made: SummaryNode = NAMES[f"summary.{kind}"](tag or f"{tensor.op.name}_summary", tensor)
    return made


@named("contrib.layers.summarize_tensors")
def summarize_tensors(
    tensors: Iterable[TensorLike], summarizer: Callable[[TensorLike], object] = summarize_tensor
) -> list[object]:
    """`tf.contrib.layers.summarize_tensors`: one summary for each."""
    return [summarizer(tensor) for tensor in tensors]


@named("contrib.layers.summarize_collection")
def summarize_collection(
    collection: str,
    name_filter: str | None = None,
    summarizer: Callable[[TensorLike], object] = summarize_tensor,
) -> list[object]:
    """`tf.contrib.layers.summarize_collection`: the tensors of a collection whose names match."""
    found = [v for v in scopes.get_collection(collection) if re.match(name_filter or "", v.op.name)]
    return summarize_tensors(found, summarizer)


for _name, _collection in {"variables": "GLOBAL_VARIABLES", "weights": "WEIGHTS", "biases": "BIASES"}.items():
    named(f"contrib.layers.summarize_{_name}")(
        functools.partial(summarize_collection, getattr(scopes.GraphKeys, _collection))
    )
