"""Exportable programs: a function, its weights, and the names, shapes and dtypes of its inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import jax
import numpy as np

from gazelle.core import dtypes, tracing
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.layers import InputSpec, weight_tree
from gazelle.tree import map_shape_structure

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr  # type: ignore[attr-defined]

    from gazelle.core.symbolic import KerasTensor
    from gazelle.models import Model

#: the shape and dtype of each input, in the structure of the inputs
InputSignature: TypeAlias = Union["InputSpec", "KerasTensor", jax.ShapeDtypeStruct, Sequence["InputSignature"]]


@dataclasses.dataclass(frozen=True)
class Entry:
    """Input of a program.

    Attributes:
        name: its name.
        shape: its shape; None for unknown sizes.
        dtype: its dtype.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass
class Exportable:
    """Function of arrays with a signature.

    Attributes:
        call: (values, *arrays) -> list of arrays, the last ones the new values of the weights in `assigned`.
        values: {path: array}, the weights.
        trainable: paths of the weights that training changes.
        entries: the inputs.
        outputs: names of the results.
        name: the name of the program.
        inputs: the structure of several inputs that are one argument, as of a model; None: each input is an argument.
        results: the structure of the results; None: a list, or one array.
        assigned: paths of the weights that the function assigns.
    """

    call: Callable[..., list[Any]]
    values: dict[str, Any]
    trainable: frozenset[str]
    entries: list[Entry]
    outputs: list[str]
    name: str
    inputs: Any = None
    results: Any = None
    assigned: tuple[str, ...] = ()

    def specs(self, sizes: Callable[[int, int], Any]) -> list[Any]:
        """The shapes and dtypes of the inputs, with `sizes(input, axis)` for unknown sizes."""
        return [
            jax.ShapeDtypeStruct(
                tuple(sizes(i, axis) if size is None else size for axis, size in enumerate(entry.shape)), entry.dtype
            )
            for i, entry in enumerate(self.entries)
        ]

    def trace(self, sizes: Callable[[int, int], Any]) -> ClosedJaxpr:
        """Trace the program with these sizes; the first inputs of the trace are the weights in the order of `order`."""
        return jax.make_jaxpr(lambda values, *arrays: self.call(values, *arrays))(self.weights, *self.specs(sizes))

    @property
    def weights(self) -> dict[str, Any]:
        """{path: shape and dtype} of the weights."""
        return {path: jax.ShapeDtypeStruct(value.shape, value.dtype) for path, value in self.values.items()}

    @property
    def order(self) -> list[str]:
        """The paths of the weights in the order of the inputs of a trace."""
        return sorted(self.values)

    @property
    def unknown(self) -> list[tuple[int, int]]:
        """(input, axis) of each unknown size."""
        return [(i, a) for i, entry in enumerate(self.entries) for a, n in enumerate(entry.shape) if n is None]


def of_model(model: Model, input_signature: InputSignature | None = None) -> Exportable:
    """The program of a model, which computes the outputs of `predict`.

    Args:
        model: the model.
        input_signature: the shape and dtype of each input; by default those of the model.

    Raises:
        StateError: the shapes of the inputs are not known.
    """
    structure = _single_input(input_signature) if input_signature is not None else _model_inputs(model)
    leaves, tree = jax.tree.flatten(structure, is_leaf=_is_spec)
    graph = getattr(model, "_graph", None)
    names = list(graph.input_names) if graph is not None else []
    if len(names) != len(leaves):
        names = [f"input_{i}" for i in range(len(leaves))]
    if input_signature is not None:
        names = [getattr(leaf, "name", None) or name for leaf, name in zip(leaves, names, strict=True)]
    variables = weight_tree.named_variables(model)
    run = tracing.functionalize(
        model, variables, {id(layer): path for path, layer in weight_tree.named_layers(model).items()}
    )

    def call(values: Any, *arrays: Any) -> list[Any]:
        x = jax.tree.unflatten(tree, arrays)
        return jax.tree.leaves(run(values, x, key=jax.random.key(0), training=False)[0])

    entries = [Entry(_plain(name), *_shape_and_type(leaf)) for name, leaf in zip(names, leaves, strict=True)]
    outputs = list(graph.output_names) if graph is not None else []
    return Exportable(
        call,
        *_weights(variables),
        entries,
        [_plain(name) for name in outputs],
        _plain(model.name),
        tree if len(leaves) > 1 else None,
        None if graph is None else jax.tree.structure(graph.outputs, is_leaf=_is_spec),
    )


