"""Names of `keras` in the modules of TensorFlow Addons."""

from collections.abc import Callable

from gazelle.compat.namespaces import namespace
from gazelle.compat.types import NamedObject


def names_of(path: str) -> Callable[[str], NamedObject]:
    """`__getattr__` of a module that has all names of a module of `keras`."""
    return lambda name: getattr(namespace(path), name)
