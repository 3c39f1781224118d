"""The `.weights.h5` format of Keras 3: writing the weights of a model, and loading them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gazelle.core.errors import DamagedFileError, ShapeError, message
from gazelle.core.traceback import warn
from gazelle.core.types import DTypeLike
from gazelle.core.variable import Variable, lock_variables
from gazelle.saving import hdf5, keras_weight_order, tf_keras_optimizer
from gazelle.saving.safetensors import Array

if TYPE_CHECKING:
    from gazelle.models import Model


class WeightReader(Protocol):
    """Source of weights: an HDF5 file, or several files that form one.

    Attributes:
        label: name of the file in errors.
        declared: {path: (shape, dtype)} of all datasets.
        names: {path of a group: the name of the layer}.
    """

    label: str
    declared: dict[str, tuple[tuple[int, ...], np.dtype[Any]]]
    names: dict[str, str]

    def read(self, path: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Read a dataset of this shape and of a dtype of this kind."""
        ...


def dump(model: Model, optimizer: bool = True, skip: Iterable[Any] = ()) -> bytes:
    """The bytes of an HDF5 file with all weights.

    Args:
        model: the model.
        optimizer: include the state of the optimizer.
        skip: layers that are left out.
    """
    return hdf5.file_of(*arrays_of(model, optimizer, skip))


def arrays_of(
    model: Model, optimizer: bool = True, skip: Iterable[Any] = ()
) -> tuple[dict[str, Array], dict[str, str]]:
    """The weights in the layout of Keras 3.

    Args:
        model: the model.
        optimizer: include the state of the optimizer.
        skip: layers that are left out.

    Returns:
        {path: array} and {path of a group: the name of its layer}.
    """
    arrays: dict[str, Array] = {}
    with lock_variables(model.variables):  # the values after one complete step, also while another thread trains
        found = [p for p in keras_weight_order.parts(model, skip) if optimizer or p.path != "optimizer"]
        for part in found:
            store: dict[str, Any] = {str(n): v for n, v in enumerate(part.variables)}
            save = part.custom_method("save_own_variables")
            if save is not None:
                store = {}
                save(store)
            for key, value in store.items():
                array = value.numpy() if isinstance(value, Variable) else np.asarray(value)
                arrays[f"{keras_weight_order.group_of(part)}/{key}"] = array
    return arrays, {keras_weight_order.group_of(part): part.name for part in found}


def load(
    model: Model,
    reader: WeightReader,
    *,
    optimizer: bool = True,
    by_name: bool = False,
    skip_mismatch: bool = False,
    skip: Iterable[Any] = (),
) -> list[str]:
    """Load weights into a model: all of them, or none if any does not match.

    Args:
        model: a built model.
        reader: the file.
        optimizer: restore the optimizer too, if the file and the model have one of the same kind.
        by_name: match the layers of the model to the groups of the file by name; others are unchanged.
        skip_mismatch: load what matches and warn about the rest.
        skip: layers that keep their values.

    Returns:
        The names of the layers that match.

    Raises:
        ShapeError: weights do not match; the message lists all of them.
    """
    parts = _parts_of(model, reader, skip)
    custom_loaders = {
        keras_weight_order.group_of(part): method
        for part in parts
        if (method := part.custom_method("load_own_variables")) is not None
    }
    groups = _groups(reader, custom_loaders)
    pairs: list[tuple[Variable, str]] = []
    mismatches: list[str] = []
    matched: list[str] = []
    for part in parts:
        if keras_weight_order.group_of(part) in custom_loaders:
            continue
        group = _by_name(part, reader, groups) if by_name else _find(keras_weight_order.group_of(part), groups)
        found = groups.get(group, [])
        if by_name and not found:
            continue
        if len(found) != len(part.variables):
            got, group = len(found) or "none", keras_weight_order.group_of(part)
            shapes = [v.shape for v in part.variables]
            mismatches.append(f"{group} ('{part.name}'): expected {len(shapes)} arrays {shapes}, got {got}")
            continue
        for variable, path in zip(part.variables, found, strict=True):
            shape, dtype = reader.declared[path]
            if shape != variable.shape or hdf5.kind(dtype) != hdf5.kind(np.dtype(variable.dtype)):
                mismatches.append(
                    f"{path} ({variable.path}): expected {variable.shape} {variable.dtype}, got {shape} {dtype}"
                )
            else:
                pairs.append((variable, path))
                matched.append(part.name)
    report(mismatches, reader.label, skip_mismatch, matched)
    if any(part.variables for part in parts):  # not all of them are skipped
        need_match(matched or list(custom_loaders), model, reader.label)
    arrays = [(variable, reader.read(path, variable.shape, variable.dtype)) for variable, path in pairs]
    for variable, array in arrays:
        variable.assign(array)
    for group, method in custom_loaders.items():
        method(_Store(reader, group))
    if optimizer and getattr(model, "optimizer", None) is not None:
        _load_optimizer(model, reader, groups.get("optimizer/vars", []))
    custom = [part.name for part in parts if keras_weight_order.group_of(part) in custom_loaders]
    return list(dict.fromkeys([*matched, *custom]))


