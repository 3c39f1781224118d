"""Models as text in the DOT language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.errors import unknown
from gazelle.core.printable import printable
from gazelle.drawing.diagram import Box, Options, diagram_of

if TYPE_CHECKING:
    from gazelle.models import Model

DIRECTIONS = ("TB", "BT", "LR", "RL")


def model_to_dot(
    model: Model,
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
    """Describe a model in the DOT language, which Graphviz and other programs draw.

    Args:
        model: the model.
        show_shapes: show the shapes of inputs and outputs.
        show_dtype: show the dtypes of outputs.
        show_layer_names: show the names of layers.
        rankdir: direction of the arrows: 'TB' (down), 'BT', 'LR' or 'RL'.
        expand_nested: show the layers of nested models in clusters.
        dpi: resolution of images.
        subgraph: return a cluster for use in another graph.
        show_layer_activations: show the activations of layers.
        show_trainable: show whether layers are trainable.
        splines: how Graphviz draws the arrows.

    Returns:
        The text.

    Raises:
        StateError: the model is not built.
        ArgumentError: an unknown `rankdir`.

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
    options = Options(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    diagram = diagram_of(model, options)
    names = {id(box): f"n{i}" for i, box in enumerate(diagram.boxes)}
    head = f"subgraph {_quoted(f'cluster_{printable(model.name)}')} {{" if subgraph else "digraph {"
    lines = [
        head,
        f'  rankdir="{rankdir}"; splines="{splines}"; dpi={dpi};',
        '  node [shape=record, fontname="Helvetica"];',
    ]
    lines += _cluster(diagram.boxes, names, 0)
    lines += [f"  {names[id(a)]} -> {names[id(b)]};" for a, b in diagram.arrows]
    return "\n".join([*lines, "}"])


def _cluster(boxes: list[Box], names: dict[int, str], depth: int) -> list[str]:
    """The lines of the boxes, with a subgraph for each nested model."""
    indent, lines = "  " * (depth + 1), []
    for name in dict.fromkeys(box.groups[depth] if len(box.groups) > depth else None for box in boxes):
        members = [box for box in boxes if (box.groups[depth] if len(box.groups) > depth else None) == name]
        if name is None:
            lines += [f'{indent}{names[id(box)]} [label="{_label(box)}"];' for box in members]
        else:
            lines += [f"{indent}subgraph {_quoted(f'cluster_{name}')} {{", f"{indent}  label={_quoted(name)};"]
            lines += [*_cluster(members, names, depth + 1), f"{indent}}}"]
    return lines


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(box: Box) -> str:
    cells = [box.title, *box.rows]
    safe = ["".join(f"\\{c}" if c in '{}|<>"\\' else c for c in cell) for cell in cells]
    return safe[0] if len(safe) == 1 else "{" + "|".join(safe) + "}"
