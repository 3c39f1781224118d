"""The percentage of the public names of the installed Keras that gazelle has, by module: `make coverage-keras`.

Left out on purpose: TorchModuleWrapper, OpenVINO.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import sys
from types import ModuleType

os.environ.setdefault("KERAS_BACKEND", "jax")
LEFT_OUT = re.compile(r"TorchModuleWrapper|OpenVINO", re.IGNORECASE)
#: modules of Keras that only repeat names of other modules, or that are for TensorFlow
REPEATED = re.compile(r"^keras\.(src|legacy|api|version|_tf_keras)")
GOAL = 95.0


def modules() -> dict[str, ModuleType]:
    """The public modules of Keras by name."""
    import keras

    found = {"keras": keras}
    for info in pkgutil.walk_packages(keras.__path__, "keras."):
        if not REPEATED.match(info.name):
            found[info.name] = importlib.import_module(info.name)
    return found


def names(module: ModuleType) -> list[str]:
    """The public names of a module of Keras, without modules."""
    offered = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return sorted(name for name, value in offered.items() if not inspect.ismodule(value) and not LEFT_OUT.search(name))


def ours(name: str) -> object | None:
    try:
        return importlib.import_module("gazelle" + name.removeprefix("keras"))
    except ModuleNotFoundError:
        place: object = importlib.import_module("gazelle")
        for part in name.split(".")[1:]:  # a module may be an attribute only
            place = getattr(place, part, None)
        return place


def has(place: object | None, name: str) -> bool:
    try:
        return place is not None and hasattr(place, name)
    except ImportError:  # the name exists, but its library is not installed
        return True


def main() -> int:
    there = wanted = 0
    print(f"{'module':42} {'there':>5} {'of':>5} {'%':>6}  missing")
    for module_name, module in sorted(modules().items()):
        offered, place = names(module), ours(module_name)
        if not offered:
            continue
        missing = [name for name in offered if not has(place, name)]
        there, wanted = there + len(offered) - len(missing), wanted + len(offered)
        fraction = 100 * (1 - len(missing) / len(offered))
        shown = ", ".join(missing if "--all" in sys.argv else missing[:6]) + ("" if len(missing) <= 6 else " ...")
        print(f"{module_name:42} {len(offered) - len(missing):5} {len(offered):5} {fraction:6.1f}  {shown}")
    fraction = 100 * there / wanted
    print(f"{'all':42} {there:5} {wanted:5} {fraction:6.1f}  goal {GOAL}")
    return 0 if fraction >= GOAL or "--goal" not in sys.argv else 1


if __name__ == "__main__":
    sys.exit(main())