def _parts_of(model: Model, reader: WeightReader, skip: Iterable[Any]) -> list[keras_weight_order.Part]:
    """The model and its layers, with the paths of tf.keras 2 if the file has all of these and not those of Keras 3."""
    groups = {path.rpartition("/")[0] for path in reader.declared}
    found = []
    for backwards in (False, True):
        parts = keras_weight_order.parts(model, skip, backwards)
        found.append([part for part in parts if part.path != "optimizer"])
        needed = [keras_weight_order.group_of(part) for part in found[-1] if part.variables]
        if all(_find(group, groups) in groups for group in needed):
            return found[-1]
    return found[0]


@contextlib.contextmanager
def weight_errors(label: str) -> Iterator[None]:
    """Context for a file with config and weights: a mismatch of the two means that the file is damaged."""
    try:
        yield
    except ShapeError as error:
        raise DamagedFileError(message(f"The weights in {label} do not match its config", got=error)) from error


def report(mismatches: list[str], label: str, skip: bool, matched: list[str]) -> None:
    """Report all mismatches at once: an error, or a warning if they are skipped.

    Args:
        mismatches: one line for each.
        label: name of the file.
        skip: whether they are skipped.
        matched: names of the layers that are loaded.

    Raises:
        ShapeError: there are mismatches and `skip` is False.
    """
    if not mismatches:
        return
    shown = "\n".join(f"- {line}" for line in mismatches[:50])
    more = f"\n... and {len(mismatches) - 50} more" if len(mismatches) > 50 else ""
    text = f"'{label}' does not match the model ({len(mismatches)} mismatches):\n{shown}{more}"
    if not skip:
        raise ShapeError(f"{text}\nBuild the model as it was saved; skip_mismatch=True loads what matches.")
    loaded = ", ".join(dict.fromkeys(matched)) or "nothing"
    warn(f"{text}\nTheir values are unchanged. Loaded: {loaded}.")


def need_match(matched: list[str], model: Model, label: str) -> None:
    """Raise an error if nothing matches, also if mismatches are skipped.

    Raises:
        ShapeError: nothing matches and the model has weights.
    """
    if not matched and model.weights:
        names = ", ".join(repr(layer.name) for layer in model.layers[:20] if layer.weights)
        raise ShapeError(
            message(
                f"Nothing in '{label}' matches model '{model.name}'",
                expected=f"weights of {names}",
                hint="Load it into the model it was saved from, or name the layers as they were saved.",
            )
        )


