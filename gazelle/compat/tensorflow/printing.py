"""`tf.print`, and `tf.Print` of TensorFlow 1."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import jax

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.strings import shown
from gazelle.compat.types import Option, TensorLike
from gazelle.core.symbolic import KerasTensor


class _Shown(str):
    __slots__ = ()
    __repr__ = str.__str__  # in a list or a dict


@named("print")
def print_(*inputs: Any, output_stream: Option = None, summarize: int = 3, sep: str = " ", end: str = "\n") -> None:
    """`tf.print`, to the standard error by default; a compiled function prints whenever it runs."""
    leaves, structure = jax.tree.flatten(inputs, is_leaf=lambda v: is_box(v) or hasattr(v, "to_list"))
    arrays = [unboxed(v) for v in leaves]
    traced = [i for i, a in enumerate(arrays) if isinstance(a, jax.core.Tracer)]

    def show(*values: Any) -> None:
        known = [*arrays]
        for i, value in zip(traced, values, strict=True):
            known[i] = value
        texts = [v if isinstance(v, str) else _Shown(shown(v, summarize)) for v in known]
        line = sep.join(map(str, jax.tree.unflatten(structure, texts)))
        if isinstance(output_stream, str) and output_stream.startswith("file://"):
            with open(output_stream.removeprefix("file://"), "a", encoding="utf-8") as file:
                file.write(line + end)
        elif callable(output_stream):  # tf.logging.info
            output_stream(line)
        else:
            print(line, end=end, file=output_stream or sys.stderr)

    if traced:
        jax.debug.callback(show, *(arrays[i] for i in traced))
    else:
        show()


@named("Print")
@ignores("first_n summarize name")
def print_1(input_: TensorLike, data: Sequence[Any], message: str = "") -> TensorLike:
    """`tf.Print` of TensorFlow 1: returns its first argument."""
    if not any(isinstance(one, KerasTensor) for one in data):
        print_(message, *data, sep="")
    return input_
