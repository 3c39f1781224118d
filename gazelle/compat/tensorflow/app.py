"""`tf.app` of TensorFlow 1: flags of the command line, and `run`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from gazelle.compat.tensorflow.names import named


class FlagValues:
    """`tf.app.flags.FLAGS`: the values of the flags, which are read from the command line at the first use."""

    def __init__(self) -> None:
        self._defined: dict[str, tuple[Callable[[str], Any], Any]] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._defined:
            raise AttributeError(f"No flag of the name {name!r} was defined: tf.app.flags.DEFINE_string({name!r}, ...)")
        self(sys.argv)
        return vars(self)[name]

    def __call__(self, argv: list[str]) -> list[str]:
        """Read the flags, and return the other arguments."""
        following, rest, given = iter(argv[1:]), argv[:1], {}
        for argument in following:
            name, has_value, text = argument.lstrip("-").partition("=")
            if argument[:1] == "-" and name in self._defined:
                read = self._defined[name][0]
                given[name] = read(text if has_value else "true" if read is _boolean else next(following, ""))
            elif argument[:1] == "-" and name.removeprefix("no") in self._defined:
                given[name.removeprefix("no")] = False
            else:
                rest.append(argument)
        for name, (_, default) in self._defined.items():
            vars(self).setdefault(name, given.get(name, default))
        return rest

    def flag_values_dict(self) -> dict[str, Any]:
        """Return all values by name."""
        return {name: getattr(self, name) for name in self._defined}


def _boolean(text: str) -> bool:
    return text.lower() in ("true", "t", "1", "yes", "y")


def _define(read: Callable[[str], Any]) -> Callable[..., None]:
    def define(name: str, default: Any = None, *_: Any, **__: Any) -> None:
        vars(FLAGS).pop(name, None)
        FLAGS._defined[name] = read, read(default) if isinstance(default, str) else default

    return define


FLAGS = FlagValues()
for _place in ("flags", "app.flags"):
    named(f"{_place}.FLAGS")(FLAGS)
    for _kind, _read in {"string": str, "integer": int, "float": float, "boolean": _boolean, "bool": _boolean}.items():
        named(f"{_place}.DEFINE_{_kind}")(_define(_read))
    named(f"{_place}.DEFINE_enum")(_define(str))
    named(f"{_place}.DEFINE_list")(_define(lambda text: text.split(",")))


@named("app.run")
def run(main: Callable[[list[str]], Any] | None = None, argv: list[str] | None = None) -> None:
    """`tf.app.run`: call `main` of the program with the arguments that are not flags, and exit."""
    main = main or vars(sys.modules["__main__"])["main"]
    sys.exit(main(FLAGS(argv or sys.argv)))
