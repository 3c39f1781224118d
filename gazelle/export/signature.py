"""What a program takes: shapes and types by name, some sizes unknown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from gazelle.core import symbolic, tracing
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.layers import weight_tree


@dataclasses.dataclass(frozen=True)
class Entry:
    """One input: its name, its shape (None: any size) and its type."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass
class Exportable:
    """A function of flat arrays with a signature.

    call: (values, *arrays) -> list of arrays; values: {path: array} that it reads; entries: its inputs;
    outputs: names of the results.
    """

    call: Callable[..., list[Any]]
    values: dict[str, Any]
    entries: list[Entry]
    outputs: list[str]
    name: str

    def specs(self, sizes: Callable[[int, int], Any]) -> list[Any]:
        """The inputs with `sizes(input, axis)` for what is unknown."""
        return [
            jax.ShapeDtypeStruct(
                tuple(sizes(i, axis) if size is None else size for axis, size in enumerate(entry.shape)), entry.dtype
            )
            for i, entry in enumerate(self.entries)
        ]

    def trace(self, sizes: Callable[[int, int], Any]) -> Any:
        """The program for these sizes; its first inputs are the values in their order."""
        values = {path: jax.ShapeDtypeStruct(value.shape, value.dtype) for path, value in self.values.items()}
        return jax.make_jaxpr(lambda values, *arrays: self.call(values, *arrays))(values, *self.specs(sizes))

    @property
    def order(self) -> list[str]:
        """The paths of the values in the order in which a trace takes them."""
        return sorted(self.values)

    @property
    def unknown(self) -> list[tuple[int, int]]:
        """(input, axis) of each size that is not known."""
        return [(i, a) for i, entry in enumerate(self.entries) for a, n in enumerate(entry.shape) if n is None]


def of_model(model: Any, input_signature: Any = None) -> Exportable:
    """The model's outputs for its inputs, as `predict` gives them.

    Raises:
        StateError: the shapes of the inputs are not known.
    """
    structure = _given(input_signature) if input_signature is not None else _own(model)
    leaves, tree = jax.tree.flatten(structure, is_leaf=_is_spec)
    graph = getattr(model, "_graph", None)
    names = list(graph.input_names) if graph is not None else []
    if len(names) != len(leaves):
        names = [getattr(leaf, "name", None) or f"input_{i}" for i, leaf in enumerate(leaves)]
    variables = weight_tree.named_variables(model)
    run = tracing.pure(model, variables, {id(layer): path for path, layer in weight_tree.named_layers(model).items()})

    def call(values: Any, *arrays: Any) -> list[Any]:
        x = jax.tree.unflatten(tree, arrays)
        return jax.tree.leaves(run(values, x, key=jax.random.key(0), training=False)[0])

    entries = [Entry(_plain(name), *_shape_and_type(leaf)) for name, leaf in zip(names, leaves, strict=True)]
    outputs = list(graph.output_names) if graph is not None else []
    values = {path: np.asarray(variable.value) for path, variable in variables.items()}
    return Exportable(call, values, entries, [_plain(name) for name in outputs], _plain(model.name))


def of_function(function: Callable[..., Any], variables: dict[str, Any], input_signature: Any) -> Exportable:
    """A function of arrays that reads some variables."""
    leaves, tree = jax.tree.flatten(_listed(input_signature), is_leaf=_is_spec)
    run = tracing.pure(function, variables)

    def call(values: Any, *arrays: Any) -> list[Any]:
        args = jax.tree.unflatten(tree, arrays)
        return jax.tree.leaves(run(values, *args, key=jax.random.key(0), training=False)[0])

    names = [getattr(leaf, "name", None) or f"input_{i}" for i, leaf in enumerate(leaves)]
    entries = [Entry(_plain(name), *_shape_and_type(leaf)) for name, leaf in zip(names, leaves, strict=True)]
    return Exportable(call, {p: np.asarray(v.value) for p, v in variables.items()}, entries, [], "program")


def _plain(name: str) -> str:
    return name.replace("/", "_")


def _is_spec(value: Any) -> bool:
    return hasattr(value, "shape")


def _listed(signature: Any) -> tuple[Any, ...]:
    return tuple(signature) if isinstance(signature, (list, tuple)) else (signature,)


def _given(signature: Any) -> Any:
    """Keras takes a list of positional inputs: of one, the input itself."""
    if isinstance(signature, (list, tuple)) and len(signature) == 1:
        return signature[0]
    return signature


def _own(model: Any) -> Any:
    graph = getattr(model, "_graph", None)
    if graph is not None:
        return graph.inputs
    shapes = getattr(model, "_build_shapes", None)
    if not model.built or shapes is None:
        raise StateError(
            message(
                f"export of '{model.name}'",
                expected="a model whose inputs are known",
                got="one that never ran",
                hint="Call it on data once, or give input_signature=[keras.InputSpec(shape=(None, ...))].",
            )
        )
    return symbolic.map_tree(lambda shape: jax.ShapeDtypeStruct(shape, np.float32), shapes)


def _shape_and_type(spec: Any) -> tuple[tuple[int | None, ...], str]:
    if spec.shape is None:
        raise ArgumentError(message("input_signature", expected="a shape, None for sizes left open", got=repr(spec)))
    return tuple(spec.shape), str(np.dtype(spec.dtype or np.float32))


def named_outputs(program: Exportable, count: int) -> Sequence[str]:
    """A name for each result."""
    if len(program.outputs) == count:
        return program.outputs
    return [f"output_{i}" for i in range(count)]