def of_function(function: Callable[..., Any], variables: dict[str, Any], input_signature: InputSignature) -> Exportable:
    """The program of a function of arrays.

    Args:
        function: the function.
        variables: {path: variable} that it reads.
        input_signature: the shape and dtype of each input.
    """
    leaves, tree = jax.tree.flatten(_listed(input_signature), is_leaf=_is_spec)
    run = tracing.functionalize(function, variables)
    assigned: tuple[str, ...] = ()

    def call(values: Any, *arrays: Any) -> list[Any]:
        nonlocal assigned
        args = jax.tree.unflatten(tree, arrays)
        out, after, _ = run(values, *args, key=jax.random.key(0), training=False)
        assigned = tuple(path for path in values if after[path] is not values[path])
        return [*jax.tree.leaves(out), *(after[path] for path in program.assigned)]

    names = [getattr(leaf, "name", None) or f"input_{i}" for i, leaf in enumerate(leaves)]
    entries = [Entry(_plain(name), *_shape_and_type(leaf)) for name, leaf in zip(names, leaves, strict=True)]
    program = Exportable(call, *_weights(variables), entries, [], "program")
    if not program.unknown:  # otherwise samples are computed in blocks
        jax.eval_shape(program.call, program.weights, *program.specs(lambda i, axis: 1))
        program.assigned = assigned
    return program


def _weights(variables: dict[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """{path: array}, and the paths of the trainable ones."""
    values = {path: np.asarray(variable.value) for path, variable in variables.items()}
    return values, frozenset(path for path, variable in variables.items() if variable.trainable)


def _plain(name: str) -> str:
    return name.replace("/", "_")


def _is_spec(value: Any) -> bool:
    return hasattr(value, "shape")


def _listed(signature: Any) -> tuple[Any, ...]:
    return tuple(signature) if isinstance(signature, (list, tuple)) else (signature,)


def _single_input(signature: Any) -> Any:
    """The item of a list with one item: Keras uses a list of positional inputs."""
    if isinstance(signature, (list, tuple)) and len(signature) == 1:
        return signature[0]
    return signature


def _model_inputs(model: Any) -> Any:
    graph = getattr(model, "_graph", None)
    if graph is not None:
        return graph.inputs
    if model._first_inputs is not None:
        return model._first_inputs
    shapes = model._build_shapes
    if not model.built or shapes is None:
        raise StateError(
            message(
                f"export of '{model.name}'",
                expected="a model with known inputs",
                got="one that was never called",
                hint="Call it on data once, or pass input_signature=[keras.InputSpec(shape=(None, ...))].",
            )
        )
    return map_shape_structure(lambda shape: InputSpec(None, (None, *shape[1:])), shapes)


def _shape_and_type(spec: Any) -> tuple[tuple[int | None, ...], str]:
    if getattr(spec, "shape", None) is None:
        raise ArgumentError(message("input_signature", expected="a shape, with None for unknown sizes", got=repr(spec)))
    dtype = dtypes.standardize(spec.dtype)
    if dtype == dtypes.TEXT:
        hint = "Export the model behind TextVectorization or StringLookup, which takes their integers."
        raise ArgumentError(message("export", expected="inputs of numbers", got="texts", hint=hint))
    return tuple(spec.shape), dtypes.device_dtype(dtype).name


def named_outputs(program: Exportable, count: int) -> Sequence[str]:
    """A name for each result."""
    if len(program.outputs) == count:
        return program.outputs
    return [f"output_{i}" for i in range(count)]
