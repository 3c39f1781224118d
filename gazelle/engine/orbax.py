"""orbax, which lets all processes write a checkpoint together."""

from __future__ import annotations

import itertools
import logging
import os
from types import ModuleType
from typing import Any

from gazelle.core.types import Foreign, PathLike
from gazelle.engine import processes

_numbers = itertools.count()  # of managers, which are made in the same order in all processes


def load(what: str) -> ModuleType:
    """Import orbax.

    Args:
        what: what needs it, for the error.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import orbax.checkpoint
    except ImportError:
        raise ImportError(f'{what} needs orbax.\nInstall it: pip install "gazelle[orbax]"') from None
    return orbax.checkpoint


def manager(what: str, folder: PathLike, kept: int | None, background: bool = True, **options: Any) -> Foreign:
    """Make a CheckpointManager of a folder, which is created.

    Its processes wait for each other through JAX's coordination service: a thread of orbax that computed on the devices
    for this purpose would run between the steps of a training, in each process between others.

    Args:
        what: what needs it, for the error.
        folder: the folder.
        kept: the number of checkpoints that are kept; None for all.
        background: write in the background.
        options: further arguments of CheckpointManager.
    """
    orbax = load(what)
    os.makedirs(folder, exist_ok=True)
    several = {}
    if processes.count() > 1:
        active = set(range(processes.count()))
        prefix = f"gazelle{next(_numbers)}"
        several["multiprocessing_options"] = orbax.options.MultiprocessingOptions(
            active_processes=active, barrier_sync_key_prefix=prefix
        )
    settings = orbax.CheckpointManagerOptions(
        max_to_keep=kept, create=False, enable_async_checkpointing=background, **several
    )
    logger = logging.getLogger("absl")
    logger.addFilter(_is_news)
    before = logger.level
    logger.setLevel(
        logging.ERROR
    )  # a process that was killed may have left a checkpoint without its time, which is read
    try:
        return orbax.CheckpointManager(os.path.abspath(folder), options=settings, **options)
    finally:
        logger.setLevel(before)


def newest_step(folder: PathLike) -> int | None:
    """Return the newest step in a folder of an `OrbaxCheckpoint`; None if it is no such folder."""
    try:
        names = [name for name in os.listdir(folder) if name.isdecimal()]
    except OSError:
        return None
    steps = [int(name) for name in names if os.path.isdir(os.path.join(folder, name, "tree"))]
    return max(steps, default=None)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether to print a message of orbax: its threads report a lost connection on many lines."""
    return not processes.is_consequence(record.exc_info[1] if record.exc_info else None)
