"""`plot_model`: a plot of a model in a file or a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.types import PathLike
from gazelle.drawing.diagram import Options, diagram_of
from gazelle.drawing.dot import DIRECTIONS, model_to_dot
from gazelle.drawing.picture import picture_of
from gazelle.drawing.render import save_image, to_svg

if TYPE_CHECKING:
    from gazelle.models import Model

EXTENSIONS = (".svg", ".dot", ".png", ".jpg", ".jpeg", ".pdf")


class Plot:
    """Plot of a model, which notebooks display.

    Args:
        text: the text of an SVG file.

    Attributes:
        svg: the text.
    """

    def __init__(self, text: str) -> None:
        self.svg = text

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Plot of {len(self.svg)} characters of SVG>"


def plot_model(
    model: Model,
    to_file: PathLike | None = "model.png",
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
    """Plot the layers of a model and their connections; Graphviz is not needed.

    Args:
        model: the model.
        to_file: the file to write: .svg or .dot, or with matplotlib .png, .jpg or .pdf; None writes nothing.
        show_shapes: show the shapes of inputs and outputs.
        show_dtype: show the dtypes of outputs.
        show_layer_names: show the names of layers.
        rankdir: direction of the arrows: 'TB' (down), 'BT', 'LR' or 'RL'.
        expand_nested: show the layers of nested models in frames.
        dpi: resolution of images.
        show_layer_activations: show the activations of layers.
        show_trainable: show whether layers are trainable.
        splines: how Graphviz draws the arrows of a .dot file.

    Returns:
        An object that notebooks display.

    Raises:
        StateError: the model is not built.
        ArgumentError: an unknown extension or `rankdir`.
        ImportError: matplotlib is not installed.

    >>> model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(3, "relu")])
    >>> plot_model(model, "model.svg", show_shapes=True, show_layer_activations=True)
    <Plot of ... characters of SVG>
    """
    if rankdir not in DIRECTIONS:
        raise unknown("rankdir", rankdir, DIRECTIONS)
    extension = None if to_file is None else Path(to_file).suffix.lower()
    if extension is not None and extension not in EXTENSIONS:
        raise ArgumentError(
            message(
                "to_file of plot_model",
                expected=f"a name that ends in {', '.join(EXTENSIONS)}",
                got=os.fspath(to_file or ""),
            )
        )
    options = Options(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    horizontal = rankdir in ("LR", "RL")
    picture = picture_of(diagram_of(model, options), rankdir)
    text = to_svg(picture, horizontal)
    if to_file is not None:
        if extension == ".svg":
            Path(to_file).write_text(text, encoding="utf-8")
        elif extension == ".dot":
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
            save_image(picture, to_file, dpi, horizontal)
    return Plot(text)
