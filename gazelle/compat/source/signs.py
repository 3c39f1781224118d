"""The signs in a program of the era of Keras that it was written for: names that were removed after an era or added."""

from __future__ import annotations

import ast
import collections
import contextlib
import dataclasses
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence

from gazelle import backend
from gazelle.compat import python2, tables
from gazelle.compat.arguments import renamed_arguments
from gazelle.compat.old_names import NAMES, PATHS
from gazelle.compat.private import api_paths
from gazelle.compat.source import branches_of_versions, releases, tensorflow_signs
from gazelle.core.errors import StateError

ROOTS = ("tensorflow.contrib.keras", "tensorflow.python.keras", "tensorflow.keras", "tf.keras", "tf_keras", "keras")
_POSITIONS = tables.read("positional_arguments")
_KNOWN = {key: frozenset(names) for key, names in tables.lists("detect", "names").items()}
_ATTRIBUTES = {
    **dict.fromkeys(("set_image_dim_ordering", "image_dim_ordering"), (1, 1)),
    **dict.fromkeys(_KNOWN["attributes until Keras 2"], (1, 2)),
    **dict.fromkeys(("image_data_format", "set_image_data_format"), (2, 3)),
}
_OLD = frozenset(PATHS) | _KNOWN["paths until Keras 2"]
#: with which nothing is learnt in Keras 3: it is 0.001 there, 1 in the package `keras` before
RATE = "Adadelta with its default rate"
#: Keras 3 needs a Python in which these have no effect
FUTURE = "from __future__ import"
#: the package `keras` is tf.keras from 2.4 on
SINCE_2_4 = "names of Keras 2.4"
_FUTURE_NAMES = frozenset(("absolute_import", "division", "print_function", "unicode_literals"))
_DTYPE = ("to_categorical", "dtype")
_SINCE_2_4 = (
    _KNOWN["paths since Keras 2.4"]
    | {
        f"{module.removeprefix('gazelle.')}.{name}"
        for module, names in tables.lists("later_names", "tf.keras 2").items()
        for name in names
    }
) - _KNOWN["paths until Keras 2.2 and since 2.4"]
_KERAS_3_NAMES = ("keras.ops", "keras.random", "keras.distribution", "keras.quantizers")


@dataclasses.dataclass(frozen=True)
class Sign:
    """A name or call in a program, and the first and the last era in which it is valid.

    `is_in_branch` states whether it is in a branch for one of several versions, so that the program runs in others.
    """

    line: int
    what: str
    first: int
    last: int
    is_in_branch: bool = False


def keras_path(dotted: str) -> str | None:
    """'keras.layers.core' -> 'layers.core'; None for other packages."""
    for root in ROOTS:
        if dotted == root or dotted.startswith(root + "."):
            return dotted[len(root) + 1 :]
    return None


def dotted(node: ast.expr) -> str:
    """'a.b.c' for an expression of names and dots, '' for another one."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else ""


def kind_of(call: ast.Call) -> tuple[list[str], str] | None:
    """(names of the class and its base classes, method) of a call, if its name is known."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if called in _KNOWN["methods"] and isinstance(call.func, ast.Attribute):
        return ["Model"], called
    called = {f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)}.get(called, called)
    if called in _KNOWN["classes that are no layers"]:
        return [called], "__init__"
    if called in _POSITIONS["STANDALONE_KERAS_2"]:
        return [called, "Optimizer"], "__init__"
    if any(called in names for names in (_POSITIONS["KERAS_1"], renamed_arguments.OF_CLASS, _KNOWN["layers"])):
        return [called, "Layer"], "__init__"
    return None


def parsed(source: str) -> ast.Module:
    """The syntax tree, also of Python 2."""
    try:
        return python2.syntax_tree(source)
    except SyntaxError:
        if python2.first_sign(source) is None:
            raise
        with contextlib.suppress(StateError):  # fissix is not installed
            return python2.syntax_tree(python2.python_3(source))
        raise


