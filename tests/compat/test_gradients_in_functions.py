"""`tf.gradients` in a `tf.function` or step of a model, and names of `tf` for tensors of other kinds."""

import numpy as np
import pytest

from gazelle.compat import era, tensorflow
from gazelle.compat.namespaces import root

keras = root("tensorflow.keras")
layers = keras.layers


@pytest.fixture(scope="module", autouse=True)
def tf():
    before = era.release()
    era.set_release(era.Release(2, False))
    yield tensorflow.module("tensorflow")
    tensorflow.close()
    era.set_release(before)


# tf.gradients --------------------------------------------------------------------------------------------------------


def test_gradients_of_gradients_in_a_function(tf):
    w = tf.Variable(3.0)

    @tf.function
    def derivatives(x):
        (first,) = tf.gradients(w * x**3, x)
        return first, tf.gradients(first, [x, w]), tf.gradients(x, w), tf.gradients(x, [x], grad_ys=[x])

    for _ in range(2):  # the second call runs the compiled program
        first, second, unconnected, scaled = derivatives(tf.constant([1.0, 2.0]))
        np.testing.assert_allclose(first, [9.0, 36.0])
        np.testing.assert_allclose(second[0], [18.0, 36.0])
        np.testing.assert_allclose(second[1], 15.0)
        assert unconnected == [None]
        np.testing.assert_allclose(scaled[0], [1.0, 2.0])


def test_gradients_that_stop_at_tensors(tf):
    @tf.function
    def slopes(x):
        y = x**2
        z = x * y
        (whole,), parts = tf.gradients(z, [x]), tf.gradients(z, [x, y], stop_gradients=[x, y])
        return whole, parts

    whole, parts = slopes(tf.constant([1.0, 2.0]))
    np.testing.assert_allclose(whole, [3.0, 12.0])  # 3 x²
    np.testing.assert_allclose(parts, [[1.0, 4.0], [1.0, 2.0]])  # y, x


def _residual_with_tapes(tf, net, x, y):
    with tf.GradientTape() as tape:
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                u = net(tf.concat([x, y], 1))
            slope = inner.gradient(u, x)
        loss = tf.reduce_mean(tf.square(outer.gradient(slope, x) + u))
    return loss, tape.gradient(loss, net.trainable_variables)


def test_training_on_second_derivatives(tf):
    net = keras.Sequential([layers.Dense(4, "tanh", input_shape=(2,)), layers.Dense(1, use_bias=False)])
    x, y = tf.random.normal((5, 1)), tf.random.normal((5, 1))

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            u = net(tf.concat([x, y], 1))
            curvature = tf.gradients(tf.gradients(u, x)[0], x)[0]
            loss = tf.reduce_mean(tf.square(curvature + u))
        return loss, tape.gradient(loss, net.trainable_variables)

    (loss, found), (expected_loss, expected) = step(x, y), _residual_with_tapes(tf, net, x, y)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_gradients_in_a_custom_step(tf):
    class Net(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                u = self(x, training=True)
                loss = tf.reduce_mean(tf.square(tf.gradients(u, x)[0])) + tf.reduce_mean(tf.square(u - y))
            pairs = zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
            self.optimizer.apply_gradients(pairs)
            return {"loss": loss}

    inputs = keras.Input((2,))
    net = Net(inputs, layers.Dense(1, kernel_initializer="ones", use_bias=False)(inputs))
    net.compile(keras.optimizers.SGD(0.1))
    history = net.fit(np.ones((4, 2), "float32"), np.ones((4, 1), "float32"), verbose=0).history
    assert history["loss"] == [2.0]
    np.testing.assert_allclose(net.layers[-1].kernel, [[0.7], [0.7]], rtol=1e-6)


def test_gradients_outside_of_a_function_name_the_tape(tf):
    with pytest.raises(ValueError, match=r"tf.gradients: expected a call in a tf.function.*\n.*GradientTape"):
        tf.gradients(tf.constant(1.0), tf.constant(1.0))


# Names ---------------------------------------------------------------------------------------------------------------


def test_names_that_tensorflow_1_has_without_a_module(tf):
    np.testing.assert_allclose(tf.segment_sum([1.0, 2.0, 3.0], [0, 0, 1]), [3.0, 3.0])
    np.testing.assert_allclose(tf.compat.v1.matrix_inverse([[2.0, 0.0], [0.0, 4.0]]), [[0.5, 0.0], [0.0, 0.25]])
    assert tf.string_join(["a", "b"], "-").numpy() == tf.regex_replace("a_b", "_", "-").numpy() == b"a-b"
    np.testing.assert_array_equal(tf.sparse_to_dense([0, 2], [3], 5), [5, 0, 5])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda s, a: s.add(a, a), [[2.0, 0.0], [0.0, 4.0]]),
        (lambda s, a: s.transpose(s.concat(1, [a, a])), [[1.0, 0.0], [0.0, 2.0]] * 2),
        (lambda s, a: s.reshape(s.expand_dims(a, 0), [1, 4]), [[1.0, 0.0, 0.0, 2.0]]),
        (lambda s, a: s.maximum(a, s.eye(2)), [[1.0, 0.0], [0.0, 2.0]]),
        (lambda s, a: s.slice(a, [1, 0], [1, 2]), [[0.0, 2.0]]),
        (lambda s, a: s.add(a, np.ones((2, 2), "float32")), [[2.0, 1.0], [1.0, 3.0]]),
        (lambda s, a: s.reduce_max(a, 1), [1.0, 2.0]),
    ],
)
def test_functions_of_sparse_tensors(tf, call, expected):
    np.testing.assert_array_equal(np.asarray(call(tf.sparse, tf.sparse.from_dense([[1.0, 0.0], [0.0, 2.0]]))), expected)


