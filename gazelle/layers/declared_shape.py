"""What an author says of a layer's output where tracing cannot find it: sizes are unknown that must fit known ones."""

from __future__ import annotations

from typing import Any

from gazelle.core import symbolic
from gazelle.core.symbolic import KerasTensor


def outputs(layer: Any, args: Any) -> Any:
    """Symbolic tensors of the shapes that `output_shape` or `compute_output_shape` tells.

    None where no size but that of the batch is unknown: then an error is an error; or where nothing is told.
    """
    found = symbolic.symbolic_leaves(args)
    if not any(None in tensor.shape[1:] for tensor in found):
        return None
    told = layer._config.get("output_shape")
    own = type(layer).compute_output_shape
    if told is not None and not callable(told):
        shape = (found[0].shape[0], *told)
    elif told is not None or not own.__module__.startswith("gazelle."):
        shape = (told or layer.compute_output_shape)(symbolic.map_tree(lambda t: t.shape, args[0]))
    else:
        return None
    many = isinstance(shape, list) and all(isinstance(each, tuple | list) for each in shape)
    made = [KerasTensor(tuple(each), layer.compute_dtype, layer.name) for each in (shape if many else [shape])]
    return made if many else made[0]
