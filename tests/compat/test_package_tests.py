"""`keras.src.testing`: tests of packages for Keras 3."""

import os
import unittest

import numpy as np
import pytest
from jax.experimental import sparse as jax_sparse

pytestmark = pytest.mark.usefixtures("installed")


def _run(cls):
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(result)
    return {case.id().rpartition(".")[2]: text for case, text in [*result.failures, *result.errors]}, result.testsRun


def test_assertions_of_packages():
    from keras import KerasTensor, ops
    from keras.src import testing
    from keras.src.testing.test_case import uses_tpu

    class Tests(testing.TestCase):
        def test_passes(self):
            self.assertAllClose(ops.ones((2,)), [1, 1])
            self.assertNotAllClose(ops.ones((2,)), [1, 2])
            self.assertAllEqual([1, 2], np.array([1, 2]))
            self.assertAlmostEqual(ops.ones(()), 1.0001)  # noqa: PT009
            self.assertLen([1, 2], 2)
            self.assertDType(ops.ones(2), "float32")
            self.assertSparse(KerasTensor((2,), sparse=True))
            folder = self.get_temp_dir()
            with open(os.path.join(folder, "a"), "w"):
                pass
            self.assertFileExists(os.path.join(folder, "a"))

        def test_close(self):
            self.assertAllClose([1.0], [1.1])

        def test_shapes(self):
            self.assertAllClose([1.0], [[1.0]])

        def test_not_close(self):
            self.assertNotAllClose([1.0], [1.0])

        def test_dtype(self):
            self.assertDType(ops.ones(2), "int32")

        def test_file(self):
            self.assertFileExists("/no such file")

    failed, count = _run(Tests)
    assert count == 6
    assert set(failed) == {"test_close", "test_shapes", "test_not_close", "test_dtype", "test_file"}
    assert not uses_tpu()
    assert not testing.torch_uses_gpu()


def test_named_product_of_parameters():
    from keras.src.testing.test_utils import named_product

    tests = named_product([{"testcase_name": "a", "x": 1}, {"testcase_name": "b", "x": 2}], kind=[int, float])
    assert [test["testcase_name"] for test in tests] == ["a_int", "b_int", "a_float", "b_float"]  # as in Keras
    assert tests[1] == {"testcase_name": "b_int", "x": 2, "kind": int}


def test_layers_are_tested_as_packages_test_them():
    import keras
    from keras.src import testing

    class Scale(keras.layers.Layer):
        def __init__(self, by=2.0, **kwargs):
            super().__init__(**kwargs)
            self.by, self.supports_masking = by, True
            self.noise = keras.layers.Dropout(0.5)

        def build(self, input_shape):
            self.w = self.add_weight(shape=input_shape[-1:], initializer="ones")

        def call(self, x):
            return self.noise(x) * keras.ops.cast(self.w, x.dtype) * self.by

        def get_config(self):
            return {**super().get_config(), "by": self.by}

    class Forgets(Scale):
        def get_config(self):
            return {**super().get_config(), "by": 2.0}

    class Tests(testing.TestCase):
        def check(self, cls=Scale, by=3.0, **kwargs):
            expected = {"expected_num_trainable_weights": 1, "expected_num_non_trainable_weights": 0}
            expected["expected_num_seed_generators"] = 1
            self.run_layer_test(cls, {"by": by}, custom_objects={"Scale": Scale}, **(expected | kwargs))

        def test_passes(self):
            self.check(input_shape=(2, 4), expected_output_shape=(2, 4), supports_masking=True)
            x = np.ones((2, 3), "float32")
            self.check(input_data=x, expected_output=3 * x, expected_output_dtype="float32")
            self.run_layer_test(keras.layers.Add, {}, input_shape=[(2, 3), (2, 3)], expected_output_shape=(2, 3))
            self.run_layer_test(keras.layers.ReLU, {}, input_shape=(2, 3), assert_built_after_instantiation=True)
            x = jax_sparse.BCOO.fromdense(np.eye(3, 4, dtype="float32"))
            wanted = {"expected_output": np.eye(3, 4).reshape(3, 2, 2), "expected_output_sparse": True}
            options = {"input_sparse": True, "run_training_check": False}
            self.run_layer_test(keras.layers.Reshape, {"target_shape": (2, 2)}, input_data=x, **options, **wanted)

        def test_weights(self):
            self.check(input_shape=(2, 4), expected_num_trainable_weights=2)

        def test_generators(self):
            self.check(input_shape=(2, 4), expected_num_seed_generators=0)

        def test_output_shape(self):
            self.check(input_shape=(2, 4), expected_output_shape=(2, 5))

        def test_output(self):
            self.check(input_data=np.ones((2, 3), "float32"), expected_output=np.ones((2, 3)))

        def test_config(self):
            self.check(Forgets, input_shape=(2, 4))

        def test_masking(self):
            self.check(input_shape=(2, 4), supports_masking=False)

    failed, count = _run(Tests)
    assert count == 7
    assert "test_passes" not in failed, failed["test_passes"]
    assert len(failed) == 6


