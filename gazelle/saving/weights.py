"""Weights alone: told by content, matched by path, every misfit listed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from gazelle.core.errors import DamagedFileError, ShapeError, StateError, message
from gazelle.core.traceback import warn
from gazelle.core.variable import lock_variables
from gazelle.layers import weight_tree
from gazelle.saving import hdf5, keras_v3, keras_weights, legacy, shards
from gazelle.saving.atomic import path_of, replace_file
from gazelle.saving.latest import newest
from gazelle.saving.safetensors import Array, read_header
from gazelle.saving.state_file import FORMAT, read_arrays, read_state, write_arrays


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
    """Write all weights, in the layout of Keras 3; for a name that ends in `.safetensors`, as {path: array}.

    Args:
        overwrite: False keeps a file that is there and raises.
        max_shard_size: the most GiB that one file may have; the weights then go to several, named by a `.weights.json`.

    Raises:
        OSError: it could not be written; the old file is as it was.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2, name="scores")])
    >>> save_weights(model, "model.weights.h5")
    >>> load_weights(model, "model.weights.h5")
    ['scores']
    """
    _need_built(model, "save_weights")
    filepath = path_of(filepath)
    keras_v3.refuse_overwriting(filepath, overwrite)
    if max_shard_size is not None or os.fspath(filepath).endswith(".weights.json"):
        shards.save(model, filepath, 5.0 if max_shard_size is None else max_shard_size)
    elif os.fspath(filepath).endswith(".safetensors"):
        with lock_variables(model.variables):
            arrays = {path: v.numpy() for path, v in weight_tree.named_variables(model).items()}
        write_arrays(filepath, arrays)
    else:
        data = keras_weights.dump(model)
        replace_file(filepath, lambda file: file.write(data))


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> list[str]:
    """Read weights into a built model: all that the model has, or an error that lists every misfit.

    Args:
        filepath: a `.keras`, `.weights.h5`, `.weights.json`, `.safetensors` or `.h5` file (also of Keras 1 and 2) or a
            kept state, under any name; "latest" is the newest kept state of this program.
        skip_mismatch: load what fits and warn about the rest.
        by_name: match layers by their names; layers that the file does not have stay as they are.

    Returns:
        The names of what matched: layers, or paths of variables where the file goes by them.

    Raises:
        ShapeError: the file does not fit the model, or nothing in it matches. DamagedFileError, UnsafeFileError: the
            file is refused.
    """
    _need_built(model, "load_weights")
    if filepath == "latest":
        tensors, meta, path = newest()
        return _load_state(model, tensors, meta, path)
    path = keras_v3.existing(filepath)
    form = format_of(path)
    if form == "state":
        return _load_state(model, *read_state(path), path)
    if form == "safetensors":
        return _load_arrays(model, read_arrays(path), path, skip_mismatch, by_name)
    if form == "shards":
        with shards.opened(path) as readers:
            return keras_weights.load(model, readers, by_name=by_name, skip_mismatch=skip_mismatch)
    source = keras_v3.members(path)[1] if form == "keras" else path
    with hdf5.opened(source, path) as reader:
        old = "model_weights" in reader.groups or any(a.startswith("layer_names") for a in reader.attributes)
        load = legacy.load_weights if old else keras_weights.load
        return load(model, reader, by_name=by_name, skip_mismatch=skip_mismatch)


def format_of(path: str) -> str:
    """'keras', 'h5', 'shards', 'state' or 'safetensors', told by the first bytes."""
    with open(path, "rb") as file:
        start = file.read(9)
        if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return "keras"
        if start[:8] == keras_v3.HDF5_START:
            return "h5"
        if start.lstrip()[:1] == b"{":
            return "shards"
        if start[8:9] == b"{":
            file.seek(0)
            words = read_header(file, path)[1].get("__metadata__", {})
            return "state" if words.get("format") == FORMAT else "safetensors"
    raise DamagedFileError(
        message(
            f"'{path}' holds no weights",
            expected="a .keras, .weights.h5 or .safetensors file, or a kept state",
            got=f"a file that begins with {start[:8]!r}",
        )
    )


def _load_arrays(model: Any, arrays: dict[str, Array], path: str, skip: bool, by_name: bool) -> list[str]:
    variables = weight_tree.named_variables(model)
    misfits, pairs = [], []
    for name, variable in variables.items():
        array = arrays.get(name)
        if array is None and by_name:
            continue
        if array is None or array.shape != variable.shape:
            misfits.append(f"{name}: expected {variable.shape}, got {'nothing' if array is None else array.shape}")
        else:
            pairs.append((variable, array))
    misfits += (
        [] if by_name else [f"{n}: expected nothing, got {a.shape}" for n, a in arrays.items() if n not in variables]
    )
    matched = [variable.path for variable, _ in pairs]
    keras_weights.report(misfits, path, skip, matched)
    keras_weights.need_match(matched, model, path)
    for variable, array in pairs:
        variable.assign(array)
    return matched


def _load_state(model: Any, tensors: dict[str, Array], meta: dict[str, Any], path: str) -> list[str]:
    """Weights, and where the same optimizer is compiled its slots, steps and rate; a warning where it is another."""
    variables = weight_tree.named_variables(model)
    _same_structure(meta.get("model", []), variables, path)
    by_kind: dict[str, dict[str, Array]] = {"params": {}, "buffers": {}, "slots": {}, "hyper": {}}
    for name, array in tensors.items():
        kind, _, rest = name.partition("/")
        by_kind.setdefault(kind, {})[rest] = array
    values = by_kind["params"] | by_kind["buffers"]
    lost = [p for p, v in variables.items() if p not in values or values[p].shape != v.shape]
    if lost:
        raise DamagedFileError(message(f"'{path}' is no whole state", expected=f"an array for '{lost[0]}'"))
    for name, variable in variables.items():
        variable.assign(values[name])
    if getattr(model, "optimizer", None) is not None:
        more = {name: array for name, array in values.items() if name not in variables}  # a model with steps of its own
        left = model._restore_held(more, tensors["step"]) if more else _restore_optimizer(model, by_kind, tensors)
        if left:
            warn(
                message(
                    f"Of the state in '{path}' the weights are restored, but not what its optimizer remembers",
                    expected="a model that is compiled as then",
                    got=f"no place for '{left[0]}'",
                    hint="Compile the model as it was then; fit(resume=True) takes up all or says what differs.",
                ),
            )
    return list(variables)


def _same_structure(saved: list[Any], variables: dict[str, Any], path: str) -> None:
    mine = [(name, list(v.shape)) for name, v in variables.items()]
    theirs = [(entry[0], list(entry[1])) for entry in saved]
    for number in range(max(len(mine), len(theirs))):
        own = mine[number] if number < len(mine) else ("no variable", "")
        other = theirs[number] if number < len(theirs) else ("no variable", "")
        if own != other:
            raise ShapeError(
                message(
                    f"The state in '{path}' is of another model; first difference at variable {number}",
                    expected=f"{own[0]} {own[1]}".strip(),
                    got=f"{other[0]} {other[1]}".strip(),
                    hint="Build the model as it was when the state was kept.",
                )
            )


def _restore_optimizer(model: Any, by_kind: dict[str, dict[str, Array]], tensors: dict[str, Array]) -> list[str]:
    """Returns the names of what another kind of optimizer remembered: it says nothing to this one."""
    optimizer = model.optimizer
    fresh = optimizer.init(by_kind["params"])
    wanted = {f"{slot}/{name}": np.shape(a) for slot, arrays in fresh.items() for name, a in arrays.items()}
    found = {name: a.shape for name, a in by_kind["slots"].items()}
    if wanted != found:
        return [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    optimizer.state = {slot: {n: by_kind["slots"][f"{slot}/{n}"] for n in arrays} for slot, arrays in fresh.items()}
    iterations, *rate = optimizer.own_variables()
    iterations.assign(tensors["step"])
    if rate and "learning_rate" in by_kind["hyper"]:
        rate[0].assign(by_kind["hyper"]["learning_rate"])
    return []


def _need_built(model: Any, what: str) -> None:
    if not model.built:
        raise StateError(
            message(
                f"{what} of model '{model.name}', which is not built",
                hint="Give its first layer an input_shape, call it on data, or call model.build(input_shape).",
            )
        )
