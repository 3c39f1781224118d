"""The functions of `keras` for programs: wrappers of gazelle's functions.

They accept arguments of earlier versions and tensors of the TensorFlow facade, and return objects of the generated
classes.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any

from gazelle import activations
from gazelle.compat import era, facade, former_files, old_names, saved_classes, tables
from gazelle.compat.arguments import translation
from gazelle.compat.backend import lifting
from gazelle.compat.classes import adopt, compat_class, is_core, plain
from gazelle.compat.era import NOTHING
from gazelle.compat.recorded_variable import active_recorder, has_variable
from gazelle.compat.rules.models import optimizer_named, recompile
from gazelle.compat.tables import listed
from gazelle.compat.types import Arguments, Function, Keywords, NamedObject
from gazelle.core.lookup import Lookup
from gazelle.core.registry import CUSTOM, REGISTRY, custom_object_scope, custom_objects
from gazelle.core.serialization import rebuild
from gazelle.losses.target_shapes import broadcast_of_ranks, warn_of_broadcasting
from gazelle.saving import config_check
from gazelle.saving.h5_format.activations import hard_sigmoid_before_keras_3

#: modules of gazelle whose functions take or return layers, losses and the like; other functions are not wrapped
_WRAPPED = frozenset(
    listed("""activations applications constraints initializers layers losses metrics models optimizers
        regularizers saving wrappers""")
)
#: functions whose arguments had other names in earlier versions
_TRANSLATED = frozenset(listed("Input load_data load_model model_to_dot plot_model save_model set_epsilon set_floatx"))
#: arguments of functions of the package keras_applications
MODULES = ("backend", "layers", "models", "utils")
_TENSOR_FUNCTIONS = ("activations", "losses", "metrics")
_LOOKUPS = ("deserialize", "get", "serialize")
_MERGED = ("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract")
_DATASETS = listed("""audio_dataset_from_directory image_dataset_from_directory text_dataset_from_directory
    split_dataset timeseries_dataset_from_array""")


def wrapped(value: object) -> NamedObject:
    """What programs get in place of a function of gazelle; other objects are returned unchanged."""
    is_function = isinstance(value, FunctionType | MethodType)
    return _wrapped(value) if is_function and str(value.__module__).startswith("gazelle.") else value


@functools.cache
def _wrapped(original: Any) -> Any:
    call = _call_of(original)
    return original if call is None else _with_core(call, original)


def _call_of(original: Any) -> Callable[..., Any] | None:
    """The function `call(original, *args, **kwargs)` that programs call in place of one of gazelle; None: itself."""
    path = original.__module__.split(".")
    name = original.__name__
    is_lookup = isinstance(getattr(original, "__self__", None), Lookup) or original is activations.get
    if name == "serialize" and (is_lookup or path[1] == "layers"):
        return _serialized
    if is_lookup:
        return _looked_up
    if path[1] == "layers" and name == "deserialize":
        return _layer_from_config
    if path[1] == "layers" and name in _MERGED:
        return _merged
    if name in _DATASETS:
        return _of_tensorflow
    if path[1] == "compat":
        return _adopted_call if name == "Merge" else None
    if path[1] in ("ops", "random"):
        return _recorded
    if name in _OF_MODELS:
        return _OF_MODELS[name]
    if path[1] not in _WRAPPED and name not in _TRANSLATED:
        return None
    # also those of earlier files in saving.h5_format.activations
    if (path[1] in _TENSOR_FUNCTIONS or path[-1] == "activations") and name not in _LOOKUPS:
        return _on_tensors
    return _adopted_call


def _with_core(call: Callable[..., Any], original: Any) -> Any:
    """The function that runs `call` on `original` and the arguments, with the name and documentation of `original`."""

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return call(original, *args, **kwargs)

    vars(wrapper)["_core"] = original
    path, name = original.__module__, original.__name__
    if vars(importlib.import_module(path)).get(name) is original:  # so that it is pickled
        wrapper.__module__ = "gazelle.compat.generated"
        wrapper.__qualname__ = f"{path.removeprefix('gazelle.')}.{name}"
    return wrapper


# Functions that return objects of the generated classes ---------------------------------------------------------------


def _adopted_call(original: Any, *args: Any, **kwargs: Any) -> Any:
    """The result as an object of the generated classes."""
    return adopted(original, *_translated(original, args, kwargs))


def _translated(original: Any, args: Any, kwargs: Any) -> Any:
    """The arguments under the names of today."""
    args, kwargs = plain(args), plain(kwargs)
    if original.__module__.startswith("gazelle.applications.") and era.number() < 3:
        kwargs = {key: value for key, value in kwargs.items() if key not in MODULES}
    return translation.of_function(original, args, kwargs) if original.__name__ in _TRANSLATED else (args, kwargs)


def adopted(
    original: Function, args: Arguments, kwargs: Keywords, classes: Mapping[str, type] | None = None
) -> NamedObject:
    """The result of a call as an object of the generated classes, which configs in the arguments may name."""
    old_names.register_classes()
    # those of the program take precedence
    with custom_object_scope({**_classes_in_files(era.number()), **(classes or {}), **CUSTOM, **custom_objects()}):
        out = original(*args, **kwargs)
        return wrapped(out) if isinstance(out, FunctionType) else adopt(out)


@functools.cache
def _generated_classes(family: str) -> dict[str, Any]:
    """The generated classes by their names in configs."""
    return {name: compat_class(cls) for name, cls in REGISTRY[family].items() if is_core(cls)}


@functools.cache
def _classes_in_files(era_number: int) -> dict[str, Any]:
    """The layers that compute otherwise in programs, for the graphs of models that are loaded.

    Functions of Lambda receive tensors; in Keras 1 and 2 the masks of merging layers and constants of RNN differ.
    """
    layers = importlib.import_module("gazelle.layers")
    earlier = ("RNN", "Bidirectional", *(name.capitalize() for name in _MERGED)) if era_number < 3 else ()
    return {name: compat_class(getattr(layers, name)) for name in ("Lambda", *earlier)}


# `get`, `deserialize` and `serialize` of a family of objects ----------------------------------------------------------


def _looked_up(original: Any, *args: Any, **kwargs: Any) -> Any:
    """`get` or `deserialize` of a family, with the names and the defaults of the era."""
    family = "activations" if original is activations.get else original.__self__.namespace
    _is_in_legacy_format(kwargs)
    identifier, *others = plain(args) or [None]
    if family == "optimizers" and (optimizer := optimizer_named(identifier)) is not None:
        return optimizer
    own = kwargs.get("custom_objects") or (others[0] if others else None) or {}  # an argument of `deserialize` only
    if isinstance(identifier, str) and identifier not in own:
        identifier = _named(family, identifier)
    if isinstance(identifier, dict) and era.number() < 3 and family != "optimizers":  # which have rules of their own
        identifier = config_check.to_keras_3(identifier)
    classes = _generated_classes(family) if isinstance(identifier, dict) else {}  # arguments of earlier versions
    return adopted(original, (identifier, *others) if args else (), plain(kwargs), classes)


def _named(family: str, name: str) -> Any:
    """What `get` of a family finds by a name of its era; the name if that is the one of today."""
    module = f"gazelle.{family}"
    earlier = {} if family == "optimizers" else old_names.NAMES.get(module, {})  # there `adam` is a class
    where = old_names.replacement(f"{module}.{name}") or earlier.get(name)
    found = NOTHING if where is None else tables.resolve(where, module)
    if family == "metrics" and era.number() == 2 and (name.islower() or name.isupper()):
        found = old_names.look_up(module, name)  # functions, from which Keras 3 makes metrics
    if family == "regularizers" and isinstance(found, FunctionType):
        found = found()
    return found if found is not NOTHING and callable(found) else name


def _serialized(original: Any, *args: Any, **kwargs: Any) -> Any:
    """`serialize` of a family; hard_sigmoid of Keras 1 and 2 has its own name in our files."""
    if _is_in_legacy_format(kwargs):
        original = importlib.import_module("gazelle.compat.private.legacy_serialization").serialize_keras_object
    out = adopted(original, plain(args), plain(kwargs))
    is_earlier = era.number() < 3 and out == hard_sigmoid_before_keras_3.__name__
    return "hard_sigmoid" if is_earlier else out


def _is_in_legacy_format(kwargs: dict[str, Any]) -> bool:
    """Remove the argument `use_legacy_format` of tf.keras 2; whether it is true. Both formats are read without it."""
    return era.number() < 3 and bool(kwargs.pop("use_legacy_format", False))


def _layer_from_config(original: FunctionType, config: Any, *args: Any, **kwargs: Any) -> Any:
    """`layers.deserialize`, which reads the configs of the era."""
    _is_in_legacy_format(kwargs)
    if era.number() < 3 and isinstance(config, Mapping):
        config = former_files.current_layer(config)
    return adopted(original, (config, *args), kwargs)


# Functions of models --------------------------------------------------------------------------------------------------


def _loaded(original: FunctionType, *args: Any, **kwargs: Any) -> Any:
    """`load_model`: the model with the losses and metrics of the era, and the program's own classes."""
    args, kwargs = _translated(original, args, kwargs)
    classes = saved_classes.of(args[0] if args else kwargs.get("filepath"))
    return _recompiled(adopted(original, args, kwargs, classes))


