"""The `.keras` format of Keras 3: a zip of config.json, metadata.json and model.weights.h5."""

from __future__ import annotations

import datetime
import functools
import io
import json
import math
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError, message, missing_file
from gazelle.core.traceback import warn
from gazelle.core.types import PathLike
from gazelle.engine import orbax
from gazelle.saving import assets, h5_format, hdf5, keras_weights, tensorflow_format, tf_keras_config, unzipped
from gazelle.saving import config as configs
from gazelle.saving.atomic import path_of, replace_file
from gazelle.saving.keras_weights import weight_errors
from gazelle.saving.regular_file import check_regular, open_file
from gazelle.saving.safetensors import damaged
from gazelle.saving.unzipped import CONFIG, METADATA, WEIGHTS

if TYPE_CHECKING:
    from gazelle.models import Model

_IN_FOLDER = "model.keras"  # the file that a folder gets
KERAS_VERSION = "3.15.1"  # the version whose layout is written
_MAX_BYTES = {CONFIG: configs.MAX_BYTES, METADATA: 2**20}
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAX_ASSETS = 2**18  # bytes of an asset that expands more than 20 times
_CHARACTERS = 8  # characters of an array of strings for each byte in a file, at most
_MAX_EXPANSION = 100  # a member that expands more, and beyond 16 MiB, is a decompression bomb


def save_model(model: Model, filepath: PathLike | BinaryIO, overwrite: bool = True, **kwargs: Any) -> None:
    """Write architecture, weights, compile arguments and the optimizer's state; Keras 3 can read the file.

    Args:
        model: the model.
        filepath: the file to write, replaced atomically. A name that ends in `.h5` or `.hdf5` gets the HDF5 format of
            Keras 2, and its folder is created; any other name gets the `.keras` format. An open binary file gets the
            `.keras` format, too, and a folder with another name the file `model.keras`.
        overwrite: False raises an error if the file exists.
        **kwargs: `include_optimizer=False` omits the optimizer's state; `zipped=False` writes a folder, which is
            created, with the members of a `.keras` file; `save_format="h5"` selects HDF5 for any name, and without
            a `save_format` another ending is reported.

    Raises:
        OSError: the file could not be written; an existing one is unchanged.
        ArgumentError: the file exists and `overwrite` is False, or an argument is unknown.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    >>> save_model(model, "model.keras")
    >>> load_model("model.keras").output_shape
    (None, 2)
    """
    write_model(functools.partial(_dump, model), filepath, overwrite, **kwargs)


