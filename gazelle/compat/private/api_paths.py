"""Paths of generated modules of Keras and TensorFlow, which editors write: `keras.api._v2.keras.layers`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

#: a generated part of a path -> what it means
_GENERATED = (
    (re.compile(r"^tensorflow_core(?=\.|$)"), "tensorflow"),
    (re.compile(r"^tensorflow\._api(\.v[12])*(?=\.|$)"), "tensorflow"),
    (re.compile(r"keras\.(python|api|_impl|_tf_keras)(\._v[12])?(\.keras)?(?=\.|$)"), "keras"),
)


def public(path: str) -> str:
    """Return the public path of a module.

    >>> public("tensorflow.python.keras.api._v2.keras.layers")
    'tensorflow.python.keras.layers'
    """
    if "keras." in path or path.startswith("tensorflow"):
        for pattern, meaning in _GENERATED:
            path = pattern.sub(meaning, path)
    return path


def era(path: str) -> int | None:
    """Return the era of the Keras with such a path: `_v2` is tf.keras, `_tf_keras` Keras 3; None for other paths."""
    if "._tf_keras" in path:
        return 3
    return 2 if re.search(r"\._v[12]\b|^tensorflow_core\b", path) else None


def names_of_modules(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """What the names that a program imports stand for.

    >>> tree = ast.parse("import tensorflow as tf; from keras import layers as L; import keras.backend")
    >>> names_of_modules(tree.body)
    {'tf': 'tensorflow', 'L': 'keras.layers', 'keras': 'keras'}
    """
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                found.update({alias.asname: alias.name} if alias.asname else {root: root})
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found
