"""Export to ONNX: the traced program is lowered by the rules for ONNX; weights become constants with their paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.engine.lowering import lower, onnx
from gazelle.engine.lowering.onnx.graph import OPSET, Builder, Graph, Node, write
from gazelle.export.signature import Exportable, named_outputs
from gazelle.export.sizes import Size, grouped, size, tries


def export_onnx(
    program: Exportable, filepath: str, batch_independent: bool = False, opset_version: int | None = None
) -> None:
    """Write the program as an ONNX model with symbolic sizes.

    Args:
        program: the program.
        filepath: the file to write.
        batch_independent: unused: sizes are symbolic for any model.
        opset_version: version of the operators; None is 18. The package `onnx` converts to others.

    Raises:
        ArgumentError: the operations depend on an unknown size, or do not exist in the version.
    """
    model = write(build(program), program.name)
    if opset_version not in (None, OPSET):
        model = _converted(model, int(opset_version))
    with open(filepath, "wb") as file:
        file.write(model.SerializeToString())


def _converted(model: Any, version: int) -> Any:
    from onnx import version_converter

    try:
        return version_converter.convert_version(model, version)
    except (RuntimeError, ValueError) as error:
        expected, got = f"a version to which onnx can convert from {OPSET}", f"{version} ({error})"
        raise ArgumentError(message("export(opset_version=...)", expected=expected, got=got)) from error


def build(program: Exportable) -> Builder:
    """Build the ONNX graph of the program."""
    groups = grouped(program)
    builders = [_lowered(program, groups, numbers) for numbers in tries(len(set(groups.values())))]
    return _generalize(builders, program, groups) if groups else builders[0]


def _lowered(program: Exportable, groups: dict[tuple[int, int], int], numbers: Sequence[int]) -> Builder:
    """The program lowered with numbers for the unknown sizes."""
    builder = Builder(onnx.RULES, onnx.MISSING)
    for i, entry in enumerate(program.entries):
        shape = [f"size_{groups[i, a]}" if n is None else n for a, n in enumerate(entry.shape)]
        shape = ["batch" if n == "size_0" and a == 0 else n for a, n in enumerate(shape)]
        builder.main.inputs.append((entry.name, entry.dtype, shape))
    builder.constants.update(program.values)
    traced = program.trace(lambda i, axis: numbers[groups[i, axis]])
    made = lower(traced, builder, *program.order, *(entry.name for entry in program.entries))
    names = named_outputs(program, len(made))
    taken = {entry.name for entry in program.entries} | set(program.values)
    for name, value, aval in zip(names, made, traced.out_avals, strict=True):
        label = f"{name}_out" if name in taken else name
        builder.graph.nodes.append(Node("Identity", [value], [label], {}, ""))
        builder.main.outputs.append((label, aval.dtype, list(aval.shape)))
    return builder


def _generalize(builders: list[Builder], program: Exportable, groups: dict[tuple[int, int], int]) -> Builder:
    """The first graph, in which constants that differ between graphs are computed from the sizes of the inputs."""
    first = builders[0]
    for other in builders[1:]:
        _check_same_operations(first.main, other.main)
    size_dependent = {}
    for name, value in first.constants.items():
        values = [builder.constants[name] for builder in builders]
        if any(
            other.shape != value.shape or not np.array_equal(other, value, equal_nan=value.dtype.kind == "f")
            for other in values[1:]
        ):
            size_dependent[name] = _sizes(values)
    for index, (name, dtype, shape) in enumerate(first.main.outputs):
        shapes = [builder.main.outputs[index][2] for builder in builders]
        labels = [_label([s[axis] for s in shapes], f"{name}_{axis}") for axis in range(len(shape))]
        first.main.outputs[index] = name, dtype, labels
    _compute(first, size_dependent, program, groups)
    return first


def _label(values: list[int], otherwise: str) -> int | str:
    """A size of an output: its number, "batch", or a unique name."""
    if len(set(values)) == 1:
        return values[0]
    return "batch" if values == [numbers[0] for numbers in tries(len(values) - 2)] else otherwise


def _check_same_operations(first: Graph, second: Graph) -> None:
    """Check that two graphs have the same operations, so that the program does not depend on the sizes."""
    for node, other in zip(first.nodes, second.nodes, strict=False):
        bodies = {key: value for key, value in node.attributes.items() if isinstance(value, Graph)}
        plain = {key: value for key, value in node.attributes.items() if key not in bodies}
        if (node.kind, node.inputs, plain) != (
            other.kind,
            other.inputs,
            {key: other.attributes.get(key) for key in plain},
        ):
            raise _size_error(node.where)
        for key, body in bodies.items():
            _check_same_operations(body, other.attributes[key])
    if len(first.nodes) != len(second.nodes):
        raise _size_error(first.nodes[-1].where if first.nodes else "")


def _size_error(where: str) -> ArgumentError:
    return ArgumentError(
        message(
            f"export with an unknown size{f' (in {where})' if where else ''}",
            expected="the same operations for every size",
            got="operations that depend on the size",
            hint="Specify the size: input_signature=[keras.InputSpec(shape=(1, ...), dtype=...)].",
        )
    )


def _sizes(values: list[np.ndarray]) -> list[Size]:
    if len({value.shape for value in values}) > 1:
        raise _size_error("")
    found = [
        size([_as_int(number) for number in numbers]) for numbers in zip(*(v.ravel() for v in values), strict=True)
    ]
    if None in found:
        raise _size_error("")
    return found  # type: ignore[return-value]


def _as_int(number: Any) -> int:
    if number != int(number):
        raise _size_error("")
    return int(number)


def _compute(
    builder: Builder, size_dependent: dict[str, list[Size]], program: Exportable, groups: dict[Any, int]
) -> None:
    """Insert operations at the start that compute these constants."""
    rest, builder.main.nodes = builder.main.nodes, []
    position_of = {group: position for position, group in reversed(groups.items())}
    known: dict[Any, str] = {}

    def cached(key: Any, make: Any) -> str:
        if key not in known:
            known[key] = make()
        return known[key]

    def number(value: int) -> str:
        return cached(value, lambda: builder.sizes([value]))

    def of_group(group: int) -> str:
        i, axis = position_of[group]
        shape = cached(("shape", i), lambda: builder.op("Shape", program.entries[i].name))
        return cached(("size", group), lambda: builder.op("Gather", shape, number(axis), axis=0))

    def of(one: Size) -> str:
        total = number(one.constant)
        for group, factor in enumerate(one.factors):
            if factor:
                total = builder.op("Add", total, builder.op("Mul", of_group(group), number(factor)))
        for group, power in enumerate(one.powers):
            for _ in range(power):
                total = builder.op("Mul", total, of_group(group))
        return total

    for name, sizes in size_dependent.items():
        value = builder.constants.pop(name)
        parts = [cached(one, lambda one=one: of(one)) for one in sizes]
        vector = builder.op("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]
        shaped = builder.op("Reshape", vector, cached(value.shape, lambda value=value: builder.sizes(value.shape)))
        to = onnx.elementwise.onnx_type(value.dtype)
        builder.graph.nodes.append(Node("Cast", [shaped], [name], {"to": to}, ""))
    builder.main.nodes += rest
