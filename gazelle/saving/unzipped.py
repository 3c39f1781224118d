"""A `.keras` file as a folder of its members, which `save(zipped=False)` of Keras 3 writes."""

from __future__ import annotations

import functools
import io
import os
import zipfile

from gazelle.core.errors import ArgumentError, message
from gazelle.engine import processes
from gazelle.saving import assets
from gazelle.saving.atomic import replace_file, sync_folder
from gazelle.saving.regular_file import open_file

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_PENDING = "pending.keras"  # the members of a save that has not finished; after a crash it is the model


def is_unzipped(path: str) -> bool:
    """Whether it is a folder with the members of a `.keras` file."""
    return os.path.isfile(os.path.join(path, _PENDING)) or all(
        os.path.isfile(os.path.join(path, name)) for name in (CONFIG, WEIGHTS)
    )


def write(folder: str, archive: bytes | memoryview) -> None:
    """Write the members of a `.keras` file into a folder, which is created; other files in it stay.

    The whole file is written first, so that a crash between two members leaves a complete model.

    Args:
        folder: its path.
        archive: the content of the file.

    Raises:
        ArgumentError: the path ends as that of a file.
        OSError: a member could not be written.
    """
    if folder.endswith((".keras", ".h5", ".hdf5")):
        hint = "Leave the ending out, or leave out zipped=False."
        raise ArgumentError(message("save(zipped=False)", expected="the path of a folder", got=repr(folder), hint=hint))
    if not processes.writes_files:
        return
    os.makedirs(os.path.join(folder, assets.FOLDER), exist_ok=True)
    pending = os.path.join(folder, _PENDING)
    replace_file(pending, functools.partial(_copy, archive))
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        for name in members.namelist():
            target = os.path.join(folder, *name.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            replace_file(target, functools.partial(_copy, members.read(name)))
    os.remove(pending)
    sync_folder(folder)


def _copy(content: bytes | memoryview, file: io.BufferedIOBase) -> None:
    file.write(content)


def as_zip(folder: str) -> io.BytesIO:
    """The members in a folder as a `.keras` file, to which the checks of such files apply; links are refused.

    Args:
        folder: its path.

    Returns:
        The file, to be read from its start.
    """
    if os.path.lexists(pending := os.path.join(folder, _PENDING)):
        with open_file(pending) as file:
            return io.BytesIO(file.read())
    names = [name for name in (CONFIG, METADATA, WEIGHTS) if os.path.lexists(os.path.join(folder, name))]
    for inner, _, files in os.walk(os.path.join(folder, assets.FOLDER)):
        names += [os.path.relpath(os.path.join(inner, file), folder).replace(os.sep, "/") for file in files]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            with open_file(os.path.join(folder, *name.split("/"))) as file:
                archive.writestr(name, file.read())
    buffer.seek(0)
    return buffer
