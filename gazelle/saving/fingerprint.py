"""Fingerprints of trainings: what a checkpoint was trained with, and how another training differs from it."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gazelle.saving.program import running_program

#: a part that cannot be known, which is equal to everything
UNKNOWN = "unknown"
_CODE = re.compile(r" \(code [0-9a-f]{8}\)")
_NOTHING = object()
_MOST = 20  # differences that a message lists

Fingerprint = Mapping[str, Any]
Difference = tuple[str, str, str]  # the part, its value then, its value now


def program_parts() -> dict[str, Any]:
    """The parts of a fingerprint that describe the running program."""
    program = running_program()
    version = ".".join(platform.python_version_tuple()[:2])
    return {"program": program.text, "arguments": program.arguments, "python": version}


def read(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fingerprint in the metadata of a checkpoint; None if an earlier version of gazelle wrote it."""
    try:
        parts = json.loads(metadata["fingerprint"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return parts if isinstance(parts, dict) else None


def differences(then: Fingerprint, now: Fingerprint) -> list[Difference]:
    """List what differs between two fingerprints.

    Code is compared only between equal versions of Python, which compile it differently.

    Args:
        then: the fingerprint in a checkpoint.
        now: that of the running training.

    Returns:
        The parts that differ, with both values.

    >>> differences({"seed": 1, "compile": {"loss": "mse"}}, {"seed": 1, "compile": {"loss": "mae"}})
    [('compile.loss', "'mse'", "'mae'")]
    """
    same_python = then.get("python") == now.get("python")
    return [
        (name.replace("model.model", "model", 1), _shown(a), _shown(b))
        for name, a, b in _compare("", then, now, same_python)
        if name != "python"
    ]


def listed(found: list[Difference]) -> str:
    """Differences as lines of a message."""
    lines = [f"  {name}: {then} then, {now} now" for name, then, now in found[:_MOST]]
    return "\n".join(lines + [f"  and {len(found) - _MOST} more"] * (len(found) > _MOST))


def _compare(name: str, then: Any, now: Any, same_python: bool) -> Iterator[tuple[str, Any, Any]]:
    if any(isinstance(part, str) and part == UNKNOWN for part in (then, now)):
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        if not _equal(then.get("class"), now.get("class"), same_python):
            yield name, then, now
            return
        for key in dict.fromkeys([*then, *now]):
            path = f"{name}.{key}" if name else str(key)
            yield from _compare(path, then.get(key, _NOTHING), now.get(key, _NOTHING), same_python)
    elif isinstance(then, list) and isinstance(now, list):
        pairs = [*zip(then, now, strict=False)]
        if len(then) == len(now):
            for number, (a, b) in enumerate(pairs):
                yield from _compare(f"{name}[{number}]", a, b, same_python)
        else:  # from the first difference on
            start = next((number for number, (a, b) in enumerate(pairs) if a != b), len(pairs))
            yield f"{name}[{start}:]" if start else name, then[start:], now[start:]
    elif not _equal(then, now, same_python):
        yield name, then, now


def _equal(then: Any, now: Any, same_python: bool) -> bool:
    if isinstance(then, str) and isinstance(now, str) and not same_python:
        then, now = _CODE.sub("", then), _CODE.sub("", now)
    return type(then) is type(now) and (then == now or then != then)  # NaN equals NaN here


def _shown(value: Any) -> str:
    """A part for the user, on one line."""
    if value is _NOTHING:
        return "nothing"
    if isinstance(value, Mapping) and "class" in value:
        arguments = ", ".join(f"{key}={_shown(v)}" for key, v in value.items() if key != "class")
        text = f"{value['class']}({arguments})"
    else:
        text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
