"""`keras.backend` of all eras.

Input: arrays, symbolic tensors, variables. Output: arrays, or nodes of a graph if an input is symbolic. Must not depend
on training.
"""

from __future__ import annotations

import importlib
from typing import Any

from gazelle import backend as _current
from gazelle.compat.backend import (
    arithmetic,
    functions,
    loops,
    losses,
    networks,
    phase,
    random_tensors,
    sessions,
    settings,
    shapes,
    updates,
    variables,
)
from gazelle.compat.backend import (
    gradients as _gradients,
)
from gazelle.core.module_names import missing_name
from gazelle.core.names import name_scope

_MODULES = (
    arithmetic,
    random_tensors,
    _gradients,
    loops,
    losses,
    networks,
    phase,
    functions,
    sessions,
    settings,
    shapes,
    updates,
    variables,
)


def _names() -> dict[str, Any]:
    """The public names: those of the modules, and those of the current backend."""
    out = {name: getattr(_current, name) for name in _current.__all__}
    out["name_scope"] = name_scope
    for part in _MODULES:
        table = getattr(part, "SAME", {})
        out |= {n: v for n, v in vars(part).items() if n in table or getattr(v, "__module__", "") == part.__name__}
    return {name: value for name, value in out.items() if name == "_get_available_gpus" or name[0] != "_"}


globals().update(_names())
__all__ = sorted(_names())

#: names of single backends by which programs imported this module
_BACKEND_NAMES = ("cntk_backend", "common", "load_backend", "tensorflow_backend", "theano_backend")
#: internal modules of TensorFlow that programs imported from here -> the public module with their functions
_OF_TENSORFLOW = {
    **dict.fromkeys(
        ("array_ops", "check_ops", "control_flow_ops", "math_ops", "random_ops", "state_ops", "tensor_array_ops"), ""
    ),
    "nn": "nn",
    "nn_ops": "nn",
    "image_ops": "image",
    "linalg_ops": "linalg",
}


def __getattr__(name: str) -> Any:
    if name == "tf" or name in _OF_TENSORFLOW:
        tensorflow = importlib.import_module("gazelle.compat.tensorflow").module("tensorflow")
        return getattr(tensorflow, _OF_TENSORFLOW.get(name, ""), tensorflow)
    if name in _BACKEND_NAMES:
        return importlib.import_module(__name__)
    raise missing_name(__name__, name, __all__)
