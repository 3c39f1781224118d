"""Names and modules of earlier versions of Keras, and the current objects that they refer to."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from types import ModuleType
from typing import Any

from gazelle.compat import era, tables
from gazelle.compat.era import NOTHING
from gazelle.compat.types import NamedObject
from gazelle.core import names
from gazelle.core.registry import REGISTRY

#: module -> earlier name -> "module:name"; ":name" is in the same module, "module" is a module itself
NAMES = tables.objects("old_names")
#: path below `keras.` -> the module of gazelle that replaces it
PATHS = {path: module for module, paths in tables.lists("module_paths", "paths").items() for path in paths}
#: (module, name of a module below one of its earlier paths) -> module: `from keras.saving.legacy import serialization`
_BELOW = {
    (PATHS[parent], name): module
    for (parent, _, name), module in ((path.rpartition("."), module) for path, module in PATHS.items())
    if parent in PATHS
}
_REPLACED = tables.objects("replaced")
#: current "module.name" -> what programs for Keras 3 get in its place
replaced_in_keras_3 = _REPLACED["Keras 3"]
#: further names of metrics in Keras 1
SHORT_METRICS = _REPLACED["short names of metrics"]
#: metric of Keras 1, which returned the mean over the batch -> current function
METRICS_OF_KERAS_1 = SHORT_METRICS | _REPLACED["other names of metrics"]
_REPLACED["Keras 2"] |= _REPLACED["Keras 3"]
_REPLACED["Keras 1"] |= _REPLACED["Keras 2"]
_REPLACED["Keras 1"] |= {
    f"gazelle.metrics.{n}": f"gazelle.compat.metrics.keras1_metrics:{n}" for n in METRICS_OF_KERAS_1
}
#: module -> further module whose public names it also has
ALSO = tables.read("module_paths")["further names"]
#: module -> module with its private helpers; those of `private_helpers` are in every module
_HELPERS = tables.read("module_paths")["helpers"]
_PRIVATE = tables.objects("private_helpers")
#: what the modules of Keras 1 and 2 imported, and `from module import *` with them
_EVERYWHERE = {"K": "gazelle.backend", "np": "numpy", "warnings": "warnings"}
_INSIDE = tables.lists("module_paths", "lists")["imported by others"]
#: the first release with them -> module -> public names
_LATER = {since: tables.lists("later_names", since) for since in ("tf.keras 2", "Keras 3", "gazelle")}
#: module -> tables of names in configs that were also names of the module: losses.mse, metrics.mean_absolute_error
_REGISTERED = tables.lists("module_paths", "names in configs")


def replacement(path: str) -> str | None:
    """What programs get under a current "module.name" in place of the current object; None if they get that."""
    return _REPLACED[f"Keras {era.number()}"].get(path)


def look_up(path: str, name: str) -> NamedObject:
    """The object that a name of a module refers to in this era; NOTHING if there is none."""
    if (instead := replacement(f"{path}.{name}")) is not None:
        return tables.resolve(instead, path)
    if name in NAMES.get(path, {}):
        return find(path, name)
    inner = path_of(f"{path}.{name}")
    if inner != f"{path}.{name}":
        return importlib.import_module(inner)
    real = importlib.import_module(path)
    if name in getattr(real, "__all__", ()) or (name in vars(real) and not isinstance(vars(real)[name], ModuleType)):
        return getattr(real, name)
    found = find(path, name)
    return _unimported_module(path, name) if found is NOTHING else found


def _unimported_module(path: str, name: str) -> Any:
    """A module inside a package that was not imported yet."""
    spec = importlib.util.find_spec(path)
    package = spec is not None and spec.submodule_search_locations is not None
    there = package and importlib.util.find_spec(f"{path}.{name}") is not None
    return importlib.import_module(f"{path}.{name}") if there else NOTHING


def find(namespace: str, name: str) -> NamedObject:
    """The object that `name` referred to in a module that does not have it now; NOTHING if there is none."""
    where = _EVERYWHERE.get(name) or NAMES.get(namespace, {}).get(name)
    if namespace == "gazelle.optimizers" and era.is_tf_keras_2() and f"optimizers.{name}" in PATHS:
        where = None  # a module: only the package `keras` had a class of this name
    if where is not None:
        return tables.resolve(where, namespace)
    short = namespace.partition(".")[2]
    path = PATHS.get(f"{short}.{name}" if short else name) or _BELOW.get((namespace, name))
    if path:
        return importlib.import_module(path)
    for table in _REGISTERED.get(short, ()):
        if name in REGISTRY[table]:
            return REGISTRY[table][name]
    if namespace in ALSO and (found := _attribute(ALSO[namespace], name)) is not NOTHING:
        return found
    parent = PATHS.get(short)
    if parent and parent != namespace and hasattr(importlib.import_module(parent), name):
        return getattr(importlib.import_module(parent), name)
    if short and name in _INSIDE:
        return importlib.import_module(PATHS.get(name, f"gazelle.{name}"))
    bare = name.lstrip("_")
    for module, own in ((namespace, _HELPERS.get(namespace)), ("gazelle", "gazelle.compat.private.helpers")):
        if bare in _PRIVATE.get(module, ()):
            return tables.resolve(_PRIVATE[module][bare], module)
        helpers = importlib.import_module(own) if own else None
        if helpers is not None and bare in helpers.NAMES:
            return getattr(helpers, bare)
    return NOTHING


def path_of(path: str) -> str:
    """The module for `gazelle.<part>`, which may be one of an earlier version, or of a layer: layers.core.dense."""
    part = path.partition(".")[2]
    group, _, name = part.rpartition(".")
    inside = PATHS.get(group) == "gazelle.layers" and name == name.lower()
    return PATHS.get(part) or ("gazelle.layers" if inside else path)


def register_classes() -> bool:
    """Register removed classes for the names in configs; False if they are registered already."""
    namespaces = [f"gazelle.compat.{part}" for part in ("layers", "regularizers", "constraints")]
    missing = [namespace for namespace in namespaces if namespace not in sys.modules]
    for namespace in missing:
        importlib.import_module(namespace)
    return bool(missing)


def legacy_names(namespace: str) -> list[str]:
    """The earlier names that `from module import *` also imports."""
    also = importlib.import_module(ALSO[namespace]) if namespace in ALSO else None
    late = () if "gazelle.compat.tensorflow" in sys.modules else ("DenseFeatures", "estimator")  # they import it
    return [*_EVERYWHERE, *(n for n in NAMES.get(namespace, ()) if n not in late), *getattr(also, "__all__", ())]


def later_names(namespace: str) -> set[str]:
    """The public names of a module that it does not have in the release that the process emulates."""
    hidden = {"gazelle": True, "Keras 3": era.number() < 3, "tf.keras 2": era.is_package_before_keras_3()}
    return {name for since, is_later in hidden.items() if is_later for name in _LATER[since].get(namespace, ())}


def _attribute(namespace: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(namespace), name, NOTHING)
    except ModuleNotFoundError as error:
        if error.name != namespace:
            raise
        return NOTHING


_CELL = re.compile(r"/(?:lstm|gru|simple_rnn|conv_lstm)_cell(?:_\d+)?(?=/)")
#: automatic names of layers that had another one in Keras 1 and 2
_NAMES_OF_LAYERS = {"input_layer": "input", "functional": "model"}
_CONVOLUTIONS = {"conv": "convolution", "separable_conv": "separableconvolution"}
#: layers whose class had another name in Keras 1
_KERAS_1_NAMES = {f"{kind}{n}d": f"{name}{n}d" for kind, name in _CONVOLUTIONS.items() for n in (1, 2, 3)}


#: names of weights in Keras 1, which followed the name of the layer and "_"
_KERAS_1_WEIGHTS = tables.pairs("""kernel=W bias=b recurrent_kernel=U embeddings=W alpha=alphas gamma=gamma beta=beta
    moving_mean=running_mean moving_variance=running_std depthwise_kernel=depthwise_kernel
    pointwise_kernel=pointwise_kernel""")


def weight_name(path: str) -> str:
    """The name of a weight in the graph of TensorFlow.

    It does not contain the cell of a convolutional recurrent layer, in `keras` 2 and TensorFlow 1 that of no layer.
    """
    if era.number() == 1:
        *outer, name = path.rsplit("/", 2)
        return f"{outer[-1]}_{_KERAS_1_WEIGHTS[name]}:0" if outer and name in _KERAS_1_WEIGHTS else f"{name}:0"
    has_no_cells = era.standalone() or era.is_before_tf_keras_2()
    return f"{_CELL.sub('', path) if has_no_cells else path.replace('/conv_lstm_cell/', '/')}:0"


def snake(name: str) -> str:
    """The name of a class as layers are named: in the package `keras` 1 and 2 digits follow the letter before them.

    Before Keras 3 a name that begins with an underscore got another beginning, as names of TensorFlow need one.
    """
    if era.is_package_before_keras_3():
        found = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)).lower()
    else:
        found = names.snake(name)
    return f"private{found}" if found.startswith("_") and era.number() < 3 else found


def automatic_name(name: str, number: int, current: str) -> str:
    """The automatic name of the `number`-th layer of a class; Keras 1 and 2 counted from 1."""
    if era.number() == 3 or not (era.standalone() or name in _NAMES_OF_LAYERS):
        return current
    if name == "functional" and not era.standalone():
        return "model" if number == 1 else f"model_{number - 1}"
    name = _NAMES_OF_LAYERS.get(name, name)
    if era.number() == 1:
        name = _KERAS_1_NAMES.get(name, name.replace("_", ""))
    return f"{name}_{number}"


def next_name(cls: str) -> str:
    """The automatic name of the next layer of a class."""
    kind = snake(cls)
    if kind in ("sample_normalization", "batchwise_normalization"):  # of one class of Keras 1
        kind = "batch_normalization"
    count = names.count("layers", kind)
    return automatic_name(kind, count, names.numbered(kind, count))