def test_rows_of_ragged_tensors(tf):
    assert tf.RaggedTensor.from_row_limits([1, 2, 3], [1, 1, 3]).to_list() == [[1], [], [2, 3]]
    assert tf.RaggedTensor.from_row_starts([1, 2, 3], [0, 1]).to_list() == [[1], [2, 3]]
    assert tf.RaggedTensor.from_sparse(tf.sparse.from_dense([[1, 2], [0, 0], [3, 0]])).to_list() == [[1, 2], [], [3]]


def test_sequences_of_examples_are_padded(tf):
    def example(values):
        feature = {"a": tf.train.Feature(float_list=tf.train.FloatList(value=values))}
        return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()

    spec = {"a": tf.io.FixedLenSequenceFeature([2], tf.float32, allow_missing=True, default_value=-1.0)}
    one, many = tf.io.parse_single_example(example([1, 2]), spec), tf.io.parse_example([example([1, 2]), b""], spec)
    np.testing.assert_array_equal(one["a"], [[1.0, 2.0]])
    np.testing.assert_array_equal(many["a"], [[[1.0, 2.0]], [[-1.0, -1.0]]])


def test_base64(tf):
    assert tf.io.encode_base64("\xff?").numpy() == b"w78_"
    assert tf.io.encode_base64("a", pad=True).numpy() == b"YQ=="
    assert tf.io.decode_base64(tf.io.encode_base64(["a", "\xff?"])).numpy().tolist() == [b"a", "\xff?".encode()]


def test_padded_suppression(tf):
    boxes = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.9], [0.5, 0.5, 2.0, 2.0]]
    indices, count = tf.image.non_max_suppression_padded(boxes, [0.9, 0.8, 0.7], 3, pad_to_max_output_size=True)
    assert (indices.numpy().tolist(), int(count)) == ([0, 2, 0], 2)


def test_code_of_a_function(tf):
    @tf.function
    def double(x):
        if tf.reduce_sum(x) > 0:
            x = x * 2
        return x

    assert "x = x * 2" in tf.autograph.to_code(double)
    assert tf.autograph.to_graph(double)(tf.constant(2.0)).numpy() == 4.0


def test_step_of_summaries(tf):
    tf.summary.experimental.set_step(7)
    assert tf.summary.experimental.get_step() == 7
    tf.summary.experimental.set_step(None)


