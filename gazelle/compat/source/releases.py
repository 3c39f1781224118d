"""The releases of packages that a project requires, in requirements.txt and the like."""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

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
#: a sign: names that tf.keras has since 2.11
SINCE_2_11 = "names of tf.keras 2.11"
_NAMES_SINCE_2_11 = re.compile(
    r"keras\.optimizers(?:\.| import [^\n]*\b)(?:AdamW|Lion|Adafactor|legacy)\b"
    r"|\w(?<!tensorflow)(?<!tf)\.keras['\"]"  # the ending of a file
)
_FILES = ("requirements.txt", "environment.yml", "environment.yaml", "Pipfile", "setup.py")
_ROOT_OF_A_PROJECT = (".git", "README.md", "LICENSE")
#: "==2.4", "=2.1", "~=2.8", "<2.12", ">=2.16"
_RELEASE = re.compile(r"(?<![!\d.=~<>])([=~<>]+)[ \t\"']*(?:[=~<]+)?(\d+)\.(\d+)")
_NEEDS_KERAS_3 = re.compile(r"^Requires-Dist: *keras\b(?![-_])[^;\n]*>= *3", re.MULTILINE | re.IGNORECASE)
_ANY = (99, 0)  # newer than each release
#: np.__version__, tf.keras.__version__; 2.4.1, 2.2.4-tf; "TensorFlow version: 2.4.1"
_NAMED = re.compile(r"([\w.]+)\.__version__")
_STATED = re.compile(r"(?<![\d.])(\d+)\.(\d+)\.\d+[\w.]*(-tf)?")
_LABELLED = re.compile(r"\b(tensorflow|keras)\b[^\n\d]{0,25}?(?<![\d.])(\d+)\.(\d+)\.\d+(?![\w.]*-tf)", re.IGNORECASE)
_IMPORTED = {"tf": "tensorflow", "tensorflow": "tensorflow", "keras": "keras"}
_TEXTS = ("text/plain", "text/html")
#: colours and tags, which are around the parts of a table or a bar
_STYLES = re.compile(r"\x1b\[[\d;]*[A-Za-z]|</?\w[^>\n]*>")
#: bars and tables in outputs; those of pip do not count steps
_BY_KERAS_3 = re.compile(r"\u2501{5}[^\n\r]*?/(?:step|epoch)|\u2503\s*Layer \(type\)")
_BY_KERAS_2 = re.compile(r"_{20,}\s*\n\s*Layer \(type\)|\b\d+/\d+ \[=*[=>]\.*\]")


class Pin(NamedTuple):
    """A line such as `tensorflow-gpu==1.12`: the releases that it allows, and where it is."""

    oldest: tuple[int, int]
    newest: tuple[int, int]
    text: str


def pins(program: pathlib.Path, package: str) -> Iterator[Pin]:
    """The pins of a package, a regular expression, in the folders of the project, or what a notebook printed."""
    printed = printed_versions(program).get("keras" if package == KERAS else "tensorflow")
    if printed is not None:
        name = "keras" if package == KERAS else "tensorflow"
        yield Pin(printed, printed, f"{name} {printed[0]}.{printed[1]} in the outputs of the notebook")
        return
    line = re.compile(rf"^[ \t\-\"']*({package})\b(?![-_])([^\n#;]*)", re.MULTILINE | re.IGNORECASE)
    for folder in list(program.absolute().parents)[:3]:
        for name in _FILES:
            for found in line.finditer(read(folder / name)):
                for release in _RELEASE.finditer(found[2]):
                    stated, sign = (int(release[2]), int(release[3])), release[1]
                    oldest = (0, 0) if sign.startswith("<") else stated
                    newest = (stated[0], stated[1] - 1) if sign.startswith("<") else stated
                    yield Pin(oldest, _ANY if sign.startswith(">") else newest, f"{found[1]}{release[0]} in {name}")
        if any((folder / name).exists() for name in _ROOT_OF_A_PROJECT):
            break


def is_for_keras_3(folder: pathlib.Path) -> bool:
    """Whether the metadata of a package that is installed in a folder requires Keras 3."""
    return any(_NEEDS_KERAS_3.search(read(file)) for file in folder.glob("*.dist-info/METADATA"))


def are_before_2_3(program: str, standalone: bool, names: Iterable[str]) -> bool:
    """Whether a program for Keras 2 is for a release before 2.3, or for tf.keras of TensorFlow 1.

    Args:
        program: The path of the program; the releases that its project requires are read.
        standalone: Whether it imports `keras`, not `tensorflow.keras`.
        names: Names in the program that only earlier releases have.
    """
    names = list(names)
    printed = printed_versions(pathlib.Path(program))
    if printed.get("tensorflow", (0, 0)) >= (2, 0) or ("keras" in printed and standalone):
        return printed.get("keras", _ANY) < (2, 3) and standalone
    if ACCURACY in names:
        return True
    parts = [name.split(".") for name in names]
    of_tensorflow = {".".join(p[1 : 1 + count]) for p in parts if p[0] in ("tf", "tensorflow") for count in (1, 2)}
    if not standalone and not of_tensorflow.isdisjoint(NAMES_OF_TENSORFLOW_1):
        return True
    path, before = pathlib.Path(program), (1, 14) if standalone else (2, 0)  # Keras 2.3 came after TensorFlow 1.14
    return any(pin.newest < before for pin in pins(path, TENSORFLOW)) or (
        standalone and any(pin.newest < (2, 3) for pin in pins(path, KERAS))
    )


