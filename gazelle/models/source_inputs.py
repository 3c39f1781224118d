"""Where a symbolic tensor comes from."""

from __future__ import annotations

from gazelle.core.symbolic import KerasTensor


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs that a symbolic tensor is computed from, each once, in the order in which they are met.

    >>> x = gazelle.Input((3,), name="x")
    >>> [t.name for t in get_source_inputs(gazelle.layers.Dense(2)(x))]
    ['x']
    """
    found, met, waiting = list[KerasTensor](), set[int](), [tensor]
    while waiting:
        at = waiting.pop()
        if id(at) in met:
            continue
        met.add(id(at))
        before = at.node.inputs if at.node is not None else []
        if not before:
            found.append(at)
        waiting += reversed(before)
    return found
