"""Assets: files inside a `.keras` file that layers write and read themselves, such as vocabularies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gazelle.core.errors import DamagedFileError, UnsafeFileError, message
from gazelle.saving import keras_weight_order

if TYPE_CHECKING:
    from gazelle.models import Model

FOLDER = "assets"


def collect(model: Model) -> dict[str, bytes]:
    """Call `save_assets(folder)` of each layer that has it.

    Args:
        model: the model.

    Returns:
        {name in the zip: content}.
    """
    out: dict[str, bytes] = {}
    for part in keras_weight_order.parts(model):
        save = part.custom_method("save_assets")
        if save is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            save(folder)
            files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
            out |= {_prefix(part) + path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return out


def _prefix(part: keras_weight_order.Part) -> str:
    """The beginning of the names of a layer's assets."""
    return f"{FOLDER}/{part.path}/" if part.path else f"{FOLDER}/"


def is_safe_name(name: str) -> bool:
    """Whether a member of the zip is an asset whose path stays inside the folder of assets."""
    components = name.split("/")
    return (
        components[0] == FOLDER
        and len(components) > 1
        and "\\" not in name
        and ":" not in name
        and "\0" not in name
        and all(component not in ("", ".", "..") for component in components[1:])
        and len(name) < 1000
    )


def restore(model: Model, members: Mapping[str, bytes], label: str) -> None:
    """Call `load_assets(folder)` of each layer that has assets.

    Args:
        model: the model.
        members: {name in the zip: content}.
        label: name of the file in errors.

    Raises:
        DamagedFileError: a layer cannot read its assets.
        UnsafeFileError: there are assets that belong to no layer.
    """
    rest = dict(members)
    for part in keras_weight_order.parts(model):
        load = part.custom_method("load_assets")
        start = _prefix(part)
        own = {name[len(start) :]: name for name in rest if name.startswith(start)}
        if load is None or not own:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for inner, name in own.items():
                path = os.path.join(folder, *inner.split("/"))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "xb") as file:
                    file.write(rest.pop(name))
            try:
                load(folder)
            except (OSError, ValueError, UnicodeError) as error:
                text = message(f"The files of layer '{part.name}' in {label} cannot be read", got=error)
                raise DamagedFileError(text) from error
    if rest:
        raise UnsafeFileError(
            message(f"{label} is refused", expected="only assets of its layers", got=repr(next(iter(rest)))[:80])
        )
