"""Models as programs for other systems: ONNX, StableHLO, TensorFlow's SavedModel and LiteRT.

In: a model by what it offers (variables, layers, graph). Out: a file or folder that computes what `predict` computes.
Must not know: how a model is trained, the classes of layers.
"""

from gazelle.export.export_archive import ExportArchive
from gazelle.export.formats import FORMATS, export_model
from gazelle.export.stablehlo import load_stablehlo

__all__ = ["FORMATS", "ExportArchive", "export_model", "load_stablehlo"]
