"""The state of a training as one pytree: what a compiled step takes and returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

from gazelle.core.variable import Variable

Arrays = dict[str, Any]


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class State:
    """Everything a step reads and writes."""

    params: Arrays  # {path: array} that the optimizer changes
    buffers: Arrays  # {path: array} that only the layers change: moving statistics, frozen weights
    slots: dict[str, Arrays]  # {slot: {path: array}}: slots of the optimizer
    totals: Arrays  # sums and counts behind the metrics of this epoch
    hyper: Arrays  # run-time numbers such as the learning rate: changing them compiles nothing
    key: Any  # the bits of the run's key: a typed key would be checked in Python after each step
    step: jax.Array  # finished updates

    def random_key(self) -> jax.Array:
        """The key of the next step."""
        return jax.random.fold_in(jax.random.wrap_key_data(self.key), self.step)

    def alive(self) -> bool:
        """Whether no step has consumed the arrays."""
        return True not in [isinstance(leaf, jax.Array) and leaf.is_deleted() for leaf in jax.tree.leaves(self)]


def given_path(variables: Mapping[str, Variable], key: str) -> str | None:
    """The path in Keras of the variable `key`; None for an array that belongs to no variable."""
    return variables[key].path if key in variables else None


def with_shardings(
    state: State,
    of_variable: Callable[[str, Any, str | None], Any],
    replicated: Callable[[Any], Any],
    variables: Mapping[str, Variable],
) -> State:
    """Apply `of_variable(key, array, path)` to weights, buffers and slots, and `replicated` to the other arrays."""

    def those(arrays: Arrays) -> Arrays:
        return {key: of_variable(key, array, given_path(variables, key)) for key, array in arrays.items()}

    slots = {name: those(arrays) for name, arrays in state.slots.items()}
    totals, hyper, key, step = replicated((state.totals, state.hyper, state.key, state.step))
    return State(those(state.params), those(state.buffers), slots, totals, hyper, key, step)


def named_arrays(state: State) -> Iterator[tuple[str, Any]]:
    """(name, array) of every array, in the order of the pytree."""
    for path, array in jax.tree.flatten_with_path(state)[0]:
        yield "/".join(str(getattr(part, "key", getattr(part, "name", part))) for part in path), array
