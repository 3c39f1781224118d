"""Calls of programs for Keras 0 to 2 whose arguments or results mean something that Keras 3 has no word for."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import ops
from gazelle.compat import era
from gazelle.compat.layers.convolution import guess_data_format
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, SymbolicError

X = np.random.RandomState(0).rand(12, 4).astype("float32")
Y = np.eye(3, dtype="float32")[np.arange(12) % 3]


def test_accuracy_is_a_result_of_the_calls_that_ask_for_it(keras_1):
    model = keras_1.models.Sequential([keras_1.layers.Dense(3, input_dim=4, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    assert "acc" in model.fit(X, Y, nb_epoch=1, show_accuracy=True, verbose=0).history
    assert np.ndim(model.evaluate(X, Y, verbose=0)) == 0
    assert np.shape(model.evaluate(X, Y, show_accuracy=True, verbose=0)) == (2,)
    assert np.ndim(model.train_on_batch(X, Y)) == 0
    assert np.shape(model.train_on_batch(X, Y, accuracy=True)) == (2,)
    assert np.shape(model.test_on_batch(X, Y, accuracy=True)) == (2,)


# Transposed convolutions of a given size -----------------------------------------------------------------------------


def _gradient(x, kernel, size, padding):
    """TensorFlow's transposed convolution: the gradient of a convolution of images of this size."""
    images = jnp.zeros((x.shape[0], *size, kernel.shape[-2]))
    return jax.vjp(lambda y: ops.conv(y, kernel, 2, padding), images)[1](x)[0]


@pytest.mark.parametrize(("size", "padding"), [(7, "valid"), (8, "valid"), (6, "same"), (5, "same")])
def test_a_transposed_convolution_has_the_output_shape_that_keras_1_was_given(keras_1, size, padding):
    layer = keras_1.layers.Deconvolution2D(
        2, 3, 3, output_shape=(None, size, size, 2), border_mode=padding, subsample=(2, 2), input_shape=(3, 3, 4)
    )
    model = keras_1.models.Sequential([layer])
    assert model.output_shape == (None, size, size, 2)
    x = np.random.RandomState(1).rand(2, 3, 3, 4).astype("float32")
    expected = _gradient(x, layer.kernel.numpy(), (size, size), padding)
    np.testing.assert_allclose(model.predict(x), expected, atol=1e-5)
    again = keras_1.models.Sequential.from_config(model.get_config())
    assert again.output_shape == model.output_shape


def test_an_output_shape_that_no_input_has_is_an_error(keras_1):
    with pytest.raises(
        ShapeError, match=r"expected sizes from \(7, 7\), less than strides \(2, 2\) above, got \(9, 9\)"
    ):
        keras_1.models.Sequential(
            [
                keras_1.layers.Deconvolution2D(
                    2, 3, 3, output_shape=(None, 9, 9, 2), subsample=(2, 2), input_shape=(3, 3, 4)
                )
            ]
        )


@pytest.mark.parametrize("size", [7, 8])
def test_conv2d_transpose_of_the_backend_has_the_given_size(keras_2, size):
    K = keras_2.backend
    x, kernel = (np.random.RandomState(2).rand(*shape).astype("float32") for shape in ((2, 3, 3, 4), (3, 3, 2, 4)))
    found = K.conv2d_transpose(K.constant(x), K.constant(kernel), (2, size, size, 2), strides=(2, 2))
    np.testing.assert_allclose(K.eval(found), _gradient(x, kernel, (size, size), "valid"), atol=1e-5)


# Tensors -------------------------------------------------------------------------------------------------------------


def test_a_tensor_without_a_known_number_of_samples_has_no_len(keras_2):
    """Programs ask whether a model has several outputs by `hasattr(model.output, "__len__")`."""
    tensor = keras_2.layers.Input((3,))
    assert not hasattr(tensor, "__len__")
    with pytest.raises(SymbolicError, match="expected an array with values"):
        len(tensor)
    assert len(keras_2.layers.Input(batch_shape=(2, 3))) == 2


