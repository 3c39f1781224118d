"""Helper functions inside the modules of `keras.utils` in Keras 1 and 2."""

from __future__ import annotations

import base64
import hashlib
import marshal
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from gazelle import tree
from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import defined
from gazelle.core.errors import ArgumentError, UnsafeFileError, message
from gazelle.core.types import ArrayLike, PathLike, Tree
from gazelle.layers import Input, Layer
from gazelle.models import Model, Sequential
from gazelle.saving import get_custom_objects

Array = np.ndarray[Any, Any]


def func_dump(func: Callable[..., Any]) -> tuple[str, Any, Any]:
    """Return a function as (code, defaults, closure)."""
    code = base64.b64encode(marshal.dumps(func.__code__)).decode()
    closure = tuple(cell.cell_contents for cell in func.__closure__ or ()) or None
    return code, func.__defaults__, closure


def func_load(code: object, defaults: object = None, closure: object = None, globs: object = None) -> NoReturn:
    """Raise an error: code in data is never run."""
    hint = "Pass the function itself: load_model(path, custom_objects={'name': function})."
    raise UnsafeFileError(message("func_load", expected="data", got="code", hint=hint))


def get_from_module(
    identifier: object,
    module_params: Mapping[str, Any],
    module_name: str,
    instantiate: bool = False,
    kwargs: Mapping[str, Any] | None = None,
) -> object:
    """Return the object of a name among `module_params` and the custom objects; other things than names unchanged."""
    if isinstance(identifier, dict):
        kwargs, instantiate = {k: value for k, value in identifier.items() if k != "name"}, True
        identifier = identifier.get("name")
    if not isinstance(identifier, str):
        return identifier
    found = get_custom_objects().get(identifier) or module_params.get(identifier)
    if found is None:
        raise ArgumentError(message(module_name, expected="a known name", got=repr(identifier)))
    return found(**kwargs or {}) if instantiate else found


def make_tuple(*args: Any) -> tuple[Any, ...]:
    """Return the arguments."""
    return args


def check_for_unexpected_keys(name: str, input_dict: Iterable[str], expected_values: Iterable[str]) -> None:
    """Raise an error for keys that are not expected."""
    unknown = sorted(set(input_dict) - set(expected_values))
    if unknown:
        raise ArgumentError(message(name, expected=f"{sorted(expected_values)}", got=f"{unknown}"))


def transpose_shape(shape: Sequence[Any], target_format: str, spatial_axes: Sequence[int]) -> Sequence[Any]:
    """Return a shape with the channels last in the order of `target_format`."""
    if target_format == "channels_last":
        return shape
    return (*shape[: spatial_axes[0]], shape[-1], *(shape[i] for i in spatial_axes))


def path_to_string(path: object) -> object:
    """Return a path as text, and other things unchanged."""
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def to_numpy_or_python_type(tensors: Tree) -> Tree:
    """Return tensors as NumPy arrays, those without axes as numbers."""

    def converted(leaf: Any) -> Any:
        if not hasattr(leaf, "shape") or isinstance(leaf, np.generic):
            return leaf
        values = np.asarray(leaf)
        return values if values.ndim else values.item()

    return tree.map_structure(converted, tensors)


sync_to_numpy_or_python_type = to_numpy_or_python_type


def ragged_assert_compatible_and_get_flat_values(values: object, mask: object = None) -> tuple[object, object]:
    """Return the arguments of a metric, which are not ragged."""
    return values, mask


# numbers --------------------------------------------------------------------------------------------------------------


def accuracy(p: Sequence[Any], y: Sequence[Any]) -> float:
    """Return the fraction of equal elements."""
    return float(np.mean([a == b for a, b in zip(p, y, strict=False)]))


def binary_logloss(p: ArrayLike, y: ArrayLike) -> float:
    """Return the mean cross-entropy of probabilities and labels 0 or 1."""
    labels, probabilities = np.asarray(y), np.clip(np.asarray(p), 1e-15, 1 - 1e-15)
    return float(-np.mean(labels * np.log(probabilities) + (1 - labels) * np.log(1 - probabilities)))


