"""Sessions and savers of TensorFlow 1."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend import sessions
from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.calls import as_bytes
from gazelle.compat.tensorflow.checkpoint_files import CheckpointReader, check_shape, write_index
from gazelle.compat.tensorflow.checkpoints import Checkpoint
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.errors import InvalidArgumentError, NotFoundError
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import default_graphs, fed_constants, graphs, meta_graphs, scopes
from gazelle.compat.tensorflow.v1.graphs import build_graphs
from gazelle.compat.types import Nested, Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import PathLike
from gazelle.core.variable import Variable


class Session(sessions.Session):
    def __init__(self, *args: Option, **kwargs: Option) -> None:
        if names_of_1.active():  # `tf.compat.v1.Session` alone leaves TensorFlow 2 as it is
            build_graphs()
        super().__init__(*args, **{"graph": default_graphs.current()} | kwargs if len(args) < 2 else kwargs)

    @ignores("options run_metadata")
    def run(self, fetches: Nested[TensorLike], feed_dict: Mapping[Any, TensorLike] | None = None) -> TensorResult:
        found = jax.tree.map(_fetch, fetches, is_leaf=_is_whole)
        given: dict[Any, Any] = {}
        for key, value in sessions.by_tensor(feed_dict or {}).items():
            if hasattr(key, "dense_shape"):
                parts = value if isinstance(value, tuple) else (value.indices, value.values, value.dense_shape)
                given |= dict(zip((key.indices, key.values, key.dense_shape), map(np.asarray, parts), strict=True))
            else:
                tensor = fed_constants.feedable(_by_name(key), found)
                is_text = getattr(tensor, "dtype", None) == "string" and not isinstance(value, bytes)
                given[tensor] = as_bytes(np.asarray(value)) if is_text else value
        found = fed_constants.with_inputs(found)
        variables = {v: given.pop(v) for v in list(given) if isinstance(v, Variable)}
        try:
            with _with_fed_variables(variables):
                return super().run(found, given)
        except ArgumentError as error:
            fed = {id(v) for key in given for v in jax.tree.leaves(key, is_leaf=is_box)}
            for tensor in sessions.inputs_of(found):
                if not (id(tensor) in fed or tensor in sessions.defaults or tensor in sessions.iterators):
                    what = f"You must feed a value for placeholder tensor '{tensor.name.removesuffix(':0')}'"
                    raise InvalidArgumentError(message(f"{what} with dtype {tensor.dtype}")) from error
            raise

    def make_callable(self, fetches: Nested[TensorLike], feed_list: Sequence[Any] = ()) -> Callable[..., TensorResult]:
        """Return a function that runs this for the values of some tensors."""
        return lambda *values: self.run(fetches, dict(zip(feed_list, values, strict=True)))

    def __enter__(self) -> Session:
        self._as_default = self.graph.as_default()
        self._as_default.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._as_default.__exit__(*error)


@contextlib.contextmanager
def _with_fed_variables(values: Mapping[Variable, Any]) -> Iterator[None]:
    """Let variables have the values that a run is fed for them, and afterwards their own.

    Raises:
        ArgumentError: The run sets one of them.
    """
    before = {
        v: (np.array(v.value), np.broadcast_to(np.asarray(unboxed(fed), v.dtype), v.shape)) for v, fed in values.items()
    }
    for variable, (_, fed) in before.items():
        variable.assign(fed)
    try:
        yield
    finally:
        changed = [v.name for v, (_, fed) in before.items() if not np.array_equal(v.value, fed, equal_nan=True)]
        for variable, (own, _) in before.items():
            variable.assign(own)
    if changed:
        hint = "Feed it and set it in two runs."
        raise ArgumentError(
            message(f"Session.run sets {changed[0]!r}", expected="variables that are not fed", hint=hint)
        )


def _is_whole(value: Any) -> bool:
    """Whether a fetch is not a structure of others."""
    return type(value) not in (list, tuple, dict)


@named("SparseTensorValue", "compat.v1.SparseTensorValue")
class SparseTensorValue(NamedTuple):
    """`tf.SparseTensorValue`: what a session returns for a sparse tensor, and is fed for one."""

    indices: Any
    values: Any
    dense_shape: Any


def _fetch(one: Any) -> Any:
    if hasattr(one, "dense_shape"):
        return SparseTensorValue(one.indices, one.values, one.dense_shape)
    return _by_name(one) if isinstance(one, str) else one


def _by_name(given: Any) -> Any:
    """The variable, tensor or operation of a name; other things unchanged.

    Raises:
        ValueError: There is none.
    """
    found = scopes.by_name(given) if isinstance(given, str) else given
    if found is None and given is not None:
        hint = "Pass the tensor: only variables, and what got an argument `name`, are found by name."
        raise ArgumentError(message(f"Session.run of {given!r}", expected="the name of a tensor", hint=hint))
    return found


@named("train.Saver")
class Saver:
    """`tf.train.Saver`: writes variables by name, all by default, and reads them; the newest `max_to_keep` are kept."""

    @ignores(
        "reshape@2=False sharded@3 keep_checkpoint_every_n_hours=10000.0 name restore_sequentially saver_def=None"
        " builder=None defer_build allow_empty write_version save_relative_paths filename"
    )
    def __init__(
        self,
        var_list: Mapping[str, Variable] | Iterable[Variable] | None = None,
        max_to_keep: int | None = 5,
        *,
        pad_step_number: bool = False,
    ) -> None:
        self._step_format = "08d" if pad_step_number else "d"
        if var_list is None and graphs.active():  # as in TensorFlow, without variables that are made later
            var_list = scopes.all_global() or None
        self._given, self._most = var_list, max_to_keep
        self.last_checkpoints: list[str] = []

    def _variables(self) -> dict[str, Variable]:
        given = scopes.all_global() if self._given is None else self._given
        named = dict(given) if isinstance(given, Mapping) else {}
        for v in () if isinstance(given, Mapping) else given:
            name = str(getattr(v, "path", None) or v.name).removesuffix(":0")
            named[name if name not in named else f"{name}_{len(named)}"] = v
        return named

    @ignores("sess latest_filename@4='checkpoint' meta_graph_suffix@5 write_state=True strip_default_attrs")
    def save(
        self, sess: object, save_path: PathLike, global_step: TensorLike = None, write_meta_graph: bool = True
    ) -> str:
        """Write the values; returns the prefix of the file."""
        step = "" if global_step is None else f"-{int(np.asarray(unboxed(global_step))):{self._step_format}}"
        prefix = Checkpoint(variables=self._variables()).write(f"{text(save_path)}{step}")
        self.last_checkpoints = [path for path in self.last_checkpoints if path != prefix] + [prefix]
        while self._most and len(self.last_checkpoints) > self._most:
            oldest = self.last_checkpoints.pop(0)
            pathlib.Path(f"{oldest}.npz").unlink(missing_ok=True)
            meta_graphs.remove(f"{oldest}.meta")
        if write_meta_graph and graphs.active():
            meta_graphs.write(f"{prefix}.meta", self._given)
        write_index(prefix, self.last_checkpoints)
        return prefix

    @ignores("collection_list as_text export_scope=None clear_devices clear_extraneous_savers strip_default_attrs")
    def export_meta_graph(self, filename: PathLike | None = None) -> None:
        """Keep the default graph under the name of a file."""
        if filename is not None:
            meta_graphs.write(filename, self._given)

    def restore(self, sess: object, save_path: PathLike) -> None:
        """Read the values, which gazelle or TensorFlow wrote.

        Raises:
            ValueError: There is no path, as `tf.train.latest_checkpoint` found none.
            NotFoundError: The file lacks a variable.
        """
        if save_path is None:
            raise ValueError("Saver.restore: expected the path of a checkpoint, got None.")
        reader, variables = CheckpointReader(save_path), self._variables()
        if missing := [name for name in variables if not reader.has_tensor(name)]:
            what = f"Saver.restore({text(save_path)!r})"
            raise NotFoundError(message(what, expected=f"values of {', '.join(missing[:5])}", got="none of that name"))
        for name, variable in variables.items():
            value = reader.get_tensor(name)
            check_shape(name, variable.shape, value.shape)
            Variable.assign(variable, value)


@named("contrib.eager.Saver")
class EagerSaver:
    """`tf.contrib.eager.Saver`: writes and reads these variables, without a session."""

    def __init__(self, var_list: Mapping[str, Variable] | Iterable[Variable]) -> None:
        self._saver = Saver(var_list)

    def save(self, file_prefix: PathLike, global_step: TensorLike = None) -> str:
        """Write the values; returns the prefix of the file."""
        return self._saver.save(None, file_prefix, global_step)

    def restore(self, file_prefix: PathLike) -> None:
        """Read the values."""
        self._saver.restore(None, file_prefix)
