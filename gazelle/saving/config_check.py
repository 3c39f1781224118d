"""Validation of configs from files, and conversion of those of other Keras versions; unknown names are refused."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gazelle.core import outdated
from gazelle.core.errors import DamagedFileError, UnsafeFileError, message
from gazelle.core.operation_names import operation_of
from gazelle.core.registry import REGISTRY, find, find_custom, registered_name
from gazelle.core.serialization import target_of
from gazelle.core.symbolic import OPS
from gazelle.layers import live_functions
from gazelle.saving import tf_keras_config

if TYPE_CHECKING:
    from gazelle.core.types import Serialized

_POLICIES = ("DTypePolicy", "Policy", "FloatDTypePolicy")
_MARKS = ("__keras_tensor__", "__numpy__", "__tuple__", "__tensor__", "__slice__", "__ellipsis__", "__bytes__")
_DEFAULTS: tuple[Any, ...] = (None, False, [], {})  # values at which an argument of another version has no effect


def checked(value: Serialized, label: str, within: str = "") -> Serialized:
    """Copy a config, and check that every named class is in the tables and every argument is known.

    Args:
        value: the config, or a value in it.
        label: name of the file in errors.
        within: name of the current layer in errors.

    Returns:
        The config with the argument names of this version.

    Raises:
        UnsafeFileError: the config names an unknown class or function, contains code, or reads another file.
        DamagedFileError: an argument of another version has no equivalent.
    """
    if isinstance(value, list):
        return [checked(v, label, within) for v in value]
    if not isinstance(value, Mapping):
        return value
    name = value.get("class_name")
    if name is None or "config" not in value:
        return {k: checked(v, label, within) for k, v in value.items()}
    if name in _POLICIES:
        return _policy(value, label, within)
    if name in _MARKS:
        return dict(value)
    check_object(tf_keras_config.convert_object(value), label, within)
    return _object(value, label, within)


def check_object(value: Mapping[str, Any], label: str, within: str = "") -> None:
    """Check that the class or function of a config is in the tables, under the name it is registered with.

    Args:
        value: a config with a class name.
        label: name of the file in errors.
        within: name of the current layer in errors.

    Raises:
        UnsafeFileError: it is not.
    """
    name, config, registered = value.get("class_name"), value.get("config"), registered_name(value)
    location = f" (in layer '{within}')" if within else ""
    if name in ("__lambda__", "Lambda") and not _is_function_given(config):
        layer = config.get("name", within) if isinstance(config, dict) else within
        raise UnsafeFileError(
            message(
                f"Lambda layer '{layer or within}' in {label} is refused",
                expected="a function in custom_objects",
                got="a function stored in the file",
                hint=f"load_model(..., custom_objects={{'{layer}': your_function}}), or build the model in code "
                "and call model.load_weights(path).",
            )
        )
    full_name = config if name == "function" else name
    if not isinstance(full_name, str) or not isinstance(registered, (str, type(None))):
        got = repr((full_name, registered))
        raise UnsafeFileError(message(f"Class name in {label}{location}", expected="a string", got=got))
    own = full_name.rsplit(">", 1)[-1] or full_name
    operation = operation_of(own)
    if str(value.get("module")).startswith("keras.src.ops.") and (operation in OPS or find(operation, "ops")):
        return
    unregistered = isinstance(registered, str) and ">" in registered and find_custom(own, registered) is None
    if unregistered or target_of(value) is None:
        shown = registered if unregistered else full_name
        near = difflib.get_close_matches(own, {n for t in REGISTRY.values() for n in t}, n=3)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise UnsafeFileError(
            message(
                f"{label} refers to {value.get('module') or ''}.{shown}{location}, which gazelle does not have".replace(
                    " .", " "
                ),
                hint=outdated.class_hint(own)
                or f"{hint}Pass your own classes and functions in custom_objects={{'{own}': ...}}, or register "
                "them with @register_keras_serializable().",
            )
        )


def _is_function_given(config: Any) -> bool:
    """Whether custom_objects contains the function of a Lambda layer, or the process has a layer with this function."""
    if not isinstance(config, dict):
        return False
    function = config.get("function")
    if live_functions.find(config.get("name"), function) is not None:
        return True
    named = function.get("config") if isinstance(function, dict) and function.get("class_name") == "function" else None
    names = [config.get("name"), named if isinstance(named, str) else function if isinstance(function, str) else None]
    return any(isinstance(n, str) and callable(find_custom(n)) for n in names)


def _object(value: Mapping[str, Any], label: str, within: str) -> dict[str, Any]:
    value = tf_keras_config.convert_object(value)
    name, config = value["class_name"], value["config"]
    out = {k: checked(v, label, within) for k, v in value.items() if k != "config"}
    if name == "function" or not isinstance(config, dict):
        return {**out, "config": config}
    layer = config["name"] if isinstance(config.get("name"), str) else within
    if name == "Lambda":
        config = _with_function(config)
    target = target_of(value)
    if isinstance(target, type) and target.__module__.startswith("gazelle.") and "layers" not in config:
        config = _known_arguments(config, target, label, layer)
    if isinstance(target, type) and target.__module__.startswith("gazelle.layers.image"):
        _remove_training(out.get("inbound_nodes"))
    _refuse_paths(config, label, layer)
    names = live_functions.ARGUMENTS if name == "Lambda" else ()
    own = [each for each in names if live_functions.find(config.get("name"), config.get(each)) is not None]
    return {**out, "config": {k: v if k in own else checked(v, label, layer) for k, v in config.items()}}


def _remove_training(calls: Any) -> None:
    """Keras writes the default of its image layers, training=True, into every call; `predict` must override it."""
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(call.get("kwargs"), dict):
            call["kwargs"].pop("training", None)


def _with_function(config: dict[str, Any]) -> dict[str, Any]:
    """The config of a Lambda layer, with the function that custom_objects has under the layer's name."""
    given = find_custom(config["name"]) if isinstance(config.get("name"), str) else None
    if given is None:
        return config
    function = {"class_name": "function", "config": config["name"], "module": "builtins", "registered_name": "function"}
    return {**config, "function": function, "output_shape": None}


