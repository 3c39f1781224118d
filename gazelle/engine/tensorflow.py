"""The engine TensorFlow, which runs a traced program as a graph with TensorFlow's kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr  # type: ignore[attr-defined]

from gazelle.engine.lowered import Lowering, Run
from gazelle.engine.lowering import lower
from gazelle.engine.lowering import tensorflow as target
from gazelle.engine.lowering.keys import raw_spec
from gazelle.engine.tensorflow_library import tf


class TensorFlow(Lowering):
    """One `tf.function` for each program; arrays are passed by DLPack without a copy."""

    title = "TensorFlow"

    def build(self, program: ClosedJaxpr) -> Run:
        specs = [tf.TensorSpec(raw_spec(aval).shape, raw_spec(aval).dtype) for aval in program.in_avals]
        graph = tf.function(lambda *inputs: lower(program, target, *inputs), autograph=False)
        concrete = graph.get_concrete_function(*specs)
        dtypes = [spec.dtype for spec in specs]

        def run(arrays: Sequence[Any]) -> list[Any]:
            outputs = concrete(*map(_tensor, arrays, dtypes))
            return [_array(tensor) for tensor in outputs]

        return run

    def devices(self) -> list[str]:
        names = [device.name.removeprefix("/physical_device:").lower() for device in tf.config.list_physical_devices()]
        return sorted(names, reverse=True)  # a GPU comes first, as TensorFlow uses it


def _tensor(array: Any, dtype: Any) -> Any:
    if isinstance(array, jax.Array) and len(array.devices()) == 1:
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tf.constant(np.asarray(array), dtype)


def _array(tensor: Any) -> Any:
    return jax.dlpack.from_dlpack(tensor)
