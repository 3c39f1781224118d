"""Layers that work on the host, with NumPy: strings and hash tables never reach the device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes, symbolic
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer


class NumpyLayer(Layer, abstract=True):
    """A layer of NumPy: a family member says how `encode` makes its result and what `spec` that has.

    Numbers may come in a compiled program: the program then calls the host. Strings may not, they have no place on a
    device; a model keeps the layers that take them before its program.
    """

    runs_on_host = True

    def encode(self, *inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The result for arrays of the host."""
        raise NotImplementedError

    def spec(self, *shapes: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
        """Shape and dtype of the result; sizes may be None."""
        raise NotImplementedError

    def prepared(self, inputs: Any) -> Any:
        """What Python gave as an array; lists are data here, not several inputs."""
        return np.asarray(inputs) if isinstance(inputs, (list, tuple, str, bytes, int)) else inputs

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(self.prepared(inputs), *args, **kwargs)

    def call(self, inputs: Any) -> Any:
        each = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        shape, dtype = self.spec(*(tuple(x.shape) for x in each))
        if dtype == "string":
            return self.encode(*each)
        kind = dtypes.device_dtype(dtype)
        if any(isinstance(x, jax.core.Tracer) for x in each):
            place = jax.ShapeDtypeStruct(shape, kind)
            return jax.pure_callback(
                lambda *x: self.encode(*map(np.asarray, x)).astype(kind), place, *map(jax.lax.stop_gradient, each)
            )
        return jnp.asarray(self.encode(*each).astype(kind))

    def _to_array(self, leaf: Any) -> Any:
        if isinstance(leaf, (KerasTensor, jax.core.Tracer)):
            return leaf
        if isinstance(leaf, Variable):
            leaf = leaf.value
        return np.asarray(leaf) if isinstance(leaf, (np.ndarray, jax.Array, np.generic)) else leaf

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        out = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, out)
        return out

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic output for symbolic inputs: nothing is traced, there may be strings."""
        self._ensure_built(args, kwargs)
        shape, dtype = self.spec(*(t.shape for t in symbolic.symbolic_leaves((args, kwargs))))
        return KerasTensor(shape, dtype, name=self.name)


def texts(values: Any, encoding: str = "utf-8") -> np.ndarray[Any, Any]:
    """Strings, bytes or objects as an array of NumPy's strings."""
    values = np.asarray(values)
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind == "S":
        return np.char.decode(values, encoding)
    flat = [v.decode(encoding) if isinstance(v, bytes) else str(v) for v in values.ravel().tolist()]
    return np.asarray(flat, dtype=str).reshape(values.shape)