def _known_arguments(config: dict[str, Any], target: type, label: str, layer: str) -> dict[str, Any]:
    """The config without arguments of other versions at values without effect; other values are an error."""
    known = _arguments(target)
    out = {}
    for key, value in config.items():
        if key in known:
            out[key] = value
        elif not _has_no_effect(key, value):
            raise DamagedFileError(
                message(
                    f"{target.__name__} '{layer}' in {label} has the argument {key!r}",
                    expected=f"one of {', '.join(known)}",
                    got=repr(value)[:80],
                    hint="Another version wrote it. Build the model in code and call load_weights.",
                )
            )
    return out


def _has_no_effect(key: str, value: Any) -> bool:
    """Whether an argument of another version has its neutral value.

    `fn` is the function that a loss or metric of tf.keras calls, which the class states too.
    """
    return key == "fn" or value in _DEFAULTS or (key in NO_EFFECT and value == NO_EFFECT[key])


def to_keras_3(value: Serialized) -> Serialized:
    """A config in the form of Keras 3, without arguments of other versions at values without effect."""
    if isinstance(value, list):
        return [to_keras_3(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    value = tf_keras_config.convert_object(value)
    config = value.get("config")
    target = target_of(value) if isinstance(config, Mapping) and isinstance(value.get("class_name"), str) else None
    if isinstance(target, type) and target.__module__.startswith("gazelle.") and "layers" not in config:
        known = _arguments(target)
        value = {**value, "config": {k: v for k, v in config.items() if k in known or not _has_no_effect(k, v)}}
    return {key: to_keras_3(each) for key, each in value.items()}


#: arguments that other versions write, and the value at which they have no effect
NO_EFFECT: dict[str, Any] = {
    "quantization_config": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "synchronized": False,
    "sparse": False,
    "ragged": False,
    "optional": False,
    "jit_compile": True,
    "groups": 1,
    "is_legacy_optimizer": False,
    "time_major": False,
    "trainable": True,
}


@functools.cache
def _arguments(target: type) -> list[str]:
    """The names of the arguments of a class and its base classes; `further_arguments` are read from keywords."""
    known: list[str] = list(getattr(target, "further_arguments", ()))
    for cls in target.__mro__:
        if "__init__" not in cls.__dict__ or not cls.__module__.startswith("gazelle."):
            continue
        parameters = inspect.signature(cls.__dict__["__init__"]).parameters
        known += [n for n, p in parameters.items() if n != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        if inspect.Parameter.VAR_KEYWORD not in [p.kind for p in parameters.values()]:
            break
    return known


def _refuse_paths(config: Mapping[str, Any], label: str, layer: str) -> None:
    """Refuse arguments that make a layer read a file or a URL."""
    for key in ("vocabulary", "filepath", "idf_weights"):
        if isinstance(config.get(key), str):
            raise UnsafeFileError(
                message(
                    f"Layer '{layer}' in {label} would read {key}={config[key]!r}",
                    expected="the values themselves",
                    got="a path to read them from",
                    hint="Build the layer in code and pass the values.",
                )
            )


def _policy(value: Mapping[str, Any], label: str, within: str) -> Any:
    config = value["config"]
    name = config.get("name") if isinstance(config, dict) else None
    if not isinstance(name, str):
        raise UnsafeFileError(message(f"The dtype of layer '{within}' in {label}", expected="a name", got=repr(config)))
    return name