@functools.lru_cache(maxsize=64)
def signs(source: str) -> tuple[list[Sign], set[str]]:
    """The signs in a source text, and the packages from which it imports Keras; empty if the text is not Python."""
    try:
        nodes = python2.nodes_of(parsed(source))
    except (SyntaxError, ValueError):
        return [], set()
    of_python_2 = python2.first_sign(source)
    found = [Sign(of_python_2.line, "Python 2", 1, 2)] if of_python_2 else []
    roots: set[str] = set()
    backends: set[str] = set()  # names of keras.backend in the program
    modules, assigned = api_paths.names_of_modules(nodes), _assigned_once(nodes)
    unselected = {id(each) for node in nodes if isinstance(node, ast.If) for each in _unselected_imports(node)}
    found += _of_accuracy(nodes, any(module.startswith("tensorflow") for module in modules.values()))
    found += _of_metrics(nodes)
    in_branches = {id(each) for node in nodes for each in branches_of_versions.nodes_in(node)}
    for node in nodes:
        count = len(found)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            if any(alias.name in _FUTURE_NAMES for alias in node.names):
                found.append(Sign(node.lineno, FUTURE, 1, 2))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for written in _imported(node):
                found += _of_import(node.lineno, written)
                if id(node) not in unselected:
                    roots |= _roots_of(written)
                if (path := api_paths.public(written)) == "keras.backend":
                    backends |= {a.asname or "backend" for a in node.names if a.name in ("backend", path)}
        elif isinstance(node, ast.Call):
            found += _of_call(node, assigned)
        elif isinstance(node, ast.Attribute):
            root, _, rest = dotted(node).partition(".")
            if f"{modules.get(root, root)}.{rest}".startswith(("tensorflow.keras", "tf.keras")):
                roots.add("tensorflow")
            found += _of_attribute(node, modules, backends)
        if id(node) in in_branches:
            found[count:] = [dataclasses.replace(sign, is_in_branch=True) for sign in found[count:]]
    return found, roots


def _package_of_2(written: str) -> str | None:
    """The package of an imported module if it is for TensorFlow until 2.15."""
    package = ".".join(written.split(".")[: 1 if written.startswith("tensorflow_addons") else 2])
    return package if package in ("tensorflow_addons", "tensorflow_probability.layers") else None


def _roots_of(written: str) -> set[str]:
    """The package, keras or tensorflow, that an imported module shows the program to take Keras from."""
    if _package_of_2(written) is not None:
        return {"tensorflow"}
    path = api_paths.public(written)
    if keras_path(path) is None:
        return set()
    is_own = path.split(".")[0] in ("keras", "keras_core") and api_paths.era(written) != 2
    return {"keras" if is_own else "tensorflow"}


def _of_import(line: int, written: str) -> Iterator[Sign]:
    package = _package_of_2(written)
    if package is not None:
        yield Sign(line, package, 1, 2)
    elif written.startswith("keras_applications"):  # whose functions take the modules of Keras 2
        yield Sign(line, "keras_applications", 1, 2)
    path, shown = api_paths.public(written), api_paths.era(written)
    if shown is None and path.startswith(("tensorflow.contrib.", "tensorflow.python.keras")):
        yield Sign(line, path, 1, 2)
    inner = keras_path(path)
    if inner is not None:
        if shown is not None:
            yield Sign(line, written, shown, shown)
        yield from _of_path(line, path, inner)


def _of_attribute(node: ast.Attribute, modules: Mapping[str, str], backends: set[str]) -> Iterator[Sign]:
    line, name = node.lineno, dotted(node)
    root, _, rest = name.partition(".")
    written = f"{modules.get(root, root)}.{rest}"
    path = api_paths.public(written)
    is_of_backend = (root in backends and rest == node.attr) or written == f"keras.backend.{node.attr}"
    if is_of_backend and node.attr not in backend.__all__:
        yield Sign(line, f"{name} of keras.backend", 1, 2)  # Keras 3 has gazelle.ops
    is_old = any(tensorflow_signs.of_name(each) is not None for each in (name, path))
    if is_old or path == "tensorflow_probability.layers" or keras_path(path) in _KNOWN["paths until Keras 2"]:
        yield Sign(line, name, 1, 2)
    yield from _of_keras_2_4(line, (keras_path(path) or "").split("."))
    if name in _KERAS_3_NAMES:
        yield Sign(line, name, 3, 3)
    if name.endswith("optimizer.lr"):
        yield Sign(line, "optimizer.lr", 1, 2)
    if node.attr in _ATTRIBUTES:
        yield Sign(line, f".{node.attr}", *_ATTRIBUTES[node.attr])


