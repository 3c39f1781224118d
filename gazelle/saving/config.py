"""The architecture as JSON, and back: only names in closed tables, nothing too large, nothing that runs."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from gazelle.core import config as core
from gazelle.core import shared_objects
from gazelle.core.errors import ArgumentError, DamagedFileError, GazelleError, UnsafeFileError, message
from gazelle.core.traceback import warn
from gazelle.core.variable import WeightBudget
from gazelle.saving import config_check

LONGEST = 32 * 2**20  # bytes of a config
DEEPEST = 200  # lists and dicts within each other
MOST_VALUES = 2_000_000
MOST_OBJECTS = 40_000  # layers, initializers, ...
MOST_LAYERS = 5_000
LARGEST = 2**27  # size of an axis of a weight, where no file of weights says how many there are
#: where Linux tells how much memory a container has, of today and of old
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SMALL = 2**18  # numbers that a model may have beyond those in its file: seeds, states of cells
_SIZES = frozenset({"units", "filters", "output_dim", "input_dim", "num_heads", "key_dim", "value_dim"})


def model_to_json(model: Any, **kwargs: Any) -> str:
    """The architecture as JSON text; `kwargs` go to `json.dumps`.

    >>> model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
    >>> model_from_json(model_to_json(model)).output_shape
    (None, 2)
    """
    with shared_objects.number_shared():
        config = shared_objects.drop_unique_ids(core.serialize_object(model))
    try:
        compiled = model.get_compile_config()
    except ArgumentError as error:  # the architecture is worth writing all the same
        warn(f"The arguments of compile are not in the file. {error}")
        compiled = None
    if compiled:
        config["compile_config"] = compiled
    return json.dumps(config, **kwargs)


def parse(data: bytes, label: str) -> dict[str, Any]:
    """A config from bytes, within the limits of size, depth and number of values."""
    if len(data) > LONGEST:
        raise _too_much(label, f"at most {LONGEST} bytes of config", len(data))
    try:
        config = json.loads(data, object_pairs_hook=_once)
    except RecursionError as error:
        raise _too_much(label, f"at most {DEEPEST} levels", "more") from error
    except ValueError as error:
        raise DamagedFileError(message(f"The config in {label} is not JSON ({error})")) from error
    _measure(config, label)
    if not isinstance(config, dict):
        raise DamagedFileError(message(f"The config in {label}", expected="a model", got=type(config).__name__))
    return config


def build(
    config: dict[str, Any], label: str, custom_objects: Mapping[str, Any] | None = None, stored: int | None = None
) -> Any:
    """The model of a parsed config, not compiled.

    Args:
        stored: how many numbers there are for its weights. Where its layers ask for more, or a size alone is above
            that, nothing is built; without a file of weights a sixteenth of the memory is the limit.
    """
    most = _memory() // 64 if stored is None else stored + _SMALL
    largest = min(LARGEST, most) if stored is None else max(stored, 1024)
    for key, number in _numbers(config):
        if key in _SIZES and number > largest:
            raise _too_much(label, f"{key} of at most {largest}", number)
    with core.custom_object_scope(custom_objects or {}):
        _check_root(config, label)
        config = shared_objects.restore_first_ids({k: v for k, v in config.items() if k != "compile_config"})
        config = config_check.checked(config, label)
        budget = WeightBudget(
            most, lambda shape: _too_much(label, f"weights of at most {most} numbers", f"more with {shape}")
        )
        with translated(label), budget, shared_objects.share_by_id():
            return core.deserialize(config)


class translated:
    """Whatever a config makes a constructor say, as one of the two errors about files."""

    def __init__(self, label: str) -> None:
        self.label = label

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, (UnsafeFileError, DamagedFileError)):
            return
        reason = str(error) if isinstance(error, GazelleError) else f"{type(error).__name__}: {error}"
        raise DamagedFileError(message(f"The config in {self.label} describes no model", got=reason)) from error


def _check_root(config: Mapping[str, Any], label: str) -> None:
    name = config.get("class_name")
    config_check.check_object(config, label)
    target = core.target_of(config)
    if not (isinstance(target, type) and hasattr(target, "compile_from_config")):
        raise UnsafeFileError(
            message(
                f"The config in {label}",
                expected="a model",
                got=f"{name!r}",
                hint="Layers, losses and optimizers alone are made by from_config of their classes.",
            )
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return out


def _measure(config: Any, label: str) -> None:
    level, depth, values, objects, layers = [config], 0, 0, 0, 0
    while level:
        values += len(level)
        objects += sum(isinstance(v, dict) and "class_name" in v for v in level)
        layers += sum(len(v["layers"]) for v in level if isinstance(v, dict) and isinstance(v.get("layers"), list))
        if layers > MOST_LAYERS:
            raise _too_much(label, f"at most {MOST_LAYERS} layers", "more")
        if depth > DEEPEST:
            raise _too_much(label, f"at most {DEEPEST} levels", "more")
        if values > MOST_VALUES:
            raise _too_much(label, f"at most {MOST_VALUES} values", "more")
        if objects > MOST_OBJECTS:
            raise _too_much(label, f"at most {MOST_OBJECTS} objects", "more")
        level = [inner for value in level for inner in _inside(value)]
        depth += 1


def _numbers(config: Any) -> Iterator[tuple[str, int]]:
    """All whole numbers that a dict of the config names."""
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield from ((k, v) for k, v in value.items() if type(v) is int)
        stack += _inside(value)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _memory() -> int:
    """Bytes of memory that the machine has, or the container of the process may take."""
    sizes = []
    with contextlib.suppress(AttributeError, ValueError, OSError):  # Windows
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError), open(path) as file:  # "max" is no number: no limit
            sizes.append(int(file.read()))
    return min(sizes, default=2**33)


def _too_much(label: str, expected: str, got: object) -> UnsafeFileError:
    return UnsafeFileError(
        message(
            f"The config in {label} is refused",
            expected=expected,
            got=got,
            hint="Build the model in code and give it the weights with load_weights.",
        )
    )
