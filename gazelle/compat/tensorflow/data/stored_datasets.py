"""`Dataset.save` and `Dataset.load`: a folder with the tensors of all elements and the structure of one."""

from __future__ import annotations

import json
import os
from typing import Any

import jax

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.data.dataset import Dataset
from gazelle.compat.tensorflow.data.elements import is_ragged
from gazelle.compat.tensorflow.data.records import TFRecordWriter, records
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.tensorflow.tensor_messages import parse_tensor, serialize_tensor
from gazelle.compat.types import PathLike, TensorLike
from gazelle.core.errors import DataError, message

_ELEMENTS, _STRUCTURE = "elements.tfrecord", "structure.json"


@named("data.experimental.save")
@ignores("compression shard_func checkpoint_args")
def save(dataset: Dataset, path: PathLike | TensorLike) -> None:
    """`tf.data.Dataset.save`: write all elements to a folder."""
    folder, structure, count = text(path), None, 0
    os.makedirs(folder, exist_ok=True)
    with TFRecordWriter(os.path.join(folder, _ELEMENTS)) as writer:
        for element in dataset._begin():
            leaves = jax.tree.leaves(element, is_leaf=is_ragged)
            if any(map(is_ragged, leaves)):
                raise DataError(message("Dataset.save", expected="tensors", got="ragged or sparse tensors"))
            structure = structure or _structure(element)
            for leaf in leaves:
                writer.write(serialize_tensor(convert(leaf)))
            count += 1
    with open(os.path.join(folder, _STRUCTURE), "w", encoding="utf-8") as file:
        json.dump({"structure": structure, "count": count}, file)


@named("data.experimental.load")
@ignores("element_spec compression reader_func")
def load(path: PathLike | TensorLike) -> Dataset:
    """`tf.data.Dataset.load`: the dataset that `save` wrote."""
    folder = text(path)
    try:
        with open(os.path.join(folder, _STRUCTURE), encoding="utf-8") as file:
            stored = json.load(file)
    except FileNotFoundError:
        expected = "a folder that Dataset.save of gazelle wrote"
        raise DataError(message(f"Dataset.load({folder!r})", expected=expected, got="no structure.json")) from None
    kinds, structure = jax.tree.flatten(_restored(stored["structure"]))

    def begin() -> Any:
        parts = records(os.path.join(folder, _ELEMENTS))
        for _ in range(stored["count"]):
            leaves = [parse_tensor(next(parts), kind).array for kind in kinds]
            yield jax.tree.unflatten(structure, leaves)

    return Dataset(begin, stored["count"])


def _structure(element: Any) -> Any:
    """The structure of an element in JSON, with the names of dtypes as leaves."""
    if isinstance(element, dict):
        return {"dict": {key: _structure(value) for key, value in element.items()}}
    if isinstance(element, list | tuple):
        return {"tuple": [_structure(value) for value in element]}
    return name_of(convert(element).dtype)


def _restored(structure: Any) -> Any:
    if not isinstance(structure, dict):
        return structure
    if "dict" in structure:
        return {key: _restored(value) for key, value in structure["dict"].items()}
    return tuple(map(_restored, structure["tuple"]))


Dataset.save, Dataset.load = save, staticmethod(load)