def test_names_of_a_module_are_in_its_dict():
    import keras

    assert keras.activations.__dict__["relu"] is keras.activations.relu
    assert "linear" in vars(keras.activations)
    assert vars(keras.layers)["Dense"] is keras.layers.Dense


def test_a_program_sets_input_shape_before_its_parent_is_made():
    import keras

    class Network(keras.Model):
        def __init__(self, input_shape, **kwargs):
            self.input_shape = input_shape
            super().__init__(**kwargs)

        def call(self, x):
            return x

    assert Network((4,)).input_shape == (4,)


def test_a_program_sets_the_mask_of_an_array():
    import keras

    y, x = keras.ops.convert_to_tensor([1.0, 0.0, 1.0]), keras.ops.convert_to_tensor([0.1, 0.2, 0.3])
    x._keras_mask = keras.ops.convert_to_tensor([True, False, True])
    loss = keras.losses.MeanSquaredError(reduction="sum")
    np.testing.assert_allclose(loss(y[:, None], x[:, None]), 0.9**2 + 0.2**2 + 0.7**2, rtol=1e-6)
    y, x = y[:, None], x[:, None]
    x._keras_mask = keras.ops.convert_to_tensor([True, False, True])
    np.testing.assert_allclose(loss(y, x), 0.9**2 + 0.7**2, rtol=1e-6)
    x._keras_mask = None
    np.testing.assert_allclose(loss(y, x), 0.9**2 + 0.2**2 + 0.7**2, rtol=1e-6)


def test_cases_of_tensorflow_1(tensorflow_1):
    tf = tensorflow_1

    class Tests(tf.test.TestCase):
        def test_one(self):
            with self.test_session():
                v = tf.get_variable("v", [2], initializer=tf.ones_initializer())
                tf.global_variables_initializer().run()
                assert [u.op.name for u in tf.trainable_variables()] == ["v"]
                self.assertAllClose([2.0, 2.0], v * 2)
                self.assertAllEqual(self.evaluate(v), v.eval())

        def test_two(self):  # the variable of the other test is forgotten
            with self.cached_session() as session:
                self.assertAllEqual([0.0] * 3, session.run(tf.get_variable("v", [3]) * 0))

        def test_wrong(self):
            with self.session():
                self.assertAllClose([1.0], tf.constant([2.0]))

    failed, count = _run(Tests)
    assert (set(failed), count) == ({"test_wrong"}, 3)


def test_near_arrays(tf):
    case = tf.test.TestCase()
    case.assertNDArrayNear(np.ones(4), np.ones(4) + 0.1, 0.21)
    with pytest.raises(AssertionError):
        case.assertNDArrayNear(np.ones(4), tf.ones(4) + 0.1, 0.19)


def test_assertions_of_values(tf):
    case = tf.test.TestCase()
    x = tf.constant([1.0, 2.0])
    holds = [
        lambda: case.assertNear(1.0, 1.05, 0.1),
        lambda: case.assertArrayNear(x, [1.05, 2.0], 0.1),
        lambda: case.assertAllInRange(x, 1, 2),
        lambda: case.assertAllGreater(x, 0.5),
        lambda: case.assertAllGreaterEqual(x, 1),
        lambda: case.assertAllLess(x, 2.5),
        lambda: case.assertAllLessEqual(x, 2),
        lambda: case.assertAllInSet(x, [1.0, 2.0, 3.0]),
        lambda: case.assertShapeEqual(x, np.zeros(2)),
        lambda: case.assertDTypeEqual(x, tf.float32),
        lambda: case.assertLen([1, 2], 2),
        lambda: case.assertEmpty([]),
        lambda: case.assertNotEmpty([0]),
        lambda: case.assertAllCloseAccordingToType(tf.cast(x, tf.float16), [1.0005, 2.0]),
        lambda: case.assertAllClose(tf.ragged.constant([[1.0], [2.0, 3.0]]), tf.ragged.constant([[1.0], [2.0, 3.0]])),
    ]
    fails = [
        lambda: case.assertNear(1.0, 1.2, 0.1),
        lambda: case.assertArrayNear(x, [1.2, 2.0], 0.1),
        lambda: case.assertAllInRange(x, 1, 2, open_upper_bound=True),
        lambda: case.assertAllGreater(x, 1),
        lambda: case.assertAllGreaterEqual(x, 1.5),
        lambda: case.assertAllLess(x, 2),
        lambda: case.assertAllLessEqual(x, 1.5),
        lambda: case.assertAllInSet(x, [1.0, 3.0]),
        lambda: case.assertShapeEqual(x, np.zeros(3)),
        lambda: case.assertDTypeEqual(x, tf.float16),
        lambda: case.assertLen([1, 2], 1),
        lambda: case.assertEmpty([0]),
        lambda: case.assertNotEmpty([]),
        lambda: case.assertAllCloseAccordingToType(x, [1.0005, 2.0]),
        lambda: case.assertAllClose(tf.ragged.constant([[1.0], [2.0, 3.0]]), tf.ragged.constant([[1.0], [2.0, 4.0]])),
    ]
    for check in holds:
        check()
    for check in fails:
        with pytest.raises(AssertionError):
            check()
    assert tf.test.mock.patch.object