def test_the_shape_of_an_input_for_a_tensor_may_have_unknown_sizes(keras_2):
    K = keras_2.backend
    tensor = K.placeholder((2, 5, 4))
    assert keras_2.layers.Input(tensor=tensor, shape=(None, None)).shape == (2, 5, 4)
    with pytest.raises(ShapeError, match="an Input for a tensor"):
        keras_2.layers.Input(tensor=tensor, shape=(None, 3))


def test_a_model_prints_its_configuration_if_asked(keras_1, capsys):
    model = keras_1.models.Sequential([keras_1.layers.Dense(3, input_dim=4)])
    assert model.get_config(verbose=1) == model.get_config()
    assert "'units': 3" in capsys.readouterr().out


def test_an_optimizer_steps_along_the_gradients_that_a_program_puts_in_place(keras_2):
    """Policy gradients: the gradients come from another model, and `get_updates` has no loss."""
    K, layers = keras_2.backend, keras_2.layers
    x = layers.Input((4,))
    model = keras_2.models.Model(x, layers.Dense(1, use_bias=False, kernel_initializer="ones")(x))
    optimizer = keras_2.optimizers.SGD(lr=0.5, clipnorm=100.0)
    optimizer.get_gradients = lambda loss, params: [-g for g in K.gradients(K.sum(model.output), params)]
    updates = optimizer.get_updates(model.trainable_weights, model.constraints, None)
    K.function(model.inputs, [model.output], updates=updates)([X[:1]])
    np.testing.assert_allclose(model.get_weights()[0][:, 0], 1 + 0.5 * X[0], rtol=1e-5)


@pytest.mark.parametrize("name", ["clipnorm", "clipvalue"])
def test_an_optimizer_has_an_attribute_for_clipping_if_it_was_given(keras_2, name):
    optimizer = keras_2.optimizers.SGD(lr=0.5)
    assert getattr(optimizer, name, 0.0) == 0.0
    optimizer = keras_2.optimizers.SGD(lr=0.5, **{name: 0.25})
    assert getattr(optimizer, name) == 0.25
    assert type(optimizer).from_config(optimizer.get_config()).get_config() == optimizer.get_config()


def test_values_and_norms_of_gradients_are_clipped_by_one_optimizer(keras_2):
    weights = [np.zeros((2, 1), "float32")]

    def weights_after(cls, standalone, **clips):
        era.set_release(era.Release(2, standalone))
        model = keras_2.models.Sequential([keras_2.layers.Dense(1, input_dim=2, use_bias=False, weights=weights)])
        model.compile(cls(1.0, **clips), lambda t, p: -p[:, 0])
        model.train_on_batch(np.array([[3.0, 4.0]]), np.zeros((1, 1)))
        return model.get_weights()[0][:, 0]

    SGD = keras_2.optimizers.SGD
    norm_first = weights_after(SGD, True, clipnorm=1.0, clipvalue=0.7)
    np.testing.assert_allclose(norm_first, [0.6, 0.7], rtol=1e-5)  # Keras 2.3: the norm first
    value_first = weights_after(SGD, False, clipnorm=1.0, clipvalue=2.0)
    np.testing.assert_allclose(value_first, [0.5**0.5] * 2, rtol=1e-5)  # TensorFlow 2.10: values first
    with pytest.raises(ArgumentError, match="Gradient clipping"):
        SGD(1.0, clipnorm=1.0, global_clipnorm=1.0)
    era.set_release(era.Release(3))
    with pytest.raises(ArgumentError, match="at most one of clipnorm"):
        SGD(1.0, clipnorm=1.0, clipvalue=2.0)


