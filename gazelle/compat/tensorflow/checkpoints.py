"""`tf.Module` and `tf.train.Checkpoint`: the variables in objects by path, and the files with their values."""

from __future__ import annotations

import functools
import json
import os
import re
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.checkpoint_files import ATTRIBUTE_NAMES, check_shape, write_index
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.random_generators import Generator
from gazelle.compat.tensorflow.restoring import Status, forget, resume
from gazelle.compat.types import PathLike, TensorLike
from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import SeedGenerator
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.metrics.base import Metric
from gazelle.optimizers.base import Optimizer
from gazelle.saving import tensorflow_format

#: capital letters before which the automatic name of a module has "_"
_CAPITALS = re.compile(r"((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))")


def _variables_of(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Variable]]:
    """(path, variable) for all variables in an object: in layers, optimizers, metrics, modules, lists and dicts."""
    if id(value) in seen:
        return
    if isinstance(value, Variable):
        seen.add(id(value))
        yield path, value
    elif isinstance(value, Optimizer):
        for number, variable in enumerate(value.variables):
            yield f"{path}/{number}", variable
    elif isinstance(value, Metric | Layer):
        named = value.named_variables() if isinstance(value, Metric) else weight_tree.named_variables(value)
        for name, variable in named.items():
            yield from _variables_of(variable, f"{path}/{name}", seen)
    elif isinstance(value, SeedGenerator | Generator):
        yield from _variables_of(value.state, path, seen)
    elif isinstance(value, Checkpoint):
        for name, inner in vars(value).items():
            if name != "save_counter" or not path:
                yield from _variables_of(inner, f"{path}/{name}" if path else name, seen)
    elif _is_module(value):
        seen.add(id(value))
        parts = [one for name, inner in sorted(vars(value).items()) for one in _leaves(inner, f"{path}/{name}")]
        for name, inner in sorted(parts, key=lambda part: not isinstance(part[1], Variable)):  # first its own
            yield from _variables_of(inner, name, seen)
    elif hasattr(value, "weight_parts"):  # an object of `probability`
        yield from _variables_of(value.weight_parts, path, seen)
    elif isinstance(value, list | tuple | Mapping):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _variables_of(inner, f"{path}/{key}", seen)


def _attribute_names(value: Any, path: str = "", within: tuple[int, ...] = ()) -> Iterator[tuple[str, Variable]]:
    """(name in checkpoints of TensorFlow, variable): names consist of attributes, indices and keys."""
    if isinstance(value, Variable):
        yield path, value
    elif isinstance(value, Optimizer):
        for i, variable in enumerate(value.variables):
            yield f"{path}/{('_iterations', '_learning_rate')[i] if i < 2 else f'_variables/{i - 1}'}", variable
    elif id(value) not in within:
        is_part = isinstance(value, Checkpoint | Metric) or _is_module(value)
        parts = vars(value) if is_part else tensorflow_format.members(value) if _has_parts(value) else {}
        for name, inner in parts.items():
            if not name.startswith("_"):
                yield from _attribute_names(inner, f"{path}/{name}" if path else name, (*within, id(value)))


