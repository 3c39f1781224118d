"""Export to StableHLO with `jax.export`: one file for CPU, CUDA and TPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
from jax import export

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, PathLike
from gazelle.export.signature import Exportable
from gazelle.export.sizes import grouped
from gazelle.ops.platforms import chosen_at_lowering

PLATFORMS = ("cpu", "cuda", "tpu")


def export_stablehlo(
    program: Exportable, filepath: str, platforms: Sequence[str] = PLATFORMS, batch_independent: bool = False
) -> None:
    """Write the program; `load_stablehlo` or `jax.export.deserialize` reads it.

    Args:
        program: the program.
        filepath: the file to write.
        platforms: names of platforms in JAX.
        batch_independent: unused.

    Raises:
        ArgumentError: an operation needs an unknown size.
    """
    groups = grouped(program)
    names = ["batch" if group == 0 else f"size_{group}" for group in sorted(set(groups.values()))]
    sizes = export.symbolic_shape(", ".join(names)) if names else ()
    function = jax.jit(lambda *arrays: program.call(program.values, *arrays))
    try:
        with chosen_at_lowering():
            made = export.export(function, platforms=tuple(platforms))(*program.specs(lambda i, a: sizes[groups[i, a]]))
    except (TypeError, ValueError) as error:  # the message of JAX is about its symbols, which the user does not know
        if not names:
            raise
        raise ArgumentError(
            message(
                "export(format='stablehlo') with an unknown size",
                expected="operations for every size",
                got=f"operations that depend on the size ({str(error).splitlines()[0]})",
                hint="Specify the size: input_signature=[keras.InputSpec(shape=(1, ...), dtype=...)].",
            )
        ) from error
    with open(filepath, "wb") as file:
        file.write(made.serialize())


def load_stablehlo(filepath: PathLike) -> Callable[..., list[Array]]:
    """Read a file of the format "stablehlo".

    Args:
        filepath: the file to read.

    Returns:
        The compiled function: arrays in the order of the inputs -> list of arrays.
    """
    with open(filepath, "rb") as file:
        function: Callable[..., list[Array]] = jax.jit(export.deserialize(bytearray(file.read())).call)
        return function