def write_model(
    dump: Callable[..., bytes | memoryview], filepath: PathLike | BinaryIO, overwrite: bool = True, **kwargs: Any
) -> None:
    """Write a file as `save_model` does.

    Args:
        dump: returns the content of the file: dump(include_optimizer, is_h5).
        filepath: as for `save_model`.
        overwrite: as for `save_model`.
        **kwargs: as for `save_model`.
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    is_zipped = kwargs.pop("zipped", None) is not False
    save_format = kwargs.pop("save_format", None)
    if kwargs:
        raise ArgumentError(message(f"save has no argument {next(iter(kwargs))!r}"))
    if not isinstance(filepath, (str, os.PathLike)) and hasattr(filepath, "write"):
        filepath.write(dump(include_optimizer))
        return
    path = path_of(cast(PathLike, filepath))
    if not is_zipped:
        refuse_overwriting(path, overwrite)
        unzipped.write(path, dump(include_optimizer))
        return
    is_h5 = path.endswith((".h5", ".hdf5")) or save_format in ("h5", "hdf5")
    is_named_as_file = is_h5 or path.endswith(".keras")
    if os.path.isdir(path) and not is_named_as_file:
        path, is_named_as_file = os.path.join(path, _IN_FOLDER), True
    refuse_overwriting(path, overwrite)
    if save_format is None and not is_named_as_file:
        hint = f"Keras and other programs expect this ending: save('{os.path.splitext(path)[0]}.keras')."
        warn(message(f"save writes the .keras format into '{path}'", hint=hint))
    data = dump(include_optimizer, is_h5=is_h5)
    if is_h5:  # as Keras 3, for this format only
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    replace_file(path, lambda file: file.write(data))


def _dump(model: Model, include_optimizer: bool, is_h5: bool = False) -> bytes | memoryview:
    """The content of the file."""
    if not model.built:
        warn(f"Model '{model.name}' is not built: the file contains no weights.")
    if is_h5:
        return h5_format.dump(model, include_optimizer)
    config = json.loads(configs.model_to_json(model))
    return zipped(config, KERAS_VERSION, keras_weights.dump(model, include_optimizer), model)


def zipped(config: dict[str, Any], version: str, weights: bytes | memoryview, model: Model) -> memoryview:
    """The bytes of a `.keras` file.

    Args:
        config: the model's config, with that of `compile`.
        version: of Keras, whose layout the config has.
        weights: the file of the weights.
        model: whose vocabularies are added.
    """
    metadata = {"keras_version": version, "date_saved": f"{datetime.datetime.now():%Y-%m-%d@%H:%M:%S}"}
    buffer = io.BytesIO()  # a zip is not written sequentially, which the checksum of `replace_file` requires
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, weights)
        for name, data in assets.collect(model).items():
            archive.writestr(name, data)
    return buffer.getbuffer()


def load_model(
    filepath: PathLike | BinaryIO,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Read a model from a `.keras` file, an HDF5 file of any version of Keras, or a SavedModel of tf.keras.

    Nothing in a file is executed: classes and functions are looked up in gazelle's tables, in `custom_objects` and
    among those registered with `register_keras_serializable`.

    Args:
        filepath: the file to read, or an open binary file, or a folder with `model.keras`, the members of such a file,
            a SavedModel or the checkpoints of an `OrbaxCheckpoint`.
        custom_objects: {name: class or function}; for a Lambda layer {name of the layer: its function}.
        compile: compile the model with the saved arguments, and restore the optimizer's state.
        safe_mode: accepted for compatibility; there is no unsafe mode.

    Returns:
        The model.

    Raises:
        UnsafeFileError: the file requests something a data file must not do.
        DamagedFileError: the file is truncated or was changed.
        FileNotFoundError: there is no such file.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    >>> model.save("model.keras")
    >>> same = load_model("model.keras")
    >>> bool((same.predict(np.ones((1, 3)), verbose=0) == model.predict(np.ones((1, 3)), verbose=0)).all())
    True
    """
    if not isinstance(filepath, (str, os.PathLike)) and hasattr(filepath, "read"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.keras")
            with open(path, "wb") as copy:
                shutil.copyfileobj(filepath, copy)
            return load_model(path, custom_objects, compile)
    path = path_of(cast(PathLike, filepath))
    path = in_folder(path)
    step = orbax.newest_step(path)
    if step is not None:
        return _of_orbax(path, step, custom_objects, compile)
    if tensorflow_format.is_saved_model(path):
        return tensorflow_format.load_model(path, custom_objects, compile)
    is_folder = unzipped.is_unzipped(path)
    filepath = path if is_folder else existing(path)
    label = f"'{filepath}'"
    if not is_folder and _is_hdf5(filepath):
        with hdf5.opened(filepath, os.fspath(filepath)) as reader:
            return h5_format.load_model(reader, custom_objects, compile)
    config, weights, asset_files, version = _contents(filepath)
    parsed = configs.parse(config, label)
    if version.startswith("2."):
        parsed = tf_keras_config.replace_hard_sigmoid(parsed)
    with hdf5.opened(weights, f"{os.fspath(filepath)}:{WEIGHTS}") as reader:
        stored = sum(math.prod(shape) for shape, _ in reader.declared.values())
        model = configs.build(parsed, label, custom_objects, stored)
        compiled = parsed.get("compile_config")
        if compile and compiled:
            configs.compile_model(model, compiled, label, custom_objects, stored)
        with weight_errors(label):
            keras_weights.load(model, reader, optimizer=compile)
    with configs.budget_of(label, _CHARACTERS * sum(map(len, asset_files.values()))):
        assets.restore(model, asset_files, label)
    return model


def _of_orbax(folder: str, step: int, custom_objects: Mapping[str, Any] | None, compile: bool) -> Model:
    """Read the model of a checkpoint of an `OrbaxCheckpoint`."""
    file, label = os.path.join(folder, str(step), "config", "metadata"), f"'{folder}'"
    if not os.path.isfile(file):
        hint = "Build the model in code and call load_weights."
        raise ArgumentError(message(label, expected="a checkpoint with the model's config", got="weights", hint=hint))
    with open_file(file) as data:
        parsed = configs.parse(data.read(), label)
    model = configs.build(parsed, label, custom_objects)
    compiled = parsed.get("compile_config")
    if compile and compiled:
        configs.compile_model(model, compiled, label, custom_objects, model.count_params())
    model._load_orbax(folder, optimizer=compile)
    return model


def _is_hdf5(filepath: str) -> bool:
    with open_file(filepath) as file:
        start = file.read(8)
    if start[:2] != b"PK" and start != HDF5_SIGNATURE:
        got = f"a file that begins with {start!r}"
        raise DamagedFileError(message(f"'{filepath}' contains no model", expected="a .keras or .h5 file", got=got))
    return start == HDF5_SIGNATURE


def members(filepath: PathLike) -> tuple[bytes, bytes]:
    """The config and the weights of a `.keras` file.

    Args:
        filepath: the file to read.

    Raises:
        UnsafeFileError: the zip has other members, duplicates, or members that expand too much.
        DamagedFileError: it cannot be read, or a member is missing.
    """
    config, weights, _, _ = _contents(filepath)
    return config, weights


def _contents(filepath: PathLike) -> tuple[bytes, bytes, dict[str, bytes], str]:
    """Config, weights, assets, and the version of Keras that wrote the file."""
    label = f"'{os.fspath(filepath)}'"
    path = os.fspath(filepath)
    with unzipped.as_zip(path) if os.path.isdir(path) else open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_members(archive, label)
                names = archive.namelist()
                files = {n: archive.read(n) for n in names if n.startswith(f"{assets.FOLDER}/") and n[-1] != "/"}
                metadata = configs.parse(archive.read(METADATA), label) if METADATA in names else {}
                return archive.read(CONFIG), archive.read(WEIGHTS), files, str(metadata.get("keras_version", ""))
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
            OSError,
        ) as error:
            if isinstance(error, (UnsafeFileError, DamagedFileError)):
                raise
            raise damaged(os.fspath(filepath), f"the zip cannot be read ({error})") from error


