"""Checks of arguments and data before anything is compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import activations, data, losses
from gazelle.core import conventions, symbolic
from gazelle.core.errors import ArgumentError, DataError, ShapeError, english, message
from gazelle.core.traceback import warn
from gazelle.layers import BatchNormalization, Dropout, weight_tree
from gazelle.layers.embedding import Embedding
from gazelle.layers.vocabulary import VocabularyLayer
from gazelle.losses.target_shapes import only_warns
from gazelle.metrics.logits import takes_logits
from gazelle.models import step_methods
from gazelle.models.graph import Graph
from gazelle.models.graph_inputs import input_mismatch, lacks_column, match, operation_of
from gazelle.training.structured_loss import losses_of_outputs
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.core.types import Data, LossLike, Nested, Tree
    from gazelle.models.model import Model


def check_integer(name: str, value: int, least: int = 1) -> int:
    """`value` as an integer of at least `least`.

    Raises:
        ArgumentError: it is none.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
        raise ArgumentError(message(name, expected=f"an integer of at least {least}", got=repr(value)))
    return int(value)


def check_fit(
    epochs: int, initial_epoch: int, split: float | None, freq: int | Sequence[int], shuffle: bool | str
) -> None:
    """Check arguments of `fit` that would otherwise be misinterpreted silently."""
    if initial_epoch > epochs:
        warn(
            message(
                f"fit(initial_epoch={initial_epoch}, epochs={epochs}) trains nothing",
                hint="`epochs` is the number of the last epoch, not how many are added.",
            ),
        )
    if isinstance(split, bool) or not isinstance(split, (int, float, np.number, type(None))):
        raise ArgumentError(message("validation_split", expected="a fraction between 0 and 1", got=repr(split)))
    if not isinstance(freq, (list, tuple, set)):
        check_integer("validation_freq", freq)  # type: ignore[arg-type]
    if isinstance(shuffle, str) and shuffle != "batch":
        raise ArgumentError(message("shuffle", expected="True, False or 'batch'", got=repr(shuffle)))


def warn_unseen_classes(class_weight: Mapping[int, float] | None, y: object) -> None:
    """Warn about class weights for classes without samples; usually the class indices are wrong."""
    if class_weight is None or not len(class_weight) or not isinstance(y, np.ndarray) or y.dtype.kind not in "iufb":
        return
    if y.ndim > 1 and y.shape[-1] > 1:
        unseen = [label for label in class_weight if not 0 <= label < y.shape[-1]]
    else:
        unseen = sorted(set(class_weight) - set(np.unique(y).tolist()))
    if unseen:
        warn(
            message(
                f"class_weight names class {unseen[0]}",
                expected="classes of the labels",
                got="no sample of this class in y",
            ),
        )


def warn_unadapted(model: Model) -> None:
    """Warn about the first layer without a vocabulary, to which all tokens are unknown."""
    for layer in weight_tree.named_layers(model).values():
        if isinstance(layer, VocabularyLayer) and not layer.get_vocabulary(include_special_tokens=False):
            what = f"{type(layer).__name__} '{layer.name}' has no vocabulary: all tokens are unknown to it"
            warn(message(what, hint="Call layer.adapt(data) before fit, or give a vocabulary."))
            return  # others may be inside of it


