"""Paths of the checkpoints of each model of each program, and the newest of them."""

from __future__ import annotations

import functools
import glob
import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

from gazelle.core.errors import StateError, message
from gazelle.saving import throttle
from gazelle.saving.program import running_program, short_hash
from gazelle.saving.rotation import newest_intact, order_of
from gazelle.saving.safetensors import Array
from gazelle.saving.state_file import check_state, metadata_of, read_state

T = TypeVar("T")
#: name of the model, a hash of its structure (in notebooks), the number of the training, that of the process
_CHECKPOINT = re.compile(r"(.*?)((?:-[0-9a-f]{8})?)(\.fit\d+)?(~\d+)?\.[ab]\.state")


class NoCheckpointError(StateError, FileNotFoundError):
    """There is no checkpoint to resume from."""


def newest(
    model_name: str | None = None, layout: list[Any] | None = None
) -> tuple[dict[str, Array], dict[str, Any], str]:
    """Read the newest intact checkpoint of this program; if it has none, of any program.

    If the newest checkpoint is damaged, the previous one is read and a warning is issued.

    Args:
        model_name: only checkpoints of models of this name.
        layout: [[path, shape, dtype]] of the variables of a model, whose checkpoints are preferred to those of others.

    Returns:
        The tensors by name, the metadata, and the path.

    Raises:
        NoCheckpointError: there is no checkpoint.
        DamagedFileError: all of them are damaged.

    >>> autosave = Autosave("example")
    >>> autosave.finish(lambda: ({"params/w": np.ones(2)}, {"epoch": 1}))
    >>> newest("example")[1]
    {'epoch': 1}
    """
    (tensors, meta), path = _find(model_name, read_state, layout)
    return tensors, meta, path


def latest(model_name: str | None = None) -> str:
    """Find the newest intact checkpoint of this program; if it has none, of any program.

    Args:
        model_name: only checkpoints of models of this name.

    Returns:
        The path.

    Raises:
        NoCheckpointError: there is no checkpoint.
        DamagedFileError: all of them are damaged.
    """
    return _find(model_name, check_state)[1]


def program_folder() -> str:
    """The folder of the running program's checkpoints."""
    return os.path.join(root_folder(), running_program().folder)


def root_folder() -> str:
    """The folder of all programs' checkpoints: `latest` in GAZELLE_HOME, by default in `~/.gazelle`."""
    home = os.environ.get("GAZELLE_HOME") or os.path.join(os.path.expanduser("~"), ".gazelle")
    return os.path.join(os.path.abspath(home), "latest")


def arguments_hash() -> str:
    """A short hash of the command-line arguments of the program."""
    return short_hash("\0".join(running_program().arguments))


@functools.lru_cache(256)
def file_name(name: str) -> str:
    """Turn a name chosen by the user into one valid component of a path."""
    return re.sub(r"[^\w.-]", "_", name).strip(".")[:100] or "model"


def _find(model_name: str | None, read: Callable[[str], T], layout: list[Any] | None = None) -> tuple[T, str]:
    try:
        return newest_intact(_paths_of_newest_model(model_name, layout), read)
    except NoCheckpointError:
        raise
    except FileNotFoundError:
        raise _no_checkpoint(model_name) from None


def _paths_of_newest_model(model_name: str | None, layout: list[Any] | None) -> list[str]:
    """The checkpoints of the model that was saved last, of one with this layout if there is one."""
    throttle.flush()
    own = program_folder()
    for folder in (glob.escape(own), os.path.join(glob.escape(os.path.dirname(own)), "*")):
        found: dict[str, list[str]] = {}
        for path in glob.glob(os.path.join(folder, "*.state")):
            name = _CHECKPOINT.fullmatch(os.path.basename(path))
            if name is not None and (model_name is None or file_name(model_name) in (name[1], name[1] + name[2])):
                stem = name[1] + name[2] + (name[3] or "")
                found.setdefault(os.path.join(os.path.dirname(path), stem), []).append(path)
        if found:
            groups = sorted(found.values(), key=lambda paths: max(map(order_of, paths)), reverse=True)
            fitting = (paths for paths in groups if layout is not None and _has_layout(paths, layout))
            return next(fitting, groups[0])
    raise _no_checkpoint(model_name)


def _has_layout(paths: list[str], layout: list[Any]) -> bool:
    metadata = metadata_of(max(paths, key=order_of))
    return metadata is not None and metadata.get("model") == layout


def _no_checkpoint(model_name: str | None) -> NoCheckpointError:
    of_model = f" of model {model_name!r}" if model_name is not None else ""
    return NoCheckpointError(
        message(
            f"There is no checkpoint{of_model} in '{root_folder()}'",
            hint="fit() writes checkpoints: train first, or set GAZELLE_HOME to the folder that contains them.",
        )
    )
