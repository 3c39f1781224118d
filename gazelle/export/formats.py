"""Export formats by name."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import message, unknown
from gazelle.core.types import PathLike
from gazelle.engine.tensorflow_library import behind_the_stand_in
from gazelle.export.signature import InputSignature, of_model
from gazelle.ops import native

if TYPE_CHECKING:
    from gazelle.models import Model

#: {format: (module, function, required packages, extra that installs them)}
FORMATS = {
    "litert": ("saved_model", "export_litert", ("tensorflow",), "tensorflow"),
    "onnx": ("onnx", "export_onnx", ("onnx",), "onnx"),
    "stablehlo": ("stablehlo", "export_stablehlo", (), ""),
    "tf_saved_model": ("saved_model", "export_saved_model", ("tensorflow",), "tensorflow"),
}


def writer(name: str) -> Callable[..., None]:
    """The function that writes a format.

    Args:
        name: one of FORMATS.

    Raises:
        ArgumentError: there is no such format.
        ImportError: a required package is not installed.
    """
    if name not in FORMATS:
        raise unknown("export format", name, FORMATS, hint=f"Formats: {', '.join(FORMATS)}.")
    module, function, packages, extra = FORMATS[name]
    for package in packages:
        if not _is_installed(package):
            raise ImportError(
                message(
                    f"export(format={name!r})",
                    expected=f"the package {package}",
                    got="none installed",
                    hint=f'pip install "gazelle[{extra}]"',
                )
            )
    found: Callable[..., None] = getattr(importlib.import_module(f"gazelle.export.{module}"), function)
    return found


def _is_installed(package: str) -> bool:
    with behind_the_stand_in():
        return importlib.util.find_spec(package) is not None


def export_model(
    model: Model,
    filepath: PathLike,
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: InputSignature | None = None,
    batch_independent: bool = False,
    **kwargs: Any,
) -> None:
    """Write the computation of `model.predict` in the format of another system.

    Args:
        model: the model.
        filepath: the file or folder to write.
        format: 'tf_saved_model', 'litert', 'onnx' or 'stablehlo'.
        verbose: print the path; None prints it too.
        input_signature: the shape and dtype of each input; by default those of the model.
        batch_independent: whether the outputs of a sample depend only on that sample.
        **kwargs: options of the format.

    Raises:
        ArgumentError: an unknown format or option, or sizes that the format requires are unknown.
        StateError: the shapes of the inputs are not known.
        ImportError: a required package is not installed.
    """
    write = writer(format)
    parameters = inspect.signature(write).parameters.values()
    options = [one.name for one in parameters if one.name not in ("program", "filepath", "batch_independent")]
    for name in kwargs:
        if name not in options and not any(one.kind is one.VAR_KEYWORD for one in parameters):
            raise unknown(f"option of export(format={format!r})", name, options)
    program = of_model(model, input_signature)
    path = os.fspath(filepath)
    with native.switched_off():  # other machines have no kernels
        write(program, path, batch_independent=batch_independent, **kwargs)
    if verbose or verbose is None:
        print(f"Saved the model as {format} at {path}")