def _of_accuracy(nodes: Sequence[ast.AST], is_tf_keras: bool) -> Iterator[Sign]:
    """Whether a program reads the metric "accuracy" as "acc", which was its name in logs before Keras 2.3.

    Many programs for later releases of tf.keras monitor "val_acc", without effect; few of the package `keras` do.
    """
    lists = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "metrics"]
    metrics = {each.value for node in lists for each in ast.walk(node) if isinstance(each, ast.Constant)}
    names = ("acc", "val_acc", "accuracy", "val_accuracy")
    read = {
        key.value: key.lineno
        for owner, key in filter(None, map(_read_key, nodes))
        if isinstance(key, ast.Constant) and key.value in names and re.search("hist|log", ast.unparse(owner).lower())
    }
    monitored = [] if is_tf_keras else [n for n in nodes if isinstance(n, ast.keyword) and n.arg == "monitor"]
    values = [node.value for node in monitored]
    read |= {n.value: n.lineno for n in values if isinstance(n, ast.Constant) and n.value in names}
    lines = [read[key] for key in ("acc", "val_acc") if key in read]
    is_other = "acc" in metrics or "accuracy" not in metrics or "accuracy" in read or "val_accuracy" in read
    if lines and not is_other:
        yield Sign(min(lines), releases.ACCURACY, 1, 2)