def test_arguments_of_the_base_class_have_no_effect_on_layers_with_several_kernels(keras_2):
    x = np.ones((2, 5, 5, 4), "float32")
    with pytest.warns(UserWarning, match="kernel_initializer of SeparableConv2D has no effect, as in Keras 2"):
        layer = keras_2.layers.SeparableConv2D(4, 3, kernel_initializer="ones")
    with pytest.warns(UserWarning, match="kernel_regularizer of DepthwiseConv2D has no effect"):
        other = keras_2.layers.DepthwiseConv2D(3, kernel_regularizer="l2")
    assert layer(x).shape == other(x).shape == (2, 3, 3, 4)
    assert not (np.asarray(layer.depthwise_kernel) == 1).all()
    assert not other.losses
    assert keras_2.layers.DepthwiseConv2D(3, kernel_regularizer=None).depthwise_regularizer is None
    era.set_release(era.Release(1))
    both = keras_2.layers.SeparableConv2D(4, 3, init="ones")
    both(x)
    assert all((w == 1).all() for w in both.get_weights()[:2])


def test_batch_normalization_takes_arguments_of_tensorflow(keras_2):
    layer = keras_2.layers.BatchNormalization(axis=[3], fused=True)
    layer(np.ones((2, 5, 5, 4), "float32"))
    assert (layer.axis, layer.gamma.shape) == (3, (4,))


def test_a_rate_of_dropout_that_is_no_probability_turns_it_off(keras_2):
    x = np.ones((4, 8), "float32")
    for rate in (1, 25, -0.5):
        with pytest.warns(UserWarning, match=f"rate={rate} of Dropout drops nothing, as in Keras 2"):
            layer = keras_2.layers.Dropout(rate)
        np.testing.assert_array_equal(layer(x, training=True), x)
    with pytest.warns(UserWarning, match="recurrent_dropout=1.5 of LSTM drops nothing"):
        layer = keras_2.layers.LSTM(2, recurrent_dropout=1.5)
    sequences = x.reshape(4, 2, 4)
    np.testing.assert_array_equal(layer(sequences, training=True), layer(sequences))
    era.set_release(era.Release(3))
    with pytest.raises(ArgumentTypeError, match="expected a number from 0 to 1, got 25"):
        keras_2.layers.Dropout(25)


# Models of later versions --------------------------------------------------------------------------------------------


def test_a_model_of_inputs_and_outputs_ignores_what_build_is_given():
    keras_3 = root("keras")
    x = keras_3.layers.Input((3,))
    model = keras_3.Model(x, keras_3.layers.Dense(2)(x))
    weights = model.weights
    model.build(np.ones((4, 3)))
    assert model.built
    assert model.weights == weights


