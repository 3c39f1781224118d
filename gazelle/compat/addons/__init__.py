"""TensorFlow Addons: the names that programs import from `tensorflow_addons` where that package is not installed.

A module has its own names and those of `keras`: `tfa.layers.GroupNormalization` is `keras.layers.GroupNormalization`.
Input and output as in the modules of `keras`. Expected numbers: those of TensorFlow Addons 0.23.
"""

from collections.abc import Callable

from gazelle.compat.namespaces import namespace
from gazelle.compat.tensorflow import crf as text
from gazelle.compat.types import NamedObject

__all__ = ["text"]
__version__ = "0.23.0"


def names_of(path: str) -> Callable[[str], NamedObject]:
    """`__getattr__` of a module that has all names of a module of `keras`."""
    return lambda name: getattr(namespace(path), name)
