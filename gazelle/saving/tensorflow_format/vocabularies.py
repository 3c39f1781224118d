"""Vocabularies that `adapt` found: tables in a checkpoint, since TensorFlow 2.8 constants in `saved_model.pb`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazelle.layers.vocabulary import LookupLayer
from gazelle.saving.tensorflow_format.checkpoint import Checkpoint
from gazelle.saving.tensorflow_format.object_graph import child, find_lookups
from gazelle.saving.tensorflow_format.saved_model import SavedModel

if TYPE_CHECKING:
    from gazelle.models.model import Model

_TEXT = 7
_TABLES = ("lookup_table", "_table")


def restore(model: Model, checkpoint: Checkpoint, saved: SavedModel | None = None) -> None:
    """Set the vocabularies of the layers that have none.

    Args:
        model: the model.
        checkpoint: its checkpoint.
        saved: its SavedModel.
    """
    tables: dict[int, tuple[list[Any], list[Any]]] = {}
    for layer, number in find_lookups(model, checkpoint.objects):
        found = _of_checkpoint(checkpoint, number)
        if found is not None:
            tables[id(layer)] = found
            _set(layer, found, _weights(checkpoint, number))
    if saved is None:
        return
    weights = {id(layer): _weights(checkpoint, number) for layer, number in find_lookups(model, checkpoint.objects)}
    for layer, number in find_lookups(model, saved.objects):
        index = next((i for i in (child(saved.objects, number, name) for name in _TABLES) if i is not None), None)
        constants = None if index is None or id(layer) in tables else saved.table(index)
        if constants is not None:
            _set(layer, constants, weights.get(id(layer)))


def _of_checkpoint(checkpoint: Checkpoint, number: int) -> tuple[list[Any], list[Any]] | None:
    objects = checkpoint.objects
    index = next((i for i in (child(objects, number, name) for name in _TABLES) if i is not None), None)
    stored = {} if index is None else objects[index].arrays
    prefix = next((key.removesuffix("-keys") for key in stored.values()), "")
    keys = [f"{prefix}-{part}" for part in ("keys", "values")]
    if any(key not in checkpoint.entries for key in keys):
        return None
    tokens, values = (
        checkpoint.read_texts(key) if checkpoint.entries[key].dtype == _TEXT else checkpoint.read(key).tolist()
        for key in keys
    )
    return tokens, values


def _weights(checkpoint: Checkpoint, number: int) -> Any:
    """The idf weights of a layer; None if it has none."""
    index = child(checkpoint.objects, number, "idf_weights")
    key = "" if index is None else checkpoint.objects[index].key
    return checkpoint.read(key) if key in checkpoint.entries else None


def _set(layer: LookupLayer, table: tuple[list[Any], list[Any]], weights: Any) -> None:
    """Give a layer the tokens of a table, in the order of their numbers."""
    tokens, numbers = table[::-1] if layer.invert else table
    ordered = [token for _, token in sorted(zip(numbers, tokens, strict=True), key=lambda pair: pair[0])]
    special = layer._special
    listed = ordered if ordered[: len(special)] == special else [*special, *ordered]
    if layer._fixed or not ordered or (layer.output_mode == "tf_idf" and weights is None):
        return
    layer.set_vocabulary(listed, weights if layer.output_mode == "tf_idf" else None)
