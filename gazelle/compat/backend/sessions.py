"""The session of TensorFlow 1, which computes tensors of a graph from values of its inputs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gazelle.compat.backend.functions import function_of
from gazelle.compat.backend.updates import Update
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Nested
from gazelle.core.variable import Variable


class DefaultGraph:
    """The graph of TensorFlow 1; here a graph is just the connected tensors."""

    def as_default(self) -> contextlib.AbstractContextManager[None]:
        """Return a context manager without effect."""
        return contextlib.nullcontext()

    def finalize(self) -> None:
        """Do nothing."""


class Session:
    """Computes tensors; options for devices and graphs are accepted and ignored.

    >>> from gazelle.compat import backend as K
    >>> x = K.placeholder((2,))
    >>> K.get_session().run(x * 2, feed_dict={x: [1.0, 2.0]}).tolist()
    [2.0, 4.0]
    """

    def __init__(self, target: TensorLike = "", graph: object = None, config: object = None) -> None:
        self.graph, self.config = graph or DefaultGraph(), config

    def run(self, fetches: Nested[TensorLike], feed_dict: Mapping[Any, TensorLike] | None = None) -> TensorResult:
        """Return the values in the structure of `fetches`; None for operations without a value."""
        given = dict(feed_dict or {})
        is_leaf = lambda v: v is None or isinstance(v, KerasTensor | Variable | Update | TensorWrapper)  # noqa: E731
        flat, structure = jax.tree.flatten(fetches, is_leaf=is_leaf)
        tensors = [v for v in flat if isinstance(v, KerasTensor | Variable)]
        values = iter(function_of(tensors, list(given))(list(given.values())) if tensors else [])
        ids = set(map(id, tensors))
        found = [next(values) if id(v) in ids else _value(v) for v in flat]
        return jax.tree.unflatten(structure, found)

    def as_default(self) -> Session:
        """Return the session as a context manager."""
        return self

    def close(self) -> None:
        """Do nothing."""

    def list_devices(self) -> list[Any]:
        """Return the devices of JAX."""
        return list(jax.devices())

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def _value(fetched: Any) -> Any:
    """A computed value as a NumPy array; None for an operation."""
    return np.asarray(fetched) if hasattr(fetched, "shape") else None


InteractiveSession = Session


_session: list[Any] = []


def get_session(*_: Any, **__: Any) -> TensorResult:
    """Return the session of the process."""
    if not _session:
        _session.append(Session())
    return _session[0]


def set_session(session: object) -> None:
    """Replace the session of the process."""
    _session[:] = [session]


def get_graph() -> DefaultGraph:
    """Return the graph of the process."""
    return DefaultGraph()
