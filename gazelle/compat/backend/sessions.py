"""The session of TensorFlow 1: `run` computes tensors of a graph for values of its inputs."""

from __future__ import annotations

import contextlib
from typing import Any

import jax
import numpy as np

from gazelle.compat.backend.running import fed
from gazelle.compat.backend.updates import Update
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable


class DefaultGraph:
    """What programs take for the graph of TensorFlow 1: here it is the tensors that hang together."""

    def as_default(self) -> contextlib.AbstractContextManager[None]:
        """For a with-block: nothing changes in it."""
        return contextlib.nullcontext()

    def finalize(self) -> None:
        """Nothing is held."""


class Session:
    """Runs tensors; what else a program gives to it (options of devices, graphs) is taken and not needed.

    >>> from gazelle.compat import backend as K
    >>> x = K.placeholder((2,))
    >>> K.get_session().run(x * 2, feed_dict={x: [1.0, 2.0]}).tolist()
    [2.0, 4.0]
    """

    def __init__(self, target: Any = "", graph: Any = None, config: Any = None) -> None:
        self.graph, self.config = graph or DefaultGraph(), config

    def run(self, fetches: Any, feed_dict: Any = None) -> Any:
        """The values, in the structure of `fetches`; of an operation without a value, such as an initializer, None."""
        given = dict(feed_dict or {})
        is_one = lambda v: v is None or isinstance(v, KerasTensor | Variable | Update | TensorWrapper)  # noqa: E731
        flat, structure = jax.tree.flatten(fetches, is_leaf=is_one)
        tensors = [v for v in flat if isinstance(v, KerasTensor | Variable)]
        values = iter(fed(tensors, list(given))(list(given.values())) if tensors else [])
        ids = set(map(id, tensors))
        found = [next(values) if id(v) in ids else _value(v) for v in flat]
        return jax.tree.unflatten(structure, found)

    def as_default(self) -> Session:
        """Itself, for a with-block."""
        return self

    def close(self) -> None:
        """Nothing is held."""

    def list_devices(self) -> list[Any]:
        """The devices of JAX."""
        return list(jax.devices())

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def _value(fetched: Any) -> Any:
    """What is computed already, as a NumPy array; None for an operation."""
    return np.asarray(fetched) if hasattr(fetched, "shape") else None


InteractiveSession = Session


_session: list[Any] = []


def get_session(*_: Any, **__: Any) -> Any:
    """The session of the process."""
    if not _session:
        _session.append(Session())
    return _session[0]


def set_session(session: Any) -> None:
    """Take this one as the session of the process."""
    _session[:] = [session]


def get_graph() -> DefaultGraph:
    """The graph of the process."""
    return DefaultGraph()
