"""The `.weights.h5` of Keras 3: from a model into bytes, and from a checked reader into a model."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from gazelle.core.errors import DamagedFileError, ShapeError, message
from gazelle.core.traceback import warn
from gazelle.core.variable import Variable, lock_variables
from gazelle.saving import hdf5, keras_weight_order
from gazelle.saving.safetensors import Array


def dump(model: Any, optimizer: bool = True) -> bytes:
    """The HDF5 file of all weights, and of the optimizer's state."""
    return hdf5.file_of(*arrays_of(model, optimizer))


def arrays_of(model: Any, optimizer: bool = True) -> tuple[dict[str, Array], dict[str, str]]:
    """{path: array} and {group: name of its layer}, as Keras 3 lays them out."""
    arrays: dict[str, Array] = {}
    with lock_variables(model.variables):  # one whole step, also while another thread trains
        found = [p for p in keras_weight_order.parts(model) if optimizer or p.path != "optimizer"]
        for part in found:
            store: dict[str, Any] = {str(n): v for n, v in enumerate(part.variables)}
            hook = part.hook("save_own_variables")
            if hook is not None:
                store = {}
                hook(store)
            for key, value in store.items():
                array = value.numpy() if isinstance(value, Variable) else np.asarray(value)
                arrays[f"{keras_weight_order.group_of(part)}/{key}"] = array
    return arrays, {keras_weight_order.group_of(part): part.name for part in found}


def load(
    model: Any, reader: Any, *, optimizer: bool = True, by_name: bool = False, skip_mismatch: bool = False
) -> list[str]:
    """Give the model's variables the numbers of the file, all or none; returns the names of the layers that match.

    Args:
        optimizer: restore the optimizer too, where the file and the model have one of the same kind.
        by_name: match the layers of the model to the groups of the file by name, and leave the others as they are.
        skip_mismatch: load what fits and warn about the rest.
    """
    parts = [part for part in keras_weight_order.parts(model) if part.path != "optimizer"]
    hooks = {
        keras_weight_order.group_of(part): hook
        for part in parts
        if (hook := part.hook("load_own_variables")) is not None
    }
    groups = _groups(reader, hooks)
    pairs: list[tuple[Variable, str]] = []
    misfits: list[str] = []
    matched: list[str] = []
    for part in parts:
        if keras_weight_order.group_of(part) in hooks:
            continue
        group = _by_name(part, reader, groups) if by_name else _find(keras_weight_order.group_of(part), groups)
        found = groups.get(group, [])
        if by_name and not found:
            continue
        if len(found) != len(part.variables):
            got, group = len(found) or "none", keras_weight_order.group_of(part)
            shapes = [v.shape for v in part.variables]
            misfits.append(f"{group} ('{part.name}'): expected {len(shapes)} arrays {shapes}, got {got}")
            continue
        for variable, path in zip(part.variables, found, strict=True):
            shape, dtype = reader.declared[path]
            if shape != variable.shape or hdf5.kind(dtype) != hdf5.kind(np.dtype(variable.dtype)):
                misfits.append(
                    f"{path} ({variable.path}): expected {variable.shape} {variable.dtype}, got {shape} {dtype}"
                )
            else:
                pairs.append((variable, path))
                matched.append(part.name)
    report(misfits, reader.label, skip_mismatch, matched)
    need_match(matched or list(hooks), model, reader.label)
    arrays = [(variable, reader.read(path, variable.shape, variable.dtype)) for variable, path in pairs]
    for variable, array in arrays:
        variable.assign(array)
    for group, hook in hooks.items():
        hook(_Store(reader, group))
    if optimizer and getattr(model, "optimizer", None) is not None:
        _load_optimizer(model, reader, groups.get("optimizer/vars", []))
    return list(dict.fromkeys([*matched, *(part.name for part in parts if keras_weight_order.group_of(part) in hooks)]))


@contextlib.contextmanager
def whole(label: str) -> Iterator[None]:
    """Within a file that holds both, weights that do not fit the config are damage."""
    try:
        yield
    except ShapeError as error:
        raise DamagedFileError(message(f"The weights in {label} are not those of its config", got=error)) from error


