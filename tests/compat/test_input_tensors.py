"""Models whose data are tensors of a graph; numbers of Keras 2.2.4."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade

R = np.random.RandomState(0)
X, Y = R.rand(20, 3).astype("float32"), R.rand(20, 1).astype("float32")


@pytest.fixture
def tf():
    yield facade.module("tensorflow")
    facade.close()


def dense(keras):
    return keras.layers.Dense(1, kernel_initializer="ones")


def test_batches_of_an_iterator(keras_2, tf):
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(5).repeat()
    x, y = dataset.make_one_shot_iterator().get_next()
    inputs = keras_2.layers.Input(tensor=x)
    model = keras_2.models.Model(inputs, dense(keras_2)(inputs))
    model.compile("sgd", "mse", metrics=["mae"], target_tensors=[y])
    history = model.fit(epochs=2, steps_per_epoch=4, verbose=0).history
    np.testing.assert_allclose(history["loss"], [1.42743, 1.10012], rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), [0.90927, 0.90592, 0.90757], rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(steps=4, verbose=0), [0.93195, 0.85958], rtol=1e-5)
    assert model.predict(None, steps=2).shape == (10, 1)


def test_a_variable_next_to_data(keras_2):
    backend = keras_2.backend
    variable = backend.variable(X[:4])
    fixed, passed = keras_2.layers.Input(tensor=variable), keras_2.layers.Input((3,))
    model = keras_2.models.Model([fixed, passed], dense(keras_2)(keras_2.layers.Add()([fixed, passed])))
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.predict(X[4:8]).ravel(), (X[:4] + X[4:8]).sum(1), rtol=1e-6)
    np.testing.assert_allclose(model.train_on_batch(X[4:8], Y[:4]), 11.9676, rtol=1e-5)
    backend.set_value(variable, np.zeros((4, 3)))
    np.testing.assert_allclose(model.predict_on_batch(X[4:8]), model.predict([np.zeros((4, 3)), X[4:8]]))


def test_constants_alone(keras_2):
    inputs = keras_2.layers.Input(tensor=keras_2.backend.constant(X[:4]))
    model = keras_2.models.Model(inputs, dense(keras_2)(inputs))
    model.compile("sgd", "mse", target_tensors=[keras_2.backend.constant(Y[:4])])
    np.testing.assert_allclose(model.train_on_batch(None, None), 2.57737, rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(None, None), 2.35544, rtol=1e-5)


def test_merge_of_variables_is_a_tensor_of_the_graph(tensorflow_1, keras_1):
    tf = tensorflow_1
    variable, other = tf.Variable([[1.0, 2.0]]), keras_1.backend.variable([[5.0]])
    merged = keras_1.layers.merge([variable, other], mode="concat")
    with tf.Session() as session:
        session.run(tf.initialize_all_variables())
        assert merged.eval().tolist() == [[1.0, 2.0, 5.0]]
        session.run(tf.assign(variable, [[3.0, 4.0]]))
        assert session.run(merged).tolist() == [[3.0, 4.0, 5.0]]


def test_layers_read_variables_in_lists_when_the_graph_runs(tensorflow_1, keras_2):
    tf = tensorflow_1
    fed = tf.placeholder(tf.float32, (1, 2))
    variable, other = tf.Variable([[1.0, 2.0]]), keras_2.backend.variable([[3.0, 4.0]])
    first, second = keras_2.layers.Input((2,)), keras_2.layers.Input((2,))
    model = keras_2.models.Model([first, second], keras_2.layers.add([first, second]))
    made = [
        keras_2.layers.concatenate([variable, other]),
        keras_2.layers.add([variable, tf.constant([[1.0, 1.0]])]),
        keras_2.layers.multiply([fed, variable]),
        keras_2.layers.Lambda(lambda both: both[0] - both[1])([other, variable]),
        model([fed, variable]),
    ]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([tf.assign(variable, [[5.0, 6.0]]), tf.assign(other, [[7.0, 8.0]])])
        found = [value.tolist() for value in session.run(made, {fed: [[10.0, 20.0]]})]
    assert found == [[[5, 6, 7, 8]], [[6, 7]], [[50, 120]], [[2, 2]], [[15, 26]]]


def test_targets_alone_are_tensors(keras_2):
    inputs = keras_2.layers.Input((3,))
    model = keras_2.models.Model(inputs, dense(keras_2)(inputs))
    target = keras_2.backend.variable(Y[:4])
    model.compile("sgd", "mse", target_tensors=[target])
    np.testing.assert_allclose(model.train_on_batch(X[:4], None), 2.57737, rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(X[:4], None), 2.35544, rtol=1e-5)
    keras_2.backend.set_value(target, model.predict(X[:4]))
    assert model.test_on_batch(X[:4], None) == 0