def test_state_of_checkpoints(tf, tmp_path):
    assert tf.train.get_checkpoint_state(tmp_path) is None
    path = tf.train.Checkpoint(w=tf.Variable(1.0)).save(tmp_path / "c")
    assert tf.train.get_checkpoint_state(tmp_path).model_checkpoint_path == path


LISTS = {
    "multiply": (lambda tf, h: h * [h], [18, 36]),
    "of the left side": (lambda tf, h: [h] * h, [18, 36]),
    "subtract": (lambda tf, h: [h][0] - [h], [0, 0]),
    "a constant": (lambda tf, h: tf.constant(2.0) * [h], [6, 6]),
    "some of the elements": (lambda tf, h: h * [h[0], 2.0 * h[1]], [18, 72]),
    "function": (lambda tf, h: tf.multiply(h, [h]), [18, 36]),
    "where": (lambda tf, h: tf.where([True, False], h, [h[1], h[0]]), [6, 0]),
    "matmul": (lambda tf, h: tf.matmul([h], [[h[0]], [h[1]]]), [18, 36]),
    "concat": (lambda tf, h: tf.concat([[], h, [h[0], 1.0]], 0) * 2.0, [12, 6]),
}


@pytest.mark.parametrize("name", LISTS)
def test_gradients_flow_through_lists_of_tensors(tf, name):
    function, expected = LISTS[name]
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = function(tf, x * 3.0)
    np.testing.assert_allclose(tape.gradient(y, x), expected, rtol=1e-5)


def test_residuals_of_a_differential_equation(tf):
    first = keras.initializers.Constant([[0.1, 0.2, 0.3], [0.4, 0.5, -0.6]])
    model = keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(3, "tanh", kernel_initializer=first),
            layers.Dense(1, kernel_initializer="ones"),
        ]
    )

    @tf.function
    def residual(x, t):
        u = model(tf.concat([x, t], 1))
        u_x = tf.gradients(u, x)
        return tf.gradients(u, t) + u * u_x - tf.constant(0.1) * tf.gradients(u_x, x)

    with tf.GradientTape() as tape:  # at the first call of the function
        loss = tf.reduce_mean(tf.square(residual(tf.constant([[0.3], [0.5]]), tf.constant([[1.0], [2.0]]))))
    found = [np.abs(g).sum() for g in tape.gradient(loss, model.trainable_variables)]
    np.testing.assert_allclose(found, [1.69073, 0.20182, 1.18899, 0.28346], atol=2e-5)  # of TensorFlow 2.15


def test_a_tape_around_a_loop_and_a_branch_of_tensors(tf):
    """Values of TensorFlow 2.15, also for a variable that the loop captures, and for second derivatives."""
    w = tf.Variable([1.0, 0.5])

    @tf.function
    def power(x, n):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y, i = w * x, tf.constant(1)
                while i < n:
                    y, i = y * x, i + 1
                if tf.reduce_sum(x) > 0:  # noqa: SIM108 - an `if` is rewritten
                    y = y + x
                else:
                    y = y - w
            first = tape.gradient(y, x)
        return y, first, outer.gradient(first, x)

    for x, after in (([1.0, 2.0], [2.0, 6.0]), ([-1.0, -2.0], [-2.0, -4.5])):
        value, first, second = power(tf.constant(x), tf.constant(3))
        x, weights = np.array(x), np.array([1.0, 0.5])
        np.testing.assert_allclose(value, after)
        np.testing.assert_allclose(first, 3 * weights * x**2 + (x.sum() > 0))
        np.testing.assert_allclose(second, 6 * weights * x)


@pytest.mark.parametrize("limit", [None, 10])
def test_gradients_of_loops_and_conditions_by_variables(tf, limit):
    w = tf.Variable(2.0)

    @tf.function
    def slopes(x, n):
        with tf.GradientTape() as tape:
            _, y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * w), [0, x], maximum_iterations=limit)
            y = tf.cond(x > 0, lambda: y * w, lambda: y)
        return tape.gradient(y, w)

    assert float(slopes(tf.constant(1.0), tf.constant(2))) == 12.0  # w³
    assert float(slopes(tf.constant(-1.0), tf.constant(2))) == -4.0  # -w²
