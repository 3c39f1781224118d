"""Datasets of files: each folder is a class, each file a sample."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, DataError, MissingFileError, message, unknown
from gazelle.core.types import PathLike
from gazelle.data.dataset import Dataset, indexed

LABEL_MODES = ("int", "categorical", "binary", None)


@dataclasses.dataclass
class FileType:
    """Files of one type.

    Attributes:
        name: name in errors, such as "image".
        endings: endings of file names.
        load: path -> sample.
        combine: list of samples -> batch; None to stack them.
    """

    name: str
    endings: tuple[str, ...]
    load: Callable[[str], Any]
    combine: Callable[[list[Any]], Any] | None = None


def from_directory(
    files: FileType,
    directory: PathLike,
    labels: str | Sequence[int] | None,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    verbose: bool,
) -> Dataset | list[Dataset]:
    """Create the dataset of samples and labels; see `image_dataset_from_directory` for the arguments.

    As in Keras, the order of the files, and so the two subsets, is a function of the seed.

    Returns:
        The dataset; two of them for the subset 'both'.

    Raises:
        DataError: there is no such folder, or no file in it.
        ArgumentError: arguments are invalid or contradict each other.
    """
    _check(labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    if label_mode is None:
        labels = None
    seed = int(np.random.randint(10**6)) if seed is None else seed
    paths, numbers, names = indexed_files(directory, labels, files.endings, class_names, follow_links)
    if verbose:
        print(f"Found {len(paths)} files" + (f" of {len(names)} classes." if names is not None else "."))
    if label_mode == "binary" and labels is not None and len(names or ()) != 2:
        raise ArgumentError(message("label_mode='binary'", expected="two classes", got=f"{len(names or ())}: {names}"))
    if shuffle:
        order = np.arange(len(paths))
        np.random.RandomState(seed % 2**32).shuffle(order)
        paths = [paths[i] for i in order]
        numbers = None if numbers is None else numbers[order]
    cut = int(validation_split * len(paths)) if validation_split else 0
    parts = {"training": slice(0, len(paths) - cut), "validation": slice(len(paths) - cut, None), None: slice(None)}
    datasets = []
    for name in ("training", "validation") if subset == "both" else (subset,):
        chosen, classes = paths[parts[name]], None if numbers is None else numbers[parts[name]]
        if not chosen:
            raise DataError(
                message(
                    f"{directory} has no {files.name} files{f' for {name}' if name else ''}",
                    expected=f"names ending in {', '.join(files.endings)}",
                    got=f"{len(paths)} such files in all",
                )
            )
        if verbose and name:
            print(f"Using {len(chosen)} files for {name}.")
        datasets.append(_dataset(files, chosen, classes, label_mode, names, batch_size, shuffle, seed))
    return datasets if subset == "both" else datasets[0]


def _dataset(
    files: FileType,
    paths: list[str],
    numbers: Any,
    label_mode: Any,
    names: Any,
    batch_size: int | None,
    shuffle: bool,
    seed: int,
) -> Dataset:
    combine = files.combine

    def label(number: int) -> Any:
        if label_mode == "binary":
            return np.array([number], np.float32)
        return np.eye(len(names), dtype=np.float32)[number] if label_mode == "categorical" else np.int32(number)

    def sample(i: int) -> Any:
        return files.load(paths[i]) if numbers is None else (files.load(paths[i]), label(numbers[i]))

    def joined(samples: list[Any]) -> Any:
        assert combine is not None
        if numbers is None:
            return combine(samples)
        return combine([x for x, _ in samples]), np.stack([y for _, y in samples])

    return indexed(
        sample, len(paths), batch_size, shuffle, seed, joined if combine else None, class_names=names, file_paths=paths
    )


def indexed_files(
    directory: PathLike,
    labels: str | Sequence[int] | None,
    endings: tuple[str, ...],
    class_names: Sequence[str] | None,
    follow_links: bool,
) -> tuple[list[str], np.ndarray[Any, Any] | None, list[str] | None]:
    """List the files in a folder, sorted by name.

    Args:
        directory: the folder.
        labels: 'inferred', None, or the labels in the order of the files.
        endings: endings of file names.
        class_names: folders to use, in the order of their indices; None for all.
        follow_links: follow symbolic links to folders.

    Returns:
        The paths, the indices of their classes, and the names of the classes.

    Raises:
        MissingFileError: there is no such folder.
        ArgumentError: there is no folder for a class, or the number of labels is wrong.
    """
    root = os.fspath(directory)
    if not os.path.isdir(root):
        raise MissingFileError(message(f"The directory {root!r}", expected="a folder", got="none of that name"))
    folders = [""]
    if labels == "inferred":
        found = sorted(f for f in os.listdir(root) if os.path.isdir(os.path.join(root, f)) and f[0] != ".")
        missing = [name for name in class_names or () if name not in found]
        if missing:
            raise ArgumentError(message("class_names", expected=f"folders among {found}", got=missing))
        folders = list(class_names or found)
    paths, numbers = [], []
    classes = list(enumerate(folders))
    if conventions.active.folders_are_sorted:
        classes.sort(key=lambda pair: pair[1])
    for number, folder in classes:
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
    return paths, np.array(labels, np.int32), [str(label) for label in np.unique(np.asarray(labels))]


def _check(
    labels: Any, label_mode: Any, class_names: Any, validation_split: Any, subset: Any, shuffle: bool, seed: Any
) -> None:
    if label_mode not in LABEL_MODES:
        raise unknown("label_mode", label_mode, map(str, LABEL_MODES))
    if labels not in ("inferred", None) and not isinstance(labels, list | tuple):
        raise ArgumentError(message("labels", expected="'inferred', None or a list of numbers", got=repr(labels)))
    if class_names is not None and labels != "inferred":
        raise ArgumentError(message("class_names", expected="labels='inferred' with them", got=f"labels={labels!r}"))
    if subset not in ("training", "validation", "both", None):
        raise unknown("subset", subset, ("training", "validation", "both"))
    if bool(validation_split) != bool(subset) or not 0 <= (validation_split or 0) < 1:
        raise ArgumentError(
            message(
                "validation_split and subset",
                expected="a fraction between 0 and 1 with a subset, or neither",
                got=f"{validation_split} and {subset!r}",
            )
        )
    if validation_split and shuffle and seed is None:
        raise ArgumentError(
            message(
                "seed",
                expected="a number with validation_split and shuffle=True",
                got="None",
                hint="Both subsets are split from one order of the files; both calls need the same seed.",
            )
        )
