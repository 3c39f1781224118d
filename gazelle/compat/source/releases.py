"""The releases of packages that a project requires, in requirements.txt and the like."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from gazelle.compat.source import notebooks, read
from gazelle.compat.tables import listed

TENSORFLOW = r"tensorflow(?:[-_](?:gpu|cpu|macos|intel))?"
KERAS = "keras"
#: names of `tf` itself, without `compat.v1`, that only TensorFlow 1 had
NAMES_OF_TENSORFLOW_1 = frozenset(
    listed("""Session InteractiveSession ConfigProto placeholder get_variable variable_scope contrib layers
    global_variables_initializer initialize_all_variables reset_default_graph enable_eager_execution random_normal
    truncated_normal random_uniform variables_initializer to_float to_int32 to_int64 app log logging gfile py_func
    assign assign_add get_default_graph get_default_session trainable_variables global_variables get_collection
    add_to_collection GraphKeys placeholder_with_default sparse_placeholder train.AdamOptimizer train.RMSPropOptimizer
    train.GradientDescentOptimizer train.MomentumOptimizer train.AdagradOptimizer train.AdadeltaOptimizer train.Saver
    summary.FileWriter summary.merge_all image.resize_images nn.rnn_cell nn.dynamic_rnn""")
)
#: a sign: metrics=["accuracy"] is read as `history["acc"]`, its name in logs before Keras 2.3 and TensorFlow 2
ACCURACY = '"acc" of metrics=["accuracy"]'
#: names of Keras 1 that the package Keras had until 2.2, without those of code that also calls their successors
_UNTIL_2_2 = frozenset(
    listed("""image_dim_ordering set_image_dim_ordering AtrousConv1D AtrousConv2D Convolution2DTranspose Deconv2D
    Deconv3D""")
)
_SUCCESSORS = frozenset((".image_data_format", ".set_image_data_format"))
#: a sign: names that tf.keras has since 2.11
SINCE_2_11 = "names of tf.keras 2.11"
_NAMES_SINCE_2_11 = re.compile(
    r"keras\.optimizers(?:\.| import [^\n]*\b)(?:AdamW|Lion|Adafactor|legacy)\b"
    r"|\w(?<!tensorflow)(?<!tf)\.keras['\"]"  # the ending of a file
)
_FILES = ("requirements.txt", "environment.yml", "environment.yaml", "Pipfile", "setup.py")
_ROOT_OF_A_PROJECT = (".git", "README.md", "LICENSE")
#: "==2.4", "=2.1", "~=2.8", "<2.12", ">=2.16", "<3"
_RELEASE = re.compile(r"(?<![!\d.=~<>])([=~<>]+)[ \t\"']*(?:[=~<]+)?(\d+)(?:\.(\d+)(\.\w+)?|(?![\d.]))")
#: a requirement in the metadata of a package, and whether it is one of an extra
_REQUIRED = rf"^Requires-Dist: *({TENSORFLOW}|{KERAS})\b(?![-_])([^;\n]*)(.*\bextra\b)?"
_ANY = (99, 0)  # newer than each release
_OF_2_3 = {TENSORFLOW: (2, 0), KERAS: (2, 3)}  # the first releases with the behaviour of Keras 2.3


class Pin(NamedTuple):
    """A line such as `tensorflow-gpu==1.12`: the releases that it allows, where it is, and "1.12.0" if it is exact."""

    oldest: tuple[int, int]
    newest: tuple[int, int]
    text: str
    release: str = ""


def pins(program: pathlib.Path, package: str) -> Iterator[Pin]:
    """The pins of a package, a regular expression, in the folders of the project, or what a notebook printed."""
    name = KERAS if package == KERAS else "tensorflow"
    printed = notebooks.printed_versions(program).get(name)
    if printed is not None:
        stated = f"{printed[0]}.{printed[1]}"
        yield Pin(printed, printed, f"{name} {stated} in the outputs of the notebook", f"{stated}.0")
        return
    line = re.compile(rf"^[ \t\-\"']*({package})\b(?![-_])([^\n#;]*)", re.MULTILINE | re.IGNORECASE)
    for folder in list(program.absolute().parents)[:3]:
        for file in _FILES:
            for found in line.finditer(read(folder / file)):
                yield from _stated(found, file)
        if any((folder / name).exists() for name in _ROOT_OF_A_PROJECT):
            break


def _stated(line: re.Match[str], place: str) -> Iterator[Pin]:
    """The releases in a line that names a package and what is required of it."""
    for release in _RELEASE.finditer(line[2]):
        stated, sign = (int(release[2]), int(release[3] or 0)), release[1]
        if release[3] is None and sign not in ("<", ">="):  # "~=2" and the like allow too many releases
            continue
        oldest = (0, 0) if sign.startswith("<") else stated
        newest = (stated[0], stated[1] - 1) if sign.startswith("<") else stated
        exact = f"{stated[0]}.{stated[1]}{release[4] or '.0'}" if sign in ("=", "==") else ""
        yield Pin(oldest, _ANY if sign.startswith(">") else newest, f"{line[1]}{release[0]} in {place}", exact)


def required_in(folder: pathlib.Path) -> Iterator[tuple[str, Pin, bool]]:
    """What the metadata of packages in a folder require: "tensorflow" or "keras", the releases, whether by an extra."""
    for file in folder.glob("*.dist-info/METADATA"):
        for found in re.finditer(_REQUIRED, read(file), re.MULTILINE | re.IGNORECASE):
            for pin in _stated(found, f"the requirements of {folder.name}"):
                yield KERAS if found[1].lower() == KERAS else "tensorflow", pin, found[3] is not None


def version_of_keras_2(program: pathlib.Path, standalone: bool, names: Collection[str]) -> tuple[int, int] | None:
    """The release that a program for Keras 2 shows, as the oldest alike: (2, 2), (2, 3), (2, 9) or (2, 11).

    Args:
        program: The path of the program; the releases that its project requires are read.
        standalone: Whether it imports `keras`, not `tensorflow.keras`.
        names: Names in the program that only some releases have.

    Returns:
        (2, 2) also for TensorFlow 1, but the release of TensorFlow before 1.14; None if nothing shows it.
    """
    if _is_before_2_3(program, standalone, names):
        newest = min((pin.newest for pin in pins(program, TENSORFLOW)), default=_ANY)
        return newest if newest < (1, 14) and not standalone else (2, 2)
    required = [(package, pin) for package in _OF_2_3 for pin in pins(program, package)]
    if found := [pin.newest for package, pin in required if _OF_2_3[package] <= pin.newest <= (2, 10)]:
        return 2, 9 if found[0] >= (2, 9) else 3
    python = notebooks.python_release(read(program)) if program.suffix == ".ipynb" else None
    is_new = python is not None and python >= (3, 11)  # for which TensorFlow 2.12 is the first
    return (2, 11) if is_new or SINCE_2_11 in names or any(pin.oldest >= (2, 11) for _, pin in required) else None


def _is_before_2_3(program: pathlib.Path, standalone: bool, names: Collection[str]) -> bool:
    printed = notebooks.printed_versions(program)
    if printed.get("tensorflow", (0, 0)) >= (2, 0) or ("keras" in printed and standalone):
        return printed.get("keras", _ANY) < (2, 3) and standalone
    if ACCURACY in names or (standalone and _has_names_until_2_2(names)):
        return True
    if not standalone and has_names_of_tensorflow_1(names):
        return True
    before = (1, 14) if standalone else (2, 0)  # Keras 2.3 came after TensorFlow 1.14
    return any(pin.newest < before for pin in pins(program, TENSORFLOW)) or (
        standalone and any(pin.newest < (2, 3) for pin in pins(program, KERAS))
    )


def has_names_of_tensorflow_1(names: Collection[str]) -> bool:
    """Whether one of the names is of TensorFlow 1 alone, such as `tf.Session`."""
    parts = [name.split(".") for name in names]
    of_tensorflow = {".".join(p[1 : 1 + count]) for p in parts if p[0] in ("tf", "tensorflow") for count in (1, 2)}
    return not of_tensorflow.isdisjoint(NAMES_OF_TENSORFLOW_1)


def _has_names_until_2_2(names: Collection[str]) -> bool:
    return _SUCCESSORS.isdisjoint(names) and any(name.rpartition(".")[2] in _UNTIL_2_2 for name in names)


def has_names_since_2_11(source: str) -> bool:
    """Whether a source text has names that tf.keras has since 2.11, such as `optimizers.legacy`."""
    return _NAMES_SINCE_2_11.search(source) is not None
