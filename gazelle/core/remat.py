"""Rematerialization: intermediate values are computed again in the backward pass instead of being stored."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import jax

from gazelle.core import tracing
from gazelle.core.context_variables import assigned
from gazelle.core.errors import unknown
from gazelle.core.masks import get_mask, set_mask

P = ParamSpec("P")
R = TypeVar("R")
MODES = ("full", "activations", "larger_than", "list_of_layers")


@dataclasses.dataclass(frozen=True)
class RematMode:
    """Which layers of a scope are rematerialized."""

    mode: str
    output_size_threshold: int = 1024
    layer_names: tuple[str, ...] = ()

    def applies(self, name: str, size: Callable[[], int]) -> bool:
        """Return whether it applies to the layer of this name, whose output has `size()` elements."""
        if self.mode == "list_of_layers":
            return name in self.layer_names
        return self.mode == "full" or (self.mode == "larger_than" and size() > self.output_size_threshold)


_mode: ContextVar[RematMode | None] = ContextVar("gazelle_remat", default=None)


def current() -> RematMode | None:
    """Return the mode of layers that are created now."""
    return _mode.get()


class RematScope:
    """Rematerialize layers created in a with-block: less memory, more time.

    Args:
        mode: 'full' (all layers), 'activations' (activation functions only), 'larger_than' (layers with an output
            above `output_size_threshold`), 'list_of_layers' (those in `layer_names`), or None (no layer).
        output_size_threshold: Number of elements.
        layer_names: Names of layers.

    Raises:
        ArgumentError: If `mode` is another name.

    Example:
        >>> with RematScope(mode="full"):
        ...     layer = gazelle.layers.Dense(2, activation="relu")
        >>> layer(np.ones((1, 3))).shape
        (1, 2)
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Iterable[str] | None = None
    ) -> None:
        if mode is not None and mode not in MODES:
            raise unknown("mode of RematScope", mode, MODES)
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, list(layer_names or [])
        self._open = contextlib.ExitStack()

    def __enter__(self) -> RematScope:
        known = (self.output_size_threshold, tuple(self.layer_names))
        self._open.enter_context(assigned(_mode, None if self.mode is None else RematMode(self.mode, *known)))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def remat(f: Callable[P, R]) -> Callable[P, R]:
    """Return a function whose gradient computes the function recomputed instead of storing intermediate values.

    Args:
        f: A function of arrays, which may read and assign variables.

    Returns:
        A function with the same results.

    Example:
        >>> float(jax.grad(remat(lambda x: jnp.sin(x) ** 2))(0.0))
        0.0
    """

    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        outer = tracing.current()
        arrays, rest = _split((args, kwargs))
        if outer is None or outer.values is None:
            return jax.checkpoint(lambda given: _called(f, _join(given, rest)))(arrays)
        assert outer.values is not None
        before = dict(outer.values)
        masks: list[Any] = []
        owners: list[Any] = []

        def inside(given: list[Any], values: dict[int, Any]) -> Any:
            scope = dataclasses.replace(outer, values=dict(values), losses=[])
            with tracing.entered(scope):
                out = _called(f, _join(given, rest))
            owners[:] = [owner for owner, _ in scope.losses]
            masks[:] = [get_mask(leaf) is not None for leaf in jax.tree.leaves(out)]
            assert scope.values is not None
            assigned = {key: value for key, value in scope.values.items() if value is not values.get(key)}
            stored_masks = [get_mask(leaf) for leaf in jax.tree.leaves(out) if get_mask(leaf) is not None]
            return out, assigned, [value for _, value in scope.losses], stored_masks

        out, assigned, losses, stored_masks = jax.checkpoint(inside)(arrays, before)
        outer.values.update(assigned)
        outer.losses += list(zip(owners, losses, strict=True))
        found = iter(stored_masks)
        for leaf, masked in zip(jax.tree.leaves(out), masks, strict=True):
            if masked:
                set_mask(leaf, next(found))
        return out

    return recomputed


def _called(f: Callable[..., Any], given: Any) -> Any:
    args, kwargs = given
    return f(*args, **kwargs)


def _split(tree: Any) -> tuple[list[Any], Any]:
    """Split a tree into its arrays and the rest; flags and names must not become tracers."""
    leaves, structure = jax.tree.flatten(tree)
    indices = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]
    return [leaves[i] for i in indices], (leaves, structure, indices)


def _join(arrays: list[Any], rest: Any) -> Any:
    leaves, structure, indices = rest
    filled = list(leaves)
    for index, array in zip(indices, arrays, strict=True):
        filled[index] = array
    return jax.tree.unflatten(structure, filled)
