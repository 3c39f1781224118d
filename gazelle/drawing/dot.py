"""The model as text of Graphviz' language."""

from __future__ import annotations

from typing import Any

from gazelle.core.errors import unknown
from gazelle.drawing.diagram import Box, Show, boxes_of

DIRECTIONS = ("TB", "BT", "LR", "RL")


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> str:
    """The layers and their arrows as text of DOT, which other programs draw. Arguments as in `plot_model`.

    Args:
        subgraph: a cluster for use in another graph instead of a graph of its own.
        splines: how Graphviz draws the arrows.

    >>> model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(3, name="out")])
    >>> print(model_to_dot(model, show_layer_names=False))
    digraph {
      rankdir="TB"; splines="ortho"; dpi=200;
      node [shape=record, fontname="Helvetica"];
      n0 [label="InputLayer"];
      n1 [label="Dense"];
      n0 -> n1;
    }
    """
    if rankdir not in DIRECTIONS:
        raise unknown("rankdir", rankdir, DIRECTIONS)
    show = Show(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    drawing = boxes_of(model, show)
    number = {id(box): f"n{i}" for i, box in enumerate(drawing.boxes)}
    head = f'subgraph "cluster_{model.name}" {{' if subgraph else "digraph {"
    lines = [
        head,
        f'  rankdir="{rankdir}"; splines="{splines}"; dpi={dpi};',
        '  node [shape=record, fontname="Helvetica"];',
    ]
    lines += _cluster(drawing.boxes, number, 0)
    lines += [f"  {number[id(a)]} -> {number[id(b)]};" for a, b in drawing.arrows]
    return "\n".join([*lines, "}"])


def _cluster(boxes: list[Box], number: dict[int, str], depth: int) -> list[str]:
    """The boxes, those of one model inside a subgraph of its own."""
    indent, lines = "  " * (depth + 1), []
    for name in dict.fromkeys(box.groups[depth] if len(box.groups) > depth else None for box in boxes):
        here = [box for box in boxes if (box.groups[depth] if len(box.groups) > depth else None) == name]
        if name is None:
            lines += [f'{indent}{number[id(box)]} [label="{_label(box)}"];' for box in here]
        else:
            lines += [f'{indent}subgraph "cluster_{name}" {{', f'{indent}  label="{name}";']
            lines += [*_cluster(here, number, depth + 1), f"{indent}}}"]
    return lines


def _label(box: Box) -> str:
    cells = [box.title, *box.rows]
    safe = ["".join(f"\\{c}" if c in '{}|<>"\\' else c for c in cell) for cell in cells]
    return safe[0] if len(safe) == 1 else "{" + "|".join(safe) + "}"
