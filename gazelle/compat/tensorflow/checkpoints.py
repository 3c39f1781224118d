"""tf.Module and tf.train: modules and checkpoints."""

from __future__ import annotations

import functools
import glob
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow import variable_names
from gazelle.compat.tensorflow.dtypes import DType, as_dtype
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.randoms import Generator
from gazelle.compat.tensorflow.restoring import Status, forget, resume
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import Option, PathLike, ShapeLike, TensorLike
from gazelle.core.errors import ArgumentError, ShapeError, message
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
    elif isinstance(value, Module):
        seen.add(id(value))
        parts = [one for name, inner in sorted(vars(value).items()) for one in _leaves(inner, f"{path}/{name}")]
        for name, inner in sorted(parts, key=lambda part: not isinstance(part[1], Variable)):  # first its own
            yield from _variables_of(inner, name, seen)
    elif hasattr(value, "weight_parts"):  # an object of `probability`
        yield from _variables_of(value.weight_parts, path, seen)
    elif isinstance(value, list | tuple | Mapping):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _variables_of(inner, f"{path}/{key}", seen)


#: the entry of a file that holds the names of TensorFlow, {name: name in the file}, and what these end with
_NAMES, _VALUE = "_CHECKPOINTABLE_OBJECT_GRAPH", "/.ATTRIBUTES/VARIABLE_VALUE"


def _attribute_names(value: Any, path: str = "", within: tuple[int, ...] = ()) -> Iterator[tuple[str, Variable]]:
    """(name in checkpoints of TensorFlow, variable): names consist of attributes, indices and keys."""
    if isinstance(value, Variable):
        yield path, value
    elif isinstance(value, Optimizer):
        for i, variable in enumerate(value.variables):
            yield f"{path}/{('_iterations', '_learning_rate')[i] if i < 2 else f'_variables/{i - 1}'}", variable
    elif id(value) not in within:
        is_part = isinstance(value, Checkpoint | Module | Metric)
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
        yield from _submodules(inner, seen) if isinstance(inner, Module) else getattr(inner, "submodules", ())


@named("Module")
class Module:
    """`tf.Module`: an object with variables in its attributes.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.w = Variable(2.0)
    >>> len(Line().trainable_variables)
    1
    """

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

    variables = property(lambda self: tuple(v for _, v in _variables_of(self, "", set())))
    trainable_variables = property(lambda self: tuple(v for v in self.variables if v.trainable))
    non_trainable_variables = property(lambda self: tuple(v for v in self.variables if not v.trainable))
    submodules = property(lambda self: tuple({id(v): v for v in _submodules(self, {id(self)})}.values()))


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
        arrays[_NAMES] = np.array(json.dumps(of_attributes))
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
        stored = json.loads(str(arrays.get(_NAMES, "{}")))
        found = {name: name if name in arrays else stored.get(name) for name in own}
        if None in found.values():  # attributes of a model in the place of checkpoints, or the other way around
            names = {id(v): name for name, v in own.items()}
            found |= {names[id(v)]: n for n, v in _attribute_names(self) if n in arrays and not found[names[id(v)]]}
        for name, variable in own.items():
            if (source := found[name]) is not None and id(variable) not in done:
                check_shape(name, variable.shape, arrays[source].shape)
                variable.assign(arrays[source])
                done[id(variable)] = variable
        used = {_NAMES, *found.values()}
        return [n for n in own if found[n] is None], [n for n in arrays if n not in used]

    read = restore

    def _build_optimizers(self) -> None:
        objects = vars(self).values()
        for value in objects:
            if isinstance(value, Optimizer) and not value.built:
                model = next((v for v in objects if isinstance(v, Layer) and v.weights), None)
                if model is not None:
                    value.build(model.trainable_variables)


def check_shape(name: str, own: ShapeLike, stored: ShapeLike) -> None:
    """Raise an error unless a stored value has the shape of the variable."""
    if tuple(own) != tuple(stored):
        raise ShapeError(message(f"Checkpoint.restore of {name!r}", expected=f"shape {tuple(own)}", got=tuple(stored)))


def write_index(latest: str, prefixes: list[str]) -> None:
    folder = os.path.dirname(latest) or "."
    with open(os.path.join(folder, "checkpoint"), "w") as file:
        json.dump({"latest": os.path.basename(latest), "all": [os.path.basename(p) for p in prefixes]}, file)