def report(misfits: list[str], label: str, skip: bool, matched: list[str]) -> None:
    """All misfits at once: an error, or a warning where they are to be skipped."""
    if not misfits:
        return
    shown = "\n".join(f"- {line}" for line in misfits[:50])
    more = f"\n... and {len(misfits) - 50} more" if len(misfits) > 50 else ""
    text = f"'{label}' does not fit the model in {len(misfits)} places:\n{shown}{more}"
    if not skip:
        raise ShapeError(f"{text}\nBuild the model as it was saved; skip_mismatch=True loads what fits.")
    loaded = ", ".join(dict.fromkeys(matched)) or "nothing"
    warn(f"{text}\nThese keep the values they have. Loaded: {loaded}.")


def need_match(matched: list[str], model: Any, label: str) -> None:
    """Loading nothing at all is an error, however much may be skipped."""
    if not matched and model.weights:
        names = ", ".join(repr(layer.name) for layer in model.layers[:20] if layer.weights)
        raise ShapeError(
            message(
                f"Nothing in '{label}' matches model '{model.name}'",
                expected=f"weights of {names}",
                hint="Load it into the model it was saved from, or give the layers the names they had.",
            )
        )


class _Store(Mapping[str, Any]):
    """What `load_own_variables` reads: {key: array}."""

    def __init__(self, reader: Any, group: str) -> None:
        start = f"{group}/"
        self._reader = reader
        self._paths = {
            p[len(start) :]: p for p in reader.declared if p.startswith(start) and "/" not in p[len(start) :]
        }

    def __getitem__(self, key: str) -> Array:
        path = self._paths[key]
        array: Array = self._reader.read(path, *self._reader.declared[path])
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _groups(reader: Any, own: Collection[str]) -> dict[str, list[str]]:
    """{path of a group of variables: paths of its datasets in order}; those in `own` have names of their author."""
    out: dict[str, list[str]] = {}
    for path in reader.declared:
        group, _, number = path.rpartition("/")
        if group in own:
            continue
        if group.rsplit("/", 1)[-1] != "vars" or not re.fullmatch(r"\d{1,6}", number):
            raise DamagedFileError(
                message(
                    f"'{reader.label}' has another layout than Keras 3",
                    got=path,
                    expected="paths such as layers/dense/vars/0",
                )
            )
        out.setdefault(group, []).append(path)
    return {group: sorted(paths, key=lambda p: int(p.rpartition("/")[2])) for group, paths in out.items()}


def _find(group: str, groups: dict[str, list[str]]) -> str:
    """The group as the file spells it: earlier versions of Keras had other names for some attributes."""
    if group in groups:
        return group
    for old, new in ((r"(^|/)layers(?=/)", r"\1_layer_checkpoint_dependencies"), (r"/(\w+_dense)/", r"/_\1/")):
        other = re.sub(old, new, group)
        if other in groups:
            return other
    return group


def _by_name(part: keras_weight_order.Part, reader: Any, groups: dict[str, list[str]]) -> str:
    named = [group for group, name in reader.names.items() if name == part.name and group in groups]
    return named[0] if len(named) == 1 else ""


def _load_optimizer(model: Any, reader: Any, paths: list[str]) -> None:
    optimizer = model.optimizer
    own = optimizer.own_variables()
    declared = [reader.declared[p][0] for p in paths]
    if len(paths) > len(own) and declared != [v.shape for v in keras_weight_order.optimizer_variables(model)]:
        params = {v.path: v.value for v in model.trainable_weights}
        if not optimizer.fits(params):
            optimizer.state = optimizer.init(params)
    variables = keras_weight_order.optimizer_variables(model)
    if len(paths) == len(own):  # saved before the first step
        variables = variables[: len(own)]
    elif len(paths) == len(variables) - 1 and len(own) == 2:  # tf.keras keeps the rate in the config alone
        variables = [variables[0], *variables[2:]]
    if not paths:
        return
    if declared != [v.shape for v in variables]:
        warn(
            f"The state of the optimizer in '{reader.label}' is of another kind ({len(paths)} arrays, "
            f"'{optimizer.name}' has {len(variables)}): it starts anew.",
        )
        return
    arrays: list[Array] = [reader.read(p, v.shape, v.dtype) for p, v in zip(paths, variables, strict=True)]
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