def validation_pair(value: Data) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of the argument `validation_data`."""
    wanted = "(x, y) or (x, y, sample_weight)"
    if isinstance(value, (tuple, list)):
        if len(value) not in (2, 3):
            raise DataError(message("validation_data", expected=wanted, got=f"{len(value)} parts"))
        return (*value, None)[:3]
    if isinstance(value, (np.ndarray, jax.Array)):
        raise DataError(message("validation_data", expected=wanted, got="one array", hint="Give both: (x_val, y_val)."))
    if isinstance(value, (str, bytes, dict, int, float)):
        raise DataError(message("validation_data", expected=wanted, got=repr(value)[:80]))
    return value, None, None


def warn_lost_classes(y_train: Tree, y_val: Tree, side: str) -> None:
    """Warn if a class is missing in training or validation, because the samples are sorted by class."""
    labels = [np.asarray(y) for y in (y_train, y_val) if isinstance(y, np.ndarray)]
    if len(labels) < 2 or (labels[0].dtype.kind == "f" and not _one_hot(labels[0])):
        return
    train, validation = (set(np.unique(v.argmax(-1) if v.ndim > 1 and v.shape[-1] > 1 else v).tolist()) for v in labels)
    if len(train | validation) > 1000 or train == validation:
        return
    lost = sorted(validation - train) or sorted(train - validation)
    where = "training" if validation - train else "validation"
    if where == "validation" and len(y_val) < 10 * len(train | validation):
        return  # too few validation samples to expect every class
    taken = "first" if side == "start" else "last"
    warn(
        f"validation_split took the {taken} samples, and class {lost[0]} has none left "
        f"for {where}: the samples look sorted by class. Shuffle x and y together before fit.",
    )


def _one_hot(y: Any) -> bool:
    return bool(y.ndim == 2 and y.shape[-1] > 1 and ((y == 0) | (y == 1)).all())


def check_inputs(graph: Graph | None, source: data.Source) -> None:
    """Compare the shape and the kind of x, as the user passed it, with the inputs of the graph."""
    if graph is None or graph.guessed:
        return
    hint = source.hint if isinstance(source, data.StreamSource) else ""
    try:
        samples = match(graph, _samples(source))
    except ArgumentError as error:
        if not hint:
            raise
        raise ArgumentError(f"{english(error)}\n{hint}") from None
    for tensor, array in zip(graph.flat_inputs, samples, strict=True):
        if array is None:  # of an optional input
            continue
        shape = tuple(array.shape)[: -1 if tensor.dtype == "string" else None]  # without the bytes of the strings
        squeezed = shape[:-1] if shape[-1:] == (1,) and len(shape) == len(tensor.shape) + 1 else shape
        column = len(squeezed) < len(tensor.shape) and lacks_column(tensor, len(squeezed))
        shown = (*squeezed, 1) if column else squeezed
        sizes = zip(tensor.shape[1:], shown[1:], strict=False)
        if len(shown) != len(tensor.shape) or any(want not in (None, got) for want, got in sizes):
            assert tensor.node is not None
            hint = f" {hint}".rstrip() if tensor.shape[1:] == shape else ""
            text = input_mismatch(tensor.node.operation.name, tensor.shape, shape)
            labels = source.data[1] if isinstance(source, data.ArraySource) else None
            if len(graph.flat_inputs) == 1 and _fits(tensor.shape, getattr(labels, "shape", ())):
                text, hint = text.partition("\n")[0], f"\n{SWAPPED}"
            text += hint
            if not tensor.accepts_other_sizes:
                raise ShapeError(text)
            warn(text)
        is_complex = np.dtype(array.dtype).kind == "c"
        if is_complex and not tensor.dtype.startswith("complex"):  # a cast would take the real part
            hint = "Use np.abs(x), or both parts as channels: np.stack([x.real, x.imag], axis=-1)."
            what = f"Input '{operation_of(tensor).name}'"
            raise DataError(message(what, expected=f"real numbers ({tensor.dtype})", got=array.dtype, hint=hint))


SWAPPED = "x and y look swapped: the samples are the first argument, fit(x, y)."


def _fits(wanted: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape may be the input."""
    return len(wanted) == len(shape) > 1 and all(w in (None, n) for w, n in zip(wanted, shape, strict=True))


def look_swapped(source: data.Source) -> bool:
    """Whether x has fewer axes than y, and integers: x and y were probably exchanged."""
    if not isinstance(source, data.ArraySource):
        return False
    x, y = source.data[0], source.data[1]
    ranks = getattr(x, "ndim", 0), getattr(y, "ndim", 0)
    return 0 < ranks[0] < ranks[1] and x.dtype.kind in "iub"


def check_ids(graph: Graph | None, source: data.Source) -> None:
    """Compare the indices that are inputs of an Embedding with the size of its table."""
    check_embedding_ids(graph, _samples(source))
    source.inspect["ids"] = lambda batch: check_embedding_ids(graph, batch[0])


def _samples(source: data.Source) -> Any:
    """All samples if they are in memory, else those of the first batch."""
    return source.data[0] if isinstance(source, data.ArraySource) else source.sample[0]


