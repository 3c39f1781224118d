"""Gradients by tapes, `tf.function`, branches, and rows whose number is known only in a compiled function."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError, StateError

keras = root("keras")


@pytest.fixture(scope="module")
def parts():
    """A small network with dropout and batch normalization, and data."""
    gazelle.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, "tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    return model, np.random.default_rng(0).normal(size=(8, 3)).astype("float32"), np.ones((8, 1), "float32")


def test_gradient_is_that_of_the_same_draws(tf, parts):
    model, x, y = parts
    loss_of = keras.losses.MeanSquaredError()
    moving = model.layers[1].moving_mean.numpy()
    with tf.GradientTape(persistent=True) as tape:
        out = model(x, training=True)
        loss = loss_of(y, out) + sum(model.losses)
    moved = model.layers[1].moving_mean.numpy()
    weights = model.trainable_variables
    grads = tape.gradient(loss, weights)
    last = tape.gradient(out, model.layers[-1].kernel).numpy()
    # what the last layer saw is known from its gradient: the draws of dropout were not made anew
    bias, kernel = model.layers[-1].bias.numpy(), model.layers[-1].kernel.numpy()
    np.testing.assert_allclose(out.numpy().sum(), (last * kernel).sum() + 8 * bias[0], rtol=1e-4)
    expected = 2 * np.mean(out.numpy() - y)
    np.testing.assert_allclose(grads[-1].numpy()[0], expected, rtol=1e-4)
    assert not np.allclose(moving, moved)
    assert np.allclose(moved, model.layers[1].moving_mean.numpy())  # replays assign nothing


def test_penalties_have_gradients(tf, parts):
    model, x, _ = parts
    with tf.GradientTape() as tape:
        model(x)
        penalty = tf.add_n(model.losses)
    (grad,) = tape.gradient(penalty, [model.layers[0].kernel])
    np.testing.assert_allclose(grad.numpy(), 0.02 * model.layers[0].kernel.numpy(), rtol=1e-5)


def test_second_derivatives(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**3
        first = inner.gradient(y, x)
    assert float(first) == 27
    assert float(outer.gradient(first, x)) == 18


def test_minimize_takes_a_function_or_a_tape(tf):
    v, rate = tf.Variable(1.0), keras.optimizers.SGD(0.1)
    rate.minimize(lambda: v**2, [v])
    with tf.GradientTape() as tape:
        loss = v**2
    rate.minimize(loss, [v], tape=tape)
    assert float(v) == pytest.approx(0.64)


def test_apply_gradients_takes_the_arguments_of_tf_keras(tf):
    variable, rate = tf.Variable([4.0]), tf.keras.optimizers.SGD(1.0)
    pairs = [(tf.constant([1.0]), variable)]
    rate.apply_gradients(pairs, "name", experimental_aggregate_gradients=False)
    rate.apply_gradients(pairs, name=None, skip_gradients_aggregation=True)
    rate.minimize(lambda: variable * 1.0, [variable], None, "name")
    assert variable.numpy().tolist() == [1.0]


def test_structures_watching_and_the_unconnected(tf):
    w, other, c = tf.Variable([1.0, 2.0]), tf.Variable(1.0), tf.constant(4.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(c)
        y = tf.reduce_sum(w * c)
    assert tape.watched_variables() == (w,)
    found = tape.gradient(y, {"w": w, "c": [c], "o": other})
    assert found["w"].numpy().tolist() == [4, 4]
    assert float(found["c"][0]) == 3
    assert found["o"] is None
    assert float(tape.gradient(y, other, unconnected_gradients=tf.UnconnectedGradients.ZERO)) == 0
    assert tape.gradient(y, w, output_gradients=tf.constant(2.0)).numpy().tolist() == [8, 8]
    assert tape.jacobian(w * c, w) is None  # computed after the tape


def test_an_outer_tape_differentiates_a_jacobian(tf):
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape(persistent=True) as tape:
            rows = tf.stack([x**3, x**2])
        jacobian, of_rows = tape.jacobian(rows, x), tape.batch_jacobian(tf.reshape(x**2, (2, 1)), x)
    np.testing.assert_allclose(outer.gradient(jacobian, x), [8.0, 14.0])
    assert of_rows is None  # computed after the tape


def test_an_outer_tape_differentiates_a_jacobian_of_samples(tf):
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x**3
        jacobian = tape.batch_jacobian(y, x)
    np.testing.assert_allclose(jacobian[1], [[27.0, 0.0], [0.0, 48.0]])
    np.testing.assert_allclose(outer.gradient(jacobian, x), 6 * x)


def test_gradients_of_complex_numbers_are_tensorflow_s(tf):
    z = tf.constant([1 + 2j, 3 - 1j], tf.complex64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        power, product = tf.reduce_sum(tf.abs(z) ** 2), z * (2 + 1j)
    np.testing.assert_allclose(tape.gradient(power, z), 2 * z, rtol=1e-6)
    given = tf.constant([1j, 1.0], tf.complex64)
    np.testing.assert_allclose(tape.gradient(product, z, output_gradients=given), (2 - 1j) * given, rtol=1e-6)


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What the layer below returns."""

    values: object
    inner: object = None
    kind: str = "mean"


