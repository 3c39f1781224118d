"""Functions of `keras.backend`: what programs for earlier Keras do differently from Keras 3."""

#: row -> (era, lines), as in `test_breaks`
ROWS = {
    "8 tensor maths": (2, "from keras import backend as K; assert float(K.mean(K.square(K.constant([1., 3.])))) == 5"),
    "11 graph functions": (
        1,
        """
from keras import backend as K
x = K.placeholder(shape=(None, 2)); f = K.function([x], [K.sum(x * x)])
assert f([np.ones((3, 2))])[0] == 6
v = K.variable(np.zeros(2)); K.set_value(v, np.ones(2)); assert K.eval(v).sum() == 2""",
    ),
    "34 int_shape": (2, "from keras import backend as K; assert K.int_shape(layers.Input((3,))) == (None, 3)"),
    "35 learning_phase": (
        2,
        """
from keras import backend as K
K.learning_phase()
assert not mlp().uses_learning_phase""",
    ),
    "gradients in a layer": (
        2,
        """
from keras import backend as K
class Norm(layers.Layer):
    def call(self, inputs):
        target, wrt = inputs
        grads = K.gradients(target, wrt)
        return K.sqrt(K.sum(K.batch_flatten(K.square(grads[0])), axis=1, keepdims=True))
    def compute_output_shape(self, shapes):
        return (shapes[1][0], 1)
x = layers.Input((3,)); model = keras.Model(x, Norm()([x * x, x]))
assert np.allclose(model.predict(X, verbose=0)[:, 0], np.sqrt((4 * X ** 2).sum(1)))""",
    ),
    "an output's shape that the author tells": (
        2,
        """
from keras import backend as K
x = layers.Input((None, 3))
out = layers.Lambda(lambda x: K.reshape(K.dot(x, K.ones((3, 2))), (-1, 4, 2)), output_shape=(4, 2))(x)
assert out.shape == (None, 4, 2)""",
    ),
    "shapes compute": (
        2,
        """
from keras import backend as K
x = layers.Input((None, None, 3))
size = K.shape(x)[1:3] * 2
model = keras.Model(x, layers.Lambda(lambda x: K.tf.image.resize_images(x, K.shape(x)[1:3] * 2))(x))
assert model.predict(np.ones((1, 2, 5, 3)), verbose=0).shape == (1, 4, 10, 3)""",
    ),
}
