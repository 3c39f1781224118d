"""Pictures of models: SVG, PNG and PDF without Graphviz, and the text of DOT.

In: a model, looked at through its layers and its graph. Out: files and text.
Must not know: what a layer computes, how a model trains.
"""

from gazelle.drawing.dot import model_to_dot
from gazelle.drawing.plot import plot_model

__all__ = ["model_to_dot", "plot_model"]
