"""Layers of programs for Keras 1, Keras 2 and tf.keras: values, weights and their order, configs."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from tests.compat.small_models import X, fit


def _shapes(weights):
    return [tuple(weight.shape) for weight in weights]


def test_weights_of_a_layer_begin_with_the_trained_ones(tf_keras):
    layers = tf_keras.layers

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm, self.dense = layers.BatchNormalization(), layers.Dense(2)

        def call(self, x):
            return self.dense(self.norm(x))

    model = tf_keras.Sequential([tf_keras.Input((3,)), Block(), layers.Dense(1)])
    expected = [(3,), (3,), (3, 2), (2,), (3,), (3,), (2, 1), (1,)]
    assert _shapes(model.get_weights()) == _shapes(model.weights) == expected
    numbered = [np.full(shape, n, "float32") for n, shape in enumerate(expected)]
    model.set_weights(numbered)
    assert [array.flat[0] for array in model.get_weights()] == list(range(8))
    assert model.layers[0].norm.moving_mean.numpy()[0] == 4


def test_weights_of_a_list_in_a_model_begin_with_the_trained_ones(tf_keras):
    layers = tf_keras.layers

    class Net(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = [layers.BatchNormalization(), layers.Dense(2)]
            self.norm = layers.BatchNormalization()

        def call(self, x):
            return self.norm(self.inner[1](self.inner[0](x)))

    model = Net()
    model(X)
    assert _shapes(model.get_weights()) == [(3,), (3,), (3, 2), (2,), (3,), (3,), (2,), (2,), (2,), (2,)]


def test_batch_normalization_of_time_steps_sees_all_of_them(keras):
    layer = keras.layers.TimeDistributed(keras.layers.BatchNormalization(epsilon=1e-6), input_shape=(5, 3))
    model = keras.models.Sequential([layer])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = np.arange(60.0, dtype="float32").reshape(4, 5, 3)
    expected = np.mean(((x - x.mean((0, 1))) / x.std((0, 1))) ** 2)
    assert model.train_on_batch(x, 0 * x) == pytest.approx(expected, rel=1e-4)
    assert model.layers[0].layer.get_weights()[2] == pytest.approx(0.01 * x.mean((0, 1)), rel=1e-4)  # one update


def test_bidirectional_of_a_layer_that_goes_backwards(tf_keras):
    layers = tf_keras.layers
    x = np.random.RandomState(1).normal(size=(2, 4, 3)).astype("float32")
    options = {"kernel_initializer": "ones", "recurrent_initializer": "ones", "return_sequences": True}
    outputs = layers.Bidirectional(layers.SimpleRNN(1, go_backwards=True, **options))(x)
    forward = np.asarray(layers.SimpleRNN(1, **options)(x))
    backward = np.asarray(layers.SimpleRNN(1, go_backwards=True, **options)(x))
    np.testing.assert_allclose(outputs, np.concatenate([backward, forward[:, ::-1]], -1), rtol=1e-6)


def test_masked_steps_of_bidirectional_layers(keras, request):
    layers = keras.layers
    both = layers.Bidirectional(layers.SimpleRNN(1, return_sequences=True))
    model = keras.models.Sequential([layers.Masking(input_shape=(3, 1)), both])
    model.set_weights([np.ones((1, 1)), np.zeros((1, 1)), np.zeros(1)] * 2)
    one, is_package = np.tanh(1.0), "tf.keras" not in request.node.name
    repeated = [[0.0, one], [one, one], [one, 0.0]]
    expected = repeated if is_package else [[0.0, 0.0], [one, one], [0.0, 0.0]]
    np.testing.assert_allclose(model.predict(np.array([[[0.0], [1.0], [0.0]]]))[0], expected, atol=1e-6)


def test_layers_of_tf_keras_2_that_drop_masks(tf_keras):
    layers = tf_keras.layers
    masked = layers.Masking()(layers.Input((2, 3)))
    for layer in (layers.Identity(), layers.Normalization(mean=1.0, variance=1.0), layers.Rescaling(2.0)):
        assert layer.supports_masking is False
        assert getattr(layer(masked), "_keras_mask", None) is None
    layer.supports_masking = True
    assert layer(masked)._keras_mask is not None


def test_masks_pass_through_softmax_of_keras_2(keras_2):
    layers = keras_2.layers
    outputs = layers.Softmax()(layers.Masking()(layers.Input((2, 3))))
    assert outputs._keras_mask is not None
    model = keras_2.models.Model(outputs._keras_history[0].input, outputs)
    np.testing.assert_allclose(model.predict(np.array([[[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]]])), 1 / 3, rtol=1e-6)


def test_rows_of_tf_keras_2_that_are_fully_masked_have_equal_weights(tf_keras):
    layers = tf_keras.layers
    x = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], "float32")
    weights = layers.Softmax()(x, mask=np.array([[False] * 3, [True, True, False]]))
    np.testing.assert_allclose(weights, [[1 / 3] * 3, [0.26894, 0.73106, 0]], rtol=1e-4)
    for options in {"dropout": 0.1}, {"value_dim": 3}:
        attention = layers.MultiHeadAttention(1, 2, **options)
        y = attention(x[None], x[None], attention_mask=np.zeros((1, 2, 2)))
        np.testing.assert_allclose(y, attention(0 * x[None], x[None]), rtol=1e-4, atol=1e-6)


def test_masked_steps_in_statistics_of_batches(keras, request):
    layers = keras.layers
    model = keras.models.Sequential([layers.Masking(input_shape=(3, 1)), layers.BatchNormalization(momentum=0.0)])
    model.compile("sgd", "mse")
    x = np.array([[[0.0], [3.0], [6.0]]])
    model.train_on_batch(x, x)
    np.testing.assert_allclose(model.get_weights()[2], [4.5 if "tf.keras" in request.node.name else 3.0], atol=1e-6)


def test_padding_of_steps_by_one_number(keras_1):
    padded = keras_1.backend.temporal_padding(np.ones((1, 2, 1)), 1)
    assert np.ravel(padded).tolist() == [0.0, 1.0, 1.0, 0.0]


def test_paths_of_ctc_decode(keras):
    paths, _ = keras.backend.ctc_decode(np.eye(3, dtype="float32")[[0, 0, 2, 1]][None], np.array([4]))
    expected = [[0, 1]] if era.standalone() else [[0, 1, -1, -1]]
    assert np.asarray(keras.backend.get_value(paths[0])).tolist() == expected


def test_layers_of_several_inputs_are_in_the_order_of_keras(tf_keras):
    layers = tf_keras.layers
    i, j = tf_keras.Input((3,), name="i"), tf_keras.Input((3,), name="j")
    c, a = layers.Dense(2, name="c")(layers.Dense(3, name="b")(j)), layers.Dense(2, name="a")(i)
    unused = tf_keras.Input((1,), name="unused")
    model = tf_keras.Model([unused, i, j], layers.Add(name="sum")([c, a]))
    assert [layer.name for layer in model.layers] == ["j", "b", "i", "c", "a", "unused", "sum"]


@pytest.mark.parametrize(
    ("shape", "of_keras_1", "of_keras_2", "of_tf_keras"),
    [  # Keras 1.2.2 with TensorFlow 1.4, Keras 2.3.1 with TensorFlow 1.15, TensorFlow 2.15
        ((4,), 0.910749, 0.912901, 0.910749),
        ((3, 4), 0.908364, 0.908857, 0.908364),
        ((3, 5, 4), 0.907634, 0.907806, 0.90772),
        ((2, 3, 2, 4), 0.907784, 0.907894, 0.907893),
    ],
)
def test_the_moving_variance_estimates_that_of_all_data(keras, request, shape, of_keras_1, of_keras_2, of_tf_keras):
    model = keras.models.Sequential([keras.layers.BatchNormalization(momentum=0.9, input_shape=shape)])
    model.compile("sgd", "mse")
    x = np.random.RandomState(0).rand(6, *shape)
    fit(model, x, x)
    expected = {"Keras 1": of_keras_1, "Keras 2": of_keras_2}.get(request.node.callspec.params["keras"], of_tf_keras)
    np.testing.assert_allclose(model.get_weights()[3][0], expected, atol=2e-6)


@pytest.mark.parametrize(
    ("shape", "axis", "options", "factor"),
    [  # TensorFlow 2.15, in whose operation for images the channels are first or last
        ((4, 3, 2, 5), 2, {}, 1.0),
        ((4, 3, 2, 5), 1, {}, 40 / 39),
        ((4, 3, 2, 5), -1, {"fused": False}, 1.0),
        ((4, 3, 2, 2, 3), 2, {}, 1.0),
        ((4, 3, 2, 2, 3), 4, {}, 48 / 47),
    ],
)
def test_the_moving_variance_of_images_is_that_of_the_operation(tf_keras, shape, axis, options, factor):
    layer = tf_keras.layers.BatchNormalization(axis=axis, momentum=0.0, **options)
    x = np.random.RandomState(0).rand(*shape)
    layer(x, training=True)
    others = tuple(i for i in range(len(shape)) if i != axis % len(shape))
    np.testing.assert_allclose(layer.moving_variance, np.var(x, others) * factor, rtol=1e-5)


def test_batch_dot_of_four_axes(tf_keras):
    x = np.random.rand(2, 5, 4, 3)
    found = tf_keras.backend.batch_dot(x, x, axes=(3, 3))  # as in release 2.15
    np.testing.assert_allclose(found, np.einsum("abci,adei->abcde", x, x), rtol=1e-5)
    era.set_release(era.Release(2, False, version=(2, 2)))  # TensorFlow 1
    np.testing.assert_allclose(
        tf_keras.backend.batch_dot(x, x, axes=(3, 3)), np.einsum("abci,abdi->abcd", x, x), rtol=1e-5
    )


def test_output_shape_of_layers_with_an_argument_of_this_name(keras_2):
    x = keras_2.layers.Input((3, 4))
    doubled = keras_2.layers.Lambda(lambda t: t * 2)
    columns = keras_2.layers.Lambda(lambda t: t[:, :, :1], output_shape=(3, 1))
    doubled(x)
    assert doubled.output_shape == (None, 3, 4)
    columns(x)
    assert columns.output_shape == (None, 3, 1)
    assert list(columns.get_config()["output_shape"]) == [3, 1]


def test_output_shape_of_attention_of_tf_keras(tf_keras):
    x = tf_keras.Input((3, 4))
    attention, dense = (
        tf_keras.layers.MultiHeadAttention(2, 3, output_shape=5),
        tf_keras.layers.EinsumDense("abc,cd->abd", (None, 2)),
    )
    attention(x, x)
    assert attention.output_shape == (None, 3, 5)
    dense(x)
    assert dense.output_shape == (None, 3, 2)
    assert [list(layer.get_config()["output_shape"]) for layer in (attention, dense)] == [[5], [None, 2]]


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_weights_of_both_directions_of_keras_1_are_joined_for_gpu(keras_1, kind):
    layer = getattr(keras_1.layers, kind)(3, consume_less="gpu")
    model = keras_1.models.Sequential([keras_1.layers.Bidirectional(layer, input_shape=(4, 2))])
    gates = {"GRU": 9, "LSTM": 12}[kind]
    assert [w.shape for w in model.get_weights()] == [(2, gates), (3, gates), (gates,)] * 2


@pytest.mark.parametrize("as_graph", [False, True])
def test_configs_with_names_of_keras_2_make_models_again(keras_2, as_graph):
    inputs = keras_2.layers.Input((2,))
    layer = keras_2.layers.LeakyReLU(0.2)
    if as_graph:
        model = keras_2.models.Model(inputs, layer(inputs))
    else:
        model = keras_2.models.Sequential([keras_2.layers.Dense(3, input_dim=2), layer])
    again = type(model).from_config(model.get_config(), custom_objects={})
    assert again.layers[-1].get_config()["alpha"] == 0.2


@pytest.mark.parametrize("by_argument", [False, True])
def test_a_class_of_the_program_with_the_name_of_a_layer(tf_keras, by_argument, tmp_path):
    class Flatten(tf_keras.layers.Layer):
        def call(self, x):
            return x * 3

    path, objects = tmp_path / "m.h5", {"Flatten": Flatten}
    tf_keras.Sequential([tf_keras.layers.Dense(2, input_dim=3), Flatten()]).save(path)
    with tf_keras.utils.custom_object_scope({} if by_argument else objects):
        model = tf_keras.models.load_model(path, custom_objects=objects if by_argument else None)
    assert type(model.layers[-1]) is Flatten


def test_penalties_of_outputs_inside_of_bidirectional(keras_2):
    inner = keras_2.layers.GRU(2, activity_regularizer=keras_2.regularizers.l2(10.0))
    model = keras_2.models.Sequential([keras_2.layers.Bidirectional(inner, input_shape=(3, 2))])
    model.compile("sgd", "mse")
    x = np.ones((2, 3, 2))
    outputs = model.predict(x)
    # the wrapper computes the penalty, from the merged outputs; `evaluate` of Keras 2.3.1 returns the same number
    assert model.evaluate(x, outputs, verbose=0) == pytest.approx(10 * float(np.sum(outputs**2)), rel=1e-5)


@pytest.mark.parametrize(
    ("rank", "arguments"),
    [(1, {"padding": "causal"}), (2, {"strides": 2}), (2, {"data_format": "channels_first"}), (3, {"padding": "same"})],
)
def test_convolutions_of_tf_keras_take_batch_axes(tf_keras, rank, arguments):
    """The frames of a video are convolved one by one; a model is the same after its config was read."""
    x = np.random.RandomState(0).normal(size=(2, 3, *(4, 5, 6)[:rank], 4)).astype("float32")
    layer = getattr(tf_keras.layers, f"Conv{rank}D")(3, 2, **arguments)
    inputs = tf_keras.Input((None, *x.shape[2:]))
    model = tf_keras.Model(inputs, layer(inputs))
    frames = np.stack([layer(frame).numpy() for frame in x])
    np.testing.assert_allclose(model.predict(x, verbose=0), frames, rtol=1e-5, atol=1e-6)
    assert tuple(layer.compute_output_shape(x.shape)) == frames.shape
    again = tf_keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(x, verbose=0), frames, rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse")
    assert model.fit(x, frames + 1, verbose=0).history["loss"] == pytest.approx([1], rel=1e-4)


def test_convolutions_of_the_package_take_one_batch_axis(keras_2):
    with pytest.raises(ValueError, match="expected 4 axes, got shape"):
        keras_2.layers.Conv2D(3, 2)(keras_2.layers.Input((3, 4, 5, 4)))


@pytest.mark.parametrize("version", [2, 3])
def test_layers_in_several_lists(tf_keras, version):
    """Until Keras 3 they were list by list, but weights in the order in which they were made."""
    era.set_release(era.Release(version, False))

    class Made(tf_keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = [], []
            for n in range(2):
                for name, part in (("a", self.first), ("b", self.second)):
                    part.append(tf_keras.layers.Dense(1, name=f"{name}{n}"))
                    part.append(self.add_weight(shape=(), name=f"w{name}{n}"))

    made = Made()
    names = ["a0", "b0", "a1", "b1"] if version == 3 else ["a0", "a1", "b0", "b1"]
    assert [layer.name for layer in made._flatten_layers(include_self=False)] == names
    assert [v.name.split("/")[-1].removesuffix(":0") for v in made.weights] == ["wa0", "wb0", "wa1", "wb1"]


def test_layers_of_keras_1_are_called_with_a_mask(keras_1):
    layers, x = keras_1.layers, np.ones((2, 3, 4), "float32")
    for layer in (layers.Dense(2), layers.Activation("relu"), layers.Dropout(0.5), layers.Flatten()):
        layer.build((2, 3, 4))
        assert layer.call(x, None).shape == layer.call(x, mask=np.ones((2, 3))).shape == layer.call(x).shape


def test_shapes_that_a_call_stores_have_the_batch_size_of_each_call(keras_1):
    K = keras_1.backend

    class Scaled(keras_1.layers.Wrapper):
        def build(self, input_shape):
            self.layer.build(input_shape)
            super().build(input_shape)
            self.merge = None

        def get_output_shape_for(self, input_shape):
            return input_shape

        def call(self, x, mask=None):
            if not self.merge:
                self.merge = keras_1.layers.Activation("linear")
                self.sizes = self.layer.get_output_shape_for(x.shape)
            if not self.sizes:
                self.sizes = self.layer.get_output_shape_for(x.shape)
            if not hasattr(self, "size"):
                self.size = x.shape
            return self.merge(self.layer.call(x, mask)) * K.tile(K.ones((1,)) * 2, self.sizes) + K.zeros(self.size)

    wrapper = Scaled(keras_1.layers.Dense(3, init="one", bias=False), input_shape=(3,))
    model = keras_1.models.Sequential([wrapper])
    model.compile("sgd", "mse")
    x = np.arange(15.0).reshape(5, 3)
    for count in (5, 2):
        np.testing.assert_allclose(
            model.predict(x[:count], batch_size=2), 2 * x[:count].sum(1, keepdims=True) * np.ones(3)
        )
    assert wrapper.sizes[1:] == (3,)
    assert model.fit(x, np.zeros((5, 3)), batch_size=2, nb_epoch=1, verbose=0).history["loss"][0] > 0


def test_tuples_that_a_call_of_keras_3_stores_stay():
    keras_3 = root("keras")

    class Grid(keras_3.layers.Layer):
        grid = None

        def call(self, x):
            self.grid = self.grid or (4, 4)
            return x * self.grid[0]

    layer = Grid()
    for size in (4, 2, 2):
        np.testing.assert_array_equal(layer(np.ones((size, 1), "float32")), np.full((size, 1), 4.0))
