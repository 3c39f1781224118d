"""Architectures as JSON: limits of size, names from closed tables only, no executable content."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core import replaced_methods, shared_objects
from gazelle.core.budget import Budget
from gazelle.core.errors import DamagedFileError, GazelleError, UnsafeFileError, english, message
from gazelle.core.registry import custom_object_scope
from gazelle.core.serialization import deserialize, serialize_object, target_of, with_arguments_of_compile
from gazelle.core.traceback import warn
from gazelle.saving import config_check, tf_keras_optimizer

if TYPE_CHECKING:
    from gazelle.models import Model

MAX_BYTES = 32 * 2**20  # of a config
MAX_DEPTH = 200  # nested lists and dicts
MAX_VALUES = 2_000_000
MAX_OBJECTS = 40_000  # layers, initializers, ...
MAX_LAYERS = 5_000
#: where Linux reports the memory limit of a container (cgroup versions 2 and 1)
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_ALLOWANCE = 3 * 2**19  # values beyond those in the file: states of cells, filters of spectrograms, totals of metrics
_SLOTS = 8  # values that optimizers keep for each weight, at most
_MEMORY_OF = {b",": 20, b"[": 72, b"{": 232, b":": 60}  # bytes of a value, a list, a table, a name in a table
_MEMORY_OF_TEXT = 8  # bytes of memory for parsing one byte of text
_MEMORY_OF_ANY = 12 * 2**20  # additional bytes of memory for any text
#: methods that write the config and the weights: set on an object, they count
_WRITING = frozenset({"get_config", "get_build_config", "get_compile_config", "save_own_variables", "save_assets"})


def model_to_json(model: Model, **kwargs: Any) -> str:
    """The architecture of a model as JSON text.

    Args:
        model: the model.
        **kwargs: passed to `json.dumps`.

    Returns:
        The text.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    >>> model_from_json(model_to_json(model)).output_shape
    (None, 2)
    """
    warn_of_replaced_methods(model)
    with shared_objects.number_shared(), with_arguments_of_compile():
        config = shared_objects.drop_unique_ids(serialize_object(model))
    return json.dumps(config, **kwargs)


def warn_of_replaced_methods(model: Model) -> None:
    """Warn of methods that were set on the model or a part of it: a config names classes, so it does not contain them.

    Args:
        model: the model that is saved.
    """
    state = getattr(model, "_compile_state", None)  # a FeatureSpace is not compiled
    things = replaced_methods.connected([model, *(() if state is None else state.arguments.values())])
    names = [
        f"{type(thing).__name__} '{getattr(thing, 'name', '')}'.{name}"
        for thing in things
        for name in replaced_methods.replaced_from_outside(thing)
        if name not in _WRITING
    ]
    if names:
        hint = "Put them into a subclass, or set them again after loading."
        got = f"{', '.join(names)} set on the object"
        warn(message("Methods set on objects are not saved", expected="only methods of classes", got=got, hint=hint))


def parse(data: bytes, label: str) -> dict[str, Any]:
    """Parse a config within the limits of size, depth and number of values.

    Args:
        data: JSON text.
        label: name of the file in errors.

    Raises:
        UnsafeFileError: a limit is exceeded.
        DamagedFileError: the text is not a JSON object.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(label, f"at most {MAX_BYTES} bytes of config", len(data))
    memory = sum(size * data.count(mark) for mark, size in _MEMORY_OF.items())
    if memory > _MEMORY_OF_ANY + _MEMORY_OF_TEXT * len(data):
        got = f"{len(data)} bytes for {memory} bytes of lists and tables"
        raise _too_large(label, "a text of names and numbers", got)
    try:
        config = json.loads(data, object_pairs_hook=_no_duplicates)
    except RecursionError as error:
        raise _too_large(label, f"at most {MAX_DEPTH} levels", "more") from error
    except ValueError as error:
        raise DamagedFileError(message(f"The config in {label} is not JSON ({error})")) from error
    _check_limits(config, label)
    if not isinstance(config, dict):
        raise DamagedFileError(message(f"The config in {label}", expected="a model", got=type(config).__name__))
    return config


