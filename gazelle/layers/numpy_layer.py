"""The base class of layers that compute on the host with NumPy, for strings and hash tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import budget, dtypes, symbolic
from gazelle.core.errors import ShapeError, message
from gazelle.core.sparse import to_sparse
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.text_array import TextArray, call_on_host
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, Nested, Tree


class NumpyLayer(Layer, abstract=True):
    """Base of layers that compute on the host: a subclass defines `encode` and `spec`.

    Inside a compiled program such a layer is a callback to the host, which takes numbers but no strings: a model runs
    the layers that take strings before its program.

    Args:
        kwargs: arguments of every layer: name, dtype, trainable ...
    """

    runs_on_host = True
    sparse = False  # of those with vectors as results

    def encode(self, *inputs: np.ndarray) -> np.ndarray:
        """Return the result for arrays of the host.

        Args:
            inputs: the inputs of the call.

        Returns:
            The result as an array of the host.
        """
        raise NotImplementedError

    def spec(self, *shapes: tuple[int | None, ...]) -> tuple[tuple[int | None, ...], str]:
        """Return the shape and dtype of the result.

        Args:
            shapes: shapes of the inputs.

        Returns:
            The shape, with None for unknown sizes, and the dtype.
        """
        raise NotImplementedError

    def _prepared(self, inputs: Any) -> Any:
        """Return Python data, and objects that become arrays, as an array; a list is one input, not several."""
        becomes_array = hasattr(inputs, "__array__") and not hasattr(inputs, "shape")
        return np.asarray(inputs) if becomes_array or isinstance(inputs, (list, tuple, str, bytes, int)) else inputs

    if not TYPE_CHECKING:  # type checkers use the signature of `Layer.__call__`

        def __call__(self, inputs: Nested[ArrayLike | str | bytes], *args: Any, **kwargs: Any) -> Tree:
            """Call the layer on strings or numbers, as arrays or as Python data.

            Args:
                inputs: the data, or symbolic tensors.
                args: further arguments of `call`.
                kwargs: further arguments of `call`, by name.
            """
            return super().__call__(self._prepared(inputs), *args, **kwargs)

    def call(self, inputs: Tree) -> Tree:
        out: Tree
        each = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        shape, dtype = self.spec(*(tuple(x.shape) for x in each))
        if any(isinstance(x, TextArray) for x in each):
            if None in shape:
                raise ShapeError(
                    message(
                        f"{self._label} in a compiled program",
                        expected="results of known length",
                        got=f"shape {shape}",
                        hint="Give it output_sequence_length=....",
                    )
                )
            wanted = None if dtype == "string" else dtype
            return call_on_host(self.encode, tuple(each), tuple(n for n in shape if n is not None), wanted)
        if dtype == "string":
            return self.encode(*each)
        kind = dtypes.device_dtype(dtype)
        if any(isinstance(x, jax.core.Tracer) for x in each):
            place = jax.ShapeDtypeStruct(shape, kind)
            out = jax.pure_callback(
                lambda *x: self.encode(*map(np.asarray, x)).astype(kind), place, *map(jax.lax.stop_gradient, each)
            )
        else:
            out = jnp.asarray(self.encode(*each).astype(kind))
        return to_sparse(out, stored=sum(x.size for x in each)) if self.sparse else out

    def _argument_as_array(self, leaf: Any) -> Any:
        if isinstance(leaf, (KerasTensor, jax.core.Tracer)):
            return leaf
        if isinstance(leaf, Variable):
            leaf = leaf.value
        return np.asarray(leaf) if isinstance(leaf, (np.ndarray, jax.Array, np.generic)) else leaf

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        out = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, out)
        return out

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> KerasTensor:
        """Return the symbolic output for symbolic inputs. Nothing is traced, since there may be strings.

        Args:
            args: symbolic tensors in the place of the arguments of `call`.
            kwargs: the same by name.

        Returns:
            The symbolic output.
        """
        self._ensure_built(args, kwargs)
        shape, dtype = self.spec(*(t.shape for t in symbolic.symbolic_leaves((args, kwargs))))
        return KerasTensor(shape, dtype, self.sparse, name=self.name)


def texts(values: object, encoding: str = "utf-8") -> np.ndarray:
    """Return strings, bytes or objects as an array of NumPy's strings.

    Args:
        values: the data.
        encoding: encoding of bytes.
    """
    budget.check_nested(values)
    values = np.asarray(values)
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind == "S":
        return np.char.decode(values, encoding)
    flat = [v.decode(encoding) if isinstance(v, bytes) else str(v) for v in values.ravel().tolist()]
    return np.asarray(flat, dtype=str).reshape(values.shape)
