"""`keras.src.testing`: the base class of the tests of packages for Keras 3."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import json
import operator
import os
import tempfile
import unittest
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import Any

import jax
import numpy as np
from jax.experimental import sparse as jax_sparse

from gazelle import losses, ops, tree
from gazelle.compat import namespaces
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.types import ArrayLike, DTypeLike, NamedObject, Option, TensorLike, TensorResult
from gazelle.core import dtypes, names
from gazelle.core.symbolic import KerasTensor

#: Keras derives its class from that of absl, whose decorators make a test of each row of a table
_HAS_ABSL = importlib.util.find_spec("absl") is not None
_Base: Any = importlib.import_module("absl.testing.parameterized").TestCase if _HAS_ABSL else unittest.TestCase
_WEIGHTS = ("trainable_weights", "non_trainable_weights", "non_trainable_variables", "seed_generators")


def uses_gpu() -> bool:
    """Return whether JAX computes on a GPU; packages skip tests there."""
    return jax.default_backend() == "gpu"


def uses_tpu() -> bool:
    """Return whether JAX computes on a TPU."""
    return jax.default_backend() == "tpu"


def uses_other_backend() -> bool:
    """Return False: neither TensorFlow nor torch computes."""
    return False


def named_product(
    *args: Sequence[Mapping[str, NamedObject]], **kwargs: Sequence[NamedObject]
) -> list[dict[str, NamedObject]]:
    """Return the arguments of each combination of values, with the name of its test.

    >>> [test["testcase_name"] for test in named_product(x=[1, 2], kind=[int, float])]
    ['1_int', '2_int', '1_float', '2_float']
    """
    text = lambda value: getattr(value, "__name__", str(value)).lower()  # noqa: E731
    own = [[{"testcase_name": text(value), key: value} for value in values] for key, values in kwargs.items()]
    rows = [row[::-1] for row in itertools.product(*reversed([*args, *own]))]
    joined = ({"testcase_name": "_".join(part["testcase_name"] for part in row)} for row in rows)
    merged = (functools.reduce(operator.or_, map(dict, row)) for row in rows)
    return [each | name for each, name in zip(merged, joined, strict=True)]


class TestCase(_Base):  # type: ignore[misc]
    """The assertions on arrays and layers of `keras.src.testing.TestCase`."""

    maxDiff = None

    def setUp(self) -> None:
        """Count names of layers from the beginning."""
        super().setUp()
        names.clear_session()

    def get_temp_dir(self) -> str:
        """Return a new folder, which is removed after the test."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def convert_to_numpy(self, x: Option) -> TensorResult:
        """Return the values of a tensor, variable or list as an array."""
        return x if isinstance(x, np.ndarray) else np.asarray(ops.convert_to_numpy(x) if hasattr(x, "dtype") else x)

    @ignores("tpu_atol@5 tpu_rtol@6")
    def assertAllClose(
        self, actual: TensorLike, desired: TensorLike, atol: float = 1e-6, rtol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Fail if shapes differ or values differ by more than the tolerances."""
        got, wanted = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_allclose(got, wanted, atol=atol, rtol=rtol, err_msg=msg or "")

    def assertNotAllClose(
        self, x1: TensorLike, x2: TensorLike, atol: float = 1e-6, rtol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Fail if all values are close."""
        with self.assertRaises(AssertionError, msg=msg):
            self.assertAllClose(x1, x2, atol=atol, rtol=rtol)

    @ignores("tpu_decimal@4")
    def assertAlmostEqual(
        self, actual: TensorLike, desired: TensorLike, decimal: int = 3, msg: str | None = None
    ) -> None:
        """Fail if values differ in the first decimals."""
        got, wanted = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_almost_equal(got, wanted, decimal=decimal, err_msg=msg or "")

    def assertAllEqual(self, actual: TensorLike, desired: TensorLike, msg: str | None = None) -> None:
        """Fail if shapes or values differ."""
        got, wanted = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_array_equal(got, wanted, err_msg=msg or "")

    def assertLen(self, iterable: Sized, expected_len: int, msg: str | None = None) -> None:
        """Fail if there are more or fewer items."""
        self.assertEqual(len(iterable), expected_len, msg)

    def assertDType(self, x: TensorLike, dtype: DTypeLike, msg: str | None = None) -> None:
        """Fail if the dtype is another one."""
        self.assertEqual(dtypes.standardize(getattr(x, "dtype", type(x))), dtypes.standardize(dtype), msg)

    def assertSparse(self, x: TensorLike, sparse: bool = True) -> None:
        """Fail if a tensor is not sparse; with `sparse=False` if it is."""
        found = x.sparse if isinstance(x, KerasTensor) else isinstance(x, jax_sparse.JAXSparse)
        self.assertEqual(bool(found), sparse)

    def assertFileExists(self, path: str) -> None:
        """Fail if there is no file."""
        self.assertTrue(os.path.isfile(path), f"There is no file {path}.")

    def run_class_serialization_test(
        self, instance: NamedObject, custom_objects: Mapping[str, NamedObject] | None = None
    ) -> NamedObject:
        """Make an object again from its config, with and without JSON, and compare configs; returns the second."""
        config, saving = _text(instance.get_config()), namespaces.root("keras").saving
        with saving.custom_object_scope(custom_objects or {}):
            self.assertEqual(_text(type(instance).from_config(instance.get_config()).get_config()), config)
            serialized = json.loads(json.dumps(saving.serialize_keras_object(instance)))
            again = saving.deserialize_keras_object(serialized)
        self.assertEqual(_text(again.get_config()), config)
        self.assertEqual(set(dir(again)), set(dir(instance)))
        return again

    @ignores("input_ragged@6=False expected_output_ragged@12=False tpu_atol tpu_rtol")
    def run_layer_test(
        self,
        layer_cls: Callable[..., NamedObject],
        init_kwargs: Mapping[str, NamedObject] | None,
        input_shape: NamedObject = None,
        input_dtype: NamedObject = None,
        input_sparse: bool = False,
        input_data: TensorLike = None,
        call_kwargs: Mapping[str, NamedObject] | None = None,
        expected_output_shape: NamedObject = None,
        expected_output_dtype: NamedObject = None,
        expected_output_sparse: bool = False,
        expected_output: ArrayLike | None = None,
        expected_num_trainable_weights: int | None = None,
        expected_num_non_trainable_weights: int | None = None,
        expected_num_non_trainable_variables: int | None = None,
        expected_num_seed_generators: int | None = None,
        expected_num_losses: int | None = None,
        supports_masking: bool | None = None,
        expected_mask_shape: tuple[int | None, ...] | None = None,
        custom_objects: Mapping[str, NamedObject] | None = None,
        run_training_check: bool = True,
        run_mixed_precision_check: bool = True,
        assert_built_after_instantiation: bool = False,
    ) -> None:
        """Check config, weights, shapes, dtypes and outputs of a layer, called on symbols and on values, and train it.

        Without data, inputs of `input_shape` are drawn. Nested shapes and dtypes have the structure of the inputs;
        those of a dict are passed by keyword, with "x_shape" for the argument x.
        """
        counts = (
            expected_num_trainable_weights,
            expected_num_non_trainable_weights,
            expected_num_non_trainable_variables,
            expected_num_seed_generators,
        )
        make = lambda **more: layer_cls(**{**(init_kwargs or {}), **more})  # noqa: E731
        layer = make()
        self.run_class_serialization_test(layer, custom_objects)
        if assert_built_after_instantiation:
            self.assertTrue(layer.built, "A layer without weights is built when it is made.")
        if supports_masking is not None:
            self.assertEqual(layer.supports_masking, supports_masking, "supports_masking")
        if input_data is None and input_shape is None:
            return
        if input_data is None:
            input_data = _of_shapes(_sparse if input_sparse else _sample, input_shape, input_dtype)
            symbols = _of_shapes(_symbol(input_sparse), input_shape, input_dtype)
        else:
            symbols = tree.map_structure(lambda x: _symbol(input_sparse)(np.shape(x), str(x.dtype)), input_data)
        called = lambda layer, x: _called(layer, x, call_kwargs or {})  # noqa: E731
        expected = (expected_output_shape, expected_output_dtype, expected_output_sparse)
        layer = make()
        self._check_output(called(layer, symbols), *expected)
        self._check_weights(layer, counts)
        if expected_mask_shape is not None:
            self.assertEqual(layer.compute_mask(symbols).shape, expected_mask_shape)
        layer = make()
        output = called(layer, input_data)
        self._check_output(output, *expected)
        self._check_weights(layer, counts)
        if expected_output is not None:
            for got, wanted in zip(tree.flatten(output), tree.flatten(expected_output), strict=True):
                self.assertAllClose(got, wanted, msg="output")
        if expected_num_losses is not None:
            self.assertLen(layer.losses, expected_num_losses, "number of losses")
        if run_training_check:
            _train(layer, input_data, output)
        if run_mixed_precision_check:
            half = make(dtype="mixed_float16")
            outputs, specs = (tree.flatten(called(half, each)) for each in (input_data, symbols))
            for value, symbol in zip(outputs, specs, strict=True):
                self.assertDType(value, symbol.dtype)
            for weight in half.weights:
                if dtypes.is_float(weight.dtype):
                    self.assertDType(weight, "float32")

    def _check_weights(self, layer: Any, counts: Iterable[int | None]) -> None:
        self.assertTrue(layer.built)
        found = [len(getattr(layer, name)) for name in _WEIGHTS[:3]]
        found.append(found[2] - found[1])  # of the variables only those of generators are no weights
        for name, got, wanted in zip(_WEIGHTS, found, counts, strict=True):
            if wanted is not None:
                self.assertEqual(got, wanted, f"number of {name}")

    def _check_output(self, output: Any, shape: Any, dtype: Any, sparse: bool) -> None:
        outputs = tree.flatten(output)
        if shape is not None:
            for each, wanted in zip(outputs, _shapes(shape), strict=True):
                self.assertLen(each.shape, len(wanted), f"shape {each.shape}, expected {wanted}")
                fits = all(size in (None, got) for size, got in zip(wanted, each.shape, strict=True))
                self.assertTrue(fits, f"shape {each.shape}, expected {wanted}")
        if dtype is not None:
            for each, wanted in zip(outputs, tree.flatten(dtype), strict=True):
                self.assertDType(each, wanted)
        if sparse:
            for each in outputs:
                self.assertSparse(each)


def _text(config: object) -> str:
    return json.dumps(config, sort_keys=True, default=repr)


def _is_shape(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(size is None or isinstance(size, int) for size in value)


def _shapes(shape: Any) -> list[Any]:
    """The shapes of a structure."""
    each = shape.values() if isinstance(shape, Mapping) else shape
    return [shape] if _is_shape(shape) else list(itertools.chain.from_iterable(map(_shapes, each)))


def _of_shapes(make: Callable[..., Any], shapes: Any, dtype: Any) -> Any:
    """`make(shape, dtype)` for each shape of a structure."""
    if _is_shape(shapes):
        return make(tuple(shapes), dtype or "float32")
    if isinstance(shapes, Mapping):
        each = dtype or dict.fromkeys(shapes)
        return {key.removesuffix("_shape"): _of_shapes(make, shapes[key], each[key]) for key in shapes}
    each = dtype or [None] * len(shapes)
    return type(shapes)(_of_shapes(make, shape, one) for shape, one in zip(shapes, each, strict=True))


def _sample(shape: tuple[int, ...], dtype: str) -> TensorResult:
    return ops.cast(np.random.default_rng(0).uniform(0, 3, shape), dtype)


def _sparse(shape: tuple[int, ...], dtype: str) -> TensorResult:
    values = np.random.default_rng(0).uniform(-4, 4, shape)
    return jax_sparse.BCOO.fromdense(ops.cast(np.where(values > -1, values, 0), dtype), n_batch=1)


def _symbol(sparse: bool) -> Callable[..., KerasTensor]:
    return lambda shape, dtype: KerasTensor(shape, dtype=dtype, sparse=sparse)


def _called(layer: Any, data: Any, call_kwargs: Mapping[str, Any]) -> Any:
    return layer(**data, **call_kwargs) if isinstance(data, Mapping) else layer(data, **call_kwargs)


class _Total(losses.Loss):
    """The sum of the outputs; targets are not used."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.sum(y_pred)


def _train(layer: Any, data: Any, output: Any) -> None:
    """Train a model of the layer for one step."""

    class Trained(namespaces.root("keras").Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def call(self, x: Any, training: bool = False) -> Any:
            return self.layer(x, training=training)

    model = Trained()
    model.compile(optimizer="sgd", loss=_Total())
    model.fit(iter([(data, output)]), steps_per_epoch=1, verbose=0, keep=False)
