"""PyTorch as the backend of programs for Keras 3 that set KERAS_BACKEND=torch and have PyTorch installed.

JAX computes the layers, losses and operations; PyTorch differentiates what a program calls: tensors, their `backward`,
`torch.no_grad`, optimizers and functions of PyTorch are its own. `fit` compiles models as ever, unless a layer, loss or
step of the program calls functions of PyTorch.
"""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec

from gazelle.compat import era, facade


def activate_if_selected() -> None:
    """Let a program compute with PyTorch from its first import of Keras on, if it selects it and it is installed."""
    is_selected = os.environ.get("KERAS_BACKEND") == "torch" and era.number() == 3
    if is_selected and not facade.adapter.has_tensors and find_spec("torch") is not None:
        importlib.import_module("gazelle.compat.pytorch.activation").activate()