def check_embedding_ids(graph: Graph | None, x: Tree) -> None:
    """`check_ids` for arrays."""
    if graph is None or not any(graph.tables):
        return
    for tables, array in zip(graph.tables, match(graph, x), strict=True):
        tables = [table for table in tables if "call" not in vars(table)]  # another function may take any numbers
        if not tables or not isinstance(array, np.ndarray) or not array.size:
            continue
        rows = min(table.input_dim if isinstance(table, Embedding) else table.num_tokens for table in tables)
        fits = (array >= 0) & (array < rows)
        fits = fits if array.dtype.kind in "iub" else fits & (array == np.floor(array))
        if not fits.all():
            index = tuple(int(i) for i in np.argwhere(~fits)[0])
            high = array[array >= rows]
            kind = type(tables[0]).__name__
            hint = f"{kind}({int(high.max()) + 1}, ...) has a row for each id." if high.size else ""
            if array[index] != np.floor(array[index]):
                hint = f"The {kind} takes indices of words or categories; give measured numbers to Dense."
            text = message(
                f"Ids for the {kind} '{tables[0].name}'",
                expected=f"integers from 0 to {rows - 1}",
                got=f"{array[index]} at x[{', '.join(map(str, index))}]",
                hint=hint,
            )
            whole = np.trunc(array)
            if not (only_warns() and ((whole >= 0) & (whole < rows)).all()):
                raise DataError(text)
            warn(text)  # Keras removes the fractions


def check_outputs(graph: Graph | None, loss: Nested[LossLike]) -> None:
    """Refuse a softmax over one unit, and warn about a crossentropy of outputs that are not probabilities."""
    if graph is None or loss is None:
        return
    tensors = symbolic.leaves(graph.outputs)
    own = losses_of_outputs(loss, graph.outputs, graph.output_names)
    for tensor, output_loss in zip(tensors, own, strict=True):
        assert tensor.node is not None
        layer = tensor.node.operation
        activation = getattr(layer, "activation", None)
        if activation is activations.get("softmax") and tensor.shape[-1] == 1:
            text = message(
                f"Softmax over the one unit of '{layer.name}' is always 1",
                expected="several units, or a sigmoid",
                got=f"output shape {tensor.shape}",
                hint="For two classes: Dense(1, activation='sigmoid') with loss='binary_crossentropy'.",
            )
            if not only_warns():
                raise ArgumentError(text)
            warn(text)
        if isinstance(output_loss, (list, tuple)):  # several losses of one output
            continue
        kind = losses.get(output_loss)
        last = _last_activation(layer)
        if last is not None and takes_logits(kind):
            effect = "takes the logits before it" if conventions.active.losses_take_logits else "applies it again"
            warn(
                f"Output '{layer.name}' ends in {last}, but its loss has from_logits=True and {effect}.\n"
                "Remove the activation, or use the loss without from_logits.",
            )
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


def _last_activation(layer: Any) -> str | None:
    """'sigmoid' or 'softmax' if a layer ends in it."""
    if type(layer).__name__ == "Softmax":
        return "softmax"
    activation = getattr(layer, "activation", None)
    known = [name for name in ("sigmoid", "softmax") if activation is activations.get(name)]
    return known[0] if known else None


def warn_training_mode(model: Model, trainer: Trainer) -> None:
    """Warn if the default step calls Dropout and BatchNormalization as in inference."""
    if trainer.spec.training or step_methods.overrides(model, "train_step"):
        return
    if any(isinstance(layer, (Dropout, BatchNormalization)) for layer in weight_tree.named_layers(model).values()):
        warn(
            f"'{model.name}' trains as in inference, without dropout and with the moving statistics of "
            "BatchNormalization, as in Keras 3: its call has no argument `training`.\n"
            "Write call(self, inputs, training=None).",
        )


def warn_frozen_since(model: Model, trainer: Trainer) -> None:
    """Warn if `trainable` was set after compile, which decides what is trained."""
    flags = trainer.trainable_flags
    if flags and False not in [part.trainable is flag for part, flag in flags]:
        return
    trainable, ids = trainer.live.trainable, weight_tree.trainable_ids(model)
    paths = [path for path, v in weight_tree.named_variables(model).items() if (id(v) in ids) != (path in trainable)]
    parts: list[Any] = [*weight_tree.named_layers(model).values(), *trainer.variables.values()]
    trainer.trainable_flags = [] if paths else [(part, part.trainable) for part in parts]
    if paths:
        warn(
            f"`trainable` of '{paths[0]}' was changed after compile, and this fit does not use the new value.\n"
            "Call compile again, which reads `trainable`.",
        )
