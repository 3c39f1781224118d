"""`get_weights` and `set_weights` of Keras 1: arrays of each gate and kernels by `dim_ordering`; numbers of 1.2.2."""

import h5py
import numpy as np
import pytest

from gazelle.compat.namespaces import root

layers, models = root("keras").layers, root("keras").models
IMAGE = {"input_shape": (3, 4, 4), "dim_ordering": "th"}


def scaled(kind):
    """A subclass with weights of its own, made after those of the layer."""

    class Scaled(kind):
        def build(self, input_shape):
            super().build(input_shape)
            self.scale = self.add_weight((1, 2), initializer="one", name="scale")
            self.offset = self.add_weight((1, 2), initializer="one", name="offset", trainable=False)

        def call(self, x, mask=None):
            return super().call(x, mask) * self.scale + self.offset

    return Scaled(2, input_shape=(4, 3))


CASES = {
    "conv": (lambda k: k.Convolution2D(3, 2, 2, **IMAGE), 2, (3, 3, 2, 2), 30.954, 109.114),
    "deconv_th": (lambda k: k.Deconvolution2D(3, 2, 2, (None, 3, 5, 5), **IMAGE), 2, (3, 3, 2, 2), 59.890, 194.404),
    "deconv_tf": (
        lambda k: k.Deconvolution2D(3, 2, 2, (None, 5, 5, 3), input_shape=(4, 4, 3), dim_ordering="tf"),
        *(2, (2, 2, 3, 3), 45.517, 175.164),
    ),
    "separable": (lambda k: k.SeparableConvolution2D(2, 2, 2, **IMAGE), 3, (1, 3, 2, 2), 24.836, 36.067),
    "conv_1d": (lambda k: k.Convolution1D(2, 3, input_shape=(5, 3)), 2, (3, 1, 3, 2), 7.194, 8.911),
    "lstm": (lambda k: k.LSTM(2, input_shape=(4, 3)), 12, (3, 2), 0.015, 0.05),
    "lstm_gpu": (lambda k: k.LSTM(2, input_shape=(4, 3), consume_less="gpu"), 3, (3, 8), 0.09, 0.009),
    "gru": (lambda k: k.GRU(2, input_shape=(4, 3)), 9, (3, 2), -1.167, 0.454),
    "bidirectional": (lambda k: k.Bidirectional(k.GRU(2), input_shape=(4, 3)), 18, (3, 2), -0.238, 1.721),
    "conv_lstm": (
        lambda k: k.ConvLSTM2D(2, 2, 2, input_shape=(3, 2, 4, 4), dim_ordering="th"),
        *(12, (2, 2, 2, 2), -0.166, 2.04),
    ),
    "lstm_subclass": (lambda k: scaled(k.LSTM), 14, (3, 2), -0.119, 0.05),
    "gru_subclass": (lambda k: scaled(k.GRU), 11, (3, 2), 2.353, 1.556),
    "rnn_subclass": (lambda k: scaled(k.SimpleRNN), 5, (3, 2), -1.952, 1.354),
    "highway": (lambda k: k.Highway(input_dim=3), 4, (3, 3), 1.986, 1.485),
}


@pytest.mark.parametrize("case", CASES)
def test_weights_of_a_layer(keras_1, case):
    create, count, shape, total, squares = CASES[case]
    model = models.Sequential([create(layers)])
    rng = np.random.RandomState(0)
    arrays = [rng.uniform(-1, 1, np.shape(a)).round(3) for a in model.get_weights()]
    assert (len(arrays), arrays[0].shape) == (count, shape)
    model.set_weights(arrays)
    for set_, got in zip(arrays, model.get_weights(), strict=True):
        np.testing.assert_allclose(got, set_, rtol=1e-6)
    p = model.predict(rng.uniform(-1, 1, (2, *model.input_shape[1:])))
    np.testing.assert_allclose([p.sum(), (p**2).sum()], [total, squares], atol=2e-3)


def test_arrays_that_do_not_fit_are_named(keras_1):
    model = models.Sequential([layers.LSTM(2, input_shape=(4, 3))])
    with pytest.raises(ValueError, match=r"set_weights of Sequential .*expected 3 arrays, got 5"):
        model.set_weights([np.ones(2)] * 5)


