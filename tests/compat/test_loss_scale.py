"""Mixed precision of programs for tf.keras 2: gradients are unscaled by the program, and applied as they are.

The expected numbers are those of TensorFlow 2.15.
"""

import numpy as np
import pytest

from gazelle.compat import era, tensorflow

X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")


@pytest.fixture
def tf():
    """TensorFlow, in a module that imports it, with the policy "mixed_float16"."""
    before = era.release()
    era.set_release(era.Release(2, False))
    tf = tensorflow.module("tensorflow")
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    yield tf
    tf.keras.mixed_precision.set_global_policy("float32")
    tensorflow.close()
    era.set_release(before)


@pytest.mark.parametrize("is_scaled", [False, True])
def test_a_train_step(tf, is_scaled):
    class Model(tf.keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compiled_loss(y, self(x, training=True))
                scaled = self.optimizer.get_scaled_loss(loss) if is_scaled else loss
            gradients = tape.gradient(scaled, self.trainable_variables)
            if is_scaled:
                gradients = self.optimizer.get_unscaled_gradients(gradients)
                gradients, _ = tf.clip_by_global_norm(gradients, 100.0)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    inputs = tf.keras.Input((3,))
    model = Model(inputs, tf.keras.layers.Dense(2, use_bias=False, kernel_initializer="ones")(inputs))
    model.compile(tf.keras.optimizers.SGD(0.1), "mse")
    losses = model.fit(X, 2.5 * Y, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(losses, [0.25, 0.1225], rtol=1e-2)  # the outputs are 3, then 2.85
    np.testing.assert_allclose(model.get_weights()[0], np.full((3, 2), 0.915), atol=1e-3)


def test_steps_of_the_optimizer(tf):
    optimizer, v = tf.keras.mixed_precision.LossScaleOptimizer(tf.keras.optimizers.SGD(0.1)), tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        scaled = optimizer.get_scaled_loss(tf.reduce_sum(v * v))
    assert float(scaled) == 5 * 2**15
    gradients = optimizer.get_unscaled_gradients([*tape.gradient(scaled, [v]), None])
    assert (gradients[0].numpy().tolist(), gradients[1]) == ([2.0, 4.0], None)
    optimizer.apply_gradients([(gradients[0], v)])
    np.testing.assert_allclose(v, [0.8, 1.6])
    optimizer.minimize(lambda: tf.reduce_sum(v * v), [v])
    np.testing.assert_allclose(v, [0.64, 1.28])
    optimizer.apply_gradients([(tf.constant([np.inf, 1.0]), v)])
    np.testing.assert_allclose(v, [0.64, 1.28])
    assert float(optimizer.loss_scale) == 2**14
    assert float(optimizer.get_scaled_loss(lambda: tf.ones(()))()) == 2**14


@pytest.mark.parametrize("arguments", [{"dynamic": False, "initial_scale": 8}, {"loss_scale": 8.0}])
def test_a_scale_that_stays(tf, arguments):
    optimizer = tf.keras.mixed_precision.LossScaleOptimizer(tf.keras.optimizers.SGD(0.1), **arguments)
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,), use_bias=False, kernel_initializer="ones")])
    model.compile(optimizer, "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], np.full((3, 2), 0.8), atol=1e-3)
    model.fit(np.full_like(X, np.inf), Y, verbose=0, stop_on_nan=False)
    assert (float(optimizer.loss_scale), np.isfinite(model.get_weights()[0]).any()) == (8.0, False)


def test_finite_steps_are_counted(tf):
    optimizer = tf.keras.mixed_precision.LossScaleOptimizer(tf.keras.optimizers.SGD(0.1))
    variable = tf.Variable(1.0)
    optimizer.apply_gradients([(tf.constant(1.0), variable)])
    assert int(optimizer.dynamic_counter) == 1


def test_weights_state_their_own_dtype_in_a_layer(tf):
    """In TensorFlow 2.15 a weight is float32 and its value in `call` float16; in Keras 3 both are float16."""

    class Custom(tf.keras.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(3, 2), initializer="ones")

        def call(self, x):
            assert x.dtype == "float16"
            assert self.w.dtype == "float32"
            return x @ self.w

    layer = Custom()
    assert layer(X).dtype == "float16"
    assert layer.w.dtype == "float32"
