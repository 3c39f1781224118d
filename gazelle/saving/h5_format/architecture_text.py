"""Architectures as text: JSON of all versions of Keras, YAML of Keras 1 and 2."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import DamagedFileError, GazelleError, UnsafeFileError, message
from gazelle.core.registry import custom_object_scope
from gazelle.saving import config as configs
from gazelle.saving.h5_format.config_upgrade import ConfigUpgrade

if TYPE_CHECKING:
    from gazelle.models import Model

_MAX_YAML = 2**21  # characters; PyYAML is slow
_MAX_NODES = 60_000  # lists, tables, names and numbers in a YAML text
_MAX_REFERENCES = 1000
_MAX_INDENT = 400  # characters before the first word of a line
_MAX_NUMBER = 100  # characters of a number


def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Build the model described by the result of `to_json` of any version of Keras, with new weights.

    Args:
        json_string: the text.
        custom_objects: {name: class or function} that the text may name in addition to gazelle's own.

    Returns:
        The model; it is compiled if the text has the arguments of `compile`, as that of Keras 3.

    Raises:
        UnsafeFileError: the text names an unknown class, or a limit of size is exceeded.
        DamagedFileError: the text does not describe a model.
    """
    data = json_string if isinstance(json_string, bytes) else json_string.encode()
    return _model(configs.parse(data, "the JSON text"), "the JSON text", custom_objects)


def model_from_yaml(yaml_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """Build the model from the result of `to_yaml` of Keras 1 or 2, with new weights. YAML needs pyyaml.

    Raises:
        UnsafeFileError: it contains anything but text, numbers, lists and tables. DamagedFileError: it is no model.
    """
    label = "the YAML text"
    text = yaml_string.decode() if isinstance(yaml_string, bytes) else yaml_string
    if not text.lstrip().startswith("{"):
        _check_yaml(text, label)
        text = _plain(text, label)
    return _model(configs.parse(text.encode(), label), label, custom_objects)


def _model(parsed: dict[str, Any], label: str, custom_objects: Mapping[str, Any] | None) -> Model:
    version = str(parsed.get("keras_version", "3" if "module" in parsed else ""))
    if not version.startswith("3"):
        version = version or ("1.2" if _is_first(parsed) else "2.3")
        with custom_object_scope(custom_objects or {}), configs.config_errors(label):
            parsed = ConfigUpgrade(version, parsed, label).model(parsed)
    model = configs.build(parsed, label, custom_objects)
    compiled = parsed.get("compile_config")
    if compiled:
        size = sum(math.prod(weight.shape) for weight in model.weights)
        configs.compile_model(model, compiled, label, custom_objects, size)
    return model


def _is_first(node: Any) -> bool:
    """Whether a config has arguments that only Keras 1 wrote."""
    if isinstance(node, dict):
        return not {"output_dim", "nb_filter", "border_mode", "p"}.isdisjoint(node) or any(
            map(_is_first, node.values())
        )
    return isinstance(node, list) and any(map(_is_first, node))


def _check_yaml(text: str, label: str) -> None:
    """Check the limits of a YAML text before it is parsed: the time of parsers grows with the square of the depth."""
    depth = deepest = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match[0] in "[{" else -1
        deepest = max(deepest, depth)
    for count, most, what in (
        (len(text), _MAX_YAML, "characters"),
        (sum(map(text.count, ("\n", ",", "[", "{", ": ", "- "))), 2 * _MAX_NODES, "values"),
        (deepest, configs.MAX_DEPTH, "lists within lists"),
        (text.count("*"), _MAX_REFERENCES, "references"),
        (len(re.findall(r"^%", text, re.MULTILINE)), 10, "directives"),
    ):
        if count > most:
            raise UnsafeFileError(message(label, expected=f"at most {most} {what}", got=count))
    if re.search(rf"^[ \t?:-]{{{_MAX_INDENT}}}", text, re.MULTILINE):
        raise UnsafeFileError(message(label, expected=f"at most {_MAX_INDENT} characters of indentation", got="more"))
    if re.search(rf"[\d:_.]{{{_MAX_NUMBER}}}", text):
        raise _long_number(label)


def _long_number(label: str) -> UnsafeFileError:
    return UnsafeFileError(message(f"A number in {label}", expected=f"at most {_MAX_NUMBER} digits", got="more"))


def _plain(text: str, label: str) -> str:
    """Convert YAML to JSON: only strings, numbers, lists and tables are accepted, and aliases are limited."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def flatten_mapping(self, node: Any) -> None:
            """Refuse tables that include others: they may grow without limit, and Keras writes none."""
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise UnsafeFileError(message(label, expected="tables", got="'<<', a table that includes another"))

    def number(read: Any) -> Any:
        def checked(loader: Any, node: Any) -> Any:
            if len(node.value) > _MAX_NUMBER:
                raise _long_number(label)
            return read(loader, node)

        return checked

    Loader.add_constructor("tag:yaml.org,2002:int", number(yaml.SafeLoader.construct_yaml_int))
    Loader.add_constructor("tag:yaml.org,2002:float", number(yaml.SafeLoader.construct_yaml_float))
    Loader.add_constructor("tag:yaml.org,2002:python/tuple", lambda loader, node: loader.construct_sequence(node, True))
    Loader.add_constructor("tag:yaml.org,2002:python/unicode", lambda loader, node: loader.construct_scalar(node))
    numpy = "tag:yaml.org,2002:python/object/apply:numpy."
    Loader.add_constructor(numpy + "dtype", lambda loader, node: loader.construct_mapping(node, True)["args"][0])
    Loader.add_constructor(numpy + "core.multiarray._reconstruct", lambda loader, node: _array(loader, node, label))
    Loader.add_constructor(
        numpy + "core.multiarray.scalar", lambda loader, node: _number(loader.construct_sequence(node, True), label)
    )
    try:
        return json.dumps(_copied(yaml.load(text, Loader), [100_000], label))
    except GazelleError:
        raise
    except yaml.constructor.ConstructorError as error:
        raise UnsafeFileError(message(f"{label} contains more than data: {error.problem}")) from None
    except (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DamagedFileError(message(f"{label} is not YAML ({error})")) from None
    except RecursionError:
        raise UnsafeFileError(message(label, expected="nested lists of limited depth", got="a deeper one")) from None


def _array(loader: Any, node: Any, label: str) -> Any:
    """A NumPy array without axes, which is stored as a state: version, shape, dtype, order and bytes."""
    state = next((value for key, value in node.value if key.value == "state"), None)
    found = loader.construct_sequence(state, True) if state is not None else []
    if len(found) != 5 or found[1]:
        raise UnsafeFileError(message(f"An array in {label}", expected="a number", got="another array"))
    return _number([found[2], found[4]], label)


def _number(stored: Any, label: str) -> Any:
    """A NumPy number, which is stored as dtype and bytes."""
    kind, data = stored
    if kind not in ("f4", "f8", "i4", "i8") or len(data) != int(kind[1]):
        raise UnsafeFileError(message(f"A number in {label}", expected="4 or 8 bytes", got=f"{kind}"))
    return np.frombuffer(data, f"<{kind}")[0].item()


def _copied(value: Any, left: list[int], label: str) -> Any:
    """The value without shared parts, if there are not too many of them."""
    left[0] -= 1
    if left[0] < 0:
        raise UnsafeFileError(message(label, expected="at most 100000 values", got="more"))
    if isinstance(value, dict):
        return {str(k): _copied(v, left, label) for k, v in value.items()}
    return [_copied(v, left, label) for v in value] if isinstance(value, list) else value
