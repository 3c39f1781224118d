"""Names and the order of weights, names of layers and penalties of `keras` 2.2.4, whose numbers stand here."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import names

keras = root("keras")
layers, l2 = keras.layers, keras.regularizers.l2
pytestmark = pytest.mark.usefixtures("keras_2")
X = np.ones((2, 4), "float32")


def _nested():
    inner = keras.models.Sequential([layers.Dense(3, input_shape=(4,)), layers.BatchNormalization(), layers.Dense(2)])
    inputs = layers.Input((4,))
    outputs = layers.Dense(1)(inner(layers.BatchNormalization()(inputs)))
    return keras.models.Model(inputs, outputs), inner


@pytest.mark.parametrize(
    ("frozen", "inside"),
    [
        ((), [(4, 3), (3,), (3,), (3,), (3, 2), (2,), (3,), (3,)]),
        ((0,), [(3,), (3,), (3, 2), (2,), (4, 3), (3,), (3,), (3,)]),
        ((0, 1, 2), [(4, 3), *[(3,)] * 5, (3, 2), (2,)]),
    ],
)
def test_get_weights_of_a_model_inside_of_another_one(frozen, inside):
    model, inner = _nested()
    for number in frozen:
        inner.layers[number].trainable = False
    found = [w.shape for w in model.get_weights()]
    assert found == [(4,)] * 4 + inside + [(2, 1), (1,)]
    assert [w.shape for w in inner.get_weights()] == [(4, 3), *[(3,)] * 5, (3, 2), (2,)]
    values = [np.full(shape, number, "float32") for number, shape in enumerate(found)]
    model.set_weights(values)
    assert all((a == b).all() for a, b in zip(values, model.get_weights(), strict=True))
    assert model.layers[1].get_weights()[0][0] == 0


def test_weights_of_a_model_are_the_trained_ones_first():
    model, inner = _nested()
    assert [w.shape for w in model.weights[-4:]] == [(4,), (4,), (3,), (3,)]
    assert [id(w) for w in model.weights] == [id(w) for w in model.trainable_weights + model.non_trainable_weights]
    inner.trainable = False
    shapes = [w.shape for w in model.weights]
    assert shapes == [(4,), (4,), (2, 1), (1,), (4,), (4,), (4, 3), *[(3,)] * 3, (3, 2), (2,), (3,), (3,)]


def test_names_of_layers_and_weights():
    class MHSA2D(layers.Layer):
        pass

    class _Hidden(MHSA2D):
        pass

    names.clear_session()
    found = [MHSA2D().name, _Hidden().name, layers.ConvLSTM2D(2, 2).name, layers.Conv2D(2, 2).name]
    assert found == ["mhs_a2d_1", "private__hidden_1", "conv_lst_m2d_1", "conv2d_1"]
    model = keras.models.Sequential([layers.LSTM(2, input_shape=(3, 4)), layers.Dense(1)])
    assert [w.name for w in model.weights][2:] == ["lstm_1/bias:0", "dense_1/kernel:0", "dense_1/bias:0"]
    assert model.output.shape[-1].value == model.output.shape[-1]._value == 1


def test_optimizers_know_the_names_of_weights():
    seen = []

    class Seeing(keras.optimizers.Optimizer):
        def get_updates(self, loss, params):
            seen.extend(p.name for p in params)
            return []

    model = keras.models.Sequential([layers.Dense(1, input_shape=(4,), name="dense_7")])
    model.compile(Seeing(), "mse")
    model.train_on_batch(X, X[:, :1])
    assert seen == ["dense_7/kernel:0", "dense_7/bias:0"]


def test_a_penalty_is_that_of_the_time_when_the_weight_was_made():
    model = keras.models.Sequential([layers.Dense(3, kernel_regularizer=l2(0.1), input_shape=(4,))])
    model.set_weights([np.ones((4, 3)), np.zeros(3)])
    model.compile("sgd", "mse")
    for change in (lambda layer: setattr(layer.kernel_regularizer, "l2", 0.0), lambda layer: None):
        change(model.layers[0])
        assert model.evaluate(X, 4 * X[:, :3], verbose=0) == pytest.approx(1.2)
    assert model.layers[0].get_config()["kernel_regularizer"]["config"]["l2"] == 0


def test_weights_of_a_model_follow_those_of_its_layers(tf_keras_2):
    tf, keras = tf_keras_2, tf_keras_2.keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = tf.Variable([1.0, 2.0, 3.0])
            self.norm = keras.layers.BatchNormalization()

        def call(self, x):
            return self.norm(x) * self.scale

    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.own = Own()

        def call(self, x):
            return self.own(x)

    for model in (Own(), Outer()):
        model(np.ones((2, 3), "float32"))
        own = getattr(model, "own", model)
        names = [own.norm.gamma, own.norm.beta, own.scale]
        assert list(map(id, model.trainable_variables)) == list(map(id, names))
        assert list(map(id, model.trainable_weights)) == list(map(id, names))
        frozen = [own.norm.moving_mean, own.norm.moving_variance]
        assert list(map(id, model.variables)) == list(map(id, [*names[:2], *frozen, names[2]]))


def test_weights_of_layers_that_a_constructor_is_given(tf_keras_2):
    keras = tf_keras_2.keras

    class Pair(keras.Model):
        def __init__(self, first, second):
            super().__init__()
            self.first, self.second = first, second

        def call(self, x):
            return self.second(self.first(x))

    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm, self.dense = keras.layers.BatchNormalization(), keras.layers.Dense(2)

        def call(self, x):
            return self.dense(self.norm(x))

    norms = [keras.models.Sequential([keras.layers.BatchNormalization()]) for _ in range(2)]
    model, block = Pair(*norms), Block()
    model(np.ones((2, 3), "float32")), block(np.ones((2, 3), "float32"))
    assert [w.name.split("/")[-1] for w in model.weights] == [
        "gamma:0",
        "beta:0",
        "moving_mean:0",
        "moving_variance:0",
    ] * 2
    trained = [block.norm.gamma, block.norm.beta, block.dense.kernel, block.dense.bias]
    expected = [*trained, block.norm.moving_mean, block.norm.moving_variance]
    assert list(map(id, block.variables)) == list(map(id, block.weights)) == list(map(id, expected))


def test_names_of_weights_in_wrappers_and_depthwise_convolutions(tf_keras):
    layers = tf_keras.layers
    dense = tf_keras.Sequential([layers.TimeDistributed(layers.Dense(2), name="steps", input_shape=(4, 3))])
    assert [v.name for v in dense.weights] == ["steps/kernel:0", "steps/bias:0"]
    lstm = tf_keras.Sequential([layers.TimeDistributed(layers.LSTM(2), name="steps", input_shape=(4, 3, 1))])
    assert lstm.weights[0].name == "steps/lstm_cell/kernel:0"
    image = tf_keras.Sequential([layers.DepthwiseConv2D(2, name="c", input_shape=(4, 4, 1))])
    assert image.weights[0].name == "c/depthwise_kernel:0"
    spectral = tf_keras.Sequential([layers.SpectralNormalization(layers.Dense(2), name="s", input_shape=(3,))])
    assert spectral.weights[0].name == "s/kernel:0"


def test_names_of_weights_do_not_contain_cells(keras_2):
    layers = keras_2.layers
    model = keras_2.models.Sequential([layers.RNN(layers.GRUCell(2), input_shape=(4, 3))])
    assert model.weights[0].name == "rnn_1/kernel:0"


def test_names_of_weights_of_recurrent_layers_in_tensorflow_1(tf_keras):  # names of TensorFlow 1.15.5
    era.set_release(era.Release(2, standalone=False, version=(2, 2)))
    both = tf_keras.layers.Bidirectional(tf_keras.layers.GRU(2, name="steps", return_sequences=True), name="both")
    model = tf_keras.Sequential([both, tf_keras.layers.LSTM(2, name="last")])
    model.build((None, None, 3))
    assert (both.weights[0].name, model.layers[1].weights[0].name) == ("both/forward_steps/kernel:0", "last/kernel:0")


@pytest.mark.parametrize(
    "listed",
    [
        lambda layer, more: layer.trainable_weights.extend(more),
        lambda layer, more: [layer._trainable_weights.append(one) for one in more],
        lambda layer, more: setattr(layer, "trainable_weights", layer.trainable_weights.__iadd__(more)),
        lambda layer, more: setattr(layer, "_trainable_weights", layer._trainable_weights.__iadd__(more)),
    ],
)
def test_weights_of_layers_inside_are_in_the_order_in_which_they_are_appended(listed):
    era.set_release(era.Release(2, True, (2, 2)))

    class Layer(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(name="w", shape=(2,), initializer="zeros")
            self.first, self.second = layers.Dense(2), layers.Dense(2)
            for layer in (self.second, self.first):
                layer.build(input_shape)
                listed(self, layer.trainable_weights)
            super().build(input_shape)

        def call(self, x):
            return self.first(x) + self.second(x) + self.w

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 2)

    layer = Layer()
    model = keras.models.Sequential([layer])
    model.build((None, 4))
    assert [w.shape for w in model.get_weights()] == [(2,), (4, 2), (2,), (4, 2), (2,)]
    model.set_weights([np.full(w.shape, number, "float32") for number, w in enumerate(model.get_weights())])
    found = [w.max() for inner in (layer.second, layer.first) for w in inner.get_weights()]
    assert found == [1.0, 2.0, 3.0, 4.0]
    assert len(layer.trainable_weights) == 5