def _check_members(archive: zipfile.ZipFile, label: str) -> None:
    names = [info.filename for info in archive.infolist()]
    known = (CONFIG, METADATA, WEIGHTS)
    unknown = [n for n in names if n not in known and not assets.is_safe_name(n.removesuffix("/"))]
    if unknown or len(set(names)) != len(names):
        got = repr(unknown[0][:80]) if unknown else "one of them twice"
        raise UnsafeFileError(message(f"{label} is refused", expected=", ".join(known), got=got))
    if CONFIG not in names or WEIGHTS not in names:
        raise DamagedFileError(
            message(f"{label} is not a model of Keras 3", expected=f"{CONFIG} and {WEIGHTS} in the zip", got=names)
        )
    for info in archive.infolist():
        large = max(2**24, _MAX_EXPANSION * info.compress_size)
        if info.filename.startswith(f"{assets.FOLDER}/"):
            large = max(_MAX_ASSETS, 20 * info.compress_size)
        limit = _MAX_BYTES.get(info.filename, large)
        if info.file_size > limit or info.external_attr >> 28 == 0xA:
            raise UnsafeFileError(
                message(
                    f"{info.filename} in {label} is refused",
                    expected=f"a file of at most {limit} bytes",
                    got=f"{info.file_size} from {info.compress_size}",
                )
            )


def in_folder(path: str) -> str:
    """The file in a folder that `save` wrote, or the path itself."""
    inner = os.path.join(path, _IN_FOLDER)
    return inner if os.path.isfile(inner) else path


def existing(filepath: PathLike) -> str:
    """Convert the path of an existing file to `str`.

    Raises:
        MissingFileError: there is no such file; the message suggests similar names.
        DamagedFileError: it is a folder, a FIFO or a device.
    """
    path = path_of(filepath)
    if os.path.exists(path):
        check_regular(path, os.stat(path).st_mode)
        return path
    raise missing_file(path)


def refuse_overwriting(filepath: PathLike, overwrite: bool) -> None:
    """Raise an error if a file exists and must not be replaced.

    Raises:
        ArgumentError: the file exists and `overwrite` is False.
    """
    if not overwrite and os.path.exists(filepath):
        raise ArgumentError(
            message(f"'{os.fspath(filepath)}' exists", hint="Pass overwrite=True to replace it, or use another name.")
        )