def test_keras_core_shows_all_of_its_backend(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_core", root("keras_core"))
    backend = root("keras_core").backend
    np.testing.assert_array_equal(backend.Variable(np.ones(3), name="kernel"), np.ones(3))
    monkeypatch.delitem(sys.modules, "keras_core")
    assert not hasattr(root("keras").backend, "Variable")


@pytest.mark.filterwarnings("ignore:Images of shape")
@pytest.mark.parametrize(
    ("shape", "first"), [((4, 84, 84), True), ((3, 9, 8), True), ((4, 84, 8), False), ((64, 64, 4), False)]
)
def test_frames_of_a_game_are_channels_first(keras_1, monkeypatch, shape, first):
    chosen = []
    monkeypatch.setattr("gazelle.core.settings.set_image_data_format", chosen.append)
    monkeypatch.setattr("gazelle.core.settings.is_image_data_format_set", lambda: False)
    guess_data_format(None, {"input_shape": shape})
    assert chosen == ["channels_first"] * first


@pytest.mark.parametrize("number", [1, 2])
def test_numbers_are_a_column_for_an_input_of_unknown_size(number, request):
    keras = request.getfixturevalue(f"keras_{number}")
    inputs = keras.layers.Input(shape=[None], name="action")
    total = keras.layers.Lambda(lambda x: 2 * keras.backend.sum(x, axis=1, keepdims=True), output_shape=(1,))(inputs)
    model = keras.models.Model(inputs, total)
    model.compile("sgd", "mse")
    numbers = np.arange(3.0)
    assert model.predict(numbers).tolist() == model.predict_on_batch(numbers).tolist() == [[0], [2], [4]]
    assert model.train_on_batch(numbers, numbers) == pytest.approx(5 / 3)


def test_numbers_are_no_column_for_an_input_of_unknown_size_in_tf_keras(tf_keras_2):
    inputs = tf_keras_2.keras.layers.Input((None,))
    model = tf_keras_2.keras.Model(inputs, inputs * 2)
    with pytest.warns(UserWarning, match=r"expected shape \(None, None\), got shape \(3,\)"):
        predicted = model.predict(np.arange(3.0))
    assert predicted.tolist() == [0, 2, 4]


def test_tf_keras_leaves_the_number_of_axes_to_the_layers(tf_keras_2):  # values of TensorFlow 2.15
    layers = tf_keras_2.keras.layers
    model = tf_keras_2.keras.Sequential([layers.Embedding(4, 2, input_length=3, embeddings_initializer="ones")])
    model.compile("sgd", "mse")
    row = np.array([1, 2, 0])
    with pytest.warns(UserWarning, match=r"expected shape \(None, 3\), got shape \(3,\)"):
        predicted = model.predict(row)
    with pytest.warns(UserWarning, match=r"expected shape \(None, 3\), got shape \(3,\)"):
        loss = model.evaluate(row, np.zeros((3, 2)), verbose=0)
    with pytest.warns(UserWarning, match=r"expected shape \(None, 3\), got shape \(1, 3, 2\)"):
        of_three = model.predict(np.zeros((1, 3, 2), int))
    assert predicted.tolist() == [[1, 1]] * 3
    assert (loss, of_three.shape) == (1, (1, 3, 2, 2))
    dense = tf_keras_2.keras.Sequential([layers.Dense(2, input_shape=(3,))])
    with pytest.warns(UserWarning, match="The batch axis is missing"), pytest.raises(ShapeError, match="built on"):
        dense.predict(np.zeros(3))


@pytest.mark.parametrize("number", [1, 2])
def test_negative_rates_increase_the_loss(number, request):
    keras = request.getfixturevalue(f"keras_{number}")
    for optimizer, weight in ((keras.optimizers.SGD(-0.1), 1.2), (keras.optimizers.Adam(lr=-0.1), 1.1)):
        model = keras.models.Sequential([keras.layers.Dense(1, input_dim=1)])
        model.compile(optimizer, "mse")
        model.set_weights([np.ones((1, 1)), np.zeros(1)])
        model.train_on_batch(np.ones((2, 1)), np.zeros((2, 1)))
        np.testing.assert_allclose(model.get_weights()[0], [[weight]], rtol=1e-5)


@pytest.mark.parametrize("number", [1, 2])
def test_accuracy_of_an_output_that_is_one_number(number, request):
    keras = request.getfixturevalue(f"keras_{number}")
    x, y = keras.layers.Input((4,)), keras.layers.Input((3,))
    outputs = keras.layers.Dense(3)(x)
    error = keras.layers.Lambda(lambda pair: keras.backend.sum(pair[0] - pair[1]) / 2, output_shape=(1,))([y, outputs])
    model = keras.models.Model([x, y], [error, outputs])
    model.compile("rmsprop", [lambda y_true, y_pred: y_pred, lambda y_true, y_pred: 0 * y_pred], metrics=["accuracy"])
    model.set_weights([np.full((4, 3), 0.25), np.zeros(3)])
    logs = model.train_on_batch([np.ones((5, 4)), np.full((5, 3), 2.0)], [np.zeros(5), np.ones((5, 3))])
    np.testing.assert_allclose(logs, [7.5, 7.5, 0, 0, 1], atol=1e-6)
