"""The era of a program, told from its source: spellings that ended with an era, and spellings that began with one.

In: source text. Out: signs (line, what stands there, which eras it speaks for), and the era they agree on. Nothing is
run.
"""

from __future__ import annotations

import ast
import dataclasses
import pathlib
from collections.abc import Iterator

from gazelle import backend
from gazelle.compat import positional_arguments, renamed_arguments
from gazelle.compat.module_paths import PATHS
from gazelle.compat.old_names import NAMES

ROOTS = ("tensorflow.python.keras", "tensorflow.keras", "tf.keras", "tf_keras", "keras")
#: keywords of layers that came with Keras 2
_NEWER = frozenset(
    (
        "units",
        "filters",
        "kernel_size",
        "padding",
        "data_format",
        "kernel_initializer",
        "bias_initializer",
        "use_bias",
        "rate",
        "kernel_regularizer",
        "recurrent_dropout",
        "recurrent_activation",
        "dilation_rate",
        "depth_multiplier",
    )
)
_FIRST_ONLY = frozenset(
    (
        "AtrousConvolution1D",
        "AtrousConvolution2D",
        "Graph",
        "Highway",
        "MaxoutDense",
        "Merge",
        "TimeDistributedDense",
        "WeightRegularizer",
        "activity_l1",
        "activity_l1l2",
        "activity_l2",
        "l1l2",
        "merge",
    )
)
#: keywords that Keras 2 took, too
_UNTIL_SECOND = (
    "lr",
    "workers",
    "use_multiprocessing",
    "max_queue_size",
    "alpha",
    "save_format",
    "sample_weight_mode",
    "implementation",
)
_COUNTS = ("show_accuracy", "samples_per_epoch", "nb_val_samples", "val_samples")
_PATHS_OF_FIRST = ("objectives", "initializations", "utils.visualize_util", "layers.containers")
_ATTRIBUTES = {
    **dict.fromkeys(("set_image_dim_ordering", "image_dim_ordering"), (1, 1)),
    **dict.fromkeys(
        (
            "fit_generator",
            "predict_generator",
            "evaluate_generator",
            "predict_classes",
            "predict_proba",
            "set_session",
            "get_session",
            "ConfigProto",
            "learning_phase",
            "in_train_phase",
        ),
        (1, 2),
    ),
    **dict.fromkeys(("image_data_format", "set_image_data_format"), (2, 3)),
}
_MODULES_OF_THIRD = ("ops", "random", "saving", "tree", "quantizers", "distribution", "dtype_policies")
_METHODS = {"fit", "compile", "fit_generator", "evaluate_generator", "predict_generator", "evaluate", "predict"}


@dataclasses.dataclass(frozen=True)
class Sign:
    """A spelling in a program, and the first and the last era that it speaks for."""

    line: int
    what: str
    first: int
    last: int


@dataclasses.dataclass(frozen=True)
class Era:
    """What the signs say together."""

    number: int
    standalone: bool
    reasons: tuple[Sign, ...]
    mixed: bool  # signs of an earlier era than the one that won

    def summary(self) -> str:
        """One line for people."""
        name = {1: "Keras 1", 2: "Keras 2" if self.standalone else "tf.keras of TensorFlow 2", 3: "Keras 3"}[
            self.number
        ]
        signs = ", ".join(f"{s.what} (line {s.line})" for s in self.reasons[:4]) or "no older spelling"
        more = " It mixes eras: the newer one holds." if self.mixed else ""
        return f"gazelle: era {self.number}, {name}: {signs}.{more}"


def keras_path(dotted: str) -> str | None:
    """'keras.layers.core' -> 'layers.core'; None for what is not Keras."""
    for root in ROOTS:
        if dotted == root or dotted.startswith(root + "."):
            return dotted[len(root) + 1 :]
    return None


def dotted(node: ast.expr) -> str:
    """'a.b.c' of an expression of names and dots, '' for another."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else ""


def kind_of(call: ast.Call) -> tuple[list[str], str] | None:
    """(names of the class and its parents, method) that a call speaks to, as far as its spelling tells."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in _METHODS and isinstance(call.func, ast.Attribute):
        return ["Model"], name
    name = {f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)}.get(name, name)
    if name in ("to_categorical", "load_data", "Input", "Model", "ModelCheckpoint", "ReduceLROnPlateau", "TensorBoard"):
        return [name], "__init__"
    if name in positional_arguments.STANDALONE:
        return [name, "Optimizer"], "__init__"
    if name in positional_arguments.FIRST or name in renamed_arguments.OF_CLASS or name in _LAYER_NAMES:
        return [name, "Layer"], "__init__"
    return None


_LAYER_NAMES = frozenset(
    (
        "Dropout",
        "Activation",
        "Flatten",
        "Reshape",
        "TimeDistributed",
        "Bidirectional",
        "Masking",
        "GaussianDropout",
        "ZeroPadding2D",
        "UpSampling2D",
        "Cropping2D",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "GlobalMaxPooling1D",
        "Convolution2D",
        "Deconvolution2D",
    )
)


