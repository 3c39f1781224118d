"""Signs of the releases of TensorFlow, whose tf.keras was Keras 2 until 2.15, and is Keras 3 since.

Input: calls and names of a source text, and the path of a program. Output: descriptions of the signs.
"""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator, Mapping

from gazelle.compat import tables
from gazelle.compat.source import notebooks, read, releases

_NAMES = {key: frozenset(names) for key, names in tables.lists("detect", "names of tensorflow").items()}
_ROOT = re.compile(r"^(?:tf|tensorflow)\.")
_MODEL = re.compile(r"model|net|generator|discriminator|encoder|decoder|classifier|critic|actor|gan|vae", re.IGNORECASE)
#: what `ModelCheckpoint` writes in Keras 3, and what `load_weights` reads
_WHOLE, _READABLE = (".keras", ".h5"), (".keras", ".h5", ".hdf5")
KERAS_3 = (2, 16)  # the first release of TensorFlow with Keras 3
_INSTALLED = re.compile(r'pip3? install[^\n"]*?\btensorflow(?:[-_]\w+)?==(\d+)\.(\d+)')


def of_name(name: str) -> str | None:
    """The sign in a dotted name, such as `tf.placeholder`, which TensorFlow 2.16 does not have; None if there is none.

    >>> of_name("tf.placeholder"), of_name("tf.keras.layers.Dense")
    ('tf.placeholder', None)
    """
    parts = name.split(".")
    if parts[-1] in _NAMES["last parts"]:
        return name
    if not _ROOT.match(name):
        return None
    inner = ".".join(parts[1:])
    is_v1 = parts[1:3] == ["compat", "v1"] and len(parts) > 3 and parts[3] != "logging"  # which silences messages
    is_optimizer = parts[1] == "train" and parts[-1].endswith("Optimizer")
    return name if is_v1 or is_optimizer or inner in _NAMES["names"] or parts[1] in _NAMES["modules"] else None


def of_call(call: ast.Call, assigned: Mapping[str, ast.expr]) -> str | None:
    """The sign in a call with names of files, or numbers of steps, that Keras 3 refuses; None without one.

    Args:
        call: the call.
        assigned: the values of names that the program assigns once.
    """
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    by_keyword = {k.arg: k.value for k in call.keywords if k.arg}
    for name in ("steps_per_epoch", "validation_steps"):  # range() of Keras 3 takes no quotients
        steps = by_keyword.get(name)
        if isinstance(steps, ast.BinOp) and isinstance(steps.op, ast.Div):
            return f"{name}={ast.unparse(steps)}"
    given = call.args[0] if call.args else by_keyword.get("filepath")
    given = assigned.get(given.id, given) if isinstance(given, ast.Name) else given
    ending = None if given is None else _ending(given)
    if ending is None:
        return None
    if called == "ModelCheckpoint":
        weights_alone = getattr(by_keyword.get("save_weights_only"), "value", False) is True
        wrong = not ending.endswith(".weights.h5" if weights_alone else _WHOLE)
        return f"ModelCheckpoint(...{ending!r})" if wrong else None
    if not isinstance(function, ast.Attribute) or not _MODEL.search(ast.unparse(function.value)):
        return None
    wrong = (
        (called == "save_weights" and not ending.endswith(".weights.h5"))
        or (called == "load_weights" and not ending.endswith(_READABLE))
        or (called == "save" and len(call.args) == 1 and "." not in pathlib.PurePath(ending).name)
    )
    return f"{called}(...{ending!r})" if wrong else None


def _ending(node: ast.expr) -> str | None:
    """The last part of a path that is written in the program; None if it ends with a value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) and node.value else None
    if isinstance(node, ast.JoinedStr):
        return _ending(node.values[-1]) if node.values else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        return _ending(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _ending(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "join" and node.args:
            return _ending(node.args[-1])
        return _ending(node.func.value) if node.func.attr == "format" else None
    return None


def of_keras_3(program: pathlib.Path) -> Iterator[str]:
    """The signs of TensorFlow from 2.16 on, whose tf.keras is Keras 3, in a notebook and the releases that it needs."""
    text = read(program) if program.suffix == ".ipynb" else ""
    version = notebooks.python_release(text)
    if version is not None and version > (3, 11):  # for which there is no TensorFlow 2.15
        yield f"a notebook of Python {version[0]}.{version[1]}"
    yield from (found[0] for found in _INSTALLED.finditer(text) if (int(found[1]), int(found[2])) >= KERAS_3)
    yield from (pin.text for pin in releases.pins(program, releases.TENSORFLOW) if pin.oldest >= KERAS_3)
