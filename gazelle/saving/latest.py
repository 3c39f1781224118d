"""The latest state of each model of each program: which one it is, and what is in it."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from typing import Any

from gazelle.core.errors import message
from gazelle.saving import checkpoint_paths
from gazelle.saving.checkpoint_paths import NothingKeptError
from gazelle.saving.rotation import newest_whole, order_of
from gazelle.saving.safetensors import Array
from gazelle.saving.state_file import check_state, read_state

_GENERATION = re.compile(r"(.*?)(~\d+)?\.[ab]\.state")


def newest(model_name: str | None = None) -> tuple[dict[str, Array], dict[str, Any], str]:
    """(tensors, words, path) of the newest whole state of this program; if it has none, of any program.

    Where the newest is damaged the one before it is taken, with a warning.

    Args:
        model_name: only states of the model of this name.

    Raises:
        NothingKeptError: no state is kept. DamagedFileError: none is whole.

    >>> autosave = Autosave("example")
    >>> autosave.finish(lambda: ({"params/w": np.ones(2)}, {"epoch": 1}))
    >>> newest("example")[1]
    {'epoch': 1}
    """
    (tensors, meta), path = _find(model_name, read_state)
    return tensors, meta, path


def latest(model_name: str | None = None) -> str:
    """The path of the newest whole state of this program; if it has none, of any program.

    Args:
        model_name: only states of the model of this name.

    Raises:
        NothingKeptError: no state is kept. DamagedFileError: none is whole.
    """
    path: str = _find(model_name, check_state)[1]
    return path


def _find(model_name: str | None, read: Callable[[str], Any]) -> tuple[Any, str]:
    try:
        return newest_whole(_of_the_newest_model(model_name), read)
    except NothingKeptError:
        raise
    except FileNotFoundError:
        raise _nothing(model_name) from None


def _of_the_newest_model(model_name: str | None) -> list[str]:
    """The generations of the model that was kept last."""
    own = checkpoint_paths.folder()
    for folder in (glob.escape(own), os.path.join(glob.escape(os.path.dirname(own)), "*")):
        found: dict[str, list[str]] = {}
        for path in glob.glob(os.path.join(folder, "*.state")):
            parts = _GENERATION.fullmatch(os.path.basename(path))
            if parts is not None and (model_name is None or parts[1] == checkpoint_paths.file_name(model_name)):
                found.setdefault(os.path.join(os.path.dirname(path), parts[1]), []).append(path)
        if found:
            return max(found.values(), key=lambda paths: max(map(order_of, paths)))
    raise _nothing(model_name)


def _nothing(model_name: str | None) -> NothingKeptError:
    of = f" of model {model_name!r}" if model_name is not None else ""
    return NothingKeptError(
        message(
            f"No state{of} is kept in '{checkpoint_paths.home()}'",
            hint="fit() keeps it: train first, or set GAZELLE_HOME to the folder where it was kept.",
        )
    )
