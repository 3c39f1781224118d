"""Models as text in the DOT language of Graphviz."""

from __future__ import annotations

import functools
import io
import pathlib
from typing import TYPE_CHECKING

from gazelle.core.errors import unknown
from gazelle.core.printable import printable
from gazelle.core.types import PathLike
from gazelle.drawing.diagram import Box, Options, diagram_of
from gazelle.drawing.picture import Picture, picture_of
from gazelle.drawing.render import save_image, to_svg

if TYPE_CHECKING:
    from gazelle.models import Model

DIRECTIONS = ("TB", "BT", "LR", "RL")


class Dot(str):
    """Text in the DOT language, with the methods of `pydot` that draw it; Graphviz is not needed.

    >>> text = model_to_dot(gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(3)]))
    >>> text.create(format="svg")[:4], text.create_png()[1:4]
    (b'<svg', b'PNG')
    """

    picture: Picture
    horizontal: bool
    dpi: int

    def create(self, prog: object = None, format: str = "ps", encoding: str | None = None) -> bytes:
        """Return the drawing as a file.

        Args:
            prog: accepted as in `pydot`, ignored.
            format: the kind of file: 'svg', 'png', 'jpg', 'pdf', or 'dot' and 'raw' for the text.
            encoding: accepted as in `pydot`, ignored.

        Returns:
            The contents of the file.
        """
        if format in ("dot", "raw"):
            return self.encode()
        if format == "svg":
            return to_svg(self.picture, self.horizontal).encode()
        file = io.BytesIO()
        save_image(self.picture, file, self.dpi, self.horizontal, format)
        return file.getvalue()

    def write(self, path: PathLike, prog: object = None, format: str = "raw", encoding: str | None = None) -> bool:
        """Write the drawing to a file.

        Args:
            path: the file.
            prog: accepted as in `pydot`, ignored.
            format: see `create`.
            encoding: accepted as in `pydot`, ignored.

        Returns:
            True.
        """
        pathlib.Path(path).write_bytes(self.create(format=format))
        return True

    def to_string(self) -> str:
        """Return the text."""
        return str(self)

    def _repr_svg_(self) -> str:
        return self.create(format="svg").decode()


for _kind in ("dot", "jpg", "pdf", "png", "raw", "svg"):
    setattr(Dot, f"create_{_kind}", functools.partialmethod(Dot.create, format=_kind))
    setattr(Dot, f"write_{_kind}", functools.partialmethod(Dot.write, format=_kind))


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
) -> Dot:
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
        The text; its methods `create` and `write` draw it.

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
    text = Dot("\n".join([*lines, "}"]))
    text.picture = picture_of(diagram, rankdir)
    text.horizontal, text.dpi = rankdir in ("LR", "RL"), dpi
    return text


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