def test_batches_are_normalized_by_their_own_samples_also_if_they_are_short(keras_1):
    model = models.Sequential([layers.BatchNormalization(mode=2, input_shape=(1,))])
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.predict(np.array([[1.0], [3.0]])), [[-1], [1]], atol=1e-3)


@pytest.mark.parametrize(("mode", "expected"), [("cpu", 0.4), ("mem", 0.4), ("gpu", 0.256)])
def test_penalties_of_gates_in_keras_1_2(keras_1, mode, expected):
    """Without `consume_less="gpu"` the recurrent weights have the penalty of the others, as in Keras 1.2.2."""
    l1 = keras_1.regularizers.l1
    kinds = {"input_shape": (3, 3), "W_regularizer": l1(0.01), "U_regularizer": l1(0.001), "consume_less": mode}
    model = keras_1.models.Sequential([keras_1.layers.LSTM(2, **kinds)])
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    model.compile("sgd", "mse")
    x = np.full((1, 3, 3), 1e3)
    loss = model.evaluate(x, model.predict(x), verbose=0)
    assert loss == pytest.approx(expected, abs=1e-5)


def test_joint_gates_before_separate_ones(keras_1):
    first = keras_1.layers.LSTM(2, input_shape=(4, 3), consume_less="gpu", return_sequences=True)
    model = keras_1.models.Sequential([first, keras_1.layers.LSTM(2)])
    arrays = [np.random.RandomState(n).rand(*weight.shape) for n, weight in enumerate(model.get_weights())]
    model.set_weights(arrays)
    assert len(arrays) == 15
    for given, stored in zip(arrays, model.get_weights(), strict=True):
        np.testing.assert_allclose(given, stored, rtol=1e-6)


@pytest.mark.parametrize(
    ("order", "axis", "now"),
    [("th", 0, (3,)), ("th", 1, (2,)), ("th", (1, 2, 3), (2, 0, 1)), ("tf", 0, (0,)), ("tf", (0, 1, 2), (0, 1, 2))],
)
def test_axes_of_constraints(keras_1, order, axis, now):
    shape = (3, 5, 6) if order == "th" else (5, 6, 3)
    bound = keras_1.constraints.maxnorm(0.5, axis=axis)
    layer = keras_1.layers.Convolution2D(2, 2, 3, dim_ordering=order, input_shape=shape, W_constraint=bound)
    keras_1.models.Sequential([layer])
    kernel = np.random.RandomState(1).uniform(-1, 1, layer.kernel.shape)
    norms = np.sqrt(np.square(kernel).sum(now, keepdims=True))
    np.testing.assert_allclose(layer.kernel_constraint(kernel), kernel * np.minimum(norms, 0.5) / norms, rtol=1e-5)


def test_names_of_weights(keras_1):
    layers = keras_1.layers
    model = keras_1.models.Sequential([layers.Dense(2, input_dim=3), layers.BatchNormalization(), layers.PReLU()])
    found = [v.name for v in model.weights]
    assert found[:2] == ["dense_1_W:0", "dense_1_b:0"]
    assert sorted(found[2:]) == [
        *(f"batchnormalization_1_{name}:0" for name in ("beta", "gamma", "running_mean", "running_std")),
        "prelu_1_alphas:0",
    ]
    steps = keras_1.models.Sequential([layers.TimeDistributed(layers.Dense(2, name="d"), input_shape=(4, 3))])
    assert steps.weights[0].name == "d_W:0"


def test_files_of_subclasses_of_recurrent_layers(keras_1, tmp_path):
    """The arrays of each gate and then the weights of the subclass, as in files of Keras 1.2.2."""
    model = models.Sequential([scaled(layers.LSTM)])
    arrays = [np.full(np.shape(a), n, "float32") for n, a in enumerate(model.get_weights())]
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["layer_names"] = [model.layers[0].name.encode()]
        group = file.create_group(model.layers[0].name)
        group.attrs["weight_names"] = [f"weight_{n}".encode() for n in range(14)]
        for n, array in enumerate(arrays):
            group[f"weight_{n}"] = array
    model.load_weights(str(tmp_path / "weights.h5"))
    for loaded, array in zip(model.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(loaded, array)
