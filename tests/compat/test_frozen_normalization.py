"""Frozen BatchNormalization of earlier versions; numbers of Keras 1.2.2, 2.2.4, 2.3.1 and tf.keras 1.15.

Those of GANs for TensorFlow 2 are of 2.15.
"""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

X = np.random.RandomState(0).normal(3, 2, (32, 4)).astype("float32")
ZEROS, ONES = np.zeros((32, 1)), np.ones((32, 1))


@pytest.fixture(params=["1", "2", "tf.keras 1", "tf.keras 2", "3"])
def keras(request):
    before = era.release()
    number, standalone = int(request.param[-1]), "tf" not in request.param
    era.set_release(
        era.Release(number if standalone else 2, standalone, (2, 2) if request.param == "tf.keras 1" else None)
    )
    yield request.param, root("keras" if standalone else "tensorflow.keras")
    era.set_release(before)


def moving(layer):
    return np.concatenate(layer.get_weights()[2:])


def test_a_frozen_layer(keras):
    name, keras = keras
    layer, ones = keras.layers.BatchNormalization(), keras.initializers.get("one" if name == "1" else "ones")
    model = keras.models.Sequential([keras.Input((4,)), layer, keras.layers.Dense(1, kernel_initializer=ones)])
    layer.trainable = False
    model.compile("sgd", "mse")
    assert model.evaluate(X, ZEROS, verbose=0) == pytest.approx(192.2671, rel=1e-5)
    uses_batches = name not in ("tf.keras 2", "3")
    assert model.train_on_batch(X, ZEROS) == pytest.approx(5.0890 if uses_batches else 192.2671, rel=1e-4)
    start = [0.0] * 4 + [1.0] * 4
    if name == "1":  # its statistics changed though it was frozen
        start = [0.0328, 0.0321, 0.0295, 0.0365, 1.0504, 1.0391, 1.0161, 1.0245]
    np.testing.assert_allclose(moving(layer), start, atol=1e-4)


def of_three(keras, outputs):
    Dense, ones = keras.layers.Dense, "ones"
    layers = [keras.Input((4,)), Dense(3, kernel_initializer=ones), keras.layers.BatchNormalization()]
    return keras.models.Sequential([*layers, Dense(outputs, kernel_initializer=ones)])


def gan(keras):
    """A discriminator that is frozen after its own `compile`, a generator, and the model of both."""
    discriminator, generator = of_three(keras, 1), of_three(keras, 4)
    discriminator.compile("sgd", "mse")
    discriminator.trainable = False
    z = keras.Input((4,))
    combined = keras.models.Model(z, discriminator(generator(z)))
    combined.compile("sgd", "mse")
    return discriminator, generator, combined


@pytest.mark.parametrize("toggled", [False, True])
def test_the_frozen_discriminator_of_a_gan(keras_2, toggled):
    keras = root("keras")
    discriminator, generator, combined = gan(keras)
    losses = []
    for _ in range(3):
        discriminator.trainable = toggled
        losses.append(discriminator.train_on_batch(generator.predict(X, verbose=0), ONES))
        discriminator.trainable = False
        losses.append(combined.train_on_batch(X, ZEROS))
    np.testing.assert_allclose(losses, [10.0, 7.033, 7.88, 5.675, 6.398, 4.697], atol=1e-3)
    normalization = [next(v for v in m.layers if "batch" in v.name) for m in (discriminator, generator)]
    of_discriminator = [4.231] * 3 + [79.863] * 3 if toggled else [0.0] * 3 + [1.0] * 3
    np.testing.assert_allclose(moving(normalization[0]), of_discriminator, atol=1e-3)
    np.testing.assert_allclose(moving(normalization[1]), [0.389] * 3 + [1.62] * 3, atol=1e-3)


def test_frozen_layers_in_a_model_that_is_not(keras_2):
    keras = root("keras")
    discriminator = of_three(keras, 1)
    for layer in discriminator.layers:
        layer.trainable = False
    z = keras.Input((4,))
    combined = keras.models.Model(z, discriminator(keras.layers.Dense(4, kernel_initializer="ones")(z)))
    combined.compile("sgd", "mse")
    assert [combined.train_on_batch(X, ONES) for _ in range(3)] == pytest.approx([10.0] * 3, abs=1e-3)


