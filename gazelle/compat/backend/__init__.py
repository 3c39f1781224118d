"""`keras.backend` of all eras.

Input: arrays, symbolic tensors, variables. Output: arrays, or nodes of a graph if an input is symbolic. Must not depend
on training.
"""

from __future__ import annotations

import importlib
from typing import Any

from gazelle import backend as _current
from gazelle.compat.tables import listed
from gazelle.core.module_names import missing_name
from gazelle.core.names import name_scope

_MODULES = [
    importlib.import_module(f"gazelle.compat.backend.{_name}")
    for _name in listed("""arithmetic gradients loops losses networks phase functions sessions
        settings shapes updates variables""")
]


def _names() -> dict[str, Any]:
    """The public names: those of the modules, and those of the current backend."""
    out = {name: getattr(_current, name) for name in _current.__all__}
    out["name_scope"] = name_scope
    for part in _MODULES:
        table = getattr(part, "SAME", {})
        out |= {n: v for n, v in vars(part).items() if n in table or getattr(v, "__module__", "") == part.__name__}
    return {name: value for name, value in out.items() if name == "_get_available_gpus" or name[0] != "_"}


_found = _names()
globals().update(_found)
__all__ = sorted(_found)

#: names of single backends by which programs imported this module
_BACKEND_NAMES = ("cntk_backend", "common", "load_backend", "tensorflow_backend", "theano_backend")


def __getattr__(name: str) -> Any:
    if name in ("tf", "nn") or name.endswith("_ops"):  # programs imported modules of TensorFlow from here
        tensorflow = importlib.import_module("gazelle.compat.tensorflow").module("tensorflow")
        return tensorflow if name == "tf" else getattr(tensorflow.python.ops, name)
    if name in ("_BACKEND", "_EPSILON", "_FLOATX"):  # settings before Keras 1.0
        return globals()[name[1:].lower()]()
    if name in _BACKEND_NAMES:
        return importlib.import_module(__name__)
    raise missing_name(__name__, name, __all__)