def _has_parts(value: Any) -> bool:
    return isinstance(value, Layer | list | tuple | dict)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, object) for all objects in nested lists and dicts, in the order of TensorFlow."""
    if isinstance(value, list | tuple | Mapping):
        for key, inner in (
            sorted(value.items(), key=lambda item: str(item[0])) if isinstance(value, Mapping) else enumerate(value)
        ):
            yield from _leaves(inner, f"{path}/{key}")
    else:
        yield path, value


def _submodules(module: Any, seen: set[int]) -> Iterator[Any]:
    """The modules and layers in a module that were not seen, then those in them."""
    leaves = [leaf for _, inner in sorted(vars(module).items()) for _, leaf in _leaves(inner, "")]
    found = {id(v): v for v in leaves if isinstance(v, Module | Layer) and id(v) not in seen}
    seen.update(found)
    yield from found.values()
    for inner in found.values():
        yield from _submodules(inner, seen) if _is_module(inner) else getattr(inner, "submodules", ())


def _selected(module: Any, recursive: bool, predicate: Callable[[Any], bool], seen: set[int]) -> Iterator[Any]:
    """The objects in a module that were not seen and that a condition selects."""
    leaves = {id(leaf): leaf for _, inner in sorted(vars(module).items()) for _, leaf in _leaves(inner, "")}
    found = {key: leaf for key, leaf in leaves.items() if key not in seen}
    seen.update(found)
    yield from filter(predicate, found.values())
    for inner in found.values() if recursive else ():
        if _is_module(inner):
            yield from _selected(inner, recursive, predicate, seen)


def _is_module(value: Any) -> bool:
    """Whether a value is a `tf.Module` of its own; layers count as modules for programs alone."""
    return Module in type(value).__mro__


@named("Module")
class Module(metaclass=ABCMeta):  # noqa: B024 - the metaclass that those of packages are derived from
    """`tf.Module`: an object with variables in its attributes.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.w = Variable(2.0)
    >>> len(Line().trainable_variables)
    1
    """

    _contains_weights = True  # a layer with a module in an attribute has its weights
    #: attributes that packages leave out when they walk over a module
    _TF_MODULE_IGNORED_PROPERTIES: frozenset[str] = frozenset()

    def __init__(self, name: str | None = None) -> None:
        self._name, self._scope_name = name, variable_names.prefix()

    name = property(lambda self: getattr(self, "_name", None) or _CAPITALS.sub(r"_\1", type(self).__name__).lower())
    name_scope = property(lambda self: variable_names.opened(f"{getattr(self, '_scope_name', '')}{self.name}/"))

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """Let the variables that a method makes have the name of the module before theirs. A decorator."""

        @functools.wraps(method)
        def called(self: Any, *args: Any, **kwargs: Any) -> Any:
            with self.name_scope:
                return method(self, *args, **kwargs)

        return called

    @ignores("attribute_traversal_key with_path=False expand_composites")
    def _flatten(self, recursive: bool = True, predicate: Callable[[Any], bool] | None = None) -> Iterator[Any]:
        """Yield the objects in attributes that a condition selects, each once, then those in their modules."""
        yield from _selected(self, recursive, predicate or (lambda _: True), set())

    variables = property(lambda self: tuple(v for _, v in _variables_of(self, "", set())))
    trainable_variables = property(lambda self: tuple(v for v in self.variables if v.trainable))
    non_trainable_variables = property(lambda self: tuple(v for v in self.variables if not v.trainable))
    submodules = property(lambda self: tuple({id(v): v for v in _submodules(self, {id(self)})}.values()))


Module.register(Layer)  # `isinstance(layer, tf.Module)`


@named("train.Checkpoint")
class Checkpoint:
    """`tf.train.Checkpoint(model=model, optimizer=optimizer)`: the variables by path.

    A checkpoint is one file, `prefix-number.npz`, which is replaced atomically. Variables that do not exist yet when a
    checkpoint is restored are assigned when they are created.
    """

    def __init__(self, root: object = None, **objects: Any) -> None:
        given = objects if root is None else {"root": root, **objects}
        self.save_counter = Variable(0, dtype="int32", trainable=False, name="save_counter")
        for name, value in given.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        resume()

    def _variables(self) -> dict[str, Variable]:
        return dict(_variables_of(self, "", set()))

    def write(self, file_prefix: PathLike | TensorLike, options: object = None) -> str:
        """Write to this prefix without a number."""
        prefix = text(file_prefix)
        os.makedirs(os.path.dirname(prefix) or ".", exist_ok=True)
        own = self._variables()
        arrays = {name: v.numpy() for name, v in own.items()}
        names = {id(v): name for name, v in own.items()}
        of_attributes = {name: names[id(v)] for name, v in _attribute_names(self) if id(v) in names}
        arrays[ATTRIBUTE_NAMES] = np.array(json.dumps(of_attributes))
        temporary = f"{prefix}.part"
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, f"{prefix}.npz")
        return prefix

    def save(self, file_prefix: PathLike | TensorLike, options: object = None) -> str:
        """Write to `file_prefix-1`, `-2`, ..."""
        self.save_counter.assign_add(1)
        prefix = self.write(f"{text(file_prefix)}-{int(self.save_counter)}")
        write_index(prefix, [prefix])
        return prefix

    def restore(self, save_path: PathLike | TensorLike, options: object = None) -> Status:
        """Assign the variables from a file; None restores nothing."""
        forget(self)
        if save_path is None:
            return Status()
        path = text(save_path)
        file = path if os.path.isfile(path) else f"{path}.npz"
        if not os.path.exists(file) and tensorflow_format.is_checkpoint(path):
            self._build_optimizers()
            return Status(self, lambda done: tensorflow_format.restore(vars(self), path, done))
        if not os.path.exists(file):
            raise ArgumentError(
                message(f"Checkpoint.restore({path!r})", expected="a checkpoint that gazelle wrote", got="no such file")
            )
        with np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
        self._build_optimizers()
        return Status(self, lambda done: self._assign(arrays, done))

    def _assign(self, arrays: Mapping[str, Any], done: dict[int, Variable]) -> tuple[list[str], list[str]]:
        """Assign the variables that are not in `done`; return names without an array, and arrays without a variable."""
        own = self._variables()
        stored = json.loads(str(arrays.get(ATTRIBUTE_NAMES, "{}")))
        found = {name: name if name in arrays else stored.get(name) for name in own}
        if None in found.values():  # attributes of a model in the place of checkpoints, or the other way around
            names = {id(v): name for name, v in own.items()}
            found |= {names[id(v)]: n for n, v in _attribute_names(self) if n in arrays and not found[names[id(v)]]}
        for name, variable in own.items():
            if (source := found[name]) is not None and id(variable) not in done:
                check_shape(name, variable.shape, arrays[source].shape)
                variable.assign(arrays[source])
                done[id(variable)] = variable
        used = {ATTRIBUTE_NAMES, *found.values()}
        return [n for n in own if found[n] is None], [n for n in arrays if n not in used]

    read = restore

    def _build_optimizers(self) -> None:
        objects = vars(self).values()
        for value in objects:
            if isinstance(value, Optimizer) and not value.built:
                model = next((v for v in objects if isinstance(v, Layer) and v.weights), None)
                if model is not None:
                    value.build(model.trainable_variables)
