"""Whether the TensorFlow facade is active, and for which code.

After the first `import tensorflow` layers, losses and metrics take its tensors everywhere. They give tensors only to
the modules that import tensorflow: a package written for Keras 3 in the same process gets arrays.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from gazelle import config
from gazelle.compat import era
from gazelle.compat.tensor_adapter import ARRAYS as ARRAYS
from gazelle.compat.tensor_adapter import TensorAdapter

#: the one for TensorFlow after the first `import tensorflow`, that for PyTorch in programs of Keras 3 on it
adapter: TensorAdapter = ARRAYS
#: the one for TensorFlow as soon as any function of a program received tensors
loaded: TensorAdapter = ARRAYS
_IMPORT = re.compile(r"^[ \t]*(?:import|from)\b.*\b(tensorflow|jax)\b", re.MULTILINE)
#: path of a file -> those of tensorflow and jax that it imports
_known: dict[str, set[str]] = {}


def tensorflow_builds_graphs() -> bool:
    """Whether a program for TensorFlow builds a graph now, also one for TensorFlow 2 without eager execution."""
    graphs = sys.modules.get("gazelle.compat.tensorflow.v1.graphs")  # not there before the program imports tensorflow
    return graphs is not None and bool(graphs.active())


def tensorflow_computes_at_once() -> bool:
    """Whether a program for TensorFlow 1 enabled eager execution."""
    graphs = sys.modules.get("gazelle.compat.tensorflow.v1.graphs")
    return graphs is not None and bool(graphs.enabled_eager())


def computes_with_torch() -> bool:
    """Whether programs compute with PyTorch, so that all of their code receives its tensors."""
    return adapter.serves_all


def serves(namespace: dict[str, Any]) -> bool:
    """Whether the code with these globals receives tensors: its module imports tensorflow, or has no text."""
    path = namespace.get("__file__")
    if computes_with_torch() or not isinstance(path, str) or not path.endswith(".py"):
        return True
    if path not in _known:
        _known[path] = _imports(path)
        if any(getattr(type(value), "is_tensorflow", False) for value in list(namespace.values())):
            _known[path].add("tensorflow")
    return "tensorflow" in _known[path]


def _imports(path: str) -> set[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return set(_IMPORT.findall(file.read()))
    except OSError:
        return {"tensorflow"}


def serves_function(function: Callable[..., Any]) -> bool:
    """Whether a function of a program receives tensors."""
    return serves(getattr(inspect.unwrap(function), "__globals__", {}))


#: methods and attributes of tensors that programs of Keras 1 and 2 use without importing tensorflow; arrays lack them
_OF_TENSORS = frozenset({"get_shape", "set_shape", "as_list", "_keras_shape", "_uses_learning_phase"})


def adapter_for(*functions: Any, owner: type | None = None) -> TensorAdapter:
    """The adapter that gives tensors to functions of a program, methods of `owner`, or arrays."""
    global loaded
    if adapter.has_tensors and any(map(serves_function, functions)):
        return adapter
    if not any(_uses_tensors(function, owner) for function in functions):
        return ARRAYS
    if adapter.has_tensors:  # they use methods of tensors in a module that does not import tensorflow
        return adapter
    loaded = importlib.import_module("gazelle.compat.tensorflow.adapter").ADAPTER
    return loaded


def _uses_tensors(function: Callable[..., Any], owner: type | None, depth: int = 3) -> bool:
    """Whether a function, or functions and methods of the program that it names, use methods of tensors."""
    plain = inspect.unwrap(function)
    code, names = getattr(plain, "__code__", None), getattr(plain, "__globals__", {})
    if code is None or not _OF_TENSORS.isdisjoint(code.co_names):
        return code is not None
    found = [names[name] for name in code.co_names if name in names]
    modules = [value for value in found if isinstance(value, ModuleType) and not _is_package(value)]
    found += [vars(module).get(name) for module in modules for name in code.co_names]
    found += [getattr(owner, name, None) for name in code.co_names]
    helpers = [value for value in found if inspect.isfunction(value) and value is not plain]
    return depth > 0 and any(_uses_tensors(one, owner, depth - 1) for one in helpers if not _is_package(one))


def _is_package(value: Any) -> bool:
    """Whether a module or a function belongs to an installed package or to gazelle."""
    file = str(getattr(value, "__file__", None) or getattr(value, "__globals__", {}).get("__file__"))
    name = str(getattr(value, "__module__", None) or getattr(value, "__name__", ""))
    return "-packages" in file or name.partition(".")[0] in ("gazelle", "keras", "tensorflow")


def serves_caller(besides_jax: bool = True) -> bool:
    """Whether the nearest code outside of gazelle receives tensors; `besides_jax=False`: and does not import jax."""
    namespace = era.calling_frame("jax.").f_globals
    return serves(namespace) if besides_jax else _serves_without_jax(namespace)


def _serves_without_jax(namespace: dict[str, Any]) -> bool:
    """Whether the code with these globals receives tensors and its module does not import jax."""
    if computes_with_torch():
        return True
    modules = [value.__name__ for value in list(namespace.values()) if isinstance(value, ModuleType)]
    if any(name.partition(".")[0] == "jax" for name in modules) or not serves(namespace):
        return False
    return "jax" not in _known.get(str(namespace.get("__file__")), ())  # in one of its functions


def backend_of(namespace: dict[str, Any]) -> str:
    """The backend whose code the module with these globals is to run: "tensorflow", "jax" or "torch"."""
    if era.number() < 3:
        return "tensorflow"
    if computes_with_torch():
        return "torch"
    chosen = os.environ.get("KERAS_BACKEND", "")
    if chosen not in ("", "tensorflow") or "-packages" in str(namespace.get("__file__", "")):
        return config.backend()
    return "tensorflow" if chosen or (adapter.has_tensors and _serves_without_jax(namespace)) else config.backend()
