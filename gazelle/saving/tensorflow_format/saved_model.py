"""What `saved_model.pb` states about objects: configs before TensorFlow 2.5, and vocabularies. Nothing in it runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import DamagedFileError, message
from gazelle.saving.regular_file import open_file
from gazelle.saving.tensorflow_format.checkpoint import Object, children_of
from gazelle.saving.tensorflow_format.object_graph import child
from gazelle.saving.tensorflow_format.protobuf import Fields, content, contents, fields, number, varint

_MAX_BYTES = 2**31  # the largest protocol buffer
_TEXT, _INT64 = 7, 9


class SavedModel:
    """The objects in a `saved_model.pb`.

    Args:
        path: of the file.

    Attributes:
        objects: the saved objects; the first one is the root.

    Raises:
        DamagedFileError: the file is truncated or was changed.
    """

    def __init__(self, path: str) -> None:
        with open_file(path) as file:
            data = file.read(_MAX_BYTES)
        try:
            graphs = contents(fields(data), 2)
            graph = fields(graphs[0]) if graphs else {}
            saved = fields(content(graph, 7))
            self._graph = content(graph, 2)
            self._signatures = {content(e, 1): fields(content(e, 2)) for e in map(fields, contents(graph, 5))}
            self._nodes = [fields(node) for node in contents(saved, 1)]
            self._functions = {content(e, 1): fields(content(e, 2)) for e in map(fields, contents(saved, 2))}
            self.objects = [Object(children_of(node), "", "", [], {}) for node in self._nodes]
            if any(not 0 <= each < len(self.objects) for node in self.objects for each in node.children.values()):
                raise ValueError("a graph of objects with unknown members")
        except ValueError as error:
            raise DamagedFileError(message(f"'{path}'", expected="a SavedModel", got=error)) from error

    def metadata(self) -> bytes:
        """The config of the root as JSON; nothing since TensorFlow 2.5."""
        return content(fields(content(self._nodes[0], 4)), 3) if self._nodes else b""

    def input_shape(self) -> list[int] | None:
        """The shape of the input of a model with one input, -1 for unknown sizes; None if it is not known."""
        inputs = contents(self._signatures.get(b"serving_default", {}), 1)
        if len(inputs) != 1:
            return None
        shape = fields(content(fields(content(fields(inputs[0]), 2)), 3))
        sizes = [number(fields(dimension), 1) for dimension in contents(shape, 2)]
        return [size if size < 2**63 else -1 for size in sizes] or None

    def table(self, index: int) -> tuple[list[Any], list[Any]] | None:
        """The keys and values of a table that never changes; None if they are not stored as constants.

        Args:
            index: number of the object of the table.
        """
        function = child(self.objects, index, "_initialize")
        names = [] if function is None else contents(fields(content(self._nodes[function], 6)), 1)
        if not names or names[0] not in self._functions:
            return None
        captured = [self._nodes[n] for n in _integers(self._functions[names[0]], 2) if n < len(self._nodes)]
        constants = [content(fields(content(node, 9)), 1) for node in captured if 9 in node]
        found = self._constants(constants)
        if len(constants) != 2 or len(found) != 2:
            return None
        return _values(found[constants[0]]), _values(found[constants[1]])

    def _constants(self, names: list[bytes]) -> dict[bytes, Fields]:
        """{name of a node of the graph: its value}."""
        out: dict[bytes, Fields] = {}
        for node in map(fields, contents(fields(self._graph), 1)):
            if content(node, 1) in names:
                values = {content(entry, 1): content(entry, 2) for entry in map(fields, contents(node, 5))}
                out[content(node, 1)] = fields(content(fields(values.get(b"value", b"")), 8))
        return out


def _integers(node: Fields, field: int) -> list[int]:
    """The integers of a repeated field, which may be packed."""
    out = []
    for value in node.get(field, []):
        if isinstance(value, int):
            out.append(value)
            continue
        position = 0
        while position < len(value):
            each, position = varint(value, position)
            out.append(each)
    return out


def _values(tensor: Fields) -> list[Any]:
    """The elements of a vector of strings or int64."""
    if number(tensor, 1) == _TEXT:
        return [text.decode() for text in contents(tensor, 8)]
    if number(tensor, 1) != _INT64:
        raise ValueError(f"a table of the type {number(tensor, 1)}")
    stored = content(tensor, 4)
    signed = [value - 2**64 if value >= 2**63 else value for value in _integers(tensor, 10)]
    return np.frombuffer(stored, "<i8").tolist() if stored else signed
