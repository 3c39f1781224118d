"""What can be told about data and outputs before anything is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle import activations, data, losses
from gazelle.core import symbolic
from gazelle.core.errors import ArgumentError, DataError, ShapeError, message
from gazelle.core.traceback import warn
from gazelle.layers import weight_tree
from gazelle.models.graph import Graph, input_mismatch
from gazelle.training.outputs import per_output


def check_inputs(graph: Graph | None, source: data.Source) -> None:
    """Hold the shape of x, as the user gave it, against the inputs of the graph."""
    if graph is None or graph.guessed:
        return
    whole = _samples(source)
    for tensor, array in zip(graph.flat_inputs, graph.match(whole), strict=True):
        shape = tuple(array.shape)
        squeezed = shape[:-1] if shape[-1:] == (1,) and len(shape) == len(tensor.shape) + 1 else shape
        shown = (*squeezed, 1) if len(squeezed) == len(tensor.shape) - 1 and tensor.shape[-1] == 1 else squeezed
        sizes = zip(tensor.shape[1:], shown[1:], strict=False)
        if len(shown) != len(tensor.shape) or any(want not in (None, got) for want, got in sizes):
            assert tensor.node is not None
            raise ShapeError(input_mismatch(tensor.node.operation.name, tensor.shape, shape))


def check_ids(graph: Graph | None, source: data.Source) -> None:
    """Hold whole numbers that go straight into an Embedding against its table."""
    check_rows(graph, _samples(source))
    if isinstance(source, data.StreamSource):
        source.inspect["ids"] = lambda batch: check_rows(graph, batch[0])


def _samples(source: data.Source) -> Any:
    """All samples where they are held, else those of the first batch."""
    return source.data[0] if isinstance(source, data.ArraySource) else source.sample[0]


def check_rows(graph: Graph | None, x: Any) -> None:
    """The same for arrays at hand."""
    if graph is None or not any(graph.tables):
        return
    for tables, array in zip(graph.tables, graph.match(x), strict=True):
        if not tables or not isinstance(array, np.ndarray) or isinstance(array, np.memmap) or not array.size:
            continue
        rows = min(table.input_dim for table in tables)
        fits = (array >= 0) & (array < rows)
        fits = fits if array.dtype.kind in "iub" else fits & (array == np.floor(array))
        if not fits.all():
            place = tuple(int(i) for i in np.argwhere(~fits)[0])
            high = array[array >= rows]
            hint = f"Embedding({int(high.max()) + 1}, ...) has a row for each id." if high.size else ""
            raise DataError(
                message(
                    f"Ids for the Embedding '{tables[0].name}'",
                    expected=f"whole numbers from 0 to {rows - 1}",
                    got=f"{array[place]} at x[{', '.join(map(str, place))}]",
                    hint=hint,
                )
            )


def check_outputs(graph: Graph | None, loss: Any) -> None:
    """Refuse an output that is always 1, and warn of a crossentropy on numbers that are no probabilities."""
    if graph is None or loss is None:
        return
    tensors = symbolic.leaves(graph.outputs)
    for tensor, one in zip(
        tensors, per_output("compile(loss=...)", loss, graph.output_names, spread=True), strict=True
    ):
        assert tensor.node is not None
        layer = tensor.node.operation
        activation = getattr(layer, "activation", None)
        if activation is activations.get("softmax") and tensor.shape[-1] == 1:
            raise ArgumentError(
                message(
                    f"Softmax over the one unit of '{layer.name}' is always 1",
                    expected="several units, or a sigmoid",
                    got=f"output shape {tensor.shape}",
                    hint="For two classes: Dense(1, activation='sigmoid') with loss='binary_crossentropy'.",
                )
            )
        kind = losses.get(one)
        name = getattr(kind, "name", None) or getattr(kind, "__name__", "")
        if (
            type(layer).__name__ == "Dense"
            and activation is activations.get(None)
            and name in ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
            and not getattr(kind, "from_logits", False)
        ):
            last = "sigmoid" if name == "binary_crossentropy" else "softmax"
            warn(
                f"Output '{layer.name}' has no activation, but loss '{name}' expects probabilities.\n"
                f"Give it activation='{last}', or use the loss with from_logits=True.",
            )


def warn_frozen_since(model: Any, trainable: set[str]) -> None:
    """Warn where `trainable` was set after compile: the compiled model goes on with what compile found."""
    ids = weight_tree.trainable_ids(model)
    paths = [path for path, v in weight_tree.named_variables(model).items() if (id(v) in ids) != (path in trainable)]
    if paths:
        warn(
            f"`trainable` of '{paths[0]}' was changed after compile, and this fit does not see it.\n"
            "Call compile again: it decides what is trained.",
        )
