"""Common base of the engines that convert a traced program operation by operation."""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr  # type: ignore[attr-defined]

from gazelle.engine.base import Engine
from gazelle.engine.lowering.keys import is_key, raw_key, raw_spec

if TYPE_CHECKING:
    from gazelle.core.types import Tree

#: runs one program: flat arrays (keys as integers) -> flat arrays that JAX accepts or `np.asarray` converts
Run = Callable[[Sequence[Any]], Sequence[Any]]


class Lowering(Engine):
    """An engine that builds its own program from one that JAX traced and differentiated."""

    def compile(
        self, function: Callable[..., Any], donate: tuple[int, ...] = (), key: str | None = None
    ) -> Callable[..., Any]:
        return Lowered(function, self.build)

    @abc.abstractmethod
    def build(self, program: ClosedJaxpr) -> Run:
        """The program in the engine's own form."""


class Lowered:
    """A function that is traced and built once for each structure, shape and type of its arguments."""

    def __init__(self, function: Callable[..., Any], build: Callable[[ClosedJaxpr], Run]) -> None:
        self.function, self.build = function, build
        self._built: dict[Hashable, tuple[Run, Any, list[Any]]] = {}
        self._lock = threading.RLock()

    def __call__(self, *args: Any) -> Tree:
        leaves, structure = jax.tree.flatten(args)
        specs = [_spec(leaf) for leaf in leaves]
        kind = structure, tuple((spec.shape, spec.dtype, spec.weak_type) for spec in specs)
        with self._lock:
            if kind not in self._built:
                self._built[kind] = self._make(jax.tree.unflatten(structure, specs))
        run, result, outs = self._built[kind]
        given = run([raw_key(leaf) for leaf in leaves])
        return jax.tree.unflatten(result, [_back(one, out) for one, out in zip(given, outs, strict=True)])

    def _make(self, specs: Any) -> tuple[Run, Any, list[Any]]:
        program, shapes = jax.make_jaxpr(self.function, return_shape=True)(*specs)
        outs, result = jax.tree.flatten(shapes)
        return self.build(program), result, outs

    def _cache_size(self) -> int:
        """How many programs were built."""
        return len(self._built)


def _spec(leaf: Any) -> jax.ShapeDtypeStruct:
    if isinstance(leaf, jax.Array):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, weak_type=getattr(leaf, "weak_type", False))
    array = np.asarray(leaf)
    return jax.ShapeDtypeStruct(array.shape, jax.dtypes.canonicalize_dtype(array.dtype))


def _back(value: Any, out: Any) -> Any:
    array = value if isinstance(value, jax.Array) else jax.device_put(np.asarray(value, raw_spec(out).dtype))
    return jax.random.wrap_key_data(array) if is_key(out) else array
