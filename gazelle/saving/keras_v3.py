"""The `.keras` file of Keras 3: a zip of config.json, metadata.json and model.weights.h5."""

from __future__ import annotations

import datetime
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from gazelle.core import config as core
from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError, message, nearest
from gazelle.core.traceback import warn
from gazelle.saving import assets, config_check, hdf5, keras_weights, legacy, tf_keras_config
from gazelle.saving import config as configs
from gazelle.saving.atomic import path_of, replace_file
from gazelle.saving.keras_weights import whole
from gazelle.saving.safetensors import damaged

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
KERAS_VERSION = "3.15.1"  # whose layout this is
_MOST_BYTES = {CONFIG: configs.LONGEST, METADATA: 2**20}
HDF5_START = b"\x89HDF\r\n\x1a\n"
_EXPANSION = 100  # a member that grows more than so many times, and beyond 16 MiB, is a bomb


def save_model(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Write architecture, weights, compile arguments and the optimizer's state; Keras 3 can read the file.

    A name that ends in `.h5` or `.hdf5` gets the old layout, any other one that of `.keras`.

    Args:
        filepath: where to; a file that is there is replaced in one step, or kept if `overwrite` is False.
        include_optimizer: False leaves the optimizer's state out.

    Raises:
        OSError: it could not be written; the old file is as it was.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    >>> save_model(model, "model.keras")
    >>> load_model("model.keras").output_shape
    (None, 2)
    """
    include_optimizer = kwargs.pop("include_optimizer", True)
    filepath = path_of(filepath)
    legacy_form = filepath.endswith((".h5", ".hdf5"))
    kwargs.pop("zipped", None), kwargs.pop("save_format", None)
    if kwargs:
        raise ArgumentError(message(f"save has no argument {next(iter(kwargs))!r}"))
    refuse_overwriting(filepath, overwrite)
    if not model.built:
        warn(f"Model '{model.name}' is not built: the file holds no weights.")
    if legacy_form:
        data = legacy.dump(model, include_optimizer)
        replace_file(filepath, lambda file: file.write(data))
        return
    text = configs.model_to_json(model).encode()
    about = {"keras_version": KERAS_VERSION, "date_saved": f"{datetime.datetime.now():%Y-%m-%d@%H:%M:%S}"}
    weights = keras_weights.dump(model, include_optimizer)

    buffer = io.BytesIO()  # a zip is not written from its first byte to its last, and `replace_file` checks what is
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(METADATA, json.dumps(about))
        archive.writestr(CONFIG, text)
        archive.writestr(WEIGHTS, weights)
        for name, data in assets.collect(model).items():
            archive.writestr(name, data)
    replace_file(filepath, lambda file: file.write(buffer.getbuffer()))


def load_model(
    filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model in a `.keras` file of gazelle or Keras 3.

    Nothing in a file is ever run: classes and functions come from gazelle's tables, from `custom_objects` and from
    `register_keras_serializable`. `safe_mode` is accepted; there is no unsafe mode.

    Args:
        custom_objects: {name: class or function}; {name of a Lambda layer: its function}.
        compile: compile as the saved model was, and restore the optimizer's state.

    Raises:
        UnsafeFileError: it asks for something a data file must not do. DamagedFileError: it is cut or changed.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    >>> model.save("model.keras")
    >>> same = load_model("model.keras")
    >>> bool((same.predict(np.ones((1, 3)), verbose=0) == model.predict(np.ones((1, 3)), verbose=0)).all())
    True
    """
    filepath = existing(filepath)
    label = f"'{filepath}'"
    if _is_hdf5(filepath):
        with hdf5.opened(filepath, os.fspath(filepath)) as reader:
            return legacy.load_model(reader, custom_objects, compile)
    config, weights, files, version = _contents(filepath)
    parsed = configs.parse(config, label)
    if version.startswith("2."):
        parsed = tf_keras_config.meant(parsed)
    with hdf5.opened(weights, f"{os.fspath(filepath)}:{WEIGHTS}") as reader:
        stored = sum(math.prod(shape) for shape, _ in reader.declared.values())
        model = configs.build(parsed, label, custom_objects, stored)
        compiled = parsed.get("compile_config")
        if compile and compiled:
            _compile(model, compiled, label, custom_objects)
        with whole(label):
            keras_weights.load(model, reader, optimizer=compile)
    assets.give(model, files, label)
    return model


def _is_hdf5(filepath: Any) -> bool:
    with open(filepath, "rb") as file:
        start = file.read(8)
    if start[:2] != b"PK" and start != HDF5_START:
        got = f"a file that begins with {start!r}"
        raise DamagedFileError(message(f"'{filepath}' holds no model", expected="a .keras or .h5 file", got=got))
    return start == HDF5_START


def _compile(model: Any, config: Any, label: str, custom_objects: Mapping[str, Any] | None) -> None:
    try:
        with core.custom_object_scope(custom_objects or {}), configs.translated(label):
            model.compile_from_config(config_check.checked(config, label))
    except (UnsafeFileError, DamagedFileError) as error:
        raise type(error)(f"{error}\nload_model(..., compile=False) leaves the arguments of compile out.") from error


def members(filepath: Any) -> tuple[bytes, bytes]:
    """The config and the weights of a `.keras` file, checked: the three members, once each, no larger than they say."""
    config, weights, _, _ = _contents(filepath)
    return config, weights


def _contents(filepath: Any) -> tuple[bytes, bytes, dict[str, bytes], str]:
    """Config, weights, the files of layers, and the version of Keras that wrote it."""
    label = f"'{os.fspath(filepath)}'"
    with open(filepath, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_members(archive, label)
                names = archive.namelist()
                files = {n: archive.read(n) for n in names if n.startswith(f"{assets.FOLDER}/") and n[-1] != "/"}
                about = configs.parse(archive.read(METADATA), label) if METADATA in names else {}
                return archive.read(CONFIG), archive.read(WEIGHTS), files, str(about.get("keras_version", ""))
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
    foreign = [n for n in names if n not in (CONFIG, METADATA, WEIGHTS) and not assets.plain(n.removesuffix("/"))]
    if foreign or len(set(names)) != len(names):
        what = repr(foreign[0][:80]) if foreign else "one of them twice"
        raise UnsafeFileError(message(f"{label} is refused", expected=f"{CONFIG}, {METADATA}, {WEIGHTS}", got=what))
    if CONFIG not in names or WEIGHTS not in names:
        raise DamagedFileError(
            message(f"{label} is no model of Keras 3", expected=f"{CONFIG} and {WEIGHTS} in the zip", got=names)
        )
    for info in archive.infolist():
        most = _MOST_BYTES.get(info.filename, max(2**24, _EXPANSION * info.compress_size))
        if info.file_size > most or info.external_attr >> 28 == 0xA:
            raise UnsafeFileError(
                message(
                    f"{info.filename} in {label} is refused",
                    expected=f"a file of at most {most} bytes",
                    got=f"{info.file_size} from {info.compress_size}",
                )
            )


def existing(filepath: Any) -> str:
    """The path of a file that is there, as text."""
    path = path_of(filepath)
    folder, name = os.path.split(path)
    if os.path.isdir(path):
        raise DamagedFileError(message(f"'{path}'", expected="a file", got="a folder"))
    if not os.path.exists(path):
        near = nearest(name, os.listdir(folder or ".")) if os.path.isdir(folder or ".") else []
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Is the path right?"
        got = f"none of this name in '{os.path.abspath(folder)}'"
        raise FileNotFoundError(message(f"'{path}' cannot be read", expected="a file", got=got, hint=hint))
    return path


def refuse_overwriting(filepath: Any, overwrite: bool) -> None:
    """An error where a file is there that must stay."""
    if not overwrite and os.path.exists(filepath):
        raise ArgumentError(
            message(
                f"'{os.fspath(filepath)}' exists", hint="Write overwrite=True to replace it, or choose another name."
            )
        )