@named("train.get_checkpoint_state")
@ignores("latest_filename='checkpoint'")
def get_checkpoint_state(checkpoint_dir: PathLike | TensorLike) -> object:
    """`tf.train.get_checkpoint_state`: an object with the newest prefix in a folder, None if there is none."""
    path, folder = latest_checkpoint(checkpoint_dir), text(checkpoint_dir)
    if path is None:
        return None
    with open(os.path.join(folder, "checkpoint")) as file:
        content = file.read()
    if content.startswith("{"):
        kept = json.loads(content).get("all", [])
    else:  # written by TensorFlow
        kept = re.findall(r'all_model_checkpoint_paths: "(.*)"', content)
    paths = [os.path.join(folder, name) for name in kept]
    return SimpleNamespace(model_checkpoint_path=path, all_model_checkpoint_paths=paths or [path])


@named("train.latest_checkpoint")
@ignores("latest_filename='checkpoint'")
def latest_checkpoint(checkpoint_dir: PathLike | TensorLike) -> str | None:
    """`tf.train.latest_checkpoint`: the newest prefix in a folder, None if there is none."""
    folder = text(checkpoint_dir)
    try:
        with open(os.path.join(folder, "checkpoint")) as file:
            content = file.read()
        named = re.match(r'model_checkpoint_path: "(.*)"', content)  # written by TensorFlow
        return os.path.join(folder, named[1] if named else json.loads(content)["latest"])
    except (OSError, ValueError, KeyError):
        kinds = ("", ".npz", ".ckpt", ".h5")  # all but .npz are written by callbacks
        paths = filter(os.path.isfile, glob.glob(os.path.join(glob.escape(folder), "*")))
        found = [path for path in paths if os.path.splitext(path)[1] in kinds]
        found.sort(key=os.path.getmtime)
        return found[-1].removesuffix(".npz") if found else None


@named("train.load_checkpoint", "train.NewCheckpointReader")
class CheckpointReader:
    """`tf.train.load_checkpoint`: the arrays of a checkpoint of gazelle or TensorFlow by name."""

    def __init__(self, ckpt_dir_or_file: PathLike | TensorLike) -> None:
        path = text(ckpt_dir_or_file)
        path = latest_checkpoint(path) or path if os.path.isdir(path) else path
        self._shapes: dict[str, list[int]]
        if tensorflow_format.is_checkpoint(path):
            checkpoint = tensorflow_format.Checkpoint(path)
            self._shapes = {name: list(checkpoint.entries[name].shape) for name in sorted(checkpoint.entries)}
            self.get_tensor: Callable[[str], Any] = checkpoint.read
            return
        with np.load(f"{path}.npz", allow_pickle=False) as stored:
            arrays = dict(stored)
        found = json.loads(str(arrays.pop(_NAMES, "{}")))
        if not all(name.startswith(("variables/", "save_counter")) for name in found):  # a `Saver` writes these
            arrays |= {f"{name}{_VALUE}": arrays[source] for name, source in found.items()}
            first = {source: name for name, source in reversed(found.items())}
            shown = [f"{first[name]}{_VALUE}" if name in first else name for name in arrays if _VALUE not in name]
            self._shapes = {_NAMES: []} | {name: list(arrays[name].shape) for name in sorted(shown)}
            self.get_tensor = arrays.__getitem__
            return
        names = arrays.keys() - {"save_counter"}
        if all(name.startswith("variables/") for name in names):  # a `Saver` wrote them
            arrays = {name.removeprefix("variables/"): array for name, array in arrays.items() if name in names}
        self._shapes = {name: list(array.shape) for name, array in arrays.items()}
        self.get_tensor = arrays.__getitem__

    def has_tensor(self, tensor_str: str) -> bool:
        return tensor_str in self._shapes or f"{tensor_str}{_VALUE}" in self._shapes

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        return dict(self._shapes)

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        return {name: as_dtype(self.get_tensor(name).dtype) for name in self._shapes}


named("train.list_variables")(lambda ckpt_dir_or_file: list(CheckpointReader(ckpt_dir_or_file)._shapes.items()))
named("train.load_variable")(lambda ckpt_dir_or_file, name: CheckpointReader(ckpt_dir_or_file).get_tensor(name))


named("train.checkpoint_exists")(
    lambda checkpoint_prefix: (
        os.path.exists(f"{text(checkpoint_prefix)}.npz") or tensorflow_format.is_checkpoint(text(checkpoint_prefix))
    )
)


