"""Paths of generated modules of Keras and TensorFlow, which editors write: `keras.api._v2.keras.layers`."""

from __future__ import annotations

import re

#: a generated part of a path -> what it means
_GENERATED = (
    (re.compile(r"^tensorflow_core(?=\.|$)"), "tensorflow"),
    (re.compile(r"^tensorflow\._api(\.v[12])*(?=\.|$)"), "tensorflow"),
    (re.compile(r"keras\.(python|api|_tf_keras)(\._v[12])?(\.keras)?(?=\.|$)"), "keras"),
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