def _saved(_: FunctionType, model: Any, *args: Any, **kwargs: Any) -> Any:
    """`save_model`, which does what the method of the model does."""
    return model.save(*args, **kwargs)


def _cloned(original: FunctionType, *args: Any, **kwargs: Any) -> Any:
    """`clone_model`, which also takes a layer; the optimizer may have arguments of earlier versions."""
    args, kwargs = plain(args), plain(kwargs)
    alone = len(args) == 1 and not kwargs
    is_layer = alone and hasattr(args[0], "get_config") and not hasattr(args[0], "compile_from_config")
    clone = rebuild if is_layer else original
    return _recompiled(adopted(clone, args, kwargs, _generated_classes("optimizers")))


def _recompiled(model: Any) -> Any:
    if era.number() < 3:
        recompile(model)
    return model


_OF_MODELS: dict[str, Callable[..., Any]] = {"clone_model": _cloned, "load_model": _loaded, "save_model": _saved}


# Functions of tensors -------------------------------------------------------------------------------------------------


def _merged(original: FunctionType, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """A function such as `add(inputs, **kwargs)`: it calls a layer of the generated class."""
    kind = compat_class(getattr(importlib.import_module("gazelle.layers"), original.__name__.capitalize()))
    return kind(*args, **kwargs)(inputs)


def _on_tensors(original: FunctionType, *args: Any, **kwargs: Any) -> Any:
    """A function of arrays that also takes tensors, and then returns tensors."""
    if "alpha" in kwargs and original is activations.relu:  # its name until Keras 3
        kwargs["negative_slope"] = kwargs.pop("alpha")
    return facade.adapter.function_call(_with_warning(original), args, kwargs)


@functools.cache
def _with_warning(original: FunctionType) -> Any:
    @functools.wraps(original)
    def compute(*args: Any, **kwargs: Any) -> Any:
        with warn_of_broadcasting(), broadcast_of_ranks(era.number() < 3):  # also when a tape calls it again
            return original(*args, **kwargs)

    return compute


def _recorded(original: FunctionType, *args: Any, **kwargs: Any) -> Any:
    """A function of arrays and tensors, which is recorded if it is called on variables, too.

    In a module that imports tensorflow, its results are tensors also if no argument is one: `ops.arange(3).numpy()`.
    """
    kind = active_recorder()
    if kind is not None and has_variable((args, kwargs)):
        return kind.dispatch(original, args, kwargs)
    if not hasattr(original, "__wrapped__"):
        found = facade.adapter.plain_function(original, args, kwargs)
        if found is not NOTHING:
            return found
    out = original(*args, **kwargs)
    in_graph = era.number() < 3 and not lifting.computes_at_once()  # where tensors may belong to graphs
    of_arrays = in_graph and not has_variable((args, kwargs))
    return out if of_arrays else facade.adapter.result_of_ops(out, args, kwargs)


def _of_tensorflow(original: FunctionType, *args: Any, **kwargs: Any) -> Any:
    """A function that creates a dataset: one of `tf.data` while the facade is active."""
    out = original(*args, **kwargs)
    return facade.adapter.datasets(out) if facade.serves_caller() else out