@named("train.init_from_checkpoint")
def init_from_checkpoint(ckpt_dir_or_file: PathLike | TensorLike, assignment_map: Mapping[str, Any]) -> None:
    """`tf.train.init_from_checkpoint`: set the first values of variables from a checkpoint, by name or by scope."""
    from gazelle.compat.tensorflow.model_calls import all_variables
    from gazelle.compat.tensorflow.v1.graphs import set_first_value

    reader = CheckpointReader(ckpt_dir_or_file)
    for stored, target in assignment_map.items():
        if not isinstance(target, str):
            set_first_value(target, reader.get_tensor(stored))
            continue
        start, prefix = ("" if name == "/" else name for name in (target, stored))
        for variable in list(all_variables.values()):
            name = variable_names.without_output(variable)
            if name == target or ((start.endswith("/") or not start) and name.startswith(start)):
                set_first_value(variable, reader.get_tensor(prefix + name.removeprefix(start)))


@named("train.get_or_create_global_step", "train.get_global_step", "train.create_global_step")
def global_step(graph: object = None) -> TensorFlowVariable:
    """`tf.train.get_or_create_global_step`: a variable for the number of updates, which `minimize` may increase."""
    from gazelle.compat.tensorflow.v1 import scopes

    known = scopes.get_collection_ref(scopes.GraphKeys.GLOBAL_STEP)
    if not known:
        made = scopes.variable_of("global_step")  # that of the program
        known.append(made or TensorFlowVariable(0, trainable=False, dtype="int64", name="global_step"))
    return known[0]


@named("train.global_step")
def value_of_global_step(sess: Option, global_step_tensor: Variable) -> int:
    """`tf.train.global_step`: the value of the variable in a session."""
    return int(sess.run(global_step_tensor))


@named("train.CheckpointManager")
class CheckpointManager:
    """`tf.train.CheckpointManager`: keeps the newest `max_to_keep` checkpoints in a folder."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: PathLike | TensorLike,
        max_to_keep: int | None = None,
        keep_checkpoint_every_n_hours: float | None = None,
        checkpoint_name: str = "ckpt",
        step_counter: Variable | None = None,
        checkpoint_interval: int | None = None,
        init_fn: Callable[[], object] | None = None,
    ) -> None:
        self._checkpoint, self.directory, self._most = checkpoint, text(directory), max_to_keep
        self._hours, self._kept_at = keep_checkpoint_every_n_hours, time.time()
        self._step, self.checkpoint_interval, self._init_fn = step_counter, checkpoint_interval, init_fn
        self._saved_at: int | None = None
        self._prefix = os.path.join(self.directory, checkpoint_name)
        numbered = [
            (int(found.group(1)), path.removesuffix(".npz"))
            for path in glob.glob(glob.escape(self._prefix) + "-*.npz")
            if (found := re.search(r"-(\d+)\.npz$", path))
        ]
        self.checkpoints = [path for _, path in sorted(numbered)]

    latest_checkpoint = property(lambda self: self.checkpoints[-1] if self.checkpoints else None)
    checkpoint = property(lambda self: self._checkpoint)

    @ignores("options")
    def save(self, checkpoint_number: TensorLike = None, check_interval: bool = True) -> str | None:
        """Write a checkpoint; None if `step_counter` rose by less than `checkpoint_interval` since the last one."""
        if check_interval and self._step is not None and self.checkpoint_interval is not None:
            step = int(np.asarray(unboxed(self._step)))
            if self._saved_at is not None and step - self._saved_at < self.checkpoint_interval:
                return None
            self._saved_at = step
        if checkpoint_number is None:
            self._checkpoint.save_counter.assign_add(1)
            number = int(self._checkpoint.save_counter)
        else:
            number = int(unboxed(checkpoint_number))
        path = self._checkpoint.write(f"{self._prefix}-{number}")
        self.checkpoints = [p for p in self.checkpoints if p != path] + [path]
        while self._most and len(self.checkpoints) > self._most:
            oldest = self.checkpoints.pop(0)
            if self._hours is not None and os.path.getmtime(f"{oldest}.npz") >= self._kept_at + 3600 * self._hours:
                self._kept_at = os.path.getmtime(f"{oldest}.npz")
            else:
                os.remove(f"{oldest}.npz")
        write_index(path, self.checkpoints)
        return path

    def restore_or_initialize(self) -> str | None:
        if self.latest_checkpoint:
            self._checkpoint.restore(self.latest_checkpoint)
        elif self._init_fn is not None:
            self._init_fn()
        return self.latest_checkpoint
