"""Arguments of TensorFlow that functions here accept for their default only; another value is an error."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import Any

from gazelle.compat.tensorflow.function_tables import TABLE
from gazelle.compat.tensorflow.names import NAMES
from gazelle.core.errors import ArgumentError, message


def _checking(function: Callable[..., Any], name: str, accepted: dict[str, Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        for argument in accepted.keys() & kwargs.keys():
            value = kwargs[argument]
            if value is not None and value != accepted[argument]:
                raise ArgumentError(
                    message(f"{argument} of tf.{name}", expected=repr(accepted[argument]), got=repr(value))
                )
        return function(*args, **kwargs)

    return called


#: name of a function -> {argument: the only value that it may have}
_ACCEPTED: dict[str, dict[str, Any]] = {}
for _arguments, _names in TABLE["refused arguments"].items():
    for _name in _names.split():
        for _pair in _arguments.split():
            _argument, _, _value = _pair.partition(":")
            _ACCEPTED.setdefault(_name, {})[_argument] = ast.literal_eval(_value)
for _name, _accepted in _ACCEPTED.items():
    NAMES[_name] = _checking(NAMES[_name], _name, _accepted)
