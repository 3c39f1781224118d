"""What `keras.engine` and its modules held: the layer, the input, the model."""

from __future__ import annotations

from typing import Any

from gazelle.core import era
from gazelle.core.errors import nearest
from gazelle.core.missing import MissingNameError
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.layers import Input, InputLayer, InputSpec, Layer, Wrapper
from gazelle.legacy.layers import Merge, merge
from gazelle.models import Functional, Model, Sequential
from gazelle.utils import get_source_inputs

Container = Network = Model

__all__ = [
    "Container", "Functional", "Input", "InputLayer", "InputSpec", "KerasTensor", "Layer", "Merge", "Model", "Network",
    "Node", "Sequential", "Wrapper", "get_source_inputs", "merge",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if era.ask("module", f"engine.{name}") is not era.NOTHING:  # keras.engine.topology
        import gazelle.legacy.engine as whole

        return whole
    near = nearest(name, __all__)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    raise MissingNameError(f"keras.engine has no {name!r}{hint}")