def _of_metrics(nodes: Sequence[ast.AST]) -> Iterator[Sign]:
    """Lists with fewer metrics than a model has outputs: they are for each output, but Keras 3 refuses them."""
    outputs: dict[str, int] = {}
    for node in sorted((n for n in nodes if isinstance(n, (ast.Assign, ast.Call))), key=lambda n: n.lineno):
        if isinstance(node, ast.Assign):
            made = _argument(node.value, "Model", 1, ("outputs", "output"))
            outputs |= {t.id: _length(made) for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            metrics = _length(_argument(node, "compile", 9, ("metrics",)))
            if 0 < metrics < outputs.get(node.func.value.id, 0):
                yield Sign(node.lineno, "fewer metrics than outputs", 1, 2)


def _argument(node: ast.expr, called: str, position: int, names: Sequence[str]) -> ast.expr | None:
    """An argument of a call of this name."""
    if not isinstance(node, ast.Call) or dotted(node.func).split(".")[-1] != called:
        return None
    given = [keyword.value for keyword in node.keywords if keyword.arg in names] + node.args[position : position + 1]
    return given[0] if given else None


def _length(node: ast.expr | None) -> int:
    """The length of a list without lists in it; 0 of other expressions."""
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
    return 0 if any(isinstance(part, (ast.List, ast.Tuple, ast.Dict, ast.Starred)) for part in parts) else len(parts)


def _read_key(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """What a node reads from, and the key: logs["acc"], logs.get("acc")."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.value, node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return node.func.value, node.args[0]
    return None


def _unselected_imports(node: ast.If) -> Iterator[ast.AST]:
    """The imports of tf.keras in place of keras for an unset variable of the environment, such as TF_KERAS."""
    test = list(ast.walk(node.test))
    if not any("environ" in (getattr(each, "attr", None), getattr(each, "id", None)) for each in test):
        return
    names = [str(each.value) for each in test if isinstance(each, ast.Constant)]
    if any(os.environ.get(name, "0") != "0" for name in names):
        return
    others = [each for other in node.orelse for each in ast.walk(other)]
    imports = [each for each in others if isinstance(each, (ast.Import, ast.ImportFrom))]
    if any(name == "keras" or name.startswith("keras.") for each in imports for name in _imported(each)):
        yield from (inner for each in node.body for inner in ast.walk(each))


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _of_path(line: int, path: str, inner: str) -> Iterator[Sign]:
    parts = inner.split(".")
    is_old = any(".".join(parts[:n]) in _OLD for n in range(1, len(parts) + 1))  # also keras.saving.legacy
    yield from _of_keras_2_4(line, parts)
    if (parts[0] in _KNOWN["modules of Keras 3"] and not is_old) or path.startswith("keras_core"):
        yield Sign(line, path, 3, 3)
    if any(".".join(parts[:n]) in _KNOWN["paths since Keras 2"] for n in (1, 2)):
        yield Sign(line, path, 2, 3)
    if (
        any(".".join(parts[:n]) in _KNOWN["paths of Keras 1"] for n in (1, 2))
        or parts[-1] in _KNOWN["names of Keras 1"]
    ):
        yield Sign(line, path, 1, 1)
    elif is_old or _is_old_name(parts):
        yield Sign(line, path, 1, 2)


def _of_keras_2_4(line: int, parts: Sequence[str]) -> Iterator[Sign]:
    if any(".".join(parts[:n]) in _SINCE_2_4 for n in (1, 2)):
        yield Sign(line, SINCE_2_4, 2, 3)


def _is_old_name(parts: list[str]) -> bool:
    return parts[-1] in NAMES.get(".".join(("gazelle", *parts[:-1])), {})


def _assigned_once(nodes: Sequence[ast.AST]) -> dict[str, ast.expr]:
    """The values of the names that a program assigns once, and that are no arguments."""
    stored = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    counts = collections.Counter(stored + [node.arg for node in nodes if isinstance(node, ast.arg)])
    assigned = [node for node in nodes if isinstance(node, ast.Assign)]
    pairs = [(target.id, node.value) for node in assigned for target in node.targets if isinstance(target, ast.Name)]
    return {name: value for name, value in pairs if counts[name] == 1}


def _of_call(call: ast.Call, assigned: Mapping[str, ast.expr]) -> Iterator[Sign]:
    line, given = call.lineno, {k.arg for k in call.keywords if k.arg}
    for name in _KNOWN["keywords of any call until Keras 2"] & given:
        yield Sign(line, f"{name}=", 1, 2)
    weights = tensorflow_signs.of_call(call, assigned)
    if weights is not None:
        yield Sign(line, weights, 1, 2)
    call_kind = kind_of(call)
    if call_kind is None:
        return
    kinds, method = call_kind
    yield from _of_keywords(line, given, kinds, method)
    if kinds[0].startswith("Global") and "keepdims" in given:
        yield Sign(line, SINCE_2_4, 2, 3)
    if kinds[0] == "Adadelta" and not call.args and given.isdisjoint(("lr", "learning_rate")):
        yield Sign(line, RATE, 1, 2)
    if method == "compile":
        yield from _of_compile(call)
    integers = {"Conv2D": 3, "Conv3D": 4}.get(kinds[0], 99)  # filters and sizes, which are one argument from Keras 2 on
    numbers = call.args[1:integers]
    is_new = not given.isdisjoint(_KNOWN["keywords of layers since Keras 2"]) or any(
        "stride" in ast.unparse(a) for a in numbers
    )
    if len(call.args) >= integers and all(_is_number(a) for a in numbers) and not is_new:
        yield Sign(line, f"{kinds[0]}({', '.join(ast.unparse(a) for a in call.args[:integers])})", 1, 1)


def _of_keywords(line: int, given: set[str], kinds: list[str], method: str) -> Iterator[Sign]:
    """The signs in the names of arguments of a call whose name is known."""
    called, is_layer = kinds[0] if method == "__init__" else method, "Layer" in kinds
    until_2 = _KNOWN["keywords of layers until Keras 2"] if is_layer else frozenset()
    if until_2 and called != "Embedding":
        until_2 |= _KNOWN["keywords of all layers but Embedding until Keras 2"]
    for name in sorted(given):
        what = f"{called}({name}=)"
        if renamed_arguments.renamed(kinds, method, name) != name or name in _KNOWN["counts of samples"]:
            yield Sign(line, what, 1, 2 if name in _KNOWN["keywords until Keras 2"] else 1)
        elif name in until_2 or (name == "decay" and "Optimizer" in kinds) or (called, name) == _DTYPE:
            yield Sign(line, what, 1, 2)
        elif (name in _KNOWN["keywords of layers since Keras 2"] and is_layer) or (
            name in ("epochs", "steps_per_epoch") and method != "__init__"
        ):
            yield Sign(line, what, 2, 3)


def _of_compile(call: ast.Call) -> Iterator[Sign]:
    optimizers = call.args[:1] + [k.value for k in call.keywords if k.arg == "optimizer"]
    if any(isinstance(o, ast.Constant) and str(o.value).lower() == "adadelta" for o in optimizers):
        yield Sign(call.lineno, RATE, 1, 2)
    if len(call.args) > 2 and _has_strings(call.args[2]):
        yield Sign(call.lineno, "metrics as third argument of compile", 1, 2)  # Keras 3 has loss_weights there
    if _weighs_one_loss(call):
        yield Sign(call.lineno, "one loss with several loss_weights", 1, 2)  # Keras 3 refuses them


def _weighs_one_loss(call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    loss, weights = (given.get(name) for name in ("loss", "loss_weights"))
    return isinstance(loss, ast.Constant) and isinstance(weights, ast.List) and len(weights.elts) > 1


def _has_strings(node: ast.expr) -> bool:
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def _is_number(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant) or isinstance(node.value, int)