def signs(source: str) -> tuple[list[Sign], set[str]]:
    """The signs of a source text, and the packages it knows Keras by. A text that is no Python has none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return [], set()
    found: list[Sign] = []
    roots: set[str] = set()
    backends: set[str] = set()  # what the program calls keras.backend
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for path in _imported(node):
                inner = keras_path(path)
                if inner is None:
                    continue
                roots.add("keras" if path.split(".")[0] in ("keras", "keras_core") else "tensorflow")
                if path == "keras.backend":
                    backends |= {a.asname or "backend" for a in node.names if a.name in ("backend", path)}
                found += _of_path(node.lineno, path, inner)
        elif isinstance(node, ast.Call):
            found += _of_call(node)
        elif isinstance(node, ast.Attribute):
            if dotted(node).startswith("tf.keras"):
                roots.add("tensorflow")
            if isinstance(node.value, ast.Name) and node.value.id in backends and node.attr not in backend.__all__:
                found.append(Sign(node.lineno, f"{dotted(node)} of keras.backend", 1, 2))  # Keras 3 has gazelle.ops
            if node.attr in _ATTRIBUTES:
                found.append(Sign(node.lineno, f".{node.attr}", *_ATTRIBUTES[node.attr]))
    return found, roots


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _of_path(line: int, path: str, inner: str) -> Iterator[Sign]:
    parts = inner.split(".")
    if parts[0] in _MODULES_OF_THIRD or path.startswith("keras_core"):
        yield Sign(line, path, 3, 3)
    if any(".".join(parts[:n]) in _PATHS_OF_FIRST for n in (1, 2)) or parts[-1] in _FIRST_ONLY:
        yield Sign(line, path, 1, 1)
    elif any(".".join(parts[:n]) in PATHS for n in range(1, len(parts) + 1)) or _is_name(parts):
        yield Sign(line, path, 1, 2)


def _is_name(parts: list[str]) -> bool:
    return parts[-1] in NAMES.get(".".join(("gazelle", *parts[:-1])), {})


def _of_call(call: ast.Call) -> Iterator[Sign]:
    known = kind_of(call)
    if known is None:
        return
    kinds, method = known
    name = kinds[0] if method == "__init__" else method
    given = {k.arg for k in call.keywords if k.arg}
    for word in sorted(given):
        if renamed_arguments.renamed(kinds, method, word) != word or word in _COUNTS:
            yield Sign(call.lineno, f"{name}({word}=)", 1, 2 if word in _UNTIL_SECOND else 1)
        elif word == "decay" and "Optimizer" in kinds:
            yield Sign(call.lineno, f"{name}(decay=)", 1, 2)
        elif (word in _NEWER and "Layer" in kinds) or (word in ("epochs", "steps_per_epoch") and method != "__init__"):
            yield Sign(call.lineno, f"{name}({word}=)", 2, 3)
    if method == "compile" and len(call.args) > 2 and _is_words(call.args[2]):
        yield Sign(call.lineno, "metrics as third argument of compile", 1, 2)  # Keras 3 has loss_weights there
    row = {"Conv2D": 3, "Conv3D": 4}.get(kinds[0], 99)
    if len(call.args) >= row and all(_is_number(a) for a in call.args[1:row]):
        yield Sign(call.lineno, f"{name}({', '.join(ast.unparse(a) for a in call.args[:row])})", 1, 1)


def _is_words(node: ast.expr) -> bool:
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def _is_number(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or isinstance(node.value, int)


def decide(found: list[Sign], roots: set[str]) -> Era:
    """The newest era that a sign begins with, as far as there are older signs: else they could all be today's."""
    standalone = "tensorflow" not in roots
    newest = max((s.first for s in found), default=1)
    oldest = min((s.last for s in found), default=3)
    number = 3 if newest == 3 else max(newest, oldest)
    if not standalone and number == 1:
        number = 2  # tf.keras never was of era 1
    old = [s for s in found if s.last <= number and s.last < 3]
    reasons = old or [s for s in found if s.first == number]
    return Era(number, standalone, tuple(sorted(reasons, key=lambda s: s.line)), any(s.last < number for s in found))


def look(path: str, source: str | None = None) -> Era:
    """The era of a program: of its file, and of the modules beside it that it imports."""
    found: list[Sign] = []
    roots: set[str] = set()
    waiting, seen = [pathlib.Path(path)], set[pathlib.Path]()
    while waiting and len(seen) < 50:
        file = waiting.pop(0)
        if file in seen:
            continue
        seen.add(file)
        text = source if source is not None and len(seen) == 1 else _text(file)
        more, names = signs(text)
        found, roots = found + more, roots | names
        waiting += _beside(file, text)
    return decide(found, roots)


def _text(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _beside(file: pathlib.Path, source: str) -> Iterator[pathlib.Path]:
    """The files next to the program that it imports."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        paths = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            paths = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
        for path in paths:
            inner = file.parent.joinpath(*path.split("."))
            yield from (p for p in (inner.with_suffix(".py"), inner / "__init__.py") if p.is_file())