def are_from_2_3_to_2_10(program: str) -> bool:
    """Whether a project requires Keras 2.3 to 2.10 or TensorFlow 2.0 to 2.10: their losses are means over all steps."""
    path, newest = pathlib.Path(program), (2, 10)
    oldest = {TENSORFLOW: (2, 0), KERAS: (2, 3)}
    return any(oldest[package] <= pin.newest <= newest for package in oldest for pin in pins(path, package))


def are_since_2_11(program: str) -> bool:
    """Whether a project requires Keras 2.11 or TensorFlow 2.11 or later, or a notebook was saved with Python 3.11."""
    path, oldest = pathlib.Path(program), (2, 11)
    version = python_of_notebook(read(path)) if path.suffix == ".ipynb" else None
    is_new = version is not None and version >= (3, 11)  # for which TensorFlow 2.12 is the first
    return is_new or any(pin.oldest >= oldest for package in (TENSORFLOW, KERAS) for pin in pins(path, package))


def has_names_since_2_11(source: str) -> bool:
    """Whether a source text has names that tf.keras has since 2.11, such as `optimizers.legacy`."""
    return _NAMES_SINCE_2_11.search(source) is not None


def read(file: pathlib.Path) -> str:
    """The text of a file; empty if it is absent, or larger than 16 MiB."""
    try:
        return file.read_text(encoding="utf-8", errors="replace") if file.stat().st_size < 2**24 else ""
    except OSError:
        return ""


def code_cells(text: str) -> list[str]:
    """The texts of the cells with code in a notebook, also in one of format 3, until 2015."""
    return ["".join(cell.get("source", cell.get("input"))) for cell in _cells(text)]


def _cells(text: str) -> list[Any]:
    """The cells with code."""
    book = json.loads(text)
    cells = [cell for sheet in book.get("worksheets") or [book] for cell in sheet["cells"]]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def code_of_notebook(text: str) -> str:
    """The text of all cells with code, as they are."""
    try:
        return "\n".join(code_cells(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def python_of_notebook(text: str) -> tuple[int, int] | None:
    """The release of Python that a notebook was saved with."""
    try:
        version = json.loads(text)["metadata"]["language_info"]["version"]
        major, minor = version.split(".")[:2]
        return int(major), int(minor)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def outputs_of_notebook(text: str) -> str:
    """The outputs that a notebook contains, as text without styles."""
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        return "\n".join(map(_outputs, _cells(text)))
    return ""


def _outputs(cell: Any) -> str:
    found: list[str] = []
    for output in cell.get("outputs") or ():
        data = output.get("data") or {}
        found += ["".join(part or "") for part in (output.get("text"), *map(data.get, _TEXTS))]
    return _STYLES.sub("", "\n".join(found))


def printed_versions(program: pathlib.Path) -> dict[str, tuple[int, int]]:
    """{"tensorflow": (2, 4), "keras": (2, 4)}: the versions in outputs of a notebook, of cells that print them."""
    return versions_in(text_of_notebook(program))


def text_of_notebook(program: pathlib.Path) -> str:
    """The text of a notebook, or of that next to a script, from which scripts are exported."""
    return read(program.with_suffix(".ipynb")) if program.name else ""


@functools.lru_cache(maxsize=1)  # a program is read several times
def versions_in(text: str) -> dict[str, tuple[int, int]]:
    """The versions in the outputs of the text of a notebook."""
    found: dict[str, tuple[int, int]] = {}
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        for cell in _cells(text):
            named = _NAMED.findall("".join(cell.get("source", cell.get("input"))))
            if not named:
                continue
            printed = _outputs(cell)
            stated = _STATED.findall(printed)
            pairs = zip(named, stated, strict=True) if len(named) == len(stated) else ()
            known = [(_IMPORTED[name], it[:2]) for name, it in pairs if name in _IMPORTED and not it[2]]
            known += [(name.lower(), version) for name, *version in _LABELLED.findall(printed)]
            found |= {name: (int(version[0]), int(version[1])) for name, version in known}
    return found


def era_of_outputs(outputs: str) -> int | None:
    """3 or 2, if outputs have bars or tables of Keras 3 or of an earlier release; the last run may be one of parts."""
    return 3 if _BY_KERAS_3.search(outputs) else 2 if _BY_KERAS_2.search(outputs) else None
