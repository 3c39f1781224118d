"""Plots of models: SVG, PNG and PDF without Graphviz, and text in the DOT language.

Input: a model by its layers and its graph. Output: files and text.
"""

from gazelle.drawing.dot import model_to_dot
from gazelle.drawing.plot import plot_model

__all__ = ["model_to_dot", "plot_model"]
