"""Attributes that `call` of a user-defined layer assigns are tensors of the graph in Keras 1 and 2 (Keras 2.2.4)."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

X = np.arange(24.0).reshape(2, 4, 3) / 10


@pytest.fixture
def keras():
    before = era.release()
    era.set_release(era.Release(2))
    yield root("keras")
    era.set_release(before)


def attention(keras):
    K = keras.backend

    class Attention(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking, self.at = True, None

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], 1), initializer="one", name="kernel")
            super().build(input_shape)

        def call(self, x, mask=None):
            scores = K.exp(K.squeeze(K.dot(x, self.kernel), -1))
            if mask is not None:
                scores *= K.cast(mask, K.floatx())
            self.total = K.sum(scores, axis=1, keepdims=True)
            self.at = scores / self.total
            return K.sum(x * K.expand_dims(self.at), axis=1)

        def compute_mask(self, inputs, mask=None):
            return None

        def compute_output_shape(self, input_shape):
            return (input_shape[0], input_shape[-1])

    return Attention()


def expected(x, kernel, mask=1):
    scores = np.exp((x @ kernel)[..., 0]) * mask
    return scores / scores.sum(1, keepdims=True)


def test_values_before_and_after_training(keras):
    K, layer, inputs = keras.backend, attention(keras), keras.layers.Input((4, 3))
    model = keras.models.Model(inputs, layer(inputs))
    read = K.function([inputs], [layer.at, layer.total])
    at, total = read([X])
    np.testing.assert_allclose(at, expected(X, np.ones((3, 1))), atol=1e-6)
    # 0.04100212 of Keras 2.2.4
    assert at[0, 0] == pytest.approx(0.04100212, abs=1e-6)
    assert total.shape == (2, 1)
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 3)), epochs=3, verbose=0)
    (kernel,) = model.get_weights()
    assert np.abs(kernel - 1).max() > 1e-5
    np.testing.assert_allclose(read([X])[0], expected(X, kernel), atol=1e-6)
    (after,) = K.function([inputs], [layer.at])([X])
    np.testing.assert_allclose(after, expected(X, kernel), atol=1e-6)
    assert [weight.shape for weight in model.weights] == [(3, 1)]


def test_masks_and_other_models(keras):
    layers, layer, inputs = keras.layers, attention(keras), keras.layers.Input((5,))
    table = np.arange(18.0).reshape(6, 3) / 10
    outputs = layers.Dense(1)(layer(layers.Embedding(6, 3, mask_zero=True, weights=[table])(inputs)))
    ids = np.array([[1, 2, 3, 0, 0], [4, 5, 1, 2, 0]])
    wanted = expected(table[ids], np.ones((3, 1)), ids > 0)
    both = keras.models.Model(inputs, [outputs, layer.at]).predict(ids)
    np.testing.assert_allclose(both[1], wanted, atol=1e-6)
    doubled = layers.Lambda(lambda at: 2 * at)(layer.at)
    np.testing.assert_allclose(keras.models.Model(inputs, doubled).predict(ids), 2 * wanted, atol=1e-6)
    assert not hasattr(layer, "of_no_call")


def test_losses_and_updates_of_the_call_count_once(keras):
    """Loss, weights and gradients of Keras 2.2.4."""
    K = keras.backend

    class Energy(keras.layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight(shape=(1,), initializer="zeros", name="count", trainable=False)
            super().build(input_shape)

        def call(self, x):
            self.energy = K.mean(K.square(x), axis=-1, keepdims=True)
            self.add_loss(K.mean(self.energy), inputs=x)
            self.add_update([(self.count, self.count + 1.0)], x)
            return x * 2

    layer, inputs = Energy(), keras.layers.Input((3,))
    dense = keras.layers.Dense(3, kernel_initializer="ones")
    model = keras.models.Model(inputs, layer(dense(inputs)))
    model.add_loss(K.mean(layer.energy))
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3)), np.zeros((4, 3))
    assert model.evaluate(x, y, verbose=0) == pytest.approx(54)
    assert model.train_on_batch(x, y) == pytest.approx(54)
    assert layer.get_weights()[0] == pytest.approx([1])
    assert model.fit(x, y, epochs=2, verbose=0).history["loss"] == pytest.approx([38.1024017, 26.8850555], rel=1e-5)
    assert layer.get_weights()[0] == pytest.approx([3])
    assert dense.get_weights()[0][0] == pytest.approx([0.694528] * 3, rel=1e-5)
    layer(inputs)
    assert K.function([inputs], [layer.energy])([x])[0] == pytest.approx(np.ones((4, 1)))
    (gradient,) = K.function([inputs], K.gradients(K.mean(layer.energy), [inputs]))([x])
    assert gradient == pytest.approx(np.full((4, 3), 0.16666667))