def test_a_tape_records_a_layer_that_returns_a_data_class(tf):
    class Forecaster(tf.keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(), initializer="ones", name="w")

        def call(self, x):
            return Forecast(x * self.w, Forecast(x**2))

    layer, x = Forecaster(), tf.constant([1.0, 2.0])
    for _ in range(2):  # a layer may be compiled at its second call
        with tf.GradientTape() as tape:
            out = layer(x)
            loss = tf.reduce_sum(out.values)
        assert (out.kind, type(out.inner.values)) == ("mean", tf.Tensor)
        assert float(tape.gradient(loss, layer.w)) == 3.0


def test_a_tape_is_used_once(tf):
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    with pytest.raises(StateError, match=r"tf.GradientTape\(persistent=True\)"):
        tape.gradient(y, v)
    with pytest.raises(ArgumentError, match="expected tensors and variables, got str"):
        tf.GradientTape(persistent=True).gradient(y, ["v"])


def test_gradients_between_the_outputs_of_a_model(tf, parts):
    model, x, _ = parts
    both = keras.Model(model.inputs, [model.layers[0].output, model.output])
    with tf.GradientTape() as tape:
        hidden, out = both(x)
        score = out[:, 0]
    assert tape.gradient(score, hidden).shape == (8, 4)


def test_function_trains_as_plain_code_does(tf):
    def trained(wrap):
        gazelle.utils.set_random_seed(4)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        optimizer, mean = keras.optimizers.Adam(0.1), keras.metrics.Mean()

        @wrap
        def step(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(model(x) - 1.0))
            optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
            mean.update_state(loss)
            return loss

        losses = [float(step(np.ones((4, 3), "float32"))) for _ in range(4)]
        return losses, float(mean.result()), int(optimizer.iterations), model.get_weights(), step

    plain, compiled = trained(lambda f: f), trained(tf.function)
    np.testing.assert_allclose(plain[0], compiled[0], rtol=1e-5)
    assert (plain[1], plain[2]) == (pytest.approx(compiled[1], rel=1e-5), compiled[2])
    for a, b in zip(plain[3], compiled[3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert not compiled[4]._plain


def test_function_draws_anew_each_time(tf):
    draw = tf.function(lambda: tf.random.normal([3]))
    assert draw().numpy().tolist() != draw().numpy().tolist()


@pytest.mark.parametrize("eagerly", [False, True])
def test_function_returns_the_last_values_of_variables(tf, eagerly):
    count = tf.Variable(0.0)
    add = tf.function(lambda: count.assign_add(1.0))

    def twice():
        first, second = add(), add()
        return first, second, count

    tf.config.run_functions_eagerly(eagerly)
    assert [v.numpy() for v in (*tf.function(twice)(), add())] == [1, 2, 2, 3]
    tf.config.run_functions_eagerly(False)
    with tf.GradientTape() as tape:
        y = add() * 3.0
    assert (y.numpy(), tape.gradient(y, count).numpy()) == (12, 3)


def test_function_whose_assertion_fails_changes_nothing(tf):
    count = tf.Variable(0.0)

    @tf.function
    def root(x):
        tf.debugging.assert_positive(x, message="no root")
        count.assign_add(1.0)
        for _ in tf.range(2):
            tf.debugging.assert_less(x, 100.0)
        return tf.sqrt(x)

    assert root(tf.constant([4.0])).numpy().tolist() == [2]
    for value, text in ((-4.0, "Assertion no root"), (400.0, "Assertion assert_less")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            root(tf.constant([value]))
    assert count.numpy() == 1
    assert root(tf.constant([9.0])).numpy().tolist() == [3]


def test_function_whose_loop_lengthens_a_tensor(tf):
    @tf.function
    def numbers(n):
        out = tf.zeros([0], tf.int32)
        for i in tf.range(n):
            out = tf.concat([out, [i]], 0)
        return out

    with pytest.warns(UserWarning, match="runs as plain Python"):
        assert numbers(tf.constant(3)).numpy().tolist() == [0, 1, 2]


def test_function_creates_a_variable_in_its_first_call(tf):
    made = []

    @tf.function
    def count():
        if not made:
            made.append(tf.Variable(0))
        return made[0].assign_add(1)

    assert [count().numpy(), count().numpy()] == [1, 2]


def test_function_with_python_conditions_runs_plainly(tf):
    @tf.function
    def positive(x):
        return x if tf.reduce_sum(x) > 0 else -x

    with pytest.warns(UserWarning, match=r"tf.function of positive \(.*line \d+\) needs the value of a tensor"):
        assert positive(tf.constant([-2.0])).numpy().tolist() == [2]
    assert positive(tf.constant([-2.0])).numpy().tolist() == [2]  # which is said once
    assert positive._plain
    total = tf.function(lambda data: sum(float(x) for x in data))
    assert total(tf.data.Dataset.range(4)) == 6


def test_function_with_a_signature(tf):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def double(x):
        return x * 2

    assert double([1, 2]).numpy().tolist() == [2, 4]
    assert double(tf.constant([3])).numpy().tolist() == [6]
    with pytest.raises(TypeError, match=r"expected TensorSpec\(.*got shape \(1, 1\), dtype int32"):
        double(tf.constant([[1]]))


def _of_means(tf, y, p, chosen):
    return tf.reduce_mean(tf.square(tf.boolean_mask(y, chosen) - tf.boolean_mask(p, chosen)))


def _of_sums(tf, y, p, chosen):
    y, p = tf.boolean_mask(y[:, 0], chosen[:, 0]), tf.boolean_mask(p[:, 0], chosen[:, 0])
    return tf.reduce_sum(tf.square(y - p)) / tf.reduce_sum(tf.ones_like(y))


def _of_a_loss(tf, y, p, chosen):
    chosen = chosen[:, 0]
    return tf.keras.losses.MeanSquaredError()(tf.boolean_mask(y, chosen), tf.boolean_mask(p, chosen))


def _of_a_function(tf, y, p, chosen):
    chosen = chosen[:, 0]
    error = tf.keras.losses.mean_squared_error(tf.boolean_mask(y, chosen), tf.boolean_mask(p, chosen))
    return tf.keras.backend.mean(error)


@pytest.mark.parametrize("loss", [_of_means, _of_sums, _of_a_loss, _of_a_function])
def test_losses_over_an_unknown_number_of_rows(tf, loss):
    x, y = np.random.default_rng(0).random((9, 2), "float32"), np.ones((9, 1), "float32")
    y[::2] = np.nan
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", lambda y, p: loss(tf, y, p, tf.logical_not(tf.math.is_nan(y))))
    expected = np.square(1 - model.predict(x, verbose=0)[1::2]).mean()
    assert model.evaluate(x, y, batch_size=9, verbose=0) == pytest.approx(expected, rel=1e-5)
    model.fit(x, y, batch_size=9, verbose=0, keep=False)
    assert np.isfinite(model.get_weights()[0]).all()


def test_masked_rows_whose_number_is_needed_are_refused(tf):
    with pytest.raises(ArgumentError, match="weight it with the mask"):
        jax.jit(lambda x: tf.size(tf.boolean_mask(x, x > 0)).array)(jnp.arange(3.0))


@pytest.mark.parametrize("compiled", [False, True])
def test_switches(tf, compiled):
    one, two, other = (lambda: tf.constant(1)), (lambda: tf.constant(2)), (lambda: tf.constant(9))
    forms = [
        lambda n: tf.switch_case(n, [one, two], other),
        lambda n: tf.switch_case(n, {0: one, 1: two}, default=other),
        lambda n: tf.switch_case(n, [(1, two), (0, one)], other),
        lambda n: tf.case([(n < 1, one), (n < 2, two)], default=other),
    ]
    for form in forms:
        function = tf.function(form) if compiled else form
        assert [int(function(tf.constant(n))) for n in (0, 1, 2)] == [1, 2, 9]
    assert int(tf.switch_case(tf.constant(7), [one, two])) == 2


def test_the_jacobian_of_samples_takes_one_pass_for_each_number_of_a_sample(tf):
    x = tf.constant(np.ones((4000, 2), "float32"))  # the whole Jacobian would have 4000 x 4000 x 6 numbers
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.tanh(x @ tf.constant([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])) * tf.reduce_mean(x)
    jacobian = tape.batch_jacobian(y, x)
    assert jacobian.shape == (4000, 3, 2)
    # TensorFlow differentiates the sum over the samples, which differs where they depend on each other
    slope = [[1 - np.tanh(a + b) ** 2] * np.array([a, b]) for a, b in ((1, 0.5), (2, -1), (3, 2))]
    np.testing.assert_allclose(jacobian[7], slope + np.tanh([[1.5], [1.0], [5.0]]) / 2, rtol=1e-4)


def test_watched_variables(tf):
    variable = tf.Variable(1.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variable)
    assert tape.watched_variables() == (variable,)


def test_gradients_of_a_variable_for_itself(tf):
    x, y = tf.Variable([1.0, 2.0]), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        z = x * 2
    assert tape.gradient(x, y) is None
    for target, given, expected in ((x, None, [1, 1]), ([x, z], None, [3, 3]), (x, tf.constant([5.0, 6.0]), [5, 6])):
        np.testing.assert_array_equal(tape.gradient(target, x, output_gradients=given), expected)


def test_each_target_has_an_output_gradient(tf):
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        targets = [x**2, 3 * x]
    with pytest.raises(ArgumentError, match=r"output_gradients of .*: expected 2, one for each target, got 1"):
        tape.gradient(targets, x, output_gradients=tf.constant([1.0, 10.0]))


def test_a_tape_that_watches_tensors_has_no_variables(tf_keras_2):
    x = tf_keras_2.constant([1.0, 2.0])
    with tf_keras_2.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        assert tape.watched_variables() == ()
        assert tape.gradient(y, tape.watched_variables()) == ()


def test_what_a_tape_does_not_watch_has_no_gradient(tf):
    x, factor = tf.constant([1.0, 2.0]), tf.constant(3.0)
    statistic, weight = tf.Variable(2.0, trainable=False), tf.Variable(5.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * factor * statistic * weight
    gradients = tape.gradient(y, [x, factor, statistic, weight])
    assert gradients[1:3] == [None, None]
    np.testing.assert_array_equal(gradients[0], [30, 30])
    np.testing.assert_array_equal(gradients[3], 18)
    assert tape.jacobian(y, [factor, statistic]) == [None, None]
    np.testing.assert_array_equal(tape.gradient(y, factor, unconnected_gradients="zero"), 0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = x * weight
    assert tape.gradient(y, [x, weight])[1] is None


def test_gradients_of_all_variables_leave_moving_statistics_alone(tf_keras_2):
    keras = tf_keras_2.keras
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    with tf_keras_2.GradientTape() as tape:
        loss = tf_keras_2.reduce_sum(model(np.float32([[1.0, 2.0]])))
    gradients = tape.gradient(loss, model.variables)
    assert [g is None for g in gradients] == [not v.trainable for v in model.variables]
