"""The module that a program gets for `keras`: gazelle, but for the version, which is that of the program's era."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import gazelle
from gazelle.core import era

#: era -> the last release whose words it speaks: of the package `keras`, and of TensorFlow with its `tf.keras`
VERSIONS = {1: ("1.2.2", "2.15.0"), 2: ("2.3.1", "2.15.0"), 3: ("3.15.1", "2.21.0")}


def version(name: str) -> str:
    """What `name.__version__` says; name: "keras", "tensorflow", "tensorflow.keras", "tf_keras", "keras_core"."""
    alone, tensorflow = VERSIONS[era.number()]
    if name == "tensorflow":
        return tensorflow
    return alone if era.number() == 3 or (era.standalone() and name == "keras") else tensorflow


class Package(ModuleType):
    """`keras` by one of its names: everything but the version is gazelle's.

    >>> Package("keras").layers is gazelle.layers, Package("keras").__version__.split(".")[0]
    (True, '3')
    """

    stands_in = True

    def __init__(self, name: str) -> None:
        super().__init__(name, gazelle.__doc__)

    def __getattr__(self, name: str) -> Any:
        if name == "version":
            return lambda: version(self.__name__)
        return version(self.__name__) if name == "__version__" else getattr(gazelle, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType):
            setattr(gazelle, name, value)  # which knows its rooms from what `keras.<room>` was once
        else:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*dir(gazelle), "__version__"})


package = Package
