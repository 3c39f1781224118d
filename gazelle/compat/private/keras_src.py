"""`keras.src`: the private modules of Keras 3 that packages import, as a table onto public objects.

`keras.src.layers.core.dense` and the like are the public module of their first part, here `keras.layers`. The table
has the names that are public nowhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import operator
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import IO, Any

import numpy as np

from gazelle import config, layers, ops, tree
from gazelle.compat import namespaces, tables
from gazelle.compat.era import NOTHING
from gazelle.compat.layers.merge import _Merge
from gazelle.compat.old_names import PATHS
from gazelle.compat.types import Array, ArrayLike, NamedObject, PathLike, ShapeLike, TensorLike, TensorResult
from gazelle.core import masks, shape_inference
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Tree
from gazelle.data import labels
from gazelle.layers import multi_head_attention
from gazelle.random import SeedGenerator

_MODULES = tables.lists("keras_src", "modules")
_FIRST = _MODULES["first"]
#: first parts with another name than the public module
_RENAMED = {"testing": "utils", "trainers": "utils", "api": "", "export": "export"}
#: public modules inside of others
_INNER = ("ops.image", "optimizers.schedules")
#: packages whose inner modules are public
_DEEP = ("applications", "datasets")


def module_of(name: str) -> str:
    """The module of gazelle for a path below `keras.src`, as "layers.core.dense"; "gazelle" for private parts."""
    if name in PATHS and not PATHS[name].endswith(".layers"):
        return PATHS[name]
    public = name.removeprefix("legacy.")
    if public.startswith("preprocessing.") and public in PATHS:
        return PATHS[public]
    first, _, rest = public.partition(".")
    inner = next((each for each in _INNER if name.startswith(each)), None)
    if inner is not None:
        return f"gazelle.{inner}"
    first = _RENAMED.get(first, first if first in _FIRST else "")
    if first in _DEEP and rest and "." not in rest and importlib.util.find_spec(f"gazelle.{name}") is not None:
        return f"gazelle.{name}"
    return f"gazelle.{first}" if first else "gazelle"


def class_weight_to_sample_weights(y: ArrayLike, class_weight: Mapping[int, float]) -> TensorResult:
    """Return the weight of each sample, which is that of its class."""
    return labels.class_weights(class_weight, y)


def compute_output_spec(function: Callable[..., Any], *args: Any, **kwargs: Any) -> TensorResult:
    """Return the symbolic outputs of a function of symbolic tensors."""
    return shape_inference.output_spec(function, args, kwargs)


def get_keras_mask(tensor: TensorLike) -> TensorResult:
    """Return the mask of a tensor or symbolic tensor, or None."""
    own = getattr(tensor, "_keras_mask", None)
    return masks.get_mask(tensor) if own is None else own


def set_keras_mask(tensor: TensorLike, mask: Array | KerasTensor | None) -> None:
    """Attach a mask to a tensor or symbolic tensor."""
    if isinstance(tensor, KerasTensor):
        tensor.mask = None if mask is None else mask.shape
    else:
        masks.set_mask(tensor, mask)


def is_in_graph() -> bool:
    """Return False: there are no graphs of TensorFlow, and no pipelines of grain that run layers."""
    return False


def standardize_shape(shape: ShapeLike) -> tuple[int | None, ...]:
    """Return a shape as a tuple of integers and None."""
    if not hasattr(shape, "__iter__") or not all(n is None or (hasattr(n, "__index__") and n >= 0) for n in shape):
        raise ArgumentError(message("A shape", expected="non-negative integers and None", got=repr(shape)))
    return tuple(None if n is None else operator.index(n) for n in shape)


def attention_equations(rank: int, attn_axes: Sequence[int]) -> tuple[str, str, int]:
    """Return the einsum equations of attention, of the scores and of the mean, and the rank of the scores."""
    scores, mean = multi_head_attention.equations(rank, tuple(attn_axes))
    return scores, mean, len(scores.partition("->")[2])


def projection_equation(free_dims: int, bound_dims: int, output_dims: int) -> tuple[str, str, int]:
    """Return the einsum equation of a projection, the axes of its bias and the rank of its output.

    >>> projection_equation(2, 1, 2)
    ('abc,cde->abde', 'de', 4)
    """
    letters = string.ascii_lowercase
    free, bound = letters[:free_dims], letters[free_dims : free_dims + bound_dims]
    units = letters[free_dims + bound_dims : free_dims + bound_dims + output_dims]
    return f"{free}{bound},{bound}{units}->{free}{units}", units, free_dims + output_dims


def print_msg(message: object, line_break: bool = True) -> None:  # the names of its arguments in Keras
    """Print a message."""
    print(message, end="\n" if line_break else "", flush=True)


_attributes: dict[str, Any] = {}


def get_global_attribute(name: str, default: object = None, set_to_default: bool = False) -> NamedObject:
    """Return what `set_global_attribute` stored under a name."""
    return _attributes.setdefault(name, default) if set_to_default else _attributes.get(name, default)


def set_global_attribute(name: str, value: object) -> None:
    """Store an object under a name, for the whole process."""
    _attributes[name] = value


#: the base class of layers that merge; those of gazelle, which have other bases, count as its subclasses
Merge = namespaces.converted(_Merge)
for _each in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"):
    Merge.register(getattr(layers, _each))


class _DataLayer(layers.Layer, abstract=True):
    """The base class of preprocessing layers, whose operations are below `backend`."""

    generator: SeedGenerator

    @property
    def backend(self) -> ModuleType:
        return importlib.import_module("keras.src.backend")

    def _get_seed_generator(self, *_: str | None) -> SeedGenerator:
        return self.generator

    def convert_weight(self, weight: ArrayLike) -> TensorResult:
        """Return a constant as an array."""
        return ops.convert_to_tensor(weight)


DataLayer = namespaces.converted(_DataLayer)


class DynamicBackend:
    """The modules and functions of `keras.src.backend`, for each backend that is chosen."""

    def __init__(self, backend: str | None = None) -> None:
        self._backend = backend

    name = property(lambda self: self._backend or config.backend())

    def set_backend(self, backend: str | None) -> None:
        """Choose what `name` returns."""
        self._backend = backend

    def reset(self) -> None:
        """Choose the backend of the process again."""
        self._backend = None

    def __getattr__(self, name: str) -> NamedObject:
        return getattr(importlib.import_module("keras.src.backend"), name)


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, weights: ArrayLike | None = None, dtype: str = "int32"
) -> TensorResult:
    """Return how often each class (row) was predicted as each class (column)."""
    cells = ops.cast(labels, "int32") * num_classes + ops.cast(predictions, "int32")
    counts = ops.cast(ops.ones_like(cells) if weights is None else weights, dtype)
    return ops.reshape(ops.segment_sum(counts, cells, num_classes**2), (num_classes, num_classes))


class TFDatasetAdapter:
    """A data set that can be iterated for each backend."""

    def __init__(self, dataset: Iterable[Tree]) -> None:
        self._dataset = dataset

    def get_tf_dataset(self) -> Iterable[Tree]:
        """Return the data set."""
        return self._dataset

    def get_numpy_iterator(self) -> Iterator[Tree]:
        """Iterate over the batches as arrays of NumPy."""
        return (tree.map_structure(np.asarray, batch) for batch in self._dataset)

    def get_jax_iterator(self) -> Iterator[Tree]:
        """Iterate over the batches as arrays."""
        return (tree.map_structure(ops.convert_to_tensor, batch) for batch in self.get_numpy_iterator())


class LazyModule:
    """A module that is imported when one of its attributes is read."""

    def __init__(self, name: str, pip_name: str | None = None, import_error_msg: str | None = None) -> None:
        self.name, self.pip_name = name, pip_name or name
        self.import_error_msg = import_error_msg or f"This requires the package {self.pip_name}."

    @property
    def available(self) -> bool:
        """Whether the module can be imported."""
        return importlib.util.find_spec(self.name.partition(".")[0]) is not None

    def __getattr__(self, attribute: str) -> NamedObject:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        try:
            return getattr(importlib.import_module(self.name), attribute)
        except ImportError as error:
            raise ImportError(self.import_error_msg) from error


#: the packages that Keras imports when a name in them is read
flax, grain, jax, ocp, optree, pandas, scipy, tensorflow, torch = map(
    LazyModule, ["flax", "grain", "jax", "orbax.checkpoint", "optree", "pandas", "scipy", "tensorflow", "torch"]
)


class H5IOStore:
    """Arrays by path in an HDF5 file, as packages save parts of a model: `store.make("lora")["rank"] = 4`."""

    def __init__(self, path_or_io: PathLike | IO[bytes], archive: str | None = None, mode: str = "r") -> None:
        import h5py

        # from Keras 3.10 on the mode is the second argument
        self.h5_file = h5py.File(path_or_io, archive if archive in ("r", "w") else mode)
        self.close = self.h5_file.close

    def make(self, path: str, metadata: object = None) -> NamedObject:
        """Return a new group."""
        return self.h5_file.create_group(f"{path}/vars")

    def get(self, path: str) -> NamedObject:
        """Return a group of the file; an empty one if there is none of that path."""
        return self.h5_file.get(f"{path}/vars", {})


#: last module of the path -> name that is public nowhere -> "module:name"; ":name" is in this module
_PRIVATE = {module: names for module, names in tables.objects("keras_src").items() if module != "modules"}


def _found(path: str) -> NamedObject:
    """The object at "module:name.name", as programs see it."""
    return namespaces.converted(tables.resolve(path, __name__))


class SourceModule(ModuleType):
    """A module of `keras.src`: the names of a public module, and private ones from the table."""

    is_facade = True

    def __init__(self, name: str, public: ModuleType) -> None:
        super().__init__(name, public.__doc__)
        private = {each for part in name.split(".") for each in _PRIVATE.get(part, {})}
        every = sorted({*dir(public), *private})
        self.__dict__.update(_public=public, __path__=[], __all__=[each for each in every if not each.startswith("_")])

    def __reduce__(self) -> tuple[Any, ...]:
        return module, (self.__name__,)

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return namespaces.version("keras")
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        for part in reversed(self.__name__.split(".")):
            if name in _PRIVATE.get(part, {}):
                return _found(_PRIVATE[part][name])
        inner = f"{self.__name__}.{name}"
        public = getattr(self._public, name, NOTHING)
        if (public is NOTHING or isinstance(public, ModuleType)) and _is_module(inner):
            return importlib.import_module(inner)
        return _elsewhere(self._public, name) if public is NOTHING else public


def _elsewhere(public: ModuleType, name: str) -> NamedObject:
    """A name that Keras makes public in another module than that of its code: `utils.jax_layer.JaxLayer`."""
    for path in ("config", "", "layers", "saving"):
        root = namespaces.root("keras")
        found: NamedObject = getattr(getattr(root, path) if path else root, name, NOTHING)
        if found is not NOTHING and not isinstance(found, ModuleType):
            return found
    return getattr(public, name)  # raises an error with the nearest names


def module(name: str) -> SourceModule | None:
    """The module of a full name such as "keras.src.layers.core.dense"; None if Keras has no such module."""
    return SourceModule(name, _public(name)) if _is_module(name) else None


def _public(name: str) -> ModuleType:
    path = module_of(name.partition(".src")[2].removeprefix("."))
    return namespaces.root("keras") if path == "gazelle" else namespaces.namespace(path)


def _is_module(name: str) -> bool:
    """Whether Keras has a module of this full name."""
    below = name.partition(".src")[2].removeprefix(".")
    path, last = module_of(below), below.rpartition(".")[2]
    known = {*_FIRST, *_RENAMED, *_PRIVATE, *_MODULES["inner"], "", "src"}
    public = {each.lower().replace("_", "") for each in dir(_public(name))}  # modules are named after what they contain
    return last in known or below in PATHS or path.endswith(f".{last}") or last.replace("_", "") in public
