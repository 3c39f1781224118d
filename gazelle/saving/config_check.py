"""Configs of strangers, other versions of Keras among them, in our spelling; what has none is refused by name."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Mapping
from typing import Any

from gazelle.core import config as core
from gazelle.core.errors import DamagedFileError, UnsafeFileError, message
from gazelle.core.symbolic import OPS
from gazelle.saving import tf_keras_config

_POLICIES = ("DTypePolicy", "Policy", "FloatDTypePolicy")
_MARKS = ("__keras_tensor__", "__numpy__", "__tuple__", "__tensor__", "__slice__", "__ellipsis__")
_NOTHING: tuple[Any, ...] = (None, False, [], {})  # an argument that another version has and that says nothing


def checked(value: Any, label: str, within: str = "") -> Any:
    """A copy of a config in which every named class is in the tables and every argument is known.

    within: the name of the layer that is being looked at, for errors.
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
    check_object(tf_keras_config.renewed(value), label, within)
    return _object(value, label, within)


def check_object(value: Mapping[str, Any], label: str, within: str = "") -> None:
    """Refuse a class or function that no table holds, and one that goes by a name it is not registered under."""
    name, config, registered = value.get("class_name"), value.get("config"), value.get("registered_name")
    place = f" (in layer '{within}')" if within else ""
    if name in ("__lambda__", "Lambda") and not _given_function(config):
        layer = config.get("name", within) if isinstance(config, dict) else within
        raise UnsafeFileError(
            message(
                f"Lambda layer '{layer or within}' in {label} is refused",
                expected="a function you give",
                got="a function that stands in the file",
                hint=f"load_model(..., custom_objects={{'{layer}': your_function}}), or build the model in code "
                "and call model.load_weights(path).",
            )
        )
    words = config if name == "function" else name
    if not isinstance(words, str) or not isinstance(registered, (str, type(None))):
        raise UnsafeFileError(message(f"{label} names a class{place}", expected="text", got=repr((words, registered))))
    own = words.rsplit(">", 1)[-1] or words
    if str(value.get("module")).startswith("keras.src.ops.") and (
        core.snake(own) in OPS or core.find(core.snake(own), "ops")
    ):
        return
    foreign = isinstance(registered, str) and ">" in registered and _custom(registered, own) is None
    if foreign or core.target_of(value) is None:
        shown = registered if foreign else words
        near = difflib.get_close_matches(own, {n for t in core.REGISTRY.values() for n in t}, n=3)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise UnsafeFileError(
            message(
                f"{label} asks for {value.get('module') or ''}.{shown}{place}, which gazelle does not have".replace(
                    " .", " "
                ),
                hint=f"{hint}Your own classes and functions are given by custom_objects={{'{own}': ...}} or "
                "@register_keras_serializable().",
            )
        )


def _custom(registered: str | None, own: str) -> Any:
    """What the user gave under this name: in the scope or registered."""
    for table in (core._custom.get(), core.CUSTOM):
        for key in (registered, own):
            if key is not None and key in table:
                return table[key]
    return None


def _given_function(config: Any) -> bool:
    """Whether the user gave the function of a Lambda layer, under its name or the layer's."""
    if not isinstance(config, dict):
        return False
    function = config.get("function")
    named = function.get("config") if isinstance(function, dict) and function.get("class_name") == "function" else None
    names = [config.get("name"), named if isinstance(named, str) else function if isinstance(function, str) else None]
    return any(isinstance(n, str) and callable(_custom(None, n)) for n in names)


def _object(value: Mapping[str, Any], label: str, within: str) -> dict[str, Any]:
    value = tf_keras_config.renewed(value)
    name, config = value["class_name"], value["config"]
    out = {k: checked(v, label, within) for k, v in value.items() if k != "config"}
    if name == "function" or not isinstance(config, dict):
        return {**out, "config": config}
    layer = config["name"] if isinstance(config.get("name"), str) else within
    if name == "Lambda":
        config = _with_function(config)
    target = core.target_of(value)
    if isinstance(target, type) and target.__module__.startswith("gazelle.") and "layers" not in config:
        config = _known(config, target, label, layer)
    if isinstance(target, type) and target.__module__.startswith("gazelle.layers.image"):
        _unsaid(out.get("inbound_nodes"))
    _no_paths(config, label, layer)
    return {**out, "config": {k: checked(v, label, layer) for k, v in config.items()}}


def _unsaid(calls: Any) -> None:
    """Keras writes the default of its image layers, training=True, into every call, where `predict` overrules it."""
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(call.get("kwargs"), dict):
            call["kwargs"].pop("training", None)


def _with_function(config: dict[str, Any]) -> dict[str, Any]:
    """A Lambda with the function that was given under the layer's name."""
    given = _custom(None, config["name"]) if isinstance(config.get("name"), str) else None
    if given is None:
        return config
    table = {"class_name": "function", "config": config["name"], "module": "builtins", "registered_name": "function"}
    return {**config, "function": table, "output_shape": None}


def _known(config: dict[str, Any], target: type, label: str, layer: str) -> dict[str, Any]:
    """Without the arguments of other versions that say nothing; one that says something is an error."""
    known = _arguments(target)
    out = {}
    for key, value in config.items():
        if key in known:
            out[key] = value
        elif value not in _NOTHING and not (key in _ELSEWHERE and value == _ELSEWHERE[key]):
            raise DamagedFileError(
                message(
                    f"{target.__name__} '{layer}' in {label} has the argument {key!r}",
                    expected=f"one of {', '.join(known)}",
                    got=repr(value)[:80],
                    hint="It comes from another version. Build the model in code and call load_weights.",
                )
            )
    return out


#: arguments that other versions write, and the value at which they change nothing
_ELSEWHERE: dict[str, Any] = {
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
}


@functools.cache
def _arguments(target: type) -> list[str]:
    """The names that a class and its parents take."""
    known: list[str] = []
    for cls in target.__mro__:
        if "__init__" not in cls.__dict__ or not cls.__module__.startswith("gazelle."):
            continue
        parameters = inspect.signature(cls.__dict__["__init__"]).parameters
        known += [n for n, p in parameters.items() if n != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            break
    return known


def _no_paths(config: Mapping[str, Any], label: str, layer: str) -> None:
    """Words that make a layer open a file or an address stay unread."""
    for key in ("vocabulary", "filepath", "idf_weights"):
        if isinstance(config.get(key), str):
            raise UnsafeFileError(
                message(
                    f"Layer '{layer}' in {label} would read {key}={config[key]!r}",
                    expected="the words themselves",
                    got="a place to read them from",
                    hint="Build the layer in code and give it the words.",
                )
            )


def _policy(value: Mapping[str, Any], label: str, within: str) -> Any:
    config = value["config"]
    name = config.get("name") if isinstance(config, dict) else None
    if not isinstance(name, str):
        raise UnsafeFileError(message(f"The dtype of layer '{within}' in {label}", expected="a name", got=repr(config)))
    return name
