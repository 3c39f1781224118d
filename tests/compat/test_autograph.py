"""`if`, `while` and `for` on tensors in compiled functions and in layers."""

import warnings

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.tensorflow.eager import autograph
from gazelle.core.errors import ArgumentError


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def assigned(tf, x):
    if tf.reduce_sum(x) > 0:
        y = x * 2
    elif tf.reduce_sum(x) < -10:
        y = x * 0
    else:
        y = -x
    return y + 1


def returned(tf, x):
    scale = 3.0
    if tf.reduce_sum(x) > 0:
        scale = scale + 1
        return x * scale
    return x / scale


def repeated(tf, x):
    count = 0
    while tf.reduce_sum(x) < 100.0:
        x, count = x * 2, count + 1
    return x * tf.cast(count, tf.float32)


def nested(tf, x):
    for i in range(2):
        if tf.reduce_max(x) > i:
            x = x + 1
    return x


def counted(tf, x):
    steps = tf.cast(tf.abs(tf.reduce_sum(x)), tf.int32) + 2
    for step in tf.range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_mean(x**2)
        x = x - 0.1 * tape.gradient(loss, x) + tf.cast(step, tf.float32)
    for step in range(steps, 0, -2):
        x = x + tf.cast(step, tf.float32)
    return x


@pytest.mark.parametrize("function", [assigned, returned, repeated, nested, counted])
@pytest.mark.parametrize("x", [[1.0, 2.0], [-1.0, 0.5], [-9.0, -8.0], [60.0, 50.0]])
def test_functions(tf, function, x):
    if function is repeated and sum(x) <= 0:
        return
    plain = function(tf, tf.constant(x)).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is compiled, not run as plain Python
        got = tf.function(lambda x: rewritten(function)(tf, x))(tf.constant(x)).numpy()
        whole = tf.function(function)(tf, tf.constant(x)).numpy()
    np.testing.assert_allclose(got, plain)
    np.testing.assert_allclose(whole, plain)


def rewritten(function):
    made = autograph.rewritten(function)
    assert made is not None
    return made


def test_the_branch_that_is_not_chosen_has_no_gradient(tf):
    def loss(x):
        total, count = tf.reduce_sum(tf.nn.relu(x)), tf.reduce_sum(tf.cast(x > 0, tf.float32))
        out = total * 0
        if count > 0:
            out = total / count
        return out

    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])
    x = tf.constant([[-1.0]])
    with tf.GradientTape() as tape:
        value = tf.function(loss)(model(x))
    assert np.isfinite(tape.gradient(value, model.trainable_variables)[0].numpy()).all()


def test_a_layer(tf):
    class Scale(tf.keras.layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, x):
            if tf.reduce_mean(x) > 0.5:
                x = x * self.factor
            return x

    inputs = tf.keras.Input((2,))
    model = tf.keras.Model(inputs, Scale(3.0)(inputs))
    assert model.predict(np.ones((4, 2)), verbose=0).max() == 3
    assert model.predict(np.zeros((4, 2)) + 0.25, verbose=0).max() == 0.25


def test_losses_of_layers_in_branches_are_not_compiled(tf):
    layer = tf.keras.layers.Dense(2, kernel_initializer="ones", activity_regularizer="l2")
    layer.build((None, 3))

    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layer

        def call(self, x):
            if tf.reduce_sum(x) > 0:
                return self.inner(x)
            return x[:, :2]

    model, x = Model(), np.ones((4, 3), "float32")
    model.compile("sgd", "mse")
    with pytest.raises(Exception, match=r"Call the layer before it and select with tf\.where"):
        model.fit(x, x[:, :2], verbose=0)
    model.compile("sgd", "mse", run_eagerly=True)
    assert model.evaluate(x, x[:, :2], verbose=0) == pytest.approx(4 + 0.01 * 9 * 2)


def test_branches_of_other_shapes_are_refused(tf):
    def other(x):
        y = x
        if tf.reduce_sum(x) > 0:
            y = tf.reduce_sum(x)
        return y

    with pytest.raises(ArgumentError, match="same shapes and dtypes"):
        tf.function(other)(tf.constant([1.0, 2.0]))


def test_branches_that_change_objects_run_as_plain_python(tf):
    seen = []

    def changing(x):
        if tf.reduce_sum(x) > 0:
            seen.append(1)
        return x

    with pytest.warns(UserWarning, match="runs as plain Python"):
        tf.function(changing)(tf.constant([1.0]))
    assert seen == [1]


