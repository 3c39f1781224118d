"""`plot_model`: a picture of a model in a file and in a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.drawing.diagram import Show, boxes_of
from gazelle.drawing.dot import DIRECTIONS, model_to_dot
from gazelle.drawing.picture import picture
from gazelle.drawing.raster import draw
from gazelle.drawing.svg import svg

KINDS = (".svg", ".dot", ".png", ".jpg", ".jpeg", ".pdf")


class Plot:
    """A drawn model: a notebook shows it; `svg` is its text."""

    def __init__(self, text: str) -> None:
        self.svg = text

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Plot of {len(self.svg)} characters of SVG>"


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Plot:
    """Draw a model's layers and what feeds what. Needs no Graphviz.

    Args:
        to_file: .svg and .dot are text; .png, .jpg and .pdf are drawn by matplotlib; None writes nothing.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what a box tells.
        rankdir: the way of the arrows: "TB" (down), "BT", "LR", "RL".
        expand_nested: draw the layers of models inside the model, in a frame.
        dpi: of a picture of dots.
        splines: for .dot alone.

    Errors: StateError for a model that is not built; ArgumentError for an unknown extension; ImportError without
    matplotlib.

    >>> model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(3, "relu")])
    >>> plot_model(model, "model.svg", show_shapes=True, show_layer_activations=True)
    <Plot of ... characters of SVG>
    """
    if rankdir not in DIRECTIONS:
        raise unknown("rankdir", rankdir, DIRECTIONS)
    kind = None if to_file is None else Path(to_file).suffix.lower()
    if kind is not None and kind not in KINDS:
        raise ArgumentError(
            message(
                "to_file of plot_model",
                expected=f"a name that ends in {', '.join(KINDS)}",
                got=os.fspath(to_file or ""),
            )
        )
    show = Show(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    flat = rankdir in ("LR", "RL")
    drawn = picture(boxes_of(model, show), rankdir)
    text = svg(drawn, flat)
    if to_file is not None:
        if kind == ".svg":
            Path(to_file).write_text(text, encoding="utf-8")
        elif kind == ".dot":
            dot = model_to_dot(
                model,
                show_shapes,
                show_dtype,
                show_layer_names,
                rankdir,
                expand_nested,
                dpi,
                show_layer_activations=show_layer_activations,
                show_trainable=show_trainable,
                splines=splines,
            )
            Path(to_file).write_text(dot + "\n", encoding="utf-8")
        else:
            draw(drawn, to_file, dpi, flat)
    return Plot(text)
