"""Standard deviations of initial weights of Keras 1.2.2 and 2.2.4; the numbers are those of these libraries."""

import numpy as np
import pytest

from gazelle.compat.weights import initializations


def deviations(keras, layer, shape):
    model = keras.models.Sequential([keras.layers.InputLayer(shape), layer])
    return [float(w.std()) for w in model.get_weights() if w.ndim > 1]


@pytest.mark.parametrize(
    ("name", "args", "options", "shape", "expected"),
    [
        ("LSTM", (60,), {}, (5, 40), [0.1414, 0.1291] * 4),  # each gate alone, both kernels from `init`
        ("LSTM", (60,), {"consume_less": "gpu"}, (5, 40), [0.0845, 0.071]),
        ("SimpleRNN", (60,), {}, (5, 40), [0.1414, 0.142]),
        ("Convolution1D", (60, 3), {}, (9, 40), [0.0144]),
        ("Convolution3D", (30, 3, 3, 3), {"dim_ordering": "tf"}, (5, 5, 5, 8), [0.0765]),
        ("ConvLSTM2D", (30, 3, 3), {"dim_ordering": "tf"}, (2, 5, 5, 8), [0.0373, 0.0212] * 4),
        ("ConvLSTM2D", (30, 3, 3), {"dim_ordering": "th", "init": "he_normal"}, (2, 8, 5, 5), [0.1667, 0.0669] * 4),
        ("LocallyConnected1D", (10, 3), {}, (30, 8), [0.1105, 0.0]),
        ("MaxoutDense", (50,), {"nb_feature": 4}, (80,), [0.0889, 0.0]),
    ],
)
def test_kernels_of_keras_1(keras_1, name, args, options, shape, expected):
    found = deviations(keras_1, getattr(keras_1.layers, name)(*args, **options), shape)
    np.testing.assert_allclose(found, expected, rtol=0.06)


def test_normal_distributions_of_keras_1_are_not_truncated(keras_1):
    (kernel,) = (
        keras_1.models.Sequential([keras_1.layers.Dense(200, init="he_normal", bias=False, input_dim=200)])
    ).get_weights()
    assert np.abs(kernel).max() > 3.5 * kernel.std()
    assert kernel.std() == pytest.approx(0.1, rel=0.03)


def test_functions_of_keras_1(keras_1):
    for shape, order, expected in [((400,), "th", 0.2236), ((5, 9, 3, 4), "th", 0.0962), ((5, 9, 3, 4), "tf", 0.0861)]:
        values = np.concatenate([initializations.lecun_uniform(shape, dim_ordering=order).numpy() for _ in range(20)])
        assert values.std() == pytest.approx(expected, rel=0.1)
    assert initializations.identity((2, 2), scale=2).numpy().tolist() == [[2, 0], [0, 2]]


def test_vectors_of_the_package_keras_2(keras_2):
    vector = keras_2.initializers.get("glorot_uniform")((4000,))
    assert float(np.std(vector)) == pytest.approx(0.1257, rel=0.05)
    layer = keras_2.layers.Dense(4000, bias_initializer="glorot_uniform", input_dim=2)
    layer.build((None, 2))
    assert layer.get_weights()[1].std() == pytest.approx(0.1257, rel=0.05)


def test_vectors_of_tf_keras(tf_keras_2):
    assert float(np.std(tf_keras_2.initializers.GlorotUniform()((4000,)))) == pytest.approx(0.0158, rel=0.05)


def test_defaults_of_tensorflow_1(tensorflow_1):
    """Standard normal numbers, and uniform ones from 0 to 1; in TensorFlow 2 both are small."""
    tf = tensorflow_1
    tf.placeholder(tf.float32)  # a name that TensorFlow 2 does not have
    for namespace in (tf, tf.compat.v1):
        for name, expected in (("random_normal", 1.0), ("truncated_normal", 0.88), ("random_uniform", 0.289)):
            values = np.asarray(getattr(namespace, f"{name}_initializer")()((4000,)))
            assert values.std() == pytest.approx(expected, rel=0.06)
    assert 2 < np.max(tf.random_uniform_initializer(-1.0, 3.0, None, tf.float32)((400,))) < 3


def test_initializers_of_weights_run_again(keras_2, tensorflow_1):
    tf = tensorflow_1
    model = keras_2.models.Sequential([keras_2.layers.Dense(3, bias_initializer="ones", input_shape=(2,))])
    session = keras_2.backend.get_session()

    def changed(operation, session):
        model.set_weights([weight + 1 for weight in model.get_weights()])
        before = model.get_weights()
        session.run(operation)
        return [not np.allclose(old, new) for old, new in zip(before, model.get_weights(), strict=True)]

    assert changed(tf.global_variables_initializer(), session) == [True, True]
    assert model.get_weights()[1].tolist() == [1, 1, 1]
    assert changed(tf.variables_initializer(model.weights[:1]), session) == [True, False]
    kernel = model.layers[0].kernel
    assert changed(kernel.initializer, session) == [True, False]
    first = np.array(model.get_weights()[0])
    kernel.initializer.run(session=session)
    assert not np.allclose(model.get_weights()[0], first)
    kernel.load(np.zeros((2, 3)), session)
    assert not model.get_weights()[0].any()
    other = tf.Session()  # has values of its own in TensorFlow
    assert changed(tf.global_variables_initializer(), other) == [False, False]
    assert changed(tf.global_variables_initializer(), other) == [True, True]


def test_fans_in_the_order_of_a_data_format(keras_2):
    fans = keras_2.initializers._compute_fans
    assert fans((6, 4), data_format="channels_last") == fans((6, 4)) == (6, 4)
    assert fans((3, 3, 8, 16), data_format="channels_last") == (72, 144)
    assert fans((16, 8, 3, 3), data_format="channels_first") == (72, 144)
