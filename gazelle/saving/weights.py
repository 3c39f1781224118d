"""Saving and loading of weights: the format is detected from the content, and all mismatches are listed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, DamagedFileError, ShapeError, StateError, message
from gazelle.core.traceback import warn
from gazelle.core.types import PathLike
from gazelle.core.variable import Variable, lock_variables
from gazelle.engine import orbax
from gazelle.layers import weight_tree
from gazelle.saving import (
    fingerprint,
    h5_format,
    hdf5,
    keras_v3,
    keras_weight_order,
    keras_weights,
    shards,
    tensorflow_format,
)
from gazelle.saving.atomic import path_of, replace_file
from gazelle.saving.checkpoint_paths import newest, program_folder
from gazelle.saving.description import describe_model
from gazelle.saving.fingerprint import program_parts
from gazelle.saving.regular_file import open_file
from gazelle.saving.safetensors import Array, read_header
from gazelle.saving.state_file import FORMAT, read_arrays, read_state, write_arrays

if TYPE_CHECKING:
    from gazelle.layers import Layer
    from gazelle.models import Model


def save_weights(
    model: Model,
    filepath: PathLike,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Iterable[Layer] | None = None,
) -> None:
    """Write all weights of a model.

    Args:
        model: a built model.
        filepath: the file to write, replaced atomically. A name that ends in `.safetensors` gets {path: array} in that
            format, `.h5` and `.hdf5` that of Keras 1 and 2, which Keras 3 expects under these names, if it can hold all
            weights, and any other name the `.weights.h5` format of Keras 3.
        overwrite: False raises an error if the file exists.
        max_shard_size: maximum size of a file in GiB; the weights are split into several files with an index,
            `.weights.json`.
        objects_to_skip: layers that are left out, with the layers inside them; for a single `.weights.h5` file.

    Raises:
        StateError: the model is not built.
        ArgumentError: the file exists and `overwrite` is False, or its format needs all layers.
        OSError: the file could not be written; an existing one is unchanged.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2, name="scores")])
    >>> save_weights(model, "model.weights.h5")
    >>> load_weights(model, "model.weights.h5")
    ['scores']
    """
    _need_built(model, "save_weights")
    filepath = path_of(filepath)
    keras_v3.refuse_overwriting(filepath, overwrite)
    if filepath.endswith(".keras"):
        hint = f"For the model: model.save('{filepath}'); for its weights: '{filepath[:-6]}.weights.h5'."
        got = f"'{filepath}', the ending of whole models"
        raise ArgumentError(message("save_weights", expected="a name that ends in .weights.h5", got=got, hint=hint))
    shared = max_shard_size is not None or filepath.endswith(".weights.json")
    if objects_to_skip is not None and (shared or filepath.endswith(".safetensors")):
        got = "shards" if shared else "a .safetensors file"
        raise ArgumentError(message("save_weights(objects_to_skip=...)", expected="a .weights.h5 file", got=got))
    if shared:
        shards.save(model, filepath, 5.0 if max_shard_size is None else max_shard_size)
    elif os.fspath(filepath).endswith(".safetensors"):
        with lock_variables(model.variables):
            arrays = {path: v.numpy() for path, v in weight_tree.named_variables(model).items()}
        write_arrays(filepath, arrays)
    else:
        by_layer = filepath.endswith((".h5", ".hdf5")) and not filepath.endswith(".weights.h5") and not objects_to_skip
        data = h5_format.dump_weights(model) if by_layer else None
        data = keras_weights.dump(model, skip=objects_to_skip or ()) if data is None else data
        replace_file(filepath, lambda file: file.write(data))


def load_weights(
    model: Model,
    filepath: PathLike,
    skip_mismatch: bool = False,
    by_name: bool = False,
    objects_to_skip: Iterable[Layer] | None = None,
) -> list[str]:
    """Load weights into a built model.

    Args:
        model: a built model.
        filepath: a `.keras`, `.weights.h5`, `.weights.json`, `.safetensors` or `.h5` file (also of Keras 1 and 2) or a
            checkpoint, with any name; the prefix of a checkpoint of TensorFlow, or the folder of a SavedModel;
            "latest" is the newest checkpoint of this program, or of any program if it has none, with a warning if it
            is that of another program or model.
        skip_mismatch: load what matches and warn about the rest.
        by_name: match layers by their names; layers that are not in the file are unchanged.
        objects_to_skip: layers that keep their weights, with the layers inside them; for files of Keras 3.

    Returns:
        The names of the layers that matched, or the paths of variables where the file is organized by them.

    Raises:
        StateError: the model is not built.
        ShapeError: weights do not match, or nothing matches; the message lists all mismatches.
        DamagedFileError: the file is truncated or was changed.
        UnsafeFileError: the file requests something a data file must not do.
        FileNotFoundError: there is no such file.
    """
    _need_built(model, "load_weights")
    return _Names(_load_weights(model, filepath, skip_mismatch, by_name, objects_to_skip))


class _Names(list[str]):
    """Names that a notebook does not print where a cell ends in the call."""

    def _ipython_display_(self) -> None: ...


def _load_weights(
    model: Model, filepath: PathLike, skip_mismatch: bool, by_name: bool, skip: Iterable[Layer] | None
) -> list[str]:
    if filepath == "latest":
        if skip is not None:
            raise _without_skipping("latest")
        layout = [[name, list(v.shape), v.dtype] for name, v in weight_tree.named_variables(model).items()]
        tensors, meta, path = newest(layout=layout)
        matched = _load_state(model, tensors, meta, path)
        _warn_if_foreign(model, meta, path)
        return matched
    if orbax.newest_step(filepath) is not None:
        return model.load_weights(filepath)
    path = keras_v3.in_folder(path_of(filepath))
    if not os.path.isfile(path) and (tensorflow_format.is_checkpoint(path) or tensorflow_format.is_saved_model(path)):
        return tensorflow_format.load_weights(model, path, skip_mismatch, by_name)
    path = keras_v3.existing(path)
    form = format_of(path)
    if skip is not None and form in ("state", "safetensors"):
        raise _without_skipping(path)
    if form == "state":
        return _load_state(model, *read_state(path), path)
    if form == "safetensors":
        return _load_arrays(model, read_arrays(path), path, skip_mismatch, by_name)
    if form == "shards":
        with shards.opened(path) as readers:
            return keras_weights.load(model, readers, by_name=by_name, skip_mismatch=skip_mismatch, skip=skip or ())
    source = keras_v3.members(path)[1] if form == "keras" else path
    with hdf5.opened(source, path) as reader:
        is_h5 = "model_weights" in reader.groups or any(a.startswith("layer_names") for a in reader.attributes)
        if not is_h5:
            return keras_weights.load(model, reader, by_name=by_name, skip_mismatch=skip_mismatch, skip=skip or ())
        if skip is not None:
            raise _without_skipping(path)
        return h5_format.load_weights(model, reader, by_name=by_name, skip_mismatch=skip_mismatch)


def _without_skipping(path: str) -> ArgumentError:
    what = f"load_weights('{path}', objects_to_skip=...)"
    return ArgumentError(message(what, expected="a .weights.h5 or .keras file", got="a file of another format"))


def _warn_if_foreign(model: Model, meta: dict[str, Any], path: str) -> None:
    """Warn if a checkpoint is of another program, of other arguments of the program, or of another structure."""
    own = {**program_parts(), "model": describe_model(model)}
    saved = fingerprint.read(meta)
    if saved is None:  # of an earlier version: only its folder shows whose it is
        folder = os.path.dirname(path)
        saved = own if folder == program_folder() else {**own, "program": f"that of the folder {folder}"}
    elif saved.get("program") != own["program"]:
        own["arguments"] = saved.get("arguments")
    found = fingerprint.differences({name: saved.get(name) for name in own}, own)
    if found:
        hint = f"{fingerprint.listed(found)}\nload_weights('{path}') loads it without this warning."
        warn(message("load_weights('latest') loaded the checkpoint of another training", hint=hint))


def format_of(path: str) -> str:
    """Detect the format of a file from its first bytes.

    Args:
        path: the file.

    Returns:
        'keras', 'h5', 'shards', 'state' or 'safetensors'.

    Raises:
        DamagedFileError: it has none of these formats.
    """
    with open_file(path) as file:
        start = file.read(9)
        if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return "keras"
        if start[:8] == keras_v3.HDF5_SIGNATURE:
            return "h5"
        if start.lstrip()[:1] == b"{":
            return "shards"
        if start[8:9] == b"{":
            file.seek(0)
            metadata = read_header(file, path)[1].get("__metadata__", {})
            return "state" if metadata.get("format") == FORMAT else "safetensors"
    raise DamagedFileError(
        message(
            f"'{path}' contains no weights",
            expected="a .keras, .weights.h5 or .safetensors file, or a checkpoint",
            got=f"a file that begins with {start[:8]!r}",
        )
    )


def _load_arrays(model: Model, arrays: dict[str, Array], path: str, skip: bool, by_name: bool) -> list[str]:
    variables = weight_tree.named_variables(model)
    mismatches, pairs = [], []
    for name, variable in variables.items():
        array = arrays.get(name)
        if array is None and by_name:
            continue
        if array is None or array.shape != variable.shape:
            mismatches.append(f"{name}: expected {variable.shape}, got {'nothing' if array is None else array.shape}")
        else:
            pairs.append((variable, array))
    mismatches += (
        [] if by_name else [f"{n}: expected nothing, got {a.shape}" for n, a in arrays.items() if n not in variables]
    )
    matched = [variable.key for variable, _ in pairs]
    keras_weights.report(mismatches, path, skip, matched)
    keras_weights.need_match(matched, model, path)
    for variable, array in pairs:
        variable.assign(array)
    return matched


def _load_state(model: Any, tensors: dict[str, Array], meta: dict[str, Any], path: str) -> list[str]:
    """Load the weights of a checkpoint, and the optimizer's state if the same optimizer is compiled."""
    variables = weight_tree.named_variables(model)
    _same_structure(meta.get("model", []), variables, path)
    by_kind: dict[str, dict[str, Array]] = {"params": {}, "buffers": {}, "slots": {}, "hyper": {}}
    for name, array in tensors.items():
        kind, _, rest = name.partition("/")
        by_kind.setdefault(kind, {})[rest] = array
    values = by_kind["params"] | by_kind["buffers"]
    missing = [p for p, v in variables.items() if p not in values or values[p].shape != v.shape]
    if missing:
        raise DamagedFileError(message(f"The checkpoint '{path}' is incomplete", expected=f"an array '{missing[0]}'"))
    for name, variable in variables.items():
        variable.assign(values[name])
    if getattr(model, "optimizer", None) is not None:
        more = {name: array for name, array in values.items() if name not in variables}  # of a custom training step
        if more:
            left = model._restore_step_variables(more, tensors["step"])
        else:
            left = _restore_optimizer(model, by_kind, tensors)
        if left:
            warn(
                message(
                    f"The weights of the checkpoint '{path}' are loaded, but not the state of its optimizer",
                    expected="a model compiled with the same optimizer",
                    got=f"no variable for '{left[0]}'",
                    hint="Compile the model with the same arguments; fit(resume=True) restores everything or reports "
                    "what differs.",
                ),
            )
    return list(variables)


