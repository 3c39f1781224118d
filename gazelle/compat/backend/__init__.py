"""`keras.backend` of all eras: functions of tensors with values, of symbolic ones, and of variables.

In: arrays, symbolic tensors, variables. Out: arrays, or steps of a graph. Must not know: who trains.
"""

from __future__ import annotations

import importlib
from typing import Any

from gazelle import backend as _today
from gazelle.compat.backend import (
    arithmetic,
    draws,
    loops,
    losses,
    networks,
    phase,
    running,
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

_PARTS = (
    arithmetic,
    draws,
    _gradients,
    loops,
    losses,
    networks,
    phase,
    running,
    sessions,
    settings,
    shapes,
    updates,
    variables,
)


def _names() -> dict[str, Any]:
    """What the parts define, and what today's backend has."""
    out = {name: getattr(_today, name) for name in _today.__all__}
    out["name_scope"] = name_scope
    for part in _PARTS:
        table = getattr(part, "SAME", {})
        out |= {n: v for n, v in vars(part).items() if n in table or getattr(v, "__module__", "") == part.__name__}
    return {name: value for name, value in out.items() if name == "_get_available_gpus" or name[0] != "_"}


globals().update(_names())
__all__ = sorted(_names())

#: what programs called this module by the name of one backend
_OWN_NAMES = ("cntk_backend", "common", "load_backend", "tensorflow_backend", "theano_backend")
#: rooms of TensorFlow that the module imported, and which of the rooms that programs see holds their functions
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
    if name in _OWN_NAMES:
        return importlib.import_module(__name__)
    raise missing_name(__name__, name, __all__)
