"""Strings among the inputs of a model without a graph, whose layers look them up in the compiled program."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle import data
from gazelle.core.text_array import TextArray, encode

if TYPE_CHECKING:
    from gazelle.core.types import Data, Tree


class TextInputs:
    """Converts the strings among inputs to their bytes before a compiled program, and back to strings in it.

    In a graph the inputs have dtypes; those of a subclass get theirs from the data.

    >>> inputs = TextInputs()
    >>> encoded = inputs({"user": np.array(["a", "b"]), "age": np.ones(2)})
    >>> encoded["user"].shape, inputs.strings(encoded)["user"].shape
    ((2, 16), (2,))
    """

    def __init__(self) -> None:
        self._paths: set[tuple[object, ...]] = set()  # of the strings in the structure of the inputs

    def __call__(self, x: Data) -> Tree:
        """Return the inputs with bytes in the place of strings.

        Args:
            x: the samples of a batch, or all.
        """

        def encoded(leaf: Any, path: tuple[object, ...]) -> Any:
            if not _is_text(leaf):
                self._paths.discard(path)
                return leaf
            self._paths.add(path)
            return encode(np.asarray(leaf))

        return _mapped(encoded, x)

    def strings(self, x: Tree) -> Tree:
        """Return inputs that `__call__` made with the strings as `TextArray`s.

        Args:
            x: a batch.
        """
        return _mapped(lambda leaf, path: TextArray(leaf) if path in self._paths else leaf, x) if self._paths else x

    def strings_of_batch(self, batch: Tree) -> Tree:
        """The same for what a custom step receives: x, or a tuple that begins with x.

        Args:
            batch: the argument of the step.
        """
        if not isinstance(batch, tuple):
            return self.strings(batch)
        return data.sequence_like(batch, [self.strings(batch[0]), *batch[1:]])


def _mapped(function: Callable[[Any, tuple[object, ...]], Any], x: Any, path: tuple[object, ...] = ()) -> Any:
    """The structure of x with `function(leaf, path)` in the place of its leaves."""
    if isinstance(x, dict):
        return {key: _mapped(function, value, (*path, key)) for key, value in x.items()}
    if isinstance(x, (list, tuple)) and any(hasattr(value, "shape") for value in x):
        items = [_mapped(function, value, (*path, i)) for i, value in enumerate(x)]
        return data.sequence_like(x, items)
    return function(x, path)


def _is_text(leaf: Any) -> bool:
    """Whether a leaf is an array, column or list of strings; arrays of numbers are not copied to find out."""
    if isinstance(leaf, (list, tuple)):
        return len(leaf) > 0 and isinstance(leaf[0], (str, bytes)) and data.is_text(leaf)
    dtype = getattr(leaf, "dtype", None)
    may_be_text = dtype is not None and getattr(dtype, "kind", "O") in "USO" and np.ndim(leaf) > 0
    return may_be_text and data.is_text(leaf)
