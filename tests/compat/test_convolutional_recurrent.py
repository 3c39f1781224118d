"""Custom convolutional recurrent layers of Keras 2; the numbers are those of Keras 2.2.4 with TensorFlow 1.15."""

import numpy as np
import pytest

from gazelle.compat.namespaces import root

keras = root("keras")
K, layers = keras.backend, keras.layers
X = np.random.RandomState(0).rand(2, 4, 5, 6, 3).astype("float32")
pytestmark = pytest.mark.usefixtures("keras_2")


class Cell(layers.Layer):
    """h' = sigmoid(0.02 x * K) c',  c' = tanh(0.01 (x * K + h * R)) + c, with kernels of ones."""

    def __init__(self, filters, padding="same", **kwargs):
        super().__init__(**kwargs)
        self.filters, self.padding, self.kernel_size = filters, padding, (3, 3)
        self.state_size = (filters, filters)

    def build(self, shape):
        self.kernel_shape = (*self.kernel_size, shape[-1], 2 * self.filters)
        self.kernel = self.add_weight(shape=self.kernel_shape, initializer="ones", name="k")
        recurrent = (*self.kernel_size, self.filters, self.filters)
        self.recurrent = self.add_weight(shape=recurrent, initializer="ones", name="r")
        self.built = True

    def input_conv(self, x, w, b=None, padding="valid"):
        return K.conv2d(x, w, padding=padding)

    def call(self, x, states):
        h, c = states
        kernels = self.kernel[..., : self.filters], self.kernel[..., self.filters :]
        a, g = (self.input_conv(x, w, padding=self.padding) for w in kernels)
        c = K.tanh(0.01 * (a + K.conv2d(h, self.recurrent, padding="same"))) + c
        h = K.sigmoid(0.02 * g) * c
        return h, [h, c]


def _sums(values):
    values = values if isinstance(values, list) else [values]
    return [(value.shape, float(value.sum()), float((value**2).sum())) for value in values]


def _same(found, expected):
    assert [shape for shape, *_ in found] == [shape for shape, *_ in expected]
    np.testing.assert_allclose([one[1:] for one in found], [one[1:] for one in expected], atol=2e-3)


@pytest.mark.parametrize(
    ("padding", "options", "expected"),
    [
        ("same", {}, [((2, 5, 6, 2), 30.556, 8.494)]),
        ("same", {"return_sequences": True}, [((2, 4, 5, 6, 2), 74.257, 15.416)]),
        ("valid", {}, [((2, 3, 4, 2), 15.74, 5.2)]),
        ("same", {"go_backwards": True, "return_sequences": True}, [((2, 4, 5, 6, 2), 73.055, 15.136)]),
        ("same", {"return_state": True}, [*[((2, 5, 6, 2), 30.556, 8.494)] * 2, ((2, 5, 6, 2), 55.364, 27.542)]),
    ],
)
def test_a_custom_cell_in_convrnn2d(padding, options, expected):
    inputs = layers.Input(X.shape[1:])
    model = keras.models.Model(inputs, layers.ConvRNN2D(Cell(2, padding), **options)(inputs))
    _same(_sums(model.predict(X)), expected)


def test_the_cell_of_convlstm2d_in_convrnn2d():
    inputs = layers.Input(X.shape[1:])
    cell = layers.ConvLSTM2DCell(2, 3, kernel_initializer="ones", recurrent_initializer="ones")
    model = keras.models.Model(inputs, layers.ConvRNN2D(cell)(inputs))
    _same(_sums(model.predict(X * 0.01)), [((2, 3, 4, 2), 47.018, 46.058)])


class Accumulated(layers.ConvRecurrent2D):
    """h' = tanh(0.01 x * K + h), with a kernel of ones."""

    def build(self, shape):
        self.kernel_shape = (*self.kernel_size, shape[-1], self.filters)
        self.states = [None]
        self.kernel = self.add_weight(shape=self.kernel_shape, initializer="ones", name="k")
        self.built = True

    def convolved(self, x, w):
        return K.conv2d(x, w, padding=self.padding, strides=self.strides, data_format=self.data_format)

    def get_initial_state(self, inputs):
        return [self.convolved(K.sum(K.zeros_like(inputs), axis=1), K.zeros(self.kernel_shape))]

    def step(self, x, states):
        h = K.tanh(self.convolved(x, self.kernel) * 0.01 + states[0])
        return h, [h]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"padding": "same"}, ((2, 5, 6, 2), 44.63, 17.515)),
        ({"return_sequences": True}, ((2, 4, 3, 4, 2), 59.157, 21.398)),
    ],
)
def test_step_of_convrecurrent2d(options, expected):
    inputs = layers.Input(X.shape[1:])
    model = keras.models.Model(inputs, Accumulated(2, 3, **options)(inputs))
    assert model.output_shape[1:] == expected[0][1:]
    _same(_sums(model.predict(X)), [expected])
    model.compile("sgd", "mse")
    losses = model.fit(X, np.ones(expected[0]), epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
