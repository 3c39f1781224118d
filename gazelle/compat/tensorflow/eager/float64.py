"""Programs that request float64 are computed with JAX's 64 bits, as those with layers of this dtype."""

from __future__ import annotations

import jax

from gazelle.compat.recorded_variable import recorder
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.programs import FunctionTrace, Needs64BitsError
from gazelle.compat.tensorflow.eager.recording import in_dataset
from gazelle.compat.types import DTypeLike
from gazelle.core import tracing


def request(dtype: DTypeLike | None) -> None:
    """Switch JAX to 64 bits if a program requests a tensor of float64.

    Steps of `fit` and graphs of TensorFlow 1 that are traced already, and datasets, compute with what they have.

    Raises:
        Needs64BitsError: A `tf.function` is traced, which has to be traced again.
    """
    if dtype is None or jax.config.jax_enable_x64 or name_of(dtype) != "float64":
        return
    if in_dataset.get() or recorder.get() is not None:
        return
    if isinstance(tracing.current(), FunctionTrace):
        raise Needs64BitsError
    if not tracing.is_traced():
        jax.config.update("jax_enable_x64", True)
