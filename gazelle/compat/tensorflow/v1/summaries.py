"""Summaries of TensorFlow 1: `tf.Summary`, the summaries of tensors of a graph, and their writer."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend import sessions
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.summaries import Writer
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.scopes import summaries
from gazelle.compat.types import NamedObject, Option, TensorLike, TensorResult
from gazelle.core.types import PathLike


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

    def result(self, value: TensorResult) -> bytes:
        """The summary of a computed value."""
        from gazelle.compat.tensorflow.summary_messages import summary_of

        scaled = {"scaled": True} if self.kind == "image" else {}
        return bytes(summary_of(self.kind, self.tag, value, **self.options, **scaled).SerializeToString())


def summary_node(kind: str, tag: str, tensor: TensorLike, options: dict[str, Any]) -> SummaryNode:
    """`tf.summary.scalar` and the like for a tensor of a graph."""
    summaries.append(SummaryNode(kind, tag, tensor, options))
    return summaries[-1]


class _Merged(sessions.Fetch):
    def __init__(self, nodes: Sequence[SummaryNode]) -> None:
        self.nodes = list(nodes)
        self.fetched = [node.fetched for node in self.nodes]

    def result(self, value: Any) -> bytes:
        return b"".join(node.result(v) for node, v in zip(self.nodes, value, strict=True))  # repeated fields add up


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

    def add_summary(self, summary: NamedObject | bytes, global_step: TensorLike = None) -> None:
        """Write the values of a summary."""
        from tensorboardX.proto import summary_pb2

        made = summary_pb2.Summary.FromString(summary) if isinstance(summary, bytes) else summary
        self.write(made, int(np.asarray(unboxed(global_step or 0))))

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
    collection: str, name_filter: str | None = None, summarizer: Callable[[TensorLike], object] = summarize_tensor
) -> list[object]:
    """`tf.contrib.layers.summarize_collection`: the tensors of a collection whose names match."""
    found = [v for v in scopes.get_collection(collection) if re.match(name_filter or "", v.op.name)]
    return summarize_tensors(found, summarizer)


for _name, _collection in {"variables": "GLOBAL_VARIABLES", "weights": "WEIGHTS", "biases": "BIASES"}.items():
    named(f"contrib.layers.summarize_{_name}")(
        functools.partial(summarize_collection, getattr(scopes.GraphKeys, _collection))
    )
