"""Files within a `.keras` file that layers write and read themselves, such as vocabularies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from gazelle.core.errors import DamagedFileError, UnsafeFileError, message
from gazelle.saving import keras_weight_order

FOLDER = "assets"
_MOST_BYTES = 2**28  # of one layer


def collect(model: Any) -> dict[str, bytes]:
    """{name in the zip: bytes} of what the layers' `save_assets(folder)` write."""
    out: dict[str, bytes] = {}
    for part in keras_weight_order.parts(model):
        hook = part.hook("save_assets")
        if hook is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            hook(folder)
            for place, _, names in os.walk(folder):
                for name in sorted(names):
                    path = os.path.join(place, name)
                    inner = os.path.relpath(path, folder).replace(os.sep, "/")
                    with open(path, "rb") as file:
                        out[f"{FOLDER}/{part.path}/{inner}" if part.path else f"{FOLDER}/{inner}"] = file.read()
    return out


def plain(name: str) -> bool:
    """Whether a member of the zip is an asset whose name leads nowhere else."""
    steps = name.split("/")
    return (
        steps[0] == FOLDER
        and len(steps) > 1
        and "\\" not in name
        and ":" not in name
        and "\0" not in name
        and all(step not in ("", ".", "..") for step in steps[1:])
        and len(name) < 1000
    )


def give(model: Any, members: Mapping[str, bytes], label: str) -> None:
    """Let each layer read its own files, from a folder that goes away; files of no layer are refused."""
    rest = dict(members)
    for part in keras_weight_order.parts(model):
        hook = part.hook("load_assets")
        start = f"{FOLDER}/{part.path}/" if part.path else f"{FOLDER}/"
        own = {name[len(start) :]: name for name in rest if name.startswith(start)}
        if hook is None or not own:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for inner, name in own.items():
                path = os.path.join(folder, *inner.split("/"))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "xb") as file:
                    file.write(rest.pop(name))
            try:
                hook(folder)
            except (OSError, ValueError, UnicodeError) as error:
                text = message(f"The files of layer '{part.name}' in {label} cannot be read", got=error)
                raise DamagedFileError(text) from error
    if rest:
        raise UnsafeFileError(
            message(f"{label} is refused", expected="files of its layers alone", got=repr(next(iter(rest)))[:80])
        )
