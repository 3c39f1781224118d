"""Configs of Keras 1 and 2 in `from_config` and `deserialize`: of this process, and those that other releases wrote."""

import numpy as np
import pytest

from tests.compat.conftest import program

X = np.array([[1.0, 2.0, -1.0, 0.5]], "float32")
EARLIER = np.array([[0.7, 0.9, 0.3, 0.6]], "float32")  # hard_sigmoid, whose slope was 1/5


def _outputs(keras, layer, x=X):
    inputs = keras.layers.Input(x.shape[1:])
    return keras.models.Model(inputs, layer(inputs)).predict(x, verbose=0)


def test_hard_sigmoid_in_the_config_of_a_layer(keras):
    layers = keras.layers
    layer = layers.Activation("hard_sigmoid")
    for again in (layers.Activation.from_config(layer.get_config()), layers.deserialize(layers.serialize(layer))):
        np.testing.assert_allclose(_outputs(keras, again), EARLIER, rtol=1e-6)
    assert again.get_config()["activation"] == "hard_sigmoid"


def test_hard_sigmoid_in_the_config_of_a_subclass_without_a_constructor(tf_keras):
    class Mine(tf_keras.layers.Activation):
        pass

    layer = Mine.from_config(Mine("hard_sigmoid").get_config())
    np.testing.assert_allclose(_outputs(tf_keras, layer), EARLIER, rtol=1e-6)


def test_hard_sigmoid_by_its_name(keras):
    activations = keras.activations
    for found in (activations.get("hard_sigmoid"), activations.deserialize("hard_sigmoid")):
        assert found is activations.hard_sigmoid
    assert activations.deserialize("hard_sigmoid", custom_objects={"hard_sigmoid": abs}) is abs


@pytest.mark.parametrize("kind", ["Bidirectional", "StackedRNNCells", "RNN", "TimeDistributed"])
def test_layers_inside_a_layer(tf_keras, kind):
    layers = tf_keras.layers
    cells = [layers.LSTMCell(2, recurrent_activation="hard_sigmoid", name="a"), layers.GRUCell(2, name="b")]
    layer = {
        "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(2, recurrent_activation="hard_sigmoid")),
        "StackedRNNCells": lambda: layers.RNN(layers.StackedRNNCells(cells)),
        "RNN": lambda: layers.RNN(cells),
        "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2, activation="hard_sigmoid")),
    }[kind]()
    assert "before_keras_3" not in str(layer.get_config())
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    expected = _outputs(tf_keras, layer, x)
    for again in (type(layer).from_config(layer.get_config()), layers.deserialize(layers.serialize(layer))):
        again.build((None, 4, 3))
        again.set_weights(layer.get_weights())
        np.testing.assert_allclose(_outputs(tf_keras, again, x), expected, rtol=1e-6)


def test_configs_of_wrappers_have_names_of_dtypes(tf_keras):
    layers = tf_keras.layers
    config = layers.Bidirectional(layers.LSTM(2)).get_config()
    assert config["dtype"] == config["layer"]["config"]["dtype"] == "float32"
    assert layers.StackedRNNCells([layers.LSTMCell(2)]).get_config()["cells"][0]["config"]["dtype"] == "float32"


def test_arguments_that_other_releases_wrote(tf_keras):
    layers = tf_keras.layers
    weights = {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}
    for name, config in (
        ("LSTM", {"units": 2, "time_major": False, "implementation": 1, "kernel_initializer": weights}),
        ("DepthwiseConv2D", {"kernel_size": [2, 2], "groups": 1, "kernel_initializer": weights}),
        ("SpatialDropout1D", {"rate": 0.5, "noise_shape": None}),
        ("LeakyReLU", {"alpha": 0.25}),
        ("TextVectorization", {"dtype": "string", "max_tokens": 5}),
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 2, "query_shape": None, "key_shape": None}),
    ):
        config = {"name": "layer", "trainable": True, **config}
        for layer in (
            layers.deserialize({"class_name": name, "config": config}),
            getattr(layers, name).from_config(config),
        ):
            assert (type(layer).__name__, layer.name) == (name, "layer")


def test_a_config_that_names_the_function_of_a_loss(tf_keras):
    config = {"reduction": "auto", "name": "huber", "fn": "huber", "delta": 0.5}
    loss = tf_keras.losses.deserialize({"class_name": "Huber", "config": config})
    assert float(loss(np.zeros((1, 1), "float32"), np.ones((1, 1), "float32"))) == pytest.approx(0.375)


def test_an_argument_with_an_effect_is_an_error(tf_keras):
    with pytest.raises(TypeError, match="Unknown argument of Dense 'size'"):
        tf_keras.layers.Dense.from_config({"units": 2, "size": 3})


def test_removed_classes_are_names_of_their_modules():
    for keras in program(2):
        assert {"ThresholdedReLU", "CuDNNLSTM"} <= {*dir(keras.layers)}
    for keras in program(3):
        assert "ThresholdedReLU" not in dir(keras.layers)


def test_a_config_of_a_recurrent_layer_that_is_not_time_major(tf_keras_2):
    """As TensorFlow 2 writes it; without the module of the class until 2.12."""
    keras = tf_keras_2.keras
    layer = {"name": "a", "units": 2, "time_major": False, "batch_input_shape": (None, 4, 3)}
    config = {"name": "m", "layers": [{"class_name": "LSTM", "config": layer}]}
    assert keras.Sequential.from_config(config).count_params() == 48


def test_configs_with_a_policy_of_tf_keras(tf_keras_2):
    keras = tf_keras_2.keras
    layer = keras.layers.Dense(2, dtype=keras.mixed_precision.Policy("mixed_float16"))
    config = layer.get_config()
    assert config["dtype"]["class_name"] == "Policy"
    assert keras.layers.Dense.from_config(config).compute_dtype == "float16"
    entry = {
        "class_name": "Dense",
        "config": {"units": 2, "dtype": {"class_name": "Policy", "config": {"name": "float16"}}},
    }
    assert keras.layers.deserialize(entry).compute_dtype == "float16"


def test_config_of_a_layer_around_a_bidirectional_one(tf_keras_2):
    """Written twice: the one inside by the program, in the form of Keras 2, and all of them with the model."""
    keras = tf_keras_2.keras

    class Around(keras.layers.Wrapper):
        def call(self, x):
            return self.layer(x)

        def get_config(self):
            inner = {"class_name": type(self.layer).__name__, "config": self.layer.get_config()}
            return {**super().get_config(), "layer": inner}

    model = keras.Sequential([keras.Input((5, 3)), Around(keras.layers.Bidirectional(keras.layers.LSTM(2)))])
    again = keras.Sequential.from_config(model.get_config(), {"Around": Around})
    again.set_weights(model.get_weights())
    x = np.ones((1, 5, 3), "float32")
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)
