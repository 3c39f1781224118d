"""What a layer holds: the layers and variables below it, their paths, their values, their penalties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from gazelle.core import tracing
from gazelle.core.config import snake
from gazelle.core.errors import ShapeError, StateError, message
from gazelle.core.operation import Operation
from gazelle.core.prng import SeedGenerator
from gazelle.core.variable import Variable, lock_variables

_UNTRACKED = frozenset(
    {"_config", "nodes", "_eager_losses", "_build_shapes", "optimizer", "history", "_seed_generator"}
)


class Tree(Operation, abstract=True):
    """The half of a layer that finds weights: by walking attributes, lists and dicts, whenever it is asked."""

    name: str
    auto_named: bool
    built: bool
    _trainable: bool
    _eager_losses: list[Any]

    @property
    def trainable(self) -> bool:
        """Whether training may change the weights; setting it sets it for all layers inside, too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.named_layers().values():
            layer._trainable = bool(value)

    def _own(self) -> Iterator[Any]:
        """Layers and variables held in attributes, also inside lists, tuples and dicts, in the order they were set."""
        for key, value in self.__dict__.items():
            if key not in _UNTRACKED:
                yield from _found(value)

    def sublayers(self) -> list[Tree]:
        """The layers held directly by this one."""
        return list({id(v): v for v in self._own() if isinstance(v, Tree)}.values())

    def named_layers(self) -> dict[str, Tree]:
        """{path: layer} of this layer ('') and all below it. A path does not depend on other models in the process."""
        out: dict[str, Tree] = {}
        seen: set[int] = set()

        def walk(layer: Tree, path: str) -> None:
            if id(layer) in seen:
                return
            seen.add(id(layer))
            out[path] = layer
            used: Counter[str] = Counter()
            for child in layer.sublayers():
                kind = snake(type(child).__name__)
                name = kind if child.auto_named or counted(child.name, kind) else child.name
                used[name] += 1
                name = f"{name}_{used[name] - 1}" if used[name] > 1 else name
                walk(child, f"{path}/{name}" if path else name)

        walk(self, "")
        return out

    def named_variables(self) -> dict[str, Variable]:
        """{path: variable} of all weights: the optimizer's tree, the checkpoint's names, and what `summary` prints."""
        out: dict[str, Variable] = {}
        seen: set[int] = set()
        for path, layer in self.named_layers().items():
            for variable in layer._own():
                if isinstance(variable, Variable) and id(variable) not in seen:
                    seen.add(id(variable))
                    base = key = f"{path}/{variable.name}" if path else variable.name
                    number = 0
                    while key in out:
                        key, number = f"{base}_{number + 1}", number + 1
                    variable.path = key
                    out[key] = variable
        return out

    def trainable_ids(self) -> set[int]:
        """ids of the variables that training changes: their own and all owners' `trainable` are True."""
        out: set[int] = set()
        seen: set[int] = set()

        def walk(layer: Tree, frozen: bool) -> None:
            frozen = frozen or not layer.trainable
            if id(layer) in seen:
                return
            seen.add(id(layer))
            for value in layer._own():
                if isinstance(value, Tree):
                    walk(value, frozen)
                elif isinstance(value, Variable) and value.trainable and not frozen:
                    out.add(id(value))

        walk(self, False)
        return out

    @property
    def variables(self) -> list[Variable]:
        return list(self.named_variables().values())

    @property
    def weights(self) -> list[Variable]:
        """All variables, a layer's trainable ones before its others, as Keras orders them."""
        out = []
        for layer in self.named_layers().values():
            own = [v for v in layer._own() if isinstance(v, Variable) and v.persistent]
            out += [v for v in own if v.trainable] + [v for v in own if not v.trainable]
        return list({id(v): v for v in out}.values())

    @property
    def trainable_weights(self) -> list[Variable]:
        ids = self.trainable_ids()
        return [v for v in self.weights if id(v) in ids]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        ids = self.trainable_ids()
        return [v for v in self.weights if id(v) not in ids]

    trainable_variables = trainable_weights

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of all weights as NumPy arrays, in the order of `weights`, all of one step of a training that runs."""
        with lock_variables(self.weights):
            return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Replace all weights; as many arrays, of the same shapes, as `get_weights` gives."""
        own = self.weights
        arrays = [np.asarray(w) for w in weights]
        if len(own) != len(arrays):
            built = "" if self.built else " Build it first: its weights do not exist yet."
            raise ShapeError(
                message(
                    f"set_weights of {self._label}",
                    expected=f"{len(own)} arrays",
                    got=f"{len(arrays)}",
                    hint=f"Give what get_weights() of an equal layer returns.{built}",
                )
            )
        wrong = [
            f"{v.path}: expected {v.shape}, got {a.shape}"
            for v, a in zip(own, arrays, strict=True)
            if v.shape != a.shape
        ]
        if wrong:
            raise ShapeError(f"set_weights of {self._label} does not fit.\n" + "\n".join(wrong))
        with lock_variables(own):
            for variable, array in zip(own, arrays, strict=True):
                variable.assign(array)

    def count_params(self) -> int:
        """The number of numbers in all weights."""
        if not self.built:
            raise StateError(message(f"{self._label} is not built yet", hint="Call it on data or give input_shape."))
        return sum(v.size for v in self.weights)

    @property
    def losses(self) -> list[Any]:
        """Penalties of the last call (`add_loss`) and of the regularizers, for this layer and all below it."""
        layers = list(self.named_layers().values())
        ids = {id(layer) for layer in layers}
        scope = tracing.current()
        if scope is not None:
            called = [value for layer, value in scope.losses if id(layer) in ids]
        else:
            called = [value for layer in layers for value in layer._eager_losses]
        trainable = self.trainable_ids()
        weights = [v for v in self.variables if v.regularizer is not None and id(v) in trainable]
        return called + [v.regularizer(v.value) for v in weights if v.regularizer is not None]

    @property
    def _label(self) -> str:
        return f"{type(self).__name__} '{self.name}'"


def counted(name: str, kind: str) -> bool:
    """Whether a name is an automatic one, `dense` or `dense_7`, be it from this process or from a file."""
    start, _, number = name.rpartition("_")
    return name == kind or (start == kind and number.isdigit())


def _found(value: Any) -> Iterator[Any]:
    if isinstance(value, (Tree, Variable)):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _found(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _found(item)
    elif isinstance(value, SeedGenerator):
        yield value.state
