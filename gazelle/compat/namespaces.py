"""The modules of `keras` for programs: `keras.layers` has the names of `gazelle.layers` and those of earlier versions.

Classes are replaced by their generated subclasses (`classes`). Functions accept earlier arguments and tensors of the
TensorFlow facade, and return objects of the generated classes.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import FunctionType, MethodType, ModuleType
from typing import Any

import jax
import numpy as np

from gazelle import activations
from gazelle.compat import era, facade, old_names, saved_classes, tables
from gazelle.compat.backend import lifting
from gazelle.compat.classes import adopt, compat_class, is_core, plain
from gazelle.compat.era import NOTHING
from gazelle.compat.recorded_variable import has_variable, recorder
from gazelle.compat.rules.models import optimizer_named, recompile
from gazelle.compat.tables import listed
from gazelle.compat.types import NamedObject
from gazelle.core.lookup import Lookup
from gazelle.core.registry import CUSTOM, REGISTRY, custom_object_scope, custom_objects
from gazelle.core.serialization import rebuild
from gazelle.losses.target_shapes import warn_of_broadcasting
from gazelle.saving.h5_format.activations import hard_sigmoid_before_keras_3

#: era -> the releases that `__version__` reports: of the package `keras`, of TensorFlow with its `tf.keras`
VERSIONS = {1: ("1.2.2", "2.15.0"), 2: ("2.3.1", "2.15.0"), 3: ("3.15.1", "2.21.0")}
#: modules of gazelle whose functions take or return layers, losses and the like; other functions are not wrapped
_WRAPPED = frozenset(
    listed("""activations applications constraints initializers layers losses metrics models optimizers
        regularizers saving wrappers""")
)
#: functions whose arguments had other names in earlier versions
_TRANSLATED = frozenset(listed("Input load_data load_model model_to_dot plot_model save_model set_epsilon set_floatx"))
_TENSOR_FUNCTIONS = ("activations", "losses", "metrics")
_NOT_ON_TENSORS = ("deserialize", "get", "serialize")
_MERGED = ("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract")
_DATASETS = listed("""audio_dataset_from_directory image_dataset_from_directory text_dataset_from_directory
    timeseries_dataset_from_array""")


def version(name: str) -> str:
    """`__version__` of a module: "keras", "tensorflow", "tensorflow.keras", "tf_keras" or "keras_core"."""
    keras, tensorflow = VERSIONS[era.number()]
    if name == "tensorflow":
        return tensorflow
    return keras if era.number() == 3 or (era.standalone() and name == "keras") else tensorflow


class Namespace(ModuleType):
    """A module of `keras`; `path` is the module of gazelle that it represents.

    >>> Namespace("keras", "gazelle").layers.Dense(2).units
    2
    """

    is_facade = True

    def __init__(self, name: str, path: str) -> None:
        object.__setattr__(self, "_real", importlib.import_module(path))
        super().__init__(name, self._real.__doc__)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        path = self._real.__name__
        if path == "gazelle" and name == "version" and era.number() < 3 and self.__name__.startswith("tensorflow"):
            raise AttributeError("tf.keras has no version() before Keras 3", name=name, obj=self)  # packages look it up
        if path == "gazelle" and name in ("__version__", "version"):
            return version(self.__name__) if name == "__version__" else lambda: version(self.__name__)
        if path == "gazelle" and name == "__file__":  # of the package
            return self._real.__file__
        if path == "gazelle" and name == "src":
            return importlib.import_module(f"{self.__name__}.src")
        if name == "__all__":
            listed = getattr(self._real, "__all__", None)
            if listed is None:  # its own classes and functions
                public = ((n, v) for n, v in vars(self._real).items() if not n.startswith("_"))
                listed = [n for n, v in public if getattr(v, "__module__", "") == path]
            if era.number() == 3 and path != "gazelle.backend":
                return listed
            names = [*listed, *(n for n in old_names.legacy_names(path) if n not in listed)]
            return [n for n in names if n != "version" or not self.__name__.startswith("tensorflow")]
        if (
            name.startswith("__")
            and name != "__internal__"
            and not (name == "__version__" and name in vars(self._real))
        ):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        found = look_up(path, name)
        if found is NOTHING and path == "gazelle.backend" and "keras_core" in sys.modules:
            source = importlib.import_module("gazelle.compat.private.keras_src").module("keras.src.backend")
            found = getattr(source, name, NOTHING)  # keras_core showed all of its backend
        if found is NOTHING:
            found = getattr(self._real, name)  # raises an error with the nearest names
        return converted(found)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        """All names, as `vars(keras.activations)` has them."""
        own: dict[str, Any] = super().__dict__
        return {name: getattr(self, name) for name in dir(self)} | own

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, ModuleType):  # the import system assigns submodules, which `__getattr__` finds anyway
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:  # modules that functions of a program use are pickled with them
        path = self._real.__name__
        return (root, (self.__name__,)) if path == "gazelle" else (namespace, (path,))

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._real), "__version__"} if self._real.__name__ == "gazelle" else dir(self._real))


@functools.cache
def namespace(path: str) -> Namespace:
    """The module of `keras` for a module of gazelle."""
    return Namespace(f"keras{path.removeprefix('gazelle')}", path)


def _numpy(array: jax.Array) -> np.ndarray[Any, Any]:
    """The method `numpy` of arrays: a copy that programs may change, as that of TensorFlow."""
    return np.array(array)


@functools.cache
def root(name: str) -> Namespace:
    """The module `keras` under one of its names, with the version of that package.

    From then on arrays have the method `numpy`, as those of Keras on TensorFlow, its default, and on PyTorch.
    """
    jax.Array.numpy = _numpy  # type: ignore[attr-defined]
    return Namespace(name, "gazelle")


def names_of(path: str) -> Callable[[str], NamedObject]:
    """`__getattr__` of a module that also has all names of a module of `keras`."""
    return lambda name: getattr(namespace(path), name)


def path_of(path: str) -> str:
    """The module that replaces `gazelle.<part>`, which may be a module of an earlier version."""
    return old_names.replaced(path.partition(".")[2]) or path


def look_up(path: str, name: str) -> Any:
    """The object that a name of a module refers to; NOTHING if there is none."""
    if (replaced := old_names.replacement(f"{path}.{name}")) is not None:
        return tables.resolve(replaced, path)
    if name in old_names.NAMES.get(path, {}):
        return old_names.find(path, name)
    inner = path_of(f"{path}.{name}")
    if inner != f"{path}.{name}":
        return importlib.import_module(inner)
    real = importlib.import_module(path)
    if name in getattr(real, "__all__", ()) or (name in vars(real) and not isinstance(vars(real)[name], ModuleType)):
        return getattr(real, name)
    found = old_names.find(path, name)
    return _unimported_module(path, name) if found is NOTHING else found


def _unimported_module(path: str, name: str) -> Any:
    """A module inside a package that was not imported yet."""
    spec = importlib.util.find_spec(path)
    package = spec is not None and spec.submodule_search_locations is not None
    there = package and importlib.util.find_spec(f"{path}.{name}") is not None
    return importlib.import_module(f"{path}.{name}") if there else NOTHING


def converted(value: Any) -> Any:
    """An object of gazelle as programs see it: a namespace, a generated class, a function that accepts both."""
    if isinstance(value, ModuleType):
        mine = value.__name__.startswith("gazelle") and not value.__name__.startswith("gazelle.compat.tensorflow")
        return namespace(value.__name__) if mine and not isinstance(value, Namespace) else value
    if isinstance(value, type):
        return compat_class(value) if is_core(value) else value
    if isinstance(value, FunctionType | MethodType) and str(value.__module__).startswith("gazelle."):
        return function(value)
    return value


@functools.cache
def function(original: FunctionType | MethodType) -> Any:
    """The wrapper of a function of gazelle that programs call."""
    if isinstance(original, MethodType):  # `get` or `deserialize` of a kind of objects
        return _adopting(original)
    path = original.__module__.split(".")
    name = original.__name__
    if path[1] == "layers" and name in _MERGED:
        return _merging(original)
    if name in _DATASETS:
        return _of_tensorflow(original)
    if path[1] == "compat":
        return original if name != "merge" and name != "Merge" else _adopting(original)
    if path[1] in ("ops", "random"):
        return _recorded(original)
    if path[1] not in _WRAPPED and name not in _TRANSLATED:
        return original
    # also those of earlier files in saving.h5_format.activations
    if (path[1] in _TENSOR_FUNCTIONS or path[-1] == "activations") and name not in _NOT_ON_TENSORS:
        return _on_tensors(original)
    return _adopting(original)


def _with_core(wrapper: Callable[..., Any], original: Any) -> Any:
    vars(wrapper)["_core"] = original
    path, name = original.__module__, original.__name__
    if vars(importlib.import_module(path)).get(name) is original:  # so that it is pickled
        wrapper.__module__ = "gazelle.compat.generated"
        wrapper.__qualname__ = f"{path.removeprefix('gazelle.')}.{name}"
    return wrapper


def _adopting(original: Any) -> Any:
    """The function, returning objects of the generated classes."""

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        old_names.register_classes()
        args, kwargs = plain(args), plain(kwargs)
        if original.__name__ in _TRANSLATED:
            args, kwargs = _translated_arguments(original, args, kwargs)
        classes = _classes_in_files(era.number())
        if original.__name__ == "clone_model":  # the optimizer may have arguments of earlier versions
            classes = classes | _generated_classes("optimizers")
        if original.__name__ == "load_model":
            classes = classes | saved_classes.of(args[0] if args else kwargs.get("filepath"))
        lookup = getattr(original, "__self__", None)
        if original.__name__ == "get" and args and isinstance(args[0], str):
            module = original.__module__ if lookup is None else f"gazelle.{lookup.namespace}"
            args = (_named(module, args[0]), *args[1:])
        is_found = isinstance(lookup, Lookup) and lookup.namespace == "optimizers" and original.__name__ != "serialize"
        if is_found and args and (optimizer := optimizer_named(args[0])) is not None:
            return optimizer
        if isinstance(lookup, Lookup) and args and isinstance(args[0], dict):  # arguments of earlier versions
            classes = classes | _generated_classes(lookup.namespace)
        with custom_object_scope({**classes, **CUSTOM, **custom_objects()}):  # those of the program take precedence
            alone = original.__name__ == "clone_model" and len(args) == 1 and not kwargs
            is_layer = alone and hasattr(args[0], "get_config") and not hasattr(args[0], "compile_from_config")
            out = rebuild(args[0]) if is_layer else original(*args, **kwargs)
            out = converted(out) if isinstance(out, FunctionType) else adopt(out)
        if original.__name__ == "serialize" and era.number() < 3 and out == hard_sigmoid_before_keras_3.__name__:
            out = "hard_sigmoid"
        if original.__name__ == "save_model" and len(args) > 1:
            saved_classes.remember(args[0], args[1])
        if original.__name__ in ("load_model", "clone_model") and era.number() < 3:
            recompile(out)
        return out

    return _with_core(called, original)


def _named(module: str, name: str) -> Any:
    """What `get` of a module finds by a name of its era; the name if that is the one of today."""
    earlier = {} if module == "gazelle.optimizers" else old_names.NAMES.get(module, {})  # there `adam` is a class
    replaced = old_names.replacement(f"{module}.{name}") or earlier.get(name)
    found = NOTHING if replaced is None else tables.resolve(replaced, module)
    if module == "gazelle.metrics" and era.number() == 2 and (name.islower() or name.isupper()):
        found = look_up(module, name)  # functions, from which Keras 3 makes metrics
    if module == "gazelle.regularizers" and isinstance(found, FunctionType):
        found = found()
    return found if found is not NOTHING and callable(found) else name


@functools.cache
def _generated_classes(family: str) -> dict[str, Any]:
    """The generated classes by their names in configs."""
    return {name: compat_class(cls) for name, cls in REGISTRY[family].items() if is_core(cls)}


@functools.cache
def _classes_in_files(era_number: int) -> dict[str, Any]:
    """The layers that compute otherwise in programs, for the graphs of models that are loaded.

    Functions of Lambda receive tensors; in Keras 1 and 2 the masks of merging layers differ.
    """
    layers = importlib.import_module("gazelle.layers")
    names = ("Lambda", *(name.capitalize() for name in _MERGED if era_number < 3))
    return {name: compat_class(getattr(layers, name)) for name in names}


def _translated_arguments(original: FunctionType, args: Any, kwargs: Any) -> Any:
    from gazelle.compat.arguments import translation

    return translation.of_function(original, args, kwargs)


def _merging(original: FunctionType) -> Any:
    """A function such as `add(inputs, **kwargs)`: it calls a layer of the generated class."""
    kind = namespace("gazelle.layers").__getattr__(original.__name__.capitalize())

    @functools.wraps(original)
    def called(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return kind(*args, **kwargs)(inputs)

    return _with_core(called, original)


def _on_tensors(original: FunctionType) -> Any:
    """A function of arrays that also takes tensors, and then returns tensors."""
    compute = warn_of_broadcasting()(original)  # also when a tape calls it again

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        if "alpha" in kwargs and original is activations.relu:  # its name until Keras 3
            kwargs["negative_slope"] = kwargs.pop("alpha")
        return compute(*args, **kwargs) if facade.calls is None else facade.calls.function_call(compute, args, kwargs)

    return _with_core(called, original)


def _recorded(original: FunctionType) -> Any:
    """A function of arrays and tensors, which is recorded if it is called on variables, too.

    In a module that imports tensorflow, its results are tensors also if no argument is one: `ops.arange(3).numpy()`.
    """

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        kind = recorder.get()
        if kind is not None and has_variable((args, kwargs)):
            return kind.dispatch(original, args, kwargs)
        out = original(*args, **kwargs)
        in_graph = era.number() < 3 and not lifting.computes_at_once()  # where tensors may belong to graphs
        of_arrays = in_graph and not has_variable((args, kwargs))
        return out if facade.calls is None or of_arrays else facade.calls.result_of_ops(out, args, kwargs)

    return _with_core(called, original)


def _of_tensorflow(original: FunctionType) -> Any:
    """A function that creates a dataset: one of `tf.data` while the facade is active."""

    @functools.wraps(original)
    def made(*args: Any, **kwargs: Any) -> Any:
        out = original(*args, **kwargs)
        return out if facade.calls is None or not facade.serves_caller() else facade.calls.datasets(out)

    return _with_core(made, original)
