"""Defaults that were others in Keras 1 and 2, as the genuine 1.2.2 and 2.3.1 have them."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from gazelle.compat import era

_GATES = {"recurrent_activation": "hard_sigmoid"}
#: era -> "Class" or "Class.method" -> today's argument -> its default then
_OF: dict[int, dict[str, dict[str, Any]]] = {
    1: {
        "LSTM": _GATES,
        "GRU": {**_GATES, "reset_after": False},
        "ConvLSTM2D": _GATES,
        "Flatten": {"data_format": "channels_last"},  # it left the order of the axes as it was
        "Model.fit": {"epochs": 10, "batch_size": 32},
        "Model.predict": {"verbose": 0},
        "AveragePooling1D": {"pool_size": 2},
        "ZeroPadding1D": {"padding": 1},
    },
    2: {
        "GRU": {"reset_after": False},
        "GRUCell": {"reset_after": False},
        "ConvLSTM2D": _GATES,
        "Model.predict": {"verbose": 0},
    },
}
_TENSORFLOW: dict[str, dict[str, Any]] = {"ConvLSTM2D": _GATES, "Model.predict": {"verbose": 0}}


def of(key: str) -> dict[str, Any]:
    """The defaults of a class or method in the era of the process."""
    table = _TENSORFLOW if era.number() == 2 and not era.standalone() else _OF[era.number()]
    return table.get(key, {})


@functools.cache
def places(owner: Any, method: str) -> tuple[str, ...]:
    """The names of the arguments of today that can be given by position, in their order."""
    function = getattr(owner, method, None) if not isinstance(owner, str) else None
    parameters = inspect.signature(function).parameters.values() if function is not None else ()
    return tuple(p.name for p in parameters if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD)


def place(owner: Any, method: str, name: str) -> int:
    """At which position an argument stands today; it is given by position if there are more of them."""
    names = places(owner, method)
    return names.index(name) if name in names else 1 << 30
