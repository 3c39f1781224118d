"""Detects the era of a program from the signs in it (`signs`), and from the releases that its project requires.

Input: source text. Output: the era that fits all signs. The program is not run.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator

from gazelle.compat import python2
from gazelle.compat.era import Release
from gazelle.compat.source import notebooks, read, releases, reported_versions, tensorflow_signs
from gazelle.compat.source.signs import FUTURE, RATE, SINCE_2_4, Sign, parsed, signs

_THEANO = re.compile(r"""KERAS_BACKEND['"]\]?\s*[=,]\s*['"]theano""")
_OF_KERAS_3 = re.compile(r"""KERAS_BACKEND['"]\]?\s*[=,]\s*['"](jax|torch|openvino)['"]""")
_LEGACY_KERAS = re.compile(r"""TF_USE_LEGACY_KERAS['"]\]?\s*[=,]\s*(?:['"](?:1|true)|True)""", re.IGNORECASE)
#: input_shape=(3, rows, columns), Reshape((1, 28, 28)), x.reshape(x.shape[0], 1, 28, 28)
_CHANNELS_FIRST = re.compile(
    r"(?:shape\s*=|Reshape\(|reshape\(\w+\.shape\[0\],)\s*[\[(]*\s*"
    r"(?:1|3|\w*channels?)\s*,\s*(?!\d\b)\w+\s*,\s*(?!\d\b)\w+\s*,?\s*[\])]"
    r"|Convolution2D\(\s*\w+,\s*\w+,\s*\w+,\s*\d+\s*[,)]"  # Keras 0.x, which had Theano alone
)
#: names of Keras 0 and 2 that models of scikit-learn have, too
_OF_SCIKIT_LEARN = re.compile(r"\.predict_proba$|\(X=\)$")
#: what outputs of this era show: the first and the last era
_ERAS = {2: (1, 2), 3: (3, 3)}


@dataclasses.dataclass(frozen=True)
class Era(Release):
    """The release that follows from the signs."""

    reasons: tuple[Sign, ...] = ()
    mixed: bool = False  # whether there are signs of an earlier era, too

    def summary(self) -> str:
        """One line for users."""
        called = {1: "Keras 1", 2: "Keras 2" if self.standalone else "tf.keras of TensorFlow 2", 3: "Keras 3"}[
            self.number
        ]
        shown = [f"{s.what} (line {s.line})" if s.line else s.what for s in self.reasons[:4]]
        none = "no names of Keras 3" if self.number < 3 else "no earlier names"
        more = " It mixes eras, so the newer one is used." if self.mixed else ""
        release = " It is for a release before Keras 2.3." if self.number == 2 and self.is_before_2_3 else ""
        guess = " This rate is 1; in Keras 3 (--era 3) it is 0.001." if self.is_a_guess else ""
        return f"gazelle: era {self.number}, {called}: {', '.join(shown) or none}.{release}{more}{guess}"

    @property
    def is_a_guess(self) -> bool:
        """Whether the era follows only from what Keras 3 takes, too."""
        return bool(self.reasons) and all(sign.what == RATE for sign in self.reasons)


def decide(found: list[Sign], roots: set[str]) -> Era:
    """The newest era in which a name was added; else Keras 3 if no name was removed since, but 2 for tf.keras.

    tf.keras is Keras 3 from TensorFlow 2.16 on, and nearly all programs for it are for an earlier release.
    """
    newest = max((s.first for s in found), default=1)
    oldest = min((s.last for s in found), default=3)
    number = 3 if newest == 3 else max(newest, oldest)
    is_tf_keras = number == 2 and any(s.what == SINCE_2_4 for s in found)
    standalone = "tensorflow" not in roots and not is_tf_keras
    if not standalone and newest < 3 and (number == 1 or roots == {"tensorflow"}):
        number = 2  # there is no tf.keras of era 1
    old = [s for s in found if s.last <= number < 3]
    reasons = sorted(old or [s for s in found if s.first == number], key=lambda s: s.line)
    return Era(number, standalone, reasons=tuple(reasons), mixed=any(s.last < number for s in found))


