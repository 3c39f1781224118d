"""Write docs/bad-arguments.md in English and Chinese: what wrong arguments lead to, in gazelle and in Keras.

    make bad-arguments

The cases are those of tests/contracts/test_bad_arguments.py, which fails if one of them is silent or unclear. Keras,
which is installed for the tests, runs those whose class and argument it has.
"""

from __future__ import annotations

import collections
import importlib.util
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import chinese_pages

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "bad-arguments.md"
#: kind of the test -> the namespace of Keras
NAMESPACES = {
    "layers": "layers",
    "losses": "losses",
    "metrics": "metrics",
    "optimizers": "optimizers",
    "optimizers.schedules": "optimizers.schedules",
    "initializers": "initializers",
    "regularizers": "regularizers",
    "constraints": "constraints",
    "callbacks": "callbacks",
    "functions": "utils",
}
HEAD = """# Wrong arguments

For each parameter of each public class, values of a wrong type, NaN, a negative number and an unknown name, derived
from its annotation. *Clear* is an error of gazelle that names the argument and the value. *Silent* is no error when the
object is made and used. Keras 3.15 runs the cases whose class and argument it has; its losses, metrics and callbacks
are only made. `make bad-arguments` writes this page; `tests/contracts/test_bad_arguments.py` fails if a case
becomes silent or unclear.

| kind | cases | gazelle: clear | gazelle: silent or unclear | cases in Keras | Keras: an error | Keras: silent |
|---|---|---|---|---|---|---|
"""


def load_cases() -> Any:
    """The module of the test."""
    path = ROOT / "tests" / "contracts" / "test_bad_arguments.py"
    spec = importlib.util.spec_from_file_location("cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_keras(cases: Any, kind: str, name: str, needed: dict[str, Any], wrong: dict[str, Any]) -> str | None:
    """The outcome "error" or "silent"; None where Keras cannot run the case even with right arguments."""
    import keras

    owner: Any = keras
    for part in NAMESPACES[kind].split("."):
        owner = getattr(owner, part)
    cls = getattr(owner, name, None)
    if cls is None:
        return None

    def use(arguments: dict[str, Any]) -> None:
        made = cls(**arguments)
        if kind == "layers":
            dtype = "int32" if name in cases.programs.rows.WHOLE else "float32"
            inputs = [keras.Input(s[1:], dtype=dtype) for s in cases.programs.rows.LAYERS[name][1]]
            made(*inputs) if name in cases.programs.rows.SEPARATE or len(inputs) == 1 else made(inputs)
        elif kind == "optimizers":
            made.build([keras.Variable(cases.SQUARE)])
        elif kind in ("initializers", "regularizers", "constraints", "optimizers.schedules"):
            made((3, 3) if kind == "initializers" else 3 if kind == "optimizers.schedules" else cases.SQUARE)

    def fails(arguments: dict[str, Any]) -> bool:
        try:
            use(arguments)
        except Exception:
            return True
        return False

    if fails(needed) or (wrong and "unexpected keyword" in _error(use, {**needed, **wrong})):
        return None
    return "error" if fails({**needed, **wrong}) else "silent"


def _error(use: Any, arguments: dict[str, Any]) -> str:
    try:
        use(arguments)
    except Exception as error:
        return str(error)
    return ""


def row(cases: Any, kind: str) -> list[int]:
    """The numbers of a kind, in the order of the columns."""
    ours: collections.Counter[str] = collections.Counter()
    theirs: collections.Counter[str | None] = collections.Counter()
    for cls, needed, use in cases._subjects(kind):
        name = cls.__name__
        for parameter, annotation in cases._parameters(cls).items():
            for value in cases._wrong_values(parameter, annotation):
                if {(parameter, repr(value)), (f"{name}.{parameter}", repr(value))} & cases.RIGHT.keys():
                    continue
                wrong = {parameter: value}
                found = cases._outcome(lambda: use(cls(**{**needed, **wrong}), name), parameter, value)  # noqa: B023
                ours[found if found == "clear" else "unclear"] += 1
                theirs[in_keras(cases, kind, name, needed, wrong)] += 1
    compared = theirs["error"] + theirs["silent"]
    return [ours.total(), ours["clear"], ours["unclear"], compared, theirs["error"], theirs["silent"]]


def main() -> None:
    """Write the page."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    sys.path[:0] = [str(ROOT / "tests" / "parity")]
    warnings.simplefilter("ignore")
    cases, rows = load_cases(), {}
    for kind in cases.KINDS:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            rows[kind] = row(cases, kind)
            os.chdir(ROOT)
        print(kind, rows[kind], flush=True)
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    lines = [f"| {kind} | " + " | ".join(f"{number:,}" for number in numbers) + " |" for kind, numbers in rows.items()]
    PAGE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    chinese_pages.write(PAGE)


if __name__ == "__main__":
    main()
