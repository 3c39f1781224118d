"""Checkpoint rotation: the next checkpoint replaces the older of two, so that an intact one always exists."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from gazelle.core.errors import DamagedFileError, english, message
from gazelle.saving.safetensors import Array
from gazelle.saving.state_file import check_state, read_metadata, write_state

T = TypeVar("T")
SLOTS = ("a", "b")

#: () -> (arrays by name, metadata that JSON can hold)
Snapshot = Callable[[], tuple[Mapping[str, Any], Mapping[str, Any]]]


class CheckpointRotation:
    """The files `stem.a.state` and `stem.b.state`, written alternately.

    Args:
        stem: path without the endings.
        metadata: further entries of the files' headers.

    Attributes:
        paths: the two paths.

    >>> rotation = CheckpointRotation("run")
    >>> for epoch in range(3):
    ...     rotation.write({"params/w": np.ones(2)}, {"epoch": epoch})
    >>> [read_state(path)[1]["epoch"] for path in rotation.paths]
    [2, 1]
    """

    def __init__(self, stem: str, **metadata: str) -> None:
        self.paths = [f"{stem}.{slot}.state" for slot in SLOTS]
        self._metadata = metadata
        self._newest: str | None = None  # written, or found intact, by this object
        self._order = 0

    @property
    def newest(self) -> str:
        """The path of the checkpoint written last."""
        return self._newest or max(self.paths, key=order_of)

    def prepare(
        self, tensors: Mapping[str, Array], meta: Mapping[str, Any]
    ) -> tuple[Mapping[str, Array], Mapping[str, Any]]:
        """Return what `write` takes of a snapshot; `write` may run later, in another thread.

        Args:
            tensors: {name: array}.
            meta: values that JSON can hold.

        Returns:
            (tensors, meta).
        """
        return tensors, meta

    def write(self, tensors: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
        """Write a checkpoint in place of the older or of a damaged one.

        Args:
            tensors: {name: array}.
            meta: values that JSON can hold.
        """
        if self._newest is None:
            self._newest, self._order = self._find()
        target = next(path for path in self.paths if path != self._newest)
        order = max(time.time_ns(), self._order + 1)
        write_state(target, tensors, meta, order=f"{order:020}", **self._metadata)
        self._newest, self._order = target, order

    def _find(self) -> tuple[str, int]:
        """The newest intact checkpoint, which the next write must not replace, and the highest order number."""
        latest = max(order_of(path)[0] for path in self.paths)
        for path in sorted(self.paths, key=order_of, reverse=True):
            try:
                check_state(path)
            except (OSError, DamagedFileError):
                continue
            return path, latest
        return self.paths[-1], latest


def sharded_folder(stem: str) -> str:
    """The folder of the arrays that several processes wrote together."""
    return f"{stem}.sharded"


def order_of(path: str) -> tuple[int, float]:
    """Sort key of checkpoints by age: the number in the file, or the modification time where it cannot be read."""
    order = read_metadata(path).get("order", "")
    try:
        modified = os.stat(path).st_mtime
    except OSError:
        return 0, 0.0
    return (int(order) if order.isascii() and order.isdigit() and len(order) == 20 else int(modified * 1e9)), modified


def newest_intact(paths: Iterable[str], read: Callable[[str], T]) -> tuple[T, str]:
    """The newest intact checkpoint among `paths`; a damaged newer one causes a warning.

    Args:
        paths: paths of checkpoints; missing ones are ignored.
        read: reads a checkpoint, raises DamagedFileError where it is damaged.

    Returns:
        What `read` returned, and the path.

    Raises:
        FileNotFoundError: there is no checkpoint.
        DamagedFileError: all of them are damaged.
    """
    damage: list[str] = []
    ordered = sorted(filter(os.path.exists, paths), key=order_of, reverse=True)
    for number, path in enumerate(ordered):
        try:
            content = read(path)
        except DamagedFileError as error:
            damage.append(english(error).split("\n")[0])
            continue
        except FileNotFoundError:
            continue
        damage += [
            text for other in ordered[number + 1 :] if _modified(other) > _modified(path) for text in _damage(other)
        ]
        if damage:
            hint = f"The previous checkpoint is intact and is used instead: '{path}'."
            warnings.warn(message(" ".join(damage).rstrip("."), hint=hint), RuntimeWarning, stacklevel=4)
        return content, path
    if damage:
        raise DamagedFileError(message("All checkpoints are damaged", hint="\n".join(damage)))
    raise FileNotFoundError("There is no checkpoint.")


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _damage(path: str) -> list[str]:
    """What is wrong with a checkpoint that was modified later than its order number implies."""
    try:
        check_state(path)
    except DamagedFileError as error:
        return [english(error).split("\n")[0]]
    return []
