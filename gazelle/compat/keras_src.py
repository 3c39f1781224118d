"""`keras.src`: the private modules of Keras 3 that packages import, as a table onto public objects.

`keras.src.layers.core.dense` and the like are the public module of their first part, here `keras.layers`. The table
has the names that are public nowhere.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import Any

from gazelle.compat import namespaces
from gazelle.compat.module_paths import PATHS
from gazelle.core.config import snake

_FIRST = (
    "activations",
    "applications",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "distribution",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "quantizers",
    "random",
    "regularizers",
    "saving",
    "tree",
    "utils",
    "visualization",
    "wrappers",
)
#: first parts with another name than the public module
_RENAMED = {"testing": "utils", "trainers": "utils", "api": "", "export": "export"}
#: inner modules that are not named after a class in them
_INNER = frozenset(
    (
        "activations",
        "attention",
        "bounding_boxes",
        "common",
        "convolutional",
        "core",
        "data_adapters",
        "distribution_lib",
        "dtype_policy",
        "file_utils",
        "functions",
        "image",
        "image_preprocessing",
        "initializer",
        "io_utils",
        "jax",
        "jax_utils",
        "keras_tensor",
        "layer_utils",
        "learning_rate_schedule",
        "linalg",
        "losses",
        "math",
        "merging",
        "metrics_utils",
        "model_visualization",
        "nn",
        "normalization",
        "numpy",
        "numerical_utils",
        "object_registration",
        "operation",
        "optimizer",
        "pooling",
        "preprocessing",
        "progbar",
        "regularization",
        "reshaping",
        "rnn",
        "saving_api",
        "saving_lib",
        "schedules",
        "seed_generator",
        "serialization_lib",
        "summary_utils",
        "symbolic_arguments",
        "tensorflow",
        "torch",
        "torch_utils",
        "tree_api",
        "variables",
        "variable_mapping",
    )
)
#: packages whose inner modules are public
_DEEP = ("applications", "datasets")


def module_of(name: str) -> str:
    """The module of gazelle for a path below `keras.src`; "gazelle" for those without a public part.

    Args:
        name: "layers.core.dense", or "" for `keras.src` itself.
    """
    if name in PATHS and not PATHS[name].endswith(".layers"):
        return PATHS[name]
    first, _, rest = name.partition(".")
    if name.startswith("optimizers.schedules"):
        return "gazelle.optimizers.schedules"
    first = _RENAMED.get(first, first if first in _FIRST else "")
    deeper = f"gazelle.{first}.{rest}"
    if first in _DEEP and rest and importlib.util.find_spec(deeper) is not None:
        return deeper
    return f"gazelle.{first}" if first else "gazelle"


def no_automatic_dependency_tracking(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method unchanged: weights are found by walking attributes when they are needed."""
    return method


def _dotted(name: str) -> Callable[[], Any]:
    """Return a function that imports an object by its path: "gazelle.core.masks:get_mask"."""

    def find() -> Any:
        module, _, attribute = name.partition(":")
        return functools.reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))

    return find


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) of a batch, None for those it lacks."""
    values = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    return (*values, None, None)[:3]


def compute_output_spec(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return the symbolic outputs of a function of symbolic tensors."""
    return importlib.import_module("gazelle.core.symbolic").output_spec(function, args, kwargs)


def jax_draw_seed(seed: Any) -> Any:
    """Return a key of JAX for an integer, a SeedGenerator or None."""
    return importlib.import_module("gazelle.core.prng").key_of(seed)


#: last module of the path -> names that are public nowhere
_PRIVATE: dict[str, dict[str, Callable[[], Any]]] = {
    "backend": {
        "Variable": _dotted("gazelle:Variable"),
        "KerasTensor": _dotted("gazelle:KerasTensor"),
        "compute_output_spec": _constant(compute_output_spec),
        "get_keras_mask": _dotted("gazelle.core.masks:get_mask"),
        "set_keras_mask": _dotted("gazelle.core.masks:set_mask"),
        "standardize_dtype": _dotted("gazelle.core.dtypes:standardize"),
        "is_float_dtype": _dotted("gazelle.core.dtypes:is_float"),
        "is_tensor": _dotted("gazelle.ops:is_tensor"),
        "convert_to_tensor": _dotted("gazelle.ops:convert_to_tensor"),
        "convert_to_numpy": _dotted("gazelle.ops:convert_to_numpy"),
        "cast": _dotted("gazelle.ops:cast"),
        "shape": _dotted("gazelle.ops:shape"),
        "cond": _dotted("gazelle.ops:cond"),
        "vectorized_map": _dotted("gazelle.ops:vectorized_map"),
        "StatelessScope": _dotted("gazelle:StatelessScope"),
        "backend": _constant(lambda: "jax"),
    },
    "random": {"jax_draw_seed": _constant(jax_draw_seed), "draw_seed": _constant(jax_draw_seed)},
    "tracking": {"no_automatic_dependency_tracking": _constant(no_automatic_dependency_tracking)},
    "backend_utils": {"in_tf_graph": _constant(lambda: False), "in_grain_data_pipeline": _constant(lambda: False)},
    "base_conv": {"BaseConv": _dotted("gazelle.layers.convolution:BaseConv")},
    "losses": {"LossFunctionWrapper": _dotted("gazelle.losses:LossFunctionWrapper")},
    "naming": {
        "auto_name": _dotted("gazelle.core.names:unique_name"),
        "to_snake_case": _dotted("gazelle.core.config:snake"),
    },
    "serialization_lib": {
        "serialize_keras_object": _dotted("gazelle.saving:serialize_keras_object"),
        "deserialize_keras_object": _dotted("gazelle.saving:deserialize_keras_object"),
    },
    "data_adapter_utils": {
        "unpack_x_y_sample_weight": _constant(unpack_x_y_sample_weight),
        "pack_x_y_sample_weight": _dotted("gazelle.data.arrays:pack_x_y_sample_weight"),
    },
}


class SourceModule(ModuleType):
    """A module of `keras.src`: the names of a public module, and private ones from the table."""

    is_facade = True

    def __init__(self, name: str, public: ModuleType) -> None:
        super().__init__(name, public.__doc__)
        self.__dict__.update(_public=public, __path__=[])

    def __reduce__(self) -> tuple[Any, ...]:
        return module, (self.__name__,)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        for part in reversed(self.__name__.split(".")):
            if name in _PRIVATE.get(part, {}):
                return namespaces.converted(_PRIVATE[part][name]())
        if self.__name__.endswith(".src") and (name in _FIRST or name in _RENAMED):
            return importlib.import_module(f"{self.__name__}.{name}")
        return getattr(self._public, name)


def module(name: str) -> SourceModule | None:
    """The module of a full name such as "keras.src.layers.core.dense"; None if Keras has no such module.

    Args:
        name: the name.
    """
    below = name.partition(".src")[2].removeprefix(".")
    path, last = module_of(below), below.rpartition(".")[2]
    public = namespaces.namespace(path) if path != "gazelle" else namespaces.root("keras")
    known = {*_FIRST, *_RENAMED, *_PRIVATE, *_INNER, "", "src"}
    if last in known or below in PATHS or path.endswith(f".{last}") or last in map(snake, dir(public)):
        return SourceModule(name, public)
    return None
