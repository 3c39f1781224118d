"""Fingerprints of trainings: what a checkpoint was trained with, and how another training differs from it."""

from __future__ import annotations

import dataclasses
import json
import platform
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gazelle import __version__
from gazelle.core.printable import printable
from gazelle.saving.program import running_program

#: a part that cannot be known, which is equal to everything
UNKNOWN = "unknown"
_VERSIONS = ("python", "gazelle")
_CODE = re.compile(r" \(code [0-9a-f]{8}\)")
_NOTHING = object()
_MOST = 20  # differences that a message lists

Fingerprint = Mapping[str, Any]
Difference = tuple[str, str, str]  # the part, its value then, its value now


def program_parts() -> dict[str, Any]:
    """The parts of a fingerprint that describe the running program."""
    program = running_program()
    python = ".".join(platform.python_version_tuple()[:2])
    return {"program": program.text, "arguments": program.arguments, "python": python, "gazelle": __version__}


def read(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fingerprint in the metadata of a checkpoint; None if an earlier version of gazelle wrote it."""
    try:
        parts = json.loads(metadata["fingerprint"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return parts if isinstance(parts, dict) else None


def differences(then: Fingerprint, now: Fingerprint) -> list[Difference]:
    """List what differs between two fingerprints.

    Code is compared only between equal versions of Python, which compile it differently, and arguments that one side
    lacks only between equal versions of gazelle, of which one may not have them.

    Args:
        then: the fingerprint in a checkpoint.
        now: that of the running training.

    Returns:
        The parts that differ, with both values.

    >>> differences({"seed": 1, "compile": {"loss": "mse"}}, {"seed": 1, "compile": {"loss": "mae"}})
    [('compile.loss', "'mse'", "'mae'")]
    """
    comparison = _Comparison(*(then.get(name) == now.get(name) for name in _VERSIONS))
    return [
        (name.replace("model.model", "model", 1), _shown(a), _shown(b))
        for name, a, b in comparison.compare("", then, now)
        if name not in _VERSIONS
    ]


def listed(found: list[Difference], sides: tuple[str, str] = ("then", "now")) -> str:
    """Differences as lines of a message, with what the two sides are called."""
    lines = [printable(f"  {name}: {then} {sides[0]}, {now} {sides[1]}") for name, then, now in found[:_MOST]]
    return "\n".join(lines + [f"  and {len(found) - _MOST} more"] * (len(found) > _MOST))


@dataclasses.dataclass
class _Comparison:
    """The comparison of two fingerprints, of equal or different versions of Python and gazelle."""

    same_python: bool
    same_version: bool

    def compare(self, name: str, then: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
        """(part, value then, value now) of what differs."""
        if any(isinstance(part, str) and part == UNKNOWN for part in (then, now)):
            return
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            if not self._equal(then.get("class"), now.get("class")):
                yield name, then, now
                return
            is_object = "class" in then and not self.same_version
            for key in dict.fromkeys([*then, *now]):
                if not is_object or (key in then and key in now):
                    path = f"{name}.{key}" if name else str(key)
                    yield from self.compare(path, then.get(key, _NOTHING), now.get(key, _NOTHING))
        elif isinstance(then, list) and isinstance(now, list):
            pairs = [*zip(then, now, strict=False)]
            if len(then) == len(now):
                for number, (a, b) in enumerate(pairs):
                    yield from self.compare(f"{name}[{number}]", a, b)
            else:  # from the first difference on
                start = next((number for number, (a, b) in enumerate(pairs) if a != b), len(pairs))
                yield f"{name}[{start}:]" if start else name, then[start:], now[start:]
        elif not self._equal(then, now):
            yield name, then, now

    def _equal(self, then: Any, now: Any) -> bool:
        if isinstance(then, str) and isinstance(now, str) and not self.same_python:
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