def _same_structure(saved: list[Any], variables: dict[str, Variable], path: str) -> None:
    expected = [(name, list(v.shape)) for name, v in variables.items()]
    found = [(entry[0], list(entry[1])) for entry in saved]
    for number in range(max(len(expected), len(found))):
        own = expected[number] if number < len(expected) else ("no variable", "")
        other = found[number] if number < len(found) else ("no variable", "")
        if own != other:
            raise ShapeError(
                message(
                    f"The checkpoint '{path}' belongs to another model; first difference at variable {number}",
                    expected=f"{own[0]} {own[1]}".strip(),
                    got=f"{other[0]} {other[1]}".strip(),
                    hint="Build the model as it was when the checkpoint was written.",
                )
            )


def _restore_optimizer(model: Any, by_kind: dict[str, dict[str, Array]], tensors: dict[str, Array]) -> list[str]:
    """Restore the state of the optimizer; returns the names of slots that do not match, if it is another one."""
    optimizer = model.optimizer
    keras_weight_order.trained_weights(model)
    fresh = optimizer.init(by_kind["params"])
    expected = {f"{slot}/{name}": np.shape(a) for slot, arrays in fresh.items() for name, a in arrays.items()}
    found = {name: a.shape for name, a in by_kind["slots"].items()}
    if expected != found:
        return [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    optimizer.state = {slot: {n: by_kind["slots"][f"{slot}/{n}"] for n in arrays} for slot, arrays in fresh.items()}
    iterations, *rate = optimizer.own_variables()
    iterations.assign(tensors["step"])
    if rate and "learning_rate" in by_kind["hyper"]:
        rate[0].assign(by_kind["hyper"]["learning_rate"])
    return []


def _need_built(model: Model, what: str) -> None:
    if not model.built:
        raise StateError(
            message(
                f"{what} of model '{model.name}', which is not built",
                hint="Add an Input to the model, call it on data, or call model.build(input_shape).",
            )
        )