def detect(path: str, source: str | None = None) -> Era:
    """The era of a program, from its file and the modules in the same folder that it imports.

    If these could be of era 2 or 3, what is around them decides: the packages of the program in folders of PYTHONPATH,
    the outputs of a notebook, the releases that the project requires.
    """
    program = pathlib.Path(path)
    found, roots = _signs_of_files(path, source)
    undecided = not any(sign.last < 3 or sign.first == 3 for sign in found)
    if undecided and os.environ.get("PYTHONPATH"):
        found, roots = _signs_of_files(path, source, tuple(os.environ["PYTHONPATH"].split(os.pathsep)))
    found += _of_outputs(program, source)
    if not _show_keras_3(found):
        pinned, package = _pinned(program)
        found, roots = found + pinned, roots | package
    if roots == {"tensorflow"} and not any(sign.last < 3 and not _is_in_tf_keras_3(sign) for sign in found):
        found += [Sign(0, sign, 3, 3) for sign in tensorflow_signs.of_keras_3(program)]
    if _show_keras_3(found):
        found = [sign for sign in found if not _is_in_tf_keras_3(sign)]
    if os.environ.get("KERAS_BACKEND") == "torch" and not any(sign.last < 3 for sign in found):
        found.append(Sign(0, "KERAS_BACKEND=torch in the environment", 3, 3))
    if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true") and "tensorflow" in roots:
        found.append(Sign(0, "TF_USE_LEGACY_KERAS in the environment", 1, 2))
    era = _with_releases(decide(found, roots), found, program, source)
    for cached in (python2.syntax_tree, python2.nodes_of, signs, notebooks.versions_in):  # which would keep the memory
        cached.cache_clear()
    return era


def _with_releases(era: Era, found: list[Sign], program: pathlib.Path, source: str | None) -> Era:
    """The era with the releases of Keras 2 and of TensorFlow that the program shows."""
    if era.number == 3:
        return era
    names = [sign.what for sign in found if not sign.is_in_branch]
    version = releases.version_of_keras_2(program, era.standalone, names) if era.number == 2 else None
    text, is_tensorflow_1 = read(program) if source is None else source, releases.has_names_of_tensorflow_1(names)
    keras, tensorflow = (
        reported_versions.expected(text, program, package, is_tensorflow_1)
        for package in (releases.KERAS, releases.TENSORFLOW)
    )
    return dataclasses.replace(era, version=version, keras=keras, tensorflow=tensorflow)


def _show_keras_3(found: list[Sign]) -> bool:
    """Whether one of the signs is in Keras 3 alone."""
    return any(sign.first == 3 for sign in found)


def _requires_keras_3(program: pathlib.Path) -> bool:
    """Whether a notebook or the releases that a project requires show Keras 3."""
    pins = (pin.text for pin in releases.pins(program, releases.KERAS) if pin.oldest >= (3, 0))
    return _show_keras_3(_of_outputs(program)) or any(pins) or any(tensorflow_signs.of_keras_3(program))


def _is_in_tf_keras_3(sign: Sign) -> bool:
    """Whether a name that Keras 3 does not have is in its `tf.keras`, such as `tf.keras.preprocessing.text`."""
    return sign.what.startswith(("tensorflow.keras.preprocessing.", "tf.keras.preprocessing."))


def _of_outputs(program: pathlib.Path, source: str | None = None) -> list[Sign]:
    """The signs in the outputs that a notebook contains."""
    outputs = notebooks.outputs(notebooks.text_of(program))
    printed = notebooks.printed_versions(program)
    if printed.get("tensorflow", (0, 0)) >= tensorflow_signs.KERAS_3 or printed.get("keras", (0, 0)) >= (3, 0):
        return [Sign(0, "a notebook that prints the version of Keras 3", 3, 3)]
    number = notebooks.era_of_outputs(outputs)
    found = [] if number is None else [Sign(0, f"a notebook with the output of Keras {number}", *_ERAS[number])]
    accuracy = re.findall(r"""metrics\s*=\s*\[\s*['"](acc|accuracy)['"]""", source or "")
    if number == 2 and set(accuracy) == {"accuracy"} and re.search(r" - acc: ", outputs):
        found.append(Sign(0, releases.ACCURACY, 1, 2))
    return found


def _pinned(program: pathlib.Path) -> tuple[list[Sign], set[str]]:
    """Signs in the releases that a project requires, and {"tensorflow"} for `keras` 2.4 to 2.15, which is tf.keras."""
    pins = [*releases.pins(program, releases.KERAS)]
    # each release of TensorFlow came with one of Keras
    pins += [pin for pin in releases.pins(program, releases.TENSORFLOW) if pin.newest < tensorflow_signs.KERAS_3]
    pins = [pin for pin in pins if pin.newest < (3, 0)]
    of_keras_1 = [pin.newest < (2, 0) and pin.text.lower().startswith("keras") for pin in pins]
    found = [Sign(0, pin.text, 1, 1 if is_1 else 2) for pin, is_1 in zip(pins, of_keras_1, strict=True)]
    return found, {"tensorflow" for pin in pins if pin.newest >= (2, 4)}


