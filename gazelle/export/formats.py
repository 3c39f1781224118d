"""The formats by name."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

from gazelle.core.errors import message, unknown
from gazelle.export.signature import of_model

#: {format: (file, function, packages it needs, extra that installs them)}
FORMATS = {
    "litert": ("saved_model", "export_litert", ("tensorflow",), "tensorflow"),
    "onnx": ("onnx", "export_onnx", ("onnx",), "onnx"),
    "stablehlo": ("stablehlo", "export_stablehlo", (), ""),
    "tf_saved_model": ("saved_model", "export_saved_model", ("tensorflow",), "tensorflow"),
}


def writer(name: str) -> Callable[..., None]:
    """The function that writes a format.

    Raises:
        ArgumentError: there is no such format.
        ImportError: a package that it needs is not installed.
    """
    if name not in FORMATS:
        raise unknown("export format", name, FORMATS, hint=f"There are: {', '.join(FORMATS)}.")
    file, function, packages, extra = FORMATS[name]
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                message(
                    f"export(format={name!r})",
                    expected=f"the package {package}",
                    got="none installed",
                    hint=f'pip install "gazelle[{extra}]"',
                )
            )
    found: Callable[..., None] = getattr(importlib.import_module(f"gazelle.export.{file}"), function)
    return found


def export_model(
    model: Any,
    filepath: Any,
    format: str = "tf_saved_model",
    verbose: Any = None,
    input_signature: Any = None,
    alone: bool = False,
    **kwargs: Any,
) -> None:
    """Write what `model.predict` computes as a program for another system; see `Model.export`.

    alone: whether the outputs of a sample depend on that sample only.
    """
    write = writer(format)
    program = of_model(model, input_signature)
    path = os.fspath(filepath)
    write(program, path, alone=alone, **kwargs)
    if verbose or verbose is None:
        print(f"Saved the model as {format} at {path}")
