"""Inspecting and changing the weights in a `.keras` or `.weights.h5` file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.saving import config as configs
from gazelle.saving import hdf5, keras_v3, keras_weights
from gazelle.saving.atomic import replace_file
from gazelle.saving.safetensors import Array

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, PathLike
    from gazelle.models import Model

_VARS = "vars"  # the group of the variables of an object


class KerasFileEditor:
    """The weights of a file by object and number, which can be changed and saved as `.weights.h5`.

    For weights of a model whose architecture changed after they were saved. An object is a layer or another part of
    a model; it is called by its path, such as "layers/dense_2", or by its last name if that is unique. Its weights
    are called "0", "1" and so on.

    Args:
        filepath: a `.keras` or `.weights.h5` file.

    Raises:
        ArgumentError: the file has another extension.
        DamagedFileError: it cannot be read.

    >>> model = gazelle.Sequential([gazelle.Input((2,)), layers.Dense(3)])
    >>> model.save_weights("before.weights.h5")
    >>> editor = KerasFileEditor("before.weights.h5")
    >>> editor.rename_object("dense", "head")
    >>> editor.summary()
    layers/head
        0: (2, 3) float32
        1: (3,) float32
    >>> editor.compare(model)["status"]
    layers/dense: missing in the file
    layers/head: not in the model
    'error'
    """

    def __init__(self, filepath: PathLike) -> None:
        path = os.fspath(filepath)
        if not path.endswith((".keras", ".weights.h5")):
            raise ArgumentError(message("A file of weights", expected="a .keras or .weights.h5 file", got=repr(path)))
        self.filepath = path
        self.config: dict[str, Any] | None = None
        source: PathLike | bytes = path
        if path.endswith(".keras"):
            config, source = keras_v3.members(path)
            self.config = configs.parse(config, path)
        with hdf5.opened(source, path) as reader:
            self._names = dict(reader.names)
            #: {path of an object: {number: array}}
            self._objects: dict[str, dict[str, Array]] = {}
            for dataset, (shape, dtype) in reader.declared.items():
                group, _, number = dataset.rpartition("/")
                self._objects.setdefault(_object_of(group), {})[number] = reader.read(dataset, shape, dtype)

    @property
    def weights_dict(self) -> dict[str, Any]:
        """The arrays in nested dicts: `weights_dict["layers"]["dense"]["0"]`."""
        nested: dict[str, Any] = {}
        for path, weights in self._objects.items():
            place = nested
            for part in path.split("/") if path else ():
                place = place.setdefault(part, {})
            place.update(weights)
        return nested

    def summary(self) -> None:
        """Print the objects, and shape and dtype of their weights."""
        for path, weights in self._objects.items():
            print(path)
            for number, array in weights.items():
                print(f"    {number}: {array.shape} {array.dtype}")

    def compare(self, reference_model: Model) -> dict[str, Any]:
        """Compare the weights with those of a model, and print what differs.

        Args:
            reference_model: a built model.

        Returns:
            `{"status": "success" or "error", "error_count": n, "match_count": n}`. An object that only one of the two
            has is one error, like a weight of another shape.
        """
        wanted: dict[str, dict[str, tuple[int, ...]]] = {}
        for dataset, array in keras_weights.arrays_of(reference_model, optimizer=False)[0].items():
            group, _, number = dataset.rpartition("/")
            wanted.setdefault(_object_of(group), {})[number] = np.shape(array)
        found = {path: weights for path, weights in self._objects.items() if path.partition("/")[0] != "optimizer"}
        errors = [f"{path}: missing in the file" for path in wanted if path not in found]
        errors += [f"{path}: not in the model" for path in found if path not in wanted]
        matches = 0
        for path in wanted.keys() & found.keys():
            shapes = {number: array.shape for number, array in found[path].items()}
            for number in sorted(wanted[path].keys() | shapes.keys()):
                if wanted[path].get(number) == shapes.get(number):
                    matches += 1
                else:
                    ours, theirs = (str(one.get(number, "no weight")) for one in (shapes, wanted[path]))
                    errors.append(f"{path}, weight {number}: {ours} in the file, {theirs} in the model")
        for error in errors:
            print(error)
        return {"status": "error" if errors else "success", "error_count": len(errors), "match_count": matches}

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name at the same place.

        Args:
            object_name: its path or unique name.
            new_name: the last part of the new path.
        """
        if "/" in new_name:
            raise ArgumentError(message("new_name of an object", expected="a name without '/'", got=repr(new_name)))
        path = self._path(object_name)
        new = f"{path.rpartition('/')[0]}/{new_name}".removeprefix("/")

        def renamed(one: str) -> str:
            return new + one[len(path) :] if one == path or one.startswith(f"{path}/") else one

        self._objects = {renamed(one): weights for one, weights in self._objects.items()}
        self._names = {renamed(one): name for one, name in self._names.items()}

    def delete_object(self, object_name: str) -> None:
        """Delete an object and those inside.

        Args:
            object_name: its path or unique name.
        """
        path = self._path(object_name)
        self._objects = {k: v for k, v in self._objects.items() if k != path and not k.startswith(f"{path}/")}

    def add_object(self, object_path: str, weights: Mapping[str, ArrayLike]) -> None:
        """Add an object.

        Args:
            object_path: its path, such as "layers/dense_2".
            weights: {number: array}.
        """
        parent = object_path.rpartition("/")[0]
        if parent:
            self._path(parent, is_path=True)
        self._objects[object_path] = _arrays(weights)

    def add_weights(self, object_name: str, weights: Mapping[str, ArrayLike]) -> None:
        """Add weights to an object.

        Args:
            object_name: its path or unique name.
            weights: {number: array}.
        """
        self._objects.setdefault(self._path(object_name), {}).update(_arrays(weights))

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Delete a weight of an object.

        Args:
            object_name: its path or unique name.
            weight_name: its number, such as "0".
        """
        path = self._path(object_name)
        if weight_name not in self._objects.get(path, {}):
            raise unknown(f"weight of {path}", weight_name, self._objects.get(path, {}))
        del self._objects[path][weight_name]

    def save(self, filepath: PathLike) -> None:
        """Write the weights.

        Args:
            filepath: a `.weights.h5` file.
        """
        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise ArgumentError(message("A file of edited weights", expected="a .weights.h5 file", got=repr(path)))
        arrays = {
            f"{one}/{_VARS}/{number}".removeprefix("/"): array
            for one, weights in self._objects.items()
            for number, array in weights.items()
        }
        groups = {f"{one}/{_VARS}".removeprefix("/"): one for one, weights in self._objects.items() if weights}
        names = {group: self._names[group] for group in groups if group in self._names}
        content = hdf5.file_of(arrays, names)
        replace_file(path, lambda file: file.write(content))

    resave_weights = save

    def _path(self, name: str, is_path: bool = False) -> str:
        """The path of an object that is called by its path or its last name."""
        known = {
            "/".join(parts[: n + 1]) for parts in (one.split("/") for one in self._objects) for n in range(len(parts))
        }
        if name in known and ("/" in name or is_path):
            return name
        found = [path for path in known if path.rpartition("/")[2] == name]
        if len(found) > 1:
            hint = "Give its path."
            raise ArgumentError(message(f"Object {name!r}", expected="one of that name", got=sorted(found), hint=hint))
        if not found:
            raise unknown("object in the file", name, sorted(known))
        return found[0]


def _object_of(group: str) -> str:
    """'layers/dense/vars' -> 'layers/dense'."""
    return group.removesuffix(_VARS).removesuffix("/")


def _arrays(weights: Mapping[str, ArrayLike]) -> dict[str, Array]:
    if not isinstance(weights, Mapping):
        raise ArgumentError(message("weights of an object", expected="{number: array}", got=repr(weights)))
    return {str(number): np.asarray(array) for number, array in weights.items()}