def _signs_of_files(path: str, source: str | None, folders: tuple[str, ...] = ()) -> tuple[list[Sign], set[str]]:
    found: list[Sign] = []
    roots: set[str] = set()
    program = pathlib.Path(path).absolute()
    changes_path = "sys.path" in (read(program) if source is None else source)
    waiting, seen = [program], set[pathlib.Path]()
    while waiting and len(seen) < 50:
        file = waiting.pop(0)
        if file in seen:
            continue
        seen.add(file)
        text = source if source is not None and len(seen) == 1 else read(file)
        more, names = signs(text)
        if not names and any(file.is_relative_to(folder) for folder in folders):
            more = [sign for sign in more if not _OF_SCIKIT_LEARN.search(sign.what)]
        found, roots = found + more, roots | names
        is_in_package = (file.parent / "__init__.py").is_file() and file.parent != program.parent
        if is_in_package and not changes_path and python2.first_import_of_neighbor(text, str(file.parent), file.stem):
            found.append(Sign(0, "Python 2", 1, 2))
        if releases.has_names_since_2_11(text):
            found.append(Sign(0, releases.SINCE_2_11, 2, 3))
        chosen = _LEGACY_KERAS.search(text)
        if chosen:
            line = text.count("\n", 0, chosen.start()) + 1
            found.append(Sign(line, "TF_USE_LEGACY_KERAS", 1, 2))
        for backend in _OF_KERAS_3.finditer(text):
            found.append(Sign(text.count("\n", 0, backend.start()) + 1, f"KERAS_BACKEND={backend[1]}", 3, 3))
        waiting += _imported_files(file, text, folders)
    for folder in map(pathlib.Path, folders):
        if any(file.is_relative_to(folder) for file in seen):
            found += _of_requirements(folder)
    if roots != {"keras"} or _show_keras_3(found) or _requires_keras_3(program):
        found = [sign for sign in found if sign.what not in (RATE, FUTURE)]
    return found, roots


def _of_requirements(folder: pathlib.Path) -> Iterator[Sign]:
    """The signs in what the packages of a folder require: Keras 3, or a release before it."""
    first_of_keras_3 = {"tensorflow": tensorflow_signs.KERAS_3, "keras": (3, 0)}
    for name, pin, is_of_extra in releases.required_in(folder):
        if pin.newest < first_of_keras_3[name] and not is_of_extra:
            yield Sign(0, pin.text, 1, 2)
        elif name == "keras" and pin.oldest >= (3, 0):
            yield Sign(0, pin.text, 3, 3)


def orders_as_theano(path: str, source: str | None = None) -> bool:
    """Whether a program of Keras 1 has the channels first, as Theano had, without selecting this order of the axes."""
    text = read(pathlib.Path(path)) if source is None else source
    with contextlib.suppress(SyntaxError, ValueError):
        text = ast.unparse(parsed(text))  # without comments
    chosen = "dim_ordering" in text or "data_format" in text or "Conv" not in text
    return not chosen and (_THEANO.search(text) or _CHANNELS_FIRST.search(text)) is not None


def _imported_files(file: pathlib.Path, source: str, folders: tuple[str, ...] = ()) -> Iterator[pathlib.Path]:
    """The imported modules in the folder of the program; those in `folders` with what they import relatively."""
    try:
        nodes = [node for node in python2.nodes_of(parsed(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    except (SyntaxError, ValueError):
        return
    for node in nodes:
        paths = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        starts = [file.parent, *map(pathlib.Path, folders)]
        if isinstance(node, ast.ImportFrom) and (node.module or folders):
            paths = [node.module or "", *(f"{node.module or ''}.{a.name}".lstrip(".") for a in node.names)]
            starts = [*file.parents[node.level - 1 : node.level]] if node.level and folders else starts
        for path in filter(None, paths):
            inner = [os.path.join(start, *path.split(".")) for start in starts]
            files = [f"{each}{ending}" for each in inner for ending in (".py", "/__init__.py")]
            yield from map(pathlib.Path, filter(os.path.isfile, files))