class _Store(Mapping[str, Any]):
    """Argument of `load_own_variables`: {key: array}, read on access."""

    def __init__(self, reader: WeightReader, group: str) -> None:
        start = f"{group}/"
        self._reader = reader
        self._paths = {
            p[len(start) :]: p for p in reader.declared if p.startswith(start) and "/" not in p[len(start) :]
        }

    def __getitem__(self, key: str) -> Array:
        path = self._paths[key]
        return self._reader.read(path, *self._reader.declared[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _groups(reader: WeightReader, custom: Collection[str]) -> dict[str, list[str]]:
    """{path of a group of variables: paths of its datasets in order}, without the groups in `custom`."""
    out: dict[str, list[str]] = {}
    for path in reader.declared:
        group, _, number = path.rpartition("/")
        if group in custom:
            continue
        if group.rsplit("/", 1)[-1] != "vars" or not re.fullmatch(r"\d{1,6}", number):
            raise DamagedFileError(
                message(
                    f"'{reader.label}' does not have the layout of Keras 3",
                    got=path,
                    expected="paths such as layers/dense/vars/0",
                )
            )
        out.setdefault(group, []).append(path)
    return {group: sorted(paths, key=lambda p: int(p.rpartition("/")[2])) for group, paths in out.items()}


def _find(group: str, groups: Collection[str]) -> str:
    """The name of the group in the file: earlier versions had other names for some attributes."""
    if group in groups:
        return group
    for old, new in (
        (r"(^|/)layers(?=/)", r"\1_layer_checkpoint_dependencies"),
        (r"/(\w+_dense)/", r"/_\1/"),
        (r"/_(\w+_dense)/", r"/\1/"),
    ):
        other = re.sub(old, new, group)
        if other in groups:
            return other
    return group


def _by_name(part: keras_weight_order.Part, reader: WeightReader, groups: dict[str, list[str]]) -> str:
    named = [group for group, name in reader.names.items() if name == part.name and group in groups]
    return named[0] if len(named) == 1 else ""


def _load_optimizer(model: Any, reader: WeightReader, paths: list[str]) -> None:
    optimizer = model.optimizer
    trained = keras_weight_order.trained_weights(model)
    optimizer.overwrite(key for key, v in trained.items() if v.overwrite_with_gradient)
    own = optimizer.own_variables()
    declared = [reader.declared[p][0] for p in paths]
    if len(paths) > len(own) and declared != [v.shape for v in keras_weight_order.optimizer_variables(model, trained)]:
        params = {key: v.value for key, v in trained.items()}
        if not optimizer.fits(params):
            optimizer.state = optimizer.init(params)
    variables = keras_weight_order.optimizer_variables(model, trained)
    if len(paths) == len(own):  # saved before the first step
        variables = variables[: len(own)]
    elif len(paths) != len(variables) and _of_tf_keras(model, reader, paths):
        return
    elif len(paths) == len(variables) + 1 and len(own) == 1:  # with `decay` of earlier Keras the rate was a number
        paths, declared = [paths[0], *paths[2:]], [declared[0], *declared[2:]]
    if not paths:
        return
    if declared != [v.shape for v in variables]:
        warn(
            f"The state of the optimizer in '{reader.label}' does not match ({len(paths)} arrays, "
            f"'{optimizer.name}' has {len(variables)}): it is reset.",
        )
        return
    arrays = [reader.read(p, v.shape, v.dtype) for p, v in zip(paths, variables, strict=True)]
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _of_tf_keras(model: Any, reader: WeightReader, paths: list[str]) -> bool:
    """Restore the state from a file of tf.keras, which has no learning rate; False if it is none."""
    optimizer = model.optimizer
    params = {v.key: v.value for v in model.trainable_weights}
    fresh = optimizer.init(params)
    count = 1 + len(tf_keras_optimizer.columns(optimizer, fresh, params))
    if len(paths) not in (count, count + len(optimizer.scalars)):
        return False
    arrays = [reader.read(path, *reader.declared[path]) for path in paths]
    state = tf_keras_optimizer.restored(optimizer, fresh, params, arrays)
    if state is None:
        return False
    steps, optimizer.state = state
    optimizer.own_variables()[0].assign(steps)
    return True