class Doubling:
    def call(self, x, steps):
        for _ in range(steps):
            x = x * 2
        return x


def test_a_method(tf):
    function = tf.function(Doubling().call)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is compiled, not run as plain Python
        assert [function(tf.constant(1.0), tf.constant(n)).numpy() for n in (3, 0)] == [8, 1]


# Strings, and lists with tensors in them -----------------------------------------------------------------------------


def test_functions_that_choose_strings_run_uncompiled(tf):
    @tf.function
    def of_elements(x):
        return tf.strings.join([tf.where(x > 0, "R", "L"), "x"])

    @tf.function
    def of_a_condition(x):
        if tf.reduce_sum(x) > 0:
            code, number = "A", 1
        else:
            code, number = "P", 2
        return tf.strings.join([code, "S"]), number * 2

    assert of_elements(tf.constant([1.0, -1.0])).numpy().tolist() == [b"Rx", b"Lx"]
    for x, code, number in ((1.0, b"AS", 2), (-1.0, b"PS", 4)):
        out = of_a_condition(tf.constant([x]))
        assert (out[0].numpy(), int(out[1])) == (code, number)


def test_concat_takes_lists_of_lists_with_tensors(tf):
    @tf.function
    def widened(x):
        return tf.concat([x, [[9.0], [tf.reduce_sum(x)]]], axis=1)

    assert widened(tf.ones((2, 2))).numpy().tolist() == [[1, 1, 9], [1, 1, 4]]


# Where TensorFlow builds a graph -------------------------------------------------------------------------------------


def test_functions_and_steps_are_not_eager(tf):
    seen = []

    @tf.function
    def function(x):
        seen.append(tf.executing_eagerly())
        assert tf.inside_function()
        return x

    class Model(tf.keras.Model):
        def train_step(self, data):
            seen.append(tf.executing_eagerly())
            return {"loss": tf.constant(0.0)}

    function(tf.ones(3))
    assert seen == [False]
    assert tf.executing_eagerly()
    inputs = tf.keras.Input((2,))
    model = Model(inputs, tf.keras.layers.Dense(1)(inputs))
    for eagerly in (False, True):
        seen.clear()
        model.compile("sgd", "mse", run_eagerly=eagerly)
        model.fit(tf.ones((2, 2)), tf.ones((2, 1)), verbose=0)
        assert seen[-1] is eagerly
    dataset = tf.data.Dataset.range(1).map(lambda x: tf.constant(tf.executing_eagerly()))
    assert [bool(value) for value in dataset] == [False]


def test_functions_whose_source_is_no_program(tf, tmp_path):
    """Such as those of a file that has changed since."""
    (tmp_path / "texts.py").write_text("call(lambda x: x,\n    it's\n)\n")
    names = {}
    exec(compile("double = lambda x: x * 2", str(tmp_path / "texts.py"), "exec"), names)
    assert autograph.rewritten(names["double"]) is None
    assert float(tf.function(names["double"])(tf.constant(2.0))) == 4.0


@pytest.mark.parametrize("name", ["l2_normalize", "cumsum", "softmax", "sort", "reverse"])
def test_functions_across_masked_rows(tf, name):
    """Normalized and sorted rows of `tf.boolean_mask`, of which a compiled function has more than there are."""
    functions = {
        "l2_normalize": lambda y: tf.math.l2_normalize(y - tf.reduce_mean(y), axis=-1) ** 4,
        "cumsum": lambda y: tf.cumsum(y),
        "softmax": lambda y: tf.nn.softmax(y) ** 2,
        "sort": lambda y: tf.sort(y) * tf.sort(y)[0],
        "reverse": lambda y: tf.reverse(y, [0]) * y,
    }

    def total(x):
        return tf.reduce_sum(functions[name](tf.boolean_mask(x, x > 2.0)))

    x = tf.constant([5.0, 1.0, 4.0, 3.0, 0.0, 6.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(tf.function(total)(x), total(x), rtol=1e-6)


def test_products_of_pairs_of_masked_rows(tf):
    def total(x):
        rows = tf.boolean_mask(x, x[:, 0] > 4.0)
        return tf.reduce_sum(tf.matmul(rows, rows, transpose_b=True))

    x = tf.reshape(tf.range(12.0), (6, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert float(tf.function(total)(x)) == float(total(x)) == 1305.0
