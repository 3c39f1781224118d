"""Export of models to other systems: ONNX, StableHLO, TensorFlow's SavedModel and LiteRT.

Input: a model by its interface (variables, layers, graph). Output: a file or folder with the computation of `predict`.
Independent of the training and of the classes of layers.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.export.export_archive import ExportArchive
from gazelle.export.formats import FORMATS, export_model
from gazelle.export.stablehlo import load_stablehlo

__all__ = ["FORMATS", "ExportArchive", "export_model", "load_stablehlo"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