def build(
    config: dict[str, Any], label: str, custom_objects: Mapping[str, Any] | None = None, stored: int | None = None
) -> Model:
    """Build the model of a parsed config, not compiled.

    Args:
        config: what `parse` returned.
        label: name of the file in errors.
        custom_objects: {name: class or function} of the user.
        stored: number of values in the file for the weights of the model. If the layers need more, nothing is built.
            Without a file of weights the limit is a sixteenth of the memory.

    Raises:
        UnsafeFileError: a limit is exceeded, or the config names a class that no table contains.
        DamagedFileError: the config does not describe a model.
    """
    with custom_object_scope(custom_objects or {}):
        _check_root(config, label)
        config = shared_objects.restore_first_ids({k: v for k, v in config.items() if k != "compile_config"})
        config = config_check.checked(config, label)
        with config_errors(label), budget_of(label, stored), shared_objects.share_by_id():
            model: Model = deserialize(config)
            return model


def compile_model(
    model: Model, config: Mapping[str, Any], label: str, custom_objects: Mapping[str, Any] | None, stored: int
) -> None:
    """Compile a model with the arguments in a file.

    Args:
        model: the model.
        config: the arguments, in the form of Keras 3.
        label: name of the file in errors.
        custom_objects: {name: class or function} of the user.
        stored: number of values in the file.

    Raises:
        UnsafeFileError: a limit is exceeded, or the config names a class that no table contains.
        DamagedFileError: the config does not describe arguments of compile.
    """
    try:
        with (
            custom_object_scope(custom_objects or {}),
            config_errors(label),
            budget_of(label, _SLOTS * stored),
        ):
            model.compile_from_config(config_check.checked(config, label))
            tf_keras_optimizer.mark(model.optimizer, config.get("optimizer"))
    except (UnsafeFileError, DamagedFileError) as error:
        raise type(error)(
            f"{english(error)}\nload_model(..., compile=False) ignores the arguments of compile."
        ) from error


def budget_of(label: str, stored: int | None) -> Budget:
    """The limit on the memory of objects that are created from a config.

    Args:
        label: name of the file in errors.
        stored: number of values in the file; None if there is no file of weights.

    Returns:
        A context.
    """
    limit = machine_memory() // 64 if stored is None else stored + _ALLOWANCE
    return Budget(limit, lambda shape: _too_large(label, f"arrays of at most {limit} values", f"more with {shape}"))


class config_errors:
    """Context that converts errors of constructors called by a config to errors about the file.

    Args:
        label: name of the file in errors.
    """

    def __init__(self, label: str) -> None:
        self.label = label

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, (UnsafeFileError, DamagedFileError)):
            return
        reason = english(error) if isinstance(error, GazelleError) else f"{type(error).__name__}: {error}"
        raise DamagedFileError(message(f"The config in {self.label} does not describe a model", got=reason)) from error


def _check_root(config: Mapping[str, Any], label: str) -> None:
    name = config.get("class_name")
    config_check.check_object(config, label)
    target = target_of(config)
    if not hasattr(target, "compile_from_config"):
        raise UnsafeFileError(
            message(
                f"The config in {label}",
                expected="a model",
                got=f"{name!r}",
                hint="Create layers, losses and optimizers with from_config of their classes.",
            )
        )


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return out


def _check_limits(config: Any, label: str) -> None:
    level, depth, values, objects, layers = [config], 0, 0, 0, 0
    while level:
        values += len(level)
        objects += len([1 for v in level if isinstance(v, dict) and "class_name" in v])
        layers += sum([len(v["layers"]) for v in level if isinstance(v, dict) and isinstance(v.get("layers"), list)])
        if layers > MAX_LAYERS:
            raise _too_large(label, f"at most {MAX_LAYERS} layers", "more")
        if depth > MAX_DEPTH:
            raise _too_large(label, f"at most {MAX_DEPTH} levels", "more")
        if values > MAX_VALUES:
            raise _too_large(label, f"at most {MAX_VALUES} values", "more")
        if objects > MAX_OBJECTS:
            raise _too_large(label, f"at most {MAX_OBJECTS} objects", "more")
        containers = [v for v in level if isinstance(v, (dict, list))]  # most values are leaves
        level = [child for value in containers for child in _children(value)]
        depth += 1


def _children(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def machine_memory() -> int:
    """Bytes of memory of the machine, or the limit of the container."""
    sizes = []
    with contextlib.suppress(AttributeError, ValueError, OSError):  # Windows
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError), open(path) as file:  # "max" means no limit
            sizes.append(int(file.read()))
    return min(sizes, default=2**33)


def _too_large(label: str, expected: str, got: object) -> UnsafeFileError:
    return UnsafeFileError(
        message(
            f"The config in {label} is refused",
            expected=expected,
            got=got,
            hint="Build the model in code and load the weights with load_weights.",
        )
    )