def test_layers_that_a_frozen_model_and_another_one_share_are_trained(keras_2):
    """As in InfoGAN, whose recognition network shares layers with the frozen discriminator."""
    keras = root("keras")
    Dense = keras.layers.Dense
    shared = keras.models.Sequential(
        [Dense(3, kernel_initializer="ones", input_shape=(4,)), keras.layers.BatchNormalization()]
    )
    image, z = keras.Input((4,)), keras.Input((4,))
    discriminator = keras.models.Model(image, Dense(1, kernel_initializer="ones")(shared(image)))
    recognition = keras.models.Model(image, Dense(2, kernel_initializer="ones")(shared(image)))
    generated = Dense(4, kernel_initializer="ones")(z)
    discriminator.trainable = False
    combined = keras.models.Model(z, [discriminator(generated), recognition(generated)])
    combined.compile("sgd", "mse")
    assert len(combined.trainable_weights) == 8
    losses = [combined.train_on_batch(X, [ZEROS, np.ones((32, 2))])[0] for _ in range(4)]
    np.testing.assert_allclose(losses, [19.0, 14.399, 11.106, 8.684], atol=1e-3)
    np.testing.assert_allclose([np.sum(w) for w in discriminator.get_weights()[-2:]], [3, 0])


def test_statistics_of_a_call_in_training_mode(keras):
    """With `training=True` they move in predictions, too, but for the graphs of TensorFlow 1."""
    name, keras = keras
    if name == "1":
        pytest.skip("Keras 1 had no argument `training`")
    inputs, layer = keras.Input((3,)), keras.layers.BatchNormalization()
    model = keras.models.Model(inputs, layer(inputs, training=True))
    model.compile("sgd", "mse")
    x, found = np.arange(12).reshape(4, 3) / 10, []
    for step in (model.predict, lambda x: model.train_on_batch(x, np.ones((4, 3))), model.predict):
        step(x)
        found.append(layer.get_weights()[2][0])
    in_graphs = name in ("2", "tf.keras 1")
    np.testing.assert_allclose(found, [0, 0.0045, 0.0045] if in_graphs else [0.0045, 0.008955, 0.013366], rtol=1e-3)


@pytest.mark.parametrize("method", ["train_on_batch", "fit"])
@pytest.mark.parametrize("toggled", [False, True])
def test_a_gan_of_tensorflow_2_is_trained_with_the_flags_of_compile(toggled, method, tf_keras_2):
    keras = root("tensorflow.keras")
    discriminator, generator, combined = gan(keras)

    def loss(model, x, y):
        if method == "train_on_batch":
            return model.train_on_batch(x, y)
        return model.fit(x, y, verbose=0).history["loss"][0]

    losses = []
    for _ in range(3):
        discriminator.trainable = toggled
        losses.append(loss(discriminator, generator.predict(X, verbose=0), ONES))
        assert discriminator.layers[1].trainable is toggled
        discriminator.trainable = False
        losses.append(loss(combined, X, ZEROS))
    losses.append(discriminator.evaluate(X, ONES, verbose=0))
    np.testing.assert_allclose(losses, [10.0, 32.5729, 7.8798, 10.4191, 6.3982, 5.7185, 5.9311], atol=1e-3)
    np.testing.assert_allclose(moving(discriminator.layers[1]), [3.4369] * 3 + [53.9951] * 3, atol=1e-3)
    np.testing.assert_allclose(moving(generator.layers[1]), [0.3887] * 3 + [1.6] * 3, atol=1e-3)


def test_layers_frozen_after_compile_in_tensorflow_2(tf_keras_2):
    keras = root("tensorflow.keras")
    model = of_three(keras, 1)
    model.compile("sgd", "mse")
    model.layers[1].trainable = False  # of which the training takes no notice until the next `compile`
    model.train_on_batch(X, ONES)
    assert not model.layers[1].trainable
    np.testing.assert_allclose(moving(model.layers[1]), [0.1309] * 3 + [1.202] * 3, atol=1e-4)
    model.compile("sgd", "mse")
    before = moving(model.layers[1])
    model.train_on_batch(X, ONES)
    np.testing.assert_array_equal(moving(model.layers[1]), before)