def multiclass_logloss(P: Sequence[Any], Y: Sequence[int]) -> float:
    """Return the mean cross-entropy of rows of probabilities and classes, which count from 1."""
    return float(-np.mean([np.log(row[label - 1]) for row, label in zip(P, Y, strict=False)]))


def get_test_data(
    num_train: int = 1000,
    num_test: int = 500,
    input_shape: tuple[int, ...] = (10,),
    output_shape: tuple[int, ...] = (2,),
    classification: bool = True,
    num_classes: int = 2,
    nb_train: int | None = None,
    nb_test: int | None = None,
    nb_class: int | None = None,
    random_seed: int | None = None,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return random data of classes or numbers with different means: (x, y), (x_test, y_test)."""
    num_train, num_test = nb_train or num_train, nb_test or num_test
    if random_seed is not None:
        np.random.seed(random_seed)
    count = num_train + num_test
    if classification:
        y = loc = np.random.randint(0, nb_class or num_classes, count)
    else:
        loc = np.random.random(count)
        y = np.random.normal(loc.reshape(-1, *[1] * len(output_shape)), 0.7, (count, *output_shape))
    x = np.random.normal(loc.reshape(-1, *[1] * len(input_shape)), 0.7, (count, *input_shape))
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


@ignores("validate_training adapt_data=None custom_objects=None test_harness supports_masking")
def layer_test(
    layer_cls: type[Layer],
    kwargs: Mapping[str, Any] | None = None,
    input_shape: Sequence[int | None] | None = None,
    input_dtype: str | None = None,
    input_data: Array | None = None,
    expected_output: Array | None = None,
    expected_output_dtype: str | None = None,
    fixed_batch_size: bool = False,
) -> Array:
    """Call, copy and train a layer on random inputs, and return its outputs."""
    if input_data is None:
        shape = [np.random.randint(1, 4) if size is None else size for size in input_shape or ()]
        input_data = (10 * np.random.random(shape)).astype(input_dtype or "float32")
    input_shape = input_data.shape if input_shape is None else input_shape
    layer = layer_cls(**kwargs or {})
    x = Input(batch_shape=input_shape if fixed_batch_size else (None, *input_shape[1:]), dtype=input_dtype)
    y = layer(x)
    if expected_output_dtype is not None:
        assert K.dtype(y) == expected_output_dtype
    model = Model(x, y)
    output = model.predict(input_data, verbose=0)
    if expected_output is not None:
        np.testing.assert_allclose(output, expected_output, rtol=1e-3)
    copy = Model.from_config(model.get_config(), {layer_cls.__name__: layer_cls})
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(input_data, verbose=0), output, rtol=1e-3)
    trained = Sequential([layer_cls(**kwargs or {})])
    trained.compile("rmsprop", "mse")
    trained.train_on_batch(input_data, output)
    return output


# files ----------------------------------------------------------------------------------------------------------------


def hash_file(fpath: PathLike, algorithm: str = "sha256", chunk_size: int = 65535) -> str:
    """Return the hash of a file in hexadecimal digits."""
    with open(fpath, "rb") as file:
        return hashlib.file_digest(file, "md5" if algorithm == "md5" else "sha256").hexdigest()


def validate_file(fpath: PathLike, file_hash: str, algorithm: str = "auto", chunk_size: int = 65535) -> bool:
    """Return whether a file has this hash."""
    return hash_file(fpath, "md5" if algorithm == "md5" or len(file_hash) == 32 else "sha256") == file_hash


def ask_to_proceed_with_overwrite(filepath: PathLike) -> bool:
    """Return False if the file exists: it is never overwritten without a question."""
    return not os.path.exists(filepath)


#: the names that modules of this part of Keras have
NAMES = frozenset(defined(sys.modules[__name__]))
