"""Files in folders as datasets: each folder is a class, each file a sample."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message, unknown
from gazelle.data.dataset import Dataset, indexed

LABEL_MODES = ("int", "categorical", "binary", None)


def from_directory(
    what: str,
    endings: tuple[str, ...],
    load: Callable[[str], Any],
    directory: Any,
    labels: Any,
    label_mode: Any,
    class_names: Any,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    verbose: bool,
    combine: Callable[[list[Any]], Any] | None = None,
) -> Any:
    """The dataset of `load(path)` and labels, or two of them for the subset 'both'.

    As in Keras, the same seed gives the same order of files, and so the same two parts.
    """
    _check(labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    if label_mode is None:
        labels = None
    seed = int(np.random.randint(10**6)) if seed is None else seed
    paths, numbers, names = indexed_files(directory, labels, endings, class_names, follow_links)
    if verbose:
        print(f"Found {len(paths)} files" + (f" of {len(names)} classes." if names is not None else "."))
    if label_mode == "binary" and labels is not None and len(names or ()) != 2:
        raise ArgumentError(message("label_mode='binary'", expected="two classes", got=f"{len(names or ())}: {names}"))
    if shuffle:
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths = [paths[i] for i in order]
        numbers = None if numbers is None else numbers[order]
    cut = int(validation_split * len(paths)) if validation_split else 0
    parts = {"training": slice(0, len(paths) - cut), "validation": slice(len(paths) - cut, None), None: slice(None)}
    made = []
    for name in ("training", "validation") if subset == "both" else (subset,):
        chosen, classes = paths[parts[name]], None if numbers is None else numbers[parts[name]]
        if not chosen:
            raise DataError(
                message(
                    f"{directory} has no {what} files{f' for {name}' if name else ''}",
                    expected=f"names ending in {', '.join(endings)}",
                    got=f"{len(paths)} such files in all",
                )
            )
        if verbose and name:
            print(f"Using {len(chosen)} files for {name}.")
        made.append(_dataset(load, chosen, classes, label_mode, names, batch_size, shuffle, seed, combine))
    return made if subset == "both" else made[0]


def _dataset(
    load: Callable[[str], Any],
    paths: list[str],
    numbers: Any,
    label_mode: Any,
    names: Any,
    batch_size: int | None,
    shuffle: bool,
    seed: int,
    combine: Callable[[list[Any]], Any] | None,
) -> Dataset:
    def label(number: int) -> Any:
        if label_mode == "binary":
            return np.array([number], np.float32)
        return np.eye(len(names), dtype=np.float32)[number] if label_mode == "categorical" else np.int32(number)

    def sample(i: int) -> Any:
        return load(paths[i]) if numbers is None else (load(paths[i]), label(numbers[i]))

    def joined(samples: list[Any]) -> Any:
        assert combine is not None
        if numbers is None:
            return combine(samples)
        return combine([x for x, _ in samples]), np.stack([y for _, y in samples])

    return indexed(
        sample, len(paths), batch_size, shuffle, seed, joined if combine else None, class_names=names, file_paths=paths
    )


def indexed_files(
    directory: Any, labels: Any, endings: tuple[str, ...], class_names: Any, follow_links: bool
) -> tuple[list[str], Any, list[str] | None]:
    """(paths, numbers of their classes, names of the classes), sorted by name."""
    root = os.fspath(directory)
    if not os.path.isdir(root):
        raise DataError(message(f"The directory {root!r}", expected="a folder", got="none of that name"))
    folders = [""]
    if labels == "inferred":
        found = sorted(f for f in os.listdir(root) if os.path.isdir(os.path.join(root, f)) and f[0] != ".")
        missing = [name for name in class_names or () if name not in found]
        if missing:
            raise ArgumentError(message("class_names", expected=f"folders among {found}", got=missing))
        folders = list(class_names or found)
    paths, numbers = [], []
    for number, folder in enumerate(folders):
        walk = sorted(os.walk(os.path.join(root, folder), followlinks=follow_links))
        inside = [os.path.join(at, f) for at, _, files in walk for f in sorted(files) if f.lower().endswith(endings)]
        paths += inside
        numbers += [number] * len(inside)
    if labels is None:
        return paths, None, None
    if labels == "inferred":
        return paths, np.array(numbers, np.int32), folders
    if len(labels) != len(paths):
        raise ArgumentError(message("labels", expected=f"one for each of {len(paths)} files", got=len(labels)))
    return paths, np.array(labels, np.int32), [str(label) for label in sorted(set(labels))]


def _check(
    labels: Any, label_mode: Any, class_names: Any, validation_split: Any, subset: Any, shuffle: bool, seed: Any
) -> None:
    if label_mode not in LABEL_MODES:
        raise unknown("label_mode", label_mode, map(str, LABEL_MODES))
    if labels not in ("inferred", None) and not isinstance(labels, list | tuple):
        raise ArgumentError(message("labels", expected="'inferred', None or a list of numbers", got=repr(labels)))
    if class_names is not None and labels != "inferred":
        raise ArgumentError(message("class_names", expected="labels='inferred' beside them", got=f"labels={labels!r}"))
    if subset not in ("training", "validation", "both", None):
        raise unknown("subset", subset, ("training", "validation", "both"))
    if bool(validation_split) != bool(subset) or not 0 <= (validation_split or 0) < 1:
        raise ArgumentError(
            message(
                "validation_split and subset",
                expected="a share between 0 and 1 with a subset, or none of both",
                got=f"{validation_split} and {subset!r}",
            )
        )
    if validation_split and shuffle and seed is None:
        raise ArgumentError(
            message(
                "seed",
                expected="a number where validation_split meets shuffle=True",
                got="None",
                hint="The two parts are cut from one order of the files; both calls need the same seed.",
            )
        )
