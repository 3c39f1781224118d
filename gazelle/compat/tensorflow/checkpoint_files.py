"""Files of checkpoints: the newest in a folder, and the arrays in one by name."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.dtypes import DType, as_dtype
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import PathLike, ShapeLike, TensorLike
from gazelle.core.errors import ShapeError, message
from gazelle.saving import tensorflow_format

#: the entry of a file that holds the names of TensorFlow, {name: name in the file}, and what these end with
ATTRIBUTE_NAMES, _VALUE = "_CHECKPOINTABLE_OBJECT_GRAPH", "/.ATTRIBUTES/VARIABLE_VALUE"


def check_shape(name: str, own: ShapeLike, stored: ShapeLike) -> None:
    """Raise an error unless a stored value has the shape of the variable."""
    if tuple(own) != tuple(stored):
        raise ShapeError(message(f"Checkpoint.restore of {name!r}", expected=f"shape {tuple(own)}", got=tuple(stored)))


def write_index(latest: str, prefixes: list[str]) -> None:
    folder = os.path.dirname(latest) or "."
    with open(os.path.join(folder, "checkpoint"), "w") as file:
        json.dump({"latest": os.path.basename(latest), "all": [os.path.basename(p) for p in prefixes]}, file)


def _index(folder: str) -> tuple[str, list[str]] | None:
    """(newest name, all names) in the file "checkpoint" of a folder, which gazelle or TensorFlow wrote."""
    try:
        with open(os.path.join(folder, "checkpoint")) as file:
            content = file.read()
        if content.startswith("{"):
            stored = json.loads(content)
            return stored["latest"], stored.get("all", [])
        newest, *every = re.findall(r'^(?:all_)?model_checkpoint_paths?: "(.*)"', content, re.MULTILINE)
        return newest, every
    except (OSError, ValueError, KeyError):
        return None


@named("train.get_checkpoint_state")
@ignores("latest_filename='checkpoint'")
def get_checkpoint_state(checkpoint_dir: PathLike | TensorLike) -> object:
    """`tf.train.get_checkpoint_state`: an object with the newest prefix in a folder, None if there is none."""
    path, folder = latest_checkpoint(checkpoint_dir), text(checkpoint_dir)
    if path is None:
        return None
    _, kept = _index(folder) or ("", [])
    paths = [os.path.join(folder, name) for name in kept]
    return SimpleNamespace(model_checkpoint_path=path, all_model_checkpoint_paths=paths or [path])


@named("train.latest_checkpoint")
@ignores("latest_filename='checkpoint'")
def latest_checkpoint(checkpoint_dir: PathLike | TensorLike) -> str | None:
    """`tf.train.latest_checkpoint`: the newest prefix in a folder, None if there is none."""
    folder = text(checkpoint_dir)
    index = _index(folder)
    if index is not None:
        return os.path.join(folder, index[0])
    kinds = ("", ".npz", ".ckpt", ".h5")  # all but .npz are written by callbacks
    paths = filter(os.path.isfile, glob.glob(os.path.join(glob.escape(folder), "*")))
    found = [path for path in paths if os.path.splitext(path)[1] in kinds]
    return max(found, key=os.path.getmtime).removesuffix(".npz") if found else None


@named("train.load_checkpoint", "train.NewCheckpointReader")
class CheckpointReader:
    """`tf.train.load_checkpoint`: the arrays of a checkpoint of gazelle or TensorFlow by name."""

    def __init__(self, ckpt_dir_or_file: PathLike | TensorLike) -> None:
        path = text(ckpt_dir_or_file)
        path = latest_checkpoint(path) or path if os.path.isdir(path) else path
        self._shapes: dict[str, list[int]]
        # of two files with this prefix, gazelle's is the newer one: a program was run again
        if not os.path.isfile(f"{path}.npz") and tensorflow_format.is_checkpoint(path):
            checkpoint = tensorflow_format.Checkpoint(path)
            self._shapes = {name: list(checkpoint.entries[name].shape) for name in sorted(checkpoint.entries)}
            self.get_tensor: Callable[[str], Any] = checkpoint.read
            return
        with np.load(f"{path}.npz", allow_pickle=False) as stored:
            arrays = dict(stored)
        found = json.loads(str(arrays.pop(ATTRIBUTE_NAMES, "{}")))
        if not all(name.startswith(("variables/", "save_counter")) for name in found):  # a `Saver` writes these
            arrays |= {f"{name}{_VALUE}": arrays[source] for name, source in found.items()}
            first = {source: name for name, source in reversed(found.items())}
            shown = [f"{first[name]}{_VALUE}" if name in first else name for name in arrays if _VALUE not in name]
            self._shapes = {ATTRIBUTE_NAMES: []} | {name: list(arrays[name].shape) for name in sorted(shown)}
            self.get_tensor = arrays.__getitem__
            return
        names = arrays.keys() - {"save_counter"}
        if all(name.startswith("variables/") for name in names):  # a `Saver` wrote them
            arrays = {name.removeprefix("variables/"): array for name, array in arrays.items() if name in names}
        self._shapes = {name: list(arrays[name].shape) for name in sorted(arrays)}
        self.get_tensor = arrays.__getitem__

    def has_tensor(self, tensor_str: str) -> bool:
        return tensor_str in self._shapes or f"{tensor_str}{_VALUE}" in self._shapes

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        return dict(self._shapes)

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        return {name: as_dtype(self.get_tensor(name).dtype) for name in self._shapes}


named("train.list_variables")(lambda ckpt_dir_or_file: list(CheckpointReader(ckpt_dir_or_file)._shapes.items()))
named("train.load_variable")(lambda ckpt_dir_or_file, name: CheckpointReader(ckpt_dir_or_file).get_tensor(name))


named("train.checkpoint_exists")(
    lambda checkpoint_prefix: (
        os.path.exists(f"{text(checkpoint_prefix)}.npz") or tensorflow_format.is_checkpoint(text(checkpoint_prefix))
    )
)
