"""Tensors that `build` computes from weights follow them in Keras 1 and 2; numbers of Keras 1.2.2 and 2.2.4."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("keras")
K = keras.backend
X = np.arange(12).reshape(4, 3) / 12.0


class Derived(keras.layers.Layer):
    def build(self, shape):
        self.a, self.b = (
            self.add_weight(name=name, shape=(shape[1], 2), initializer=keras.initializers.get("ones"))
            for name in ("a", "b")
        )
        self.w = K.concatenate([self.a, self.b * 2], 1)
        self.squares = [self.a * self.a]
        super().build(shape)

    def call(self, x, mask=None):
        return K.dot(x, self.w) + K.sum(K.dot(x, self.squares[0]), axis=1, keepdims=True)

    def compute_output_shape(self, shape):
        return (shape[0], 4)


class OfKeras1(Derived):
    def build(self, shape):
        self.a, self.b = (K.ones((shape[1], 2), name=name) for name in ("a", "b"))
        self.trainable_weights = [self.a, self.b]
        self.w = K.concatenate([self.a, self.b * 2], 1)
        self.squares = [self.a * self.a]

    get_output_shape_for = Derived.compute_output_shape


def trained(kind):
    model = keras.models.Sequential([kind(input_shape=(3,))])
    model.compile("sgd", "mse")
    losses = [model.train_on_batch(X, np.zeros((4, 4))), model.evaluate(X, np.zeros((4, 4)), verbose=0)]
    assert losses == pytest.approx([32.421875, 22.430843])
    np.testing.assert_allclose(model.predict(X)[0], [0.578358, 0.578358, 0.846001, 0.846001], rtol=1e-5)
    assert [w[0, 0] for w in model.get_weights()[:2]] == pytest.approx([0.88375, 0.97])


class Unassigned(Derived):
    """Whose weights no attribute holds."""

    def build(self, shape):
        super().build(shape)
        del self.a, self.b


def test_in_keras_1(keras_1):
    trained(OfKeras1)


def test_weights_that_no_attribute_holds(keras_2):
    trained(Unassigned)


def test_in_keras_2(keras_2):
    trained(Derived)


@pytest.mark.parametrize(("version", "expected"), [((2, 2), [0.5, 2.0]), (None, [0.25, 1.0])])
def test_in_tf_keras_of_tensorflow_1(request, version, expected):
    """In TensorFlow 2 a tensor of `build` has the first values; numbers of 1.15."""
    before = era.release()
    request.addfinalizer(lambda: era.set_release(before))
    era.set_release(era.Release(2, False, version))
    keras = root("tensorflow.keras")

    class Part(keras.layers.Layer):
        def build(self, shape):
            self.a = self.add_weight(name="a", shape=(3, 4), initializer="ones")
            self.w = self.a[:, :2]
            super().build(shape)

        def call(self, x):
            return keras.backend.dot(x, self.w)

    model = keras.Sequential([Part(input_shape=(3,))])
    model.set_weights([np.full((3, 4), 2.0)])
    assert model.predict(X)[:2, 0] == pytest.approx(expected)


def test_with_functions_of_tensorflow(keras_2, tf):
    class OfTensorFlow(Derived):
        def build(self, shape):
            super().build(shape)
            self.w = tf.concat([self.a, 2.0 * self.b], axis=1)
            self.squares = [tf.square(self.a)]
            self.noise = tf.Variable(tf.random_normal([3]) * 0.0, trainable=False)

    trained(OfTensorFlow)


def test_constraints_of_keras_1(keras_1):
    class Constrained(OfKeras1):
        def build(self, shape):
            super().build(shape)
            self.regularizers, self.constraints = [], {}
            with pytest.warns(UserWarning, match="set_param and set_layer of a regularizer have no effect"):
                keras.regularizers.l2(0.1).set_param(self.a)
            self.constraints[self.b] = keras.constraints.maxnorm(0.5)

    model = keras.models.Sequential([Constrained(input_shape=(3,))])
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.zeros((4, 4)))
    assert model.evaluate(X, np.zeros((4, 4)), verbose=0) < 22
    np.testing.assert_allclose(np.linalg.norm(model.get_weights()[1], axis=0), 0.5, rtol=1e-5)


class Helper:
    """An object of a program that makes weights of a layer and stores them itself."""

    def __init__(self, layer):
        self.kernel = layer.add_weight(shape=(3, 2), initializer="ones")
        self.others = [layer.add_weight(shape=(2, 2), initializer="ones") for _ in range(2)]


class Helped(keras.layers.Layer):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.bias = self.add_weight(name="bias", shape=(units,))
        self.helper = Helper(self)
        self.scale = self.add_weight(name="scale", shape=(units,))

    def call(self, x):
        for weight in (self.helper.kernel, *self.helper.others):
            x = K.dot(x, weight)
        return x + self.bias


class HelpedAgain(Helped):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.second = Helper(self)


class Around(keras.layers.Layer):
    """Makes such a layer in `build`, and calls its method instead of it."""

    def build(self, shape):
        self.inner = [HelpedAgain()]

    def call(self, x):
        return self.inner[0].call(x)


@pytest.mark.parametrize(("make", "count"), [(Helped, 5), (HelpedAgain, 8), (Around, 8)])
def test_weights_of_a_helper_object_are_those_of_the_layer(make, count):
    layer = make()
    model = keras.Sequential([layer])
    model.compile("sgd", "mse")
    model.predict(X, verbose=0)
    assert len(layer.weights) == len(model.get_weights()) == len({id(weight) for weight in layer.weights}) == count
    before = model.get_weights()
    model.fit(X, np.ones((4, 2)), verbose=0)
    assert sum(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)) == 4
    again = keras.Sequential([make()])
    again.build((None, 3))
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
