"""The two generations of a kept state: the next one is written over the older, so a whole one is always there."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gazelle.core.errors import DamagedFileError, message
from gazelle.saving.safetensors import Array
from gazelle.saving.state_file import check_state, marks_of, write_state

SLOTS = ("a", "b")


class Generations:
    """`stem.a.state` and `stem.b.state`, written in turn.

    >>> kept = Generations("run")
    >>> for epoch in range(3):
    ...     kept.write({"params/w": np.ones(2)}, {"epoch": epoch})
    >>> [read_state(path)[1]["epoch"] for path in kept.paths]
    [2, 1]
    """

    def __init__(self, stem: str, **marks: str) -> None:
        self.paths = [f"{stem}.{slot}.state" for slot in SLOTS]
        self._marks = marks
        self._newest: str | None = None  # written or found whole by this object
        self._order = 0

    @property
    def newest(self) -> str:
        """The path of the generation that was written last."""
        return self._newest or max(self.paths, key=order_of)

    def write(self, tensors: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
        """Write a state in the place of the older generation, or of a damaged one."""
        if self._newest is None:
            self._newest, self._order = self._find()
        target = next(path for path in self.paths if path != self._newest)
        order = max(time.time_ns(), self._order + 1)
        write_state(target, tensors, meta, order=f"{order:020}", **self._marks)
        self._newest, self._order = target, order

    def _find(self) -> tuple[str, int]:
        """The newest whole generation: the other one is written over first."""
        latest = max(order_of(path)[0] for path in self.paths)
        for path in sorted(self.paths, key=order_of, reverse=True):
            try:
                check_state(path)
            except (OSError, DamagedFileError):
                continue
            return path, latest
        return self.paths[-1], latest


def order_of(path: str) -> tuple[int, float]:
    """What tells the newer of two states: a number in the file, the time on the disk where that cannot be read."""
    order = marks_of(path).get("order", "")
    try:
        written = os.stat(path).st_mtime
    except OSError:
        return 0, 0.0
    return (int(order) if order.isascii() and order.isdigit() and len(order) == 20 else int(written * 1e9)), written


def newest_whole(paths: Iterable[str], read: Callable[[str], Any]) -> tuple[Any, str]:
    """What `read` gives for the newest whole state among those at `paths`, and its path.

    A newer one that is damaged is told in a warning.

    Raises:
        FileNotFoundError: none is there. DamagedFileError: none is whole.
    """
    damage: list[str] = []
    ordered = sorted(filter(os.path.exists, paths), key=order_of, reverse=True)
    for number, path in enumerate(ordered):
        try:
            found = read(path)
        except DamagedFileError as error:
            damage.append(str(error).split("\n")[0])
            continue
        except FileNotFoundError:
            continue
        damage += [
            text for other in ordered[number + 1 :] if _written(other) > _written(path) for text in _damage(other)
        ]
        if damage:
            hint = f"The generation before it is whole and is taken: '{path}'."
            warnings.warn(message(" ".join(damage).rstrip("."), hint=hint), RuntimeWarning, stacklevel=4)
        return found, path
    if damage:
        raise DamagedFileError(message("No kept state is whole", hint="\n".join(damage)))
    raise FileNotFoundError("No state is kept.")


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _damage(path: str) -> list[str]:
    """What is wrong with a state that was written later than its own number says."""
    try:
        check_state(path)
    except DamagedFileError as error:
        return [str(error).split("\n")[0]]
    return []
