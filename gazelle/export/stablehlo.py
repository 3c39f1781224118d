"""StableHLO by `jax.export`: one file for CPU, CUDA and TPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax import export

from gazelle.core.errors import ArgumentError, message
from gazelle.export.groups import grouped
from gazelle.export.signature import Exportable

PLATFORMS = ("cpu", "cuda", "tpu")


def export_stablehlo(
    program: Exportable, filepath: str, platforms: Sequence[str] = PLATFORMS, alone: bool = False
) -> None:
    """Write the program for all `platforms`; `load_stablehlo` or `jax.export.deserialize` reads it."""
    groups = grouped(program)
    names = ["batch" if group == 0 else f"size_{group}" for group in sorted(set(groups.values()))]
    sizes = export.symbolic_shape(", ".join(names)) if names else ()
    function = jax.jit(lambda *arrays: program.call(program.values, *arrays))
    try:
        made = export.export(function, platforms=tuple(platforms))(*program.specs(lambda i, a: sizes[groups[i, a]]))
    except (TypeError, ValueError) as error:  # JAX's message is about its symbols, the user has seen none
        if not names:
            raise
        raise ArgumentError(
            message(
                "export(format='stablehlo') of a size that is left open",
                expected="operations for every size",
                got=f"operations that ask for it ({str(error).splitlines()[0]})",
                hint="Give the size: input_signature=[keras.InputSpec(shape=(1, ...), dtype=...)].",
            )
        ) from error
    with open(filepath, "wb") as file:
        file.write(made.serialize())


def load_stablehlo(filepath: Any) -> Any:
    """The function in a file of format "stablehlo": arrays in the order of the inputs -> list of arrays."""
    with open(filepath, "rb") as file:
        return jax.jit(export.deserialize(bytearray(file.read())).call)
