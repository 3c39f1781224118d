"""keras.backend on arrays, on symbolic tensors, inside of layers; graphs, their gradients and closures."""

import importlib
import operator

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.compat import backend as K  # noqa: N812 - its name in every program
from gazelle.compat import era, facade
from gazelle.compat.namespaces import root
from gazelle.core.errors import ShapeError

keras = root("keras")
layers = keras.layers

A = np.random.RandomState(0).rand(2, 3, 4).astype("float32")
M = np.random.RandomState(1).rand(2, 3).astype("float32")


def column(_, states):
    """A step of `K.rnn`: the column of a constant with the number of the step."""
    count, x = states
    return K.slice(x, [0, K.cast(count[0, 0], "int32")], [-1, 1]), [count + 1]


ONE_AXIS = {"axis": 1}

#: function, what NumPy gives, the arrays: each is called on arrays, in a graph, and inside of a Lambda layer
CASES = {
    "mean": (lambda x: K.mean(x, axis=[1, 2]), lambda x: x.mean((1, 2)), [A]),
    "mean of truth": (lambda x: K.mean(K.greater(x, 0.5)), lambda x: (x > 0.5).mean(), [A]),
    "sum": (lambda x: K.sum(x, axis=-1, keepdims=True), lambda x: x.sum(-1, keepdims=True), [A]),
    "std": (lambda x: K.std(x, axis=1), lambda x: x.std(1), [A]),
    "var": (lambda x: K.var(x), lambda x: x.var(), [A]),
    "sqrt": (lambda x: K.sqrt(x - 0.5), lambda x: np.sqrt(np.maximum(x - 0.5, 0)), [A]),
    "clip": (lambda x: K.clip(x, 0.2, 0.7), lambda x: x.clip(0.2, 0.7), [A]),
    "pow": (lambda x: K.pow(x, 2), lambda x: x**2, [A]),
    "max": (lambda x: K.max(x, axis=1), lambda x: x.max(1), [A]),
    "argmax": (lambda x: K.argmax(x, axis=-1), lambda x: x.argmax(-1), [A]),
    "any": (lambda x: K.any(K.greater(x, 0.9), axis=1), lambda x: (x > 0.9).any(1), [A]),
    "l2": (lambda x: K.l2_normalize(x, axis=1), lambda x: x / np.sqrt((x**2).sum(1, keepdims=True)), [M]),
    "hard_sigmoid": (lambda x: K.hard_sigmoid(8 * x - 4), lambda x: (0.2 * (8 * x - 4) + 0.5).clip(0, 1), [A]),
    "relu": (lambda x: K.relu(x - 0.5, alpha=0.1), lambda x: np.where(x > 0.5, x - 0.5, (x - 0.5) / 10), [A]),
    "elu": (lambda x: K.elu(x - 0.5), lambda x: np.where(x > 0.5, x - 0.5, np.expm1(x - 0.5)), [A]),
    "dot": (lambda x: K.dot(x, np.ones((4, 2), "float32")), lambda x: x @ np.ones((4, 2)), [A]),
    "batch_dot 3": (lambda x, y: K.batch_dot(x, y, axes=(1, 1)), lambda x, y: np.einsum("bij,bi->bj", x, y), [A, M]),
    "batch_dot 2": (lambda x: K.batch_dot(x, x, axes=1), lambda x: (x * x).sum(1, keepdims=True), [M]),
    "batch_flatten": (K.batch_flatten, lambda x: x.reshape(len(x), -1), [A]),
    "flatten": (K.flatten, np.ravel, [A]),
    "permute": (lambda x: K.permute_dimensions(x, (0, 2, 1)), lambda x: x.transpose(0, 2, 1), [A]),
    "repeat": (lambda x: K.repeat(x, 3), lambda x: np.repeat(x[:, None], 3, 1), [M]),
    "repeat_elements": (lambda x: K.repeat_elements(x, 2, axis=1), lambda x: np.repeat(x, 2, 1), [A]),
    "tile": (lambda x: K.tile(x, [1, 2]), lambda x: np.tile(x, (1, 2)), [M]),
    "stack": (lambda x: K.stack([x, x], axis=1), lambda x: np.stack([x, x], 1), [M]),
    "concatenate": (lambda x, y: K.concatenate([x, K.expand_dims(y)]), lambda x, y: np.dstack([x, y]), [A, M]),
    "reshape": (lambda x: K.reshape(x, (-1, K.shape(x)[1] * 4)), lambda x: x.reshape(-1, 12), [A]),
    "reshape by stack": (lambda x: K.reshape(x, K.stack([K.shape(x)[0], -1])), lambda x: x.reshape(2, -1), [A]),
    "reverse": (lambda x: K.reverse(x, 1), lambda x: x[:, ::-1], [A]),
    "slice": (lambda x: K.slice(x, [0, 1], [-1, 2]), lambda x: x[:, 1:3], [M]),
    "slice by step": (
        lambda x: K.rnn(column, x[:, :2, None], [x[:, :1] * 0], constants=[x])[1],
        lambda x: x[:, :2, None],
        [M],
    ),
    "gather": (
        lambda x: K.gather(np.eye(5, dtype="float32"), K.cast(3 * x, "int32")),
        lambda x: np.eye(5)[(3 * x).astype(int)],
        [M],
    ),
    "one_hot": (lambda x: K.one_hot(K.cast(3 * x, "int32"), 3), lambda x: np.eye(3)[(3 * x).astype(int)], [M]),
    "pad 2d": (
        lambda x: K.spatial_2d_padding(K.expand_dims(x), ((1, 0), (0, 2))),
        lambda x: np.pad(x[..., None], ((0, 0), (1, 0), (0, 2), (0, 0))),
        [A],
    ),
    "pad 1d": (lambda x: K.temporal_padding(x, (1, 2)), lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0))), [A]),
    "switch": (lambda x: K.switch(K.greater(x, 0.5), x, K.zeros_like(x)), lambda x: np.where(x > 0.5, x, 0), [A]),
    "map_fn": (lambda x: K.map_fn(lambda row: row * 2 + K.sum(row), x), lambda x: 2 * x + x.sum(1)[:, None], [M]),
    "foldl": (lambda x: K.foldl(lambda acc, row: acc + row, x), lambda x: x.sum(0), [M]),
    "foldr": (lambda x: K.foldr(lambda acc, row: acc * 0.5 + row, x), lambda x: x[1] * 0.5 + x[0], [M]),
    "rnn": (
        lambda x: K.rnn(lambda x_t, s: (x_t + s[0], [x_t + s[0]]), x, [x[:, 0] * 0])[1],
        lambda x: x.cumsum(1),
        [A],
    ),
    "resize": (
        lambda x: K.resize_images(K.expand_dims(x), 2, 1, "channels_last"),
        lambda x: np.repeat(x[..., None], 2, 1),
        [A],
    ),
    "size": (lambda x: K.cast(K.shape(x)[0], "float32") * K.sum(x), lambda x: 2 * x.sum(), [M]),
    "normalize": (
        lambda x: K.normalize_batch_in_training(x, None, None, [0])[0],
        lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3),
        [M],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_on_arrays_in_graphs_and_in_layers(name):
    function, numpy, arrays = CASES[name]
    wanted = numpy(*arrays)
    np.testing.assert_allclose(np.asarray(function(*arrays)), wanted, rtol=2e-5, atol=1e-6)
    inputs = [keras.Input(a.shape[1:]) for a in arrays]
    out = function(*inputs)
    np.testing.assert_allclose(K.function(inputs, [out])(arrays)[0], wanted, rtol=2e-5, atol=1e-6)
    layer = layers.Lambda(lambda given: function(*given))
    model = keras.Model(inputs, layer(inputs))
    np.testing.assert_allclose(np.asarray(model(arrays)), wanted, rtol=2e-5, atol=1e-6)


def test_unknown_sizes_are_none_and_follow_the_data():
    x = K.placeholder((None, 3))
    noise = K.random_normal((K.shape(x)[0], 5))
    assert K.int_shape(noise) == (None, 5)
    assert K.function([x], [noise])([M])[0].shape == (2, 5)
    assert K.ndim(x) == 2
    assert K.is_placeholder(x)
    assert not K.is_placeholder(noise)
    assert K.function([x], [K.ones_like(x), K.zeros((K.shape(x)[0] + 1, 2))])([M])[1].shape == (3, 2)


def test_functions_of_variables_are_read_when_they_run():
    w = K.variable([1.0, 2.0])
    y = K.sum(w * 3) + 1
    assert K.eval(y) == 10
    K.set_value(w, [0.0, 1.0])
    assert K.eval(y) == 4
    step = K.function([], [y], updates=[K.update_add(w, K.ones_like(w)), (w, w * 2)][:1])
    assert step([])[0] == 4
    assert K.batch_get_value([w])[0].tolist() == [1, 2]
    (gradient,) = K.gradients(K.sum(w**2), w)
    assert K.eval(gradient).tolist() == [2, 4]


def test_gradients_for_inputs_weights_and_what_lies_between():
    x = keras.Input((3,))
    hidden = layers.Dense(4, activation="tanh")
    h = hidden(x)
    y = K.sum(K.square(h), axis=1)
    w, other = hidden.kernel, K.variable(1.0)
    for_x, for_h, for_w, for_other = K.gradients(y, [x, h, w, other])
    assert for_other is None
    assert K.gradients(y, keras.Input((3,))) == [None]
    got_x, got_h, got_w = K.function([x], [for_x, for_h, for_w])([M])
    act = np.tanh(M @ w.numpy() + hidden.bias.numpy())
    np.testing.assert_allclose(got_h, 2 * act, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got_x, 2 * act * (1 - act**2) @ w.numpy().T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got_w, M.T @ (2 * act * (1 - act**2)), rtol=1e-5, atol=1e-6)
    second = K.gradients(K.sum(for_x), x)[0]
    assert K.function([x], [second])([M])[0].shape == (2, 3)
    with pytest.raises(ValueError, match=r"K\.gradients: expected a loss that is a tensor of a graph, got float"):
        K.gradients(1.0, x)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda layers, K: layers.Dense(2), False),
        (lambda layers, K: layers.Dropout(0.5), True),
        (lambda layers, K: layers.Dropout(0.0), False),
        (lambda layers, K: layers.BatchNormalization(), True),
        (lambda layers, K: layers.TimeDistributed(layers.GaussianNoise(0.1)), True),
        (lambda layers, K: layers.Bidirectional(layers.LSTM(2)), False),
        (lambda layers, K: layers.LSTM(2, recurrent_dropout=0.1), True),
        (lambda layers, K: layers.Lambda(lambda x: K.in_train_phase(x, 2 * x)), True),
        (lambda layers, K: layers.Lambda(lambda x: 2 * x), False),
    ],
    ids=["dense", "dropout", "no rate", "statistics", "noise inside", "lstm", "lstm with a rate", "phase", "no phase"],
)
def test_models_that_use_the_learning_phase(keras_2, make, expected):
    layers, K = keras_2.layers, keras_2.backend
    inputs = layers.Input((3, 4))
    outputs = make(layers, K)(inputs)
    model = keras_2.models.Model(inputs, layers.Flatten()(outputs))
    outer = keras_2.models.Model(inputs, model(inputs))
    assert [outputs._uses_learning_phase, model.uses_learning_phase, outer.uses_learning_phase] == [expected] * 3
    phase = [K.learning_phase()] if model.uses_learning_phase and not isinstance(K.learning_phase(), int) else []
    x = np.ones((1, 3, 4), "float32")
    (result,) = K.function([inputs, *phase], [model.output])([x, *([1] * len(phase))])
    assert result.shape == (1, *model.output_shape[1:])
    if isinstance(model.layers[1], layers.Dropout) and expected:
        assert set(np.unique(result)) == {0.0, 2.0}


def test_the_learning_phase_is_an_input():
    x = keras.Input((3,))
    y = layers.Dropout(0.5)(x) + K.in_train_phase(K.ones((3,)), K.zeros((3,)))
    f = K.function([x, K.learning_phase()], [y])
    many = np.tile(M, (50, 1))  # of which some are dropped
    np.testing.assert_allclose(f([many, 0])[0], many)
    np.testing.assert_allclose(f([many])[0], many)  # as TensorFlow, where it had a default
    assert set(np.round(f([many, 1])[0] / (many * 2 + 1), 3).flat) != {1.0}
    assert f([many, 1])[0].min() >= 1
    K.set_learning_phase(1)
    assert K.learning_phase() == 1
    K.clear_session()
    assert not isinstance(K.learning_phase(), int)


def test_a_variable_in_call_is_a_constant(keras_2):
    class Masked(layers.Layer):
        def call(self, x):
            return x * K.variable(np.array([1, 0, 2]))

    x = keras.Input((3,))
    np.testing.assert_allclose(keras.Model(x, Masked()(x)).predict(M), M * [1, 0, 2])


def test_a_function_counts_its_inputs():
    x = keras.Input((3,))
    f = K.function([x], [x * 2])
    with pytest.raises(ValueError, match=r"expected 1 input, got 2.\nCall it on a list with one array for each input"):
        f([M, M])
    with pytest.raises(AttributeError, match=r"has no 'meen'; did you mean .*'mean'"):
        K.meen  # noqa: B018


def test_crossentropies_in_the_order_of_the_era():
    target, output = np.eye(2, dtype="float32"), np.array([[0.9, 0.1], [0.4, 0.6]], "float32")
    wanted = -np.log([0.9, 0.6])
    np.testing.assert_allclose(K.categorical_crossentropy(target, output), wanted, rtol=1e-5)
    np.testing.assert_allclose(K.sparse_categorical_crossentropy([[0], [1]], output), wanted, rtol=1e-5)
    np.testing.assert_allclose(K.binary_crossentropy(target, output)[:, 0], -np.log([0.9, 0.6]), rtol=1e-5)
    for balance in (False, True):
        np.testing.assert_allclose(
            K.binary_focal_crossentropy(target, output, apply_class_balancing=balance).mean(-1),
            keras.losses.binary_focal_crossentropy(target, output, apply_class_balancing=balance),
            rtol=1e-5,
        )
    focal = K.categorical_focal_crossentropy(target, output)
    np.testing.assert_allclose(focal, 0.25 * np.array([0.1, 0.4]) ** 2 * wanted, rtol=1e-4)
    assert K.backend() == "jax"
    era.set_release(era.Release(1))
    try:
        assert K.backend() == "tensorflow"
        np.testing.assert_allclose(K.categorical_crossentropy(output, target), wanted, rtol=1e-5)
    finally:
        era.set_release(era.Release(3))


def test_more_than_three_axes_are_of_the_batch(keras_2):
    x, w = np.random.rand(5, 6, 3), np.random.rand(5, 6, 2, 3)
    np.testing.assert_allclose(K.batch_dot(x, w, [2, 3]), np.einsum("abi,aboi->abo", x, w), rtol=1e-5)
    np.testing.assert_allclose(K.batch_dot(w, w, [3, 3]), np.einsum("aboi,abpi->abop", w, w), rtol=1e-5)
    np.testing.assert_allclose(K.batch_dot(w, x, [3, 2]), np.einsum("aboi,abi->abo", w, x), rtol=1e-5)
    assert K.batch_dot(x, x.transpose(0, 2, 1), [2, 1]).shape == (5, 6, 6)
    era.set_release(era.Release(2, version=(2, 3)))  # the project requires keras 2.3
    np.testing.assert_allclose(K.batch_dot(w, w, [3, 3]), np.einsum("aboi,acpi->abocp", w, w), rtol=1e-5)
    assert K.batch_dot(x, w, [2, 3]).shape == (5, 6, 6, 2)


@pytest.mark.parametrize("left", [np.array([1.0, 2.0]), np.float32(3.0), jnp.array([1.0, 2.0]), 2.0])
def test_operators_of_arrays_leave_the_value_of_a_variable_open(keras_2, left):
    x = K.variable([3.0, 4.0])
    tensors = {name: getattr(operator, name)(left, x) for name in ("add", "sub", "mul", "truediv", "pow")}
    K.set_value(x, [5.0, 3.0])
    for name, tensor in tensors.items():
        expected = getattr(operator, name)(np.asarray(left), np.array([5.0, 3.0]))
        np.testing.assert_allclose(K.eval(tensor), expected, rtol=1e-5)


def test_ctc_of_probabilities_with_the_blank_last():
    says = np.eye(4, dtype="float32")[[0, 0, 3, 1, 1]][None] * 0.97 + 0.01
    labels, _ = K.ctc_decode(says, [5])
    assert np.asarray(labels[0]).tolist() == [[0, 1]]
    right = K.ctc_batch_cost(np.array([[0, 1]]), says, np.array([[5]]), np.array([[2]]))
    wrong = K.ctc_batch_cost(np.array([[2, 1]]), says, np.array([[5]]), np.array([[2]]))
    assert right.shape == (1, 1)
    assert float(right[0, 0]) < 0.5 < float(wrong[0, 0])
    assert K.ctc_label_dense_to_sparse([[1, 2], [3, 0]], [2, 1]).values.tolist() == [1, 2, 3]


def test_steps_of_an_optimizer_in_a_function():
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(1)(x))
    loss = K.mean(K.square(model.output - 1))
    weights = [v.numpy() for v in model.trainable_weights]
    step = K.function([x], [loss], updates=keras.optimizers.SGD(0.1).get_updates(loss, model.trainable_weights))
    first = step([M])[0]
    twin = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    twin.set_weights(weights)
    twin.compile(keras.optimizers.SGD(0.1), "mse")
    np.testing.assert_allclose(first, twin.train_on_batch(M, np.ones((2, 1))), rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], twin.get_weights()[0], rtol=1e-5)


def encoder(kind):
    x = keras.Input((3,))
    mean = layers.Dense(2, kernel_initializer="ones", name=f"{kind}_mean")(x)
    return x, mean, layers.Dense(3, kernel_initializer="ones", name=f"{kind}_out")(mean)


def test_three_ways_to_a_loss_of_inner_tensors_train_alike():
    def by_closure():
        x, mean, out = encoder("a")
        model = keras.Model(x, out)
        model.compile("sgd", lambda t, p: K.mean(K.square(t - p), axis=-1) + K.sum(K.square(mean), axis=-1))
        return model, (M, M)

    def by_add_loss():
        x, mean, out = encoder("b")
        model = keras.Model(x, out)
        model.add_loss(K.mean(keras.losses.mean_squared_error(x, out)) + K.mean(K.sum(K.square(mean), axis=-1)))
        model.add_metric(K.sum(K.square(mean), axis=-1), name="code", aggregation="mean")
        model.compile("sgd")
        return model, (M,)

    def by_layer():
        x, mean, out = encoder("c")

        class Penalty(layers.Layer):
            def call(self, inputs):
                a, b = inputs
                loss = K.mean(K.square(a - b), axis=-1) + K.sum(K.square(mean), axis=-1)
                self.add_loss(K.mean(loss), inputs=inputs)
                return b

        model = keras.Model(x, Penalty()([x, out]))
        model.compile("sgd", loss=None)
        return model, (M,)

    results = []
    for make in (by_closure, by_add_loss, by_layer):
        model, data = make()
        history = model.fit(*data, epochs=2, batch_size=2, shuffle=False, verbose=0, validation_data=(M, M)).history
        results.append((history["loss"], history["val_loss"], model.get_weights()))
        if make is by_add_loss:
            assert history["code"][0] == pytest.approx(
                np.square(M.sum(1, keepdims=True) * [1, 1]).sum(1).mean(), rel=1e-5
            )
    for loss, val_loss, weights in results[1:]:
        np.testing.assert_allclose(loss, results[0][0], rtol=1e-5)
        np.testing.assert_allclose(val_loss, results[0][1], rtol=1e-5)
        for mine, first in zip(weights, results[0][2], strict=True):
            np.testing.assert_allclose(mine, first, rtol=1e-5)


@pytest.mark.parametrize("eager", [False, True])
def test_metrics_use_tensors_of_the_graph(eager):
    x, mean, out = encoder("metrics")

    def code(target, predicted):
        return K.sum(K.square(mean), axis=-1)

    def error(target, predicted):
        return K.mean(K.square(target - predicted), axis=-1)

    model = keras.Model(x, out)
    model.compile("sgd", lambda t, p: error(t, p) + code(t, p), metrics=[code, error], run_eagerly=eager)
    logs = model.fit(M, M, verbose=0, validation_data=(M, M)).history
    assert logs["code"][0] == pytest.approx(2 * np.mean(M.sum(1) ** 2), rel=1e-5)
    for name in ("", "val_"):
        assert logs[name + "code"][0] + logs[name + "error"][0] == pytest.approx(logs[name + "loss"][0], rel=1e-5)
    model.compile("sgd", "mse", metrics=[code])  # the loss uses none
    assert model.evaluate(M, M, verbose=0)[1] == pytest.approx(logs["val_code"][0], rel=1e-5)


def test_a_closed_loss_cannot_be_called_by_itself():
    x, mean, out = encoder("d")
    model = keras.Model(x, out)
    model.compile("sgd", lambda t, p: K.mean(K.square(t - p) + K.sum(mean), axis=-1))
    with pytest.raises(NotImplementedError, match="uses tensors of the model: it is computed only in fit"):
        model.loss[0](M, M)


def test_tensors_in_the_closure_of_a_lambda():
    x, mean, out = encoder("e")
    scaled = layers.Lambda(lambda t: t * K.sum(mean, axis=-1, keepdims=True))(out)
    model = keras.Model(x, scaled)
    code = M.sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict(M, verbose=0), np.repeat(4 * code * code, 3, 1), rtol=1e-5)


def test_a_fixed_number_of_samples_fixes_the_batch():
    x = keras.Input((3,))
    assert (x + K.constant(np.ones((4, 3)))).shape == (4, 3)
    assert layers.Lambda(lambda t: t * K.random_uniform((4, 1)))(x).shape == (4, 3)
    with pytest.raises(ValueError, match="incompatible shapes"):
        x + K.constant(np.ones((4, 2)))


def test_weights_of_layers_that_set_their_lists():
    class Old(layers.Layer):
        def build(self, input_shape):
            self.W = K.variable(np.ones((input_shape[1], 2)))
            self.b = K.zeros((2,), name="b")
            self.fixed = K.variable(3.0)
            self.seen = K.variable([0.0, 0.0])
            self.trainable_weights = [self.W, self.b]
            self.non_trainable_weights = [self.seen]

        def call(self, x, mask=None):
            self.add_update([(self.seen, self.seen + 1)])
            return self.fixed * K.dot(x, self.W) + self.b

        def get_output_shape_for(self, input_shape):
            return (input_shape[0], 2)

    model = keras.Sequential([keras.Input((3,)), Old()])
    assert [w.shape for w in model.get_weights()] == [(3, 2), (2,), (2,)]
    assert model.count_params() == 10
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(M, M[:, :2], batch_size=1, verbose=0)
    assert model.get_weights()[2].tolist() == [2, 2]
    np.testing.assert_allclose(model.predict(M, verbose=0)[:, 0], 3 * M.sum(1), rtol=1e-5)


def test_sessions_run_structures():
    x = K.placeholder((None, 3))
    session = K.get_session()
    with session.as_default():
        out = session.run({"a": x * 2, "b": [K.sum(x), None]}, feed_dict={x: M})
    np.testing.assert_allclose(out["a"], 2 * M)
    assert out["b"][1] is None
    assert session.run(K.variable(4.0)) == 4
    with session.graph.as_default():
        assert session.run(jnp.ones(2)).tolist() == [1, 1]


def test_arrays_and_variables_meet_symbolic_tensors():
    x = keras.Input((3,))
    v = keras.Variable(np.full(3, 2.0, "float32"))
    for made in (jnp.ones(3) * x, np.ones(3) * x, v * x, x * v):
        assert made.shape == (None, 3)
    f = keras.Function(x, v - x)
    v.assign(np.zeros(3))
    np.testing.assert_allclose(f(M), -M)


def test_windows_in_both_orders_of_the_axes():
    x = np.random.RandomState(2).rand(2, 6, 5, 3).astype("float32")
    kernel = np.random.RandomState(3).rand(2, 3, 3, 4).astype("float32")
    first = x.transpose(0, 3, 1, 2)
    out = np.asarray(K.conv2d(x, kernel))
    places = np.stack(
        [[(x[:, i : i + 2, j : j + 3, :, None] * kernel).sum((1, 2, 3)) for j in range(3)] for i in range(5)]
    )
    np.testing.assert_allclose(out, places.transpose(2, 0, 1, 3), rtol=1e-5)
    np.testing.assert_allclose(K.conv2d(first, kernel, dim_ordering="th"), out.transpose(0, 3, 1, 2), rtol=1e-5)
    shared = np.tile(kernel.reshape(1, -1, 4), (15, 1, 1))
    np.testing.assert_allclose(K.local_conv2d(x, shared, (2, 3), (1, 1), (5, 3)), out, rtol=1e-5)
    np.testing.assert_allclose(
        K.conv1d(x[:, :, 0], kernel[:, 0], padding="causal")[:, 1:], K.conv1d(x[:, :, 0], kernel[:, 0]), rtol=1e-5
    )
    halves = x[:, :, :4].reshape(2, 3, 2, 2, 2, 3)
    np.testing.assert_allclose(K.pool2d(x[:, :, :4], (2, 2), (2, 2), pool_mode="avg"), halves.mean((2, 4)), rtol=1e-5)
    np.testing.assert_allclose(K.pool2d(x[:, :, :4], (2, 2), (2, 2)), halves.max((2, 4)), rtol=1e-5)
    back = K.conv2d_transpose(out, kernel, (2, 6, 5, 3))
    assert back.shape == x.shape
    np.testing.assert_allclose((np.asarray(back) * x).sum(), (out * out).sum(), rtol=1e-4)  # the transpose of conv2d
    np.testing.assert_allclose(K.bias_add(first, np.arange(3.0), "channels_first")[:, 2], first[:, 2] + 2, rtol=1e-6)
    own = np.arange(first[0].size, dtype="float32")  # LocallyConnected2D: a bias for each pixel, in the order of memory
    of_pixels = own.reshape(*first.shape[2:], first.shape[1])
    np.testing.assert_allclose(
        K.bias_add(first, of_pixels, "channels_first"), first + own.reshape(first.shape[1:]), rtol=1e-6
    )
    wide = K.separable_conv2d(x, np.ones((1, 1, 3, 1), "float32"), np.eye(3, dtype="float32")[None, None])
    np.testing.assert_allclose(wide, x, rtol=1e-6)


def test_draws_have_the_shapes_and_limits_asked_for():
    assert K.random_normal((3, 2), mean=5.0, std=0.0).tolist() == [[5.0, 5.0]] * 3
    uniform = np.asarray(K.random_uniform((200,), low=2, high=3))
    assert uniform.min() >= 2
    assert uniform.max() < 3
    assert set(np.asarray(K.random_binomial((50,), p=0.5)).tolist()) == {0.0, 1.0}
    assert np.abs(K.truncated_normal((100,))).max() <= 2
    assert K.random_uniform_variable((2, 3), 0, 1).shape == (2, 3)
    dropped = np.asarray(K.dropout(np.ones((100,), "float32"), 0.5))
    assert set(dropped.tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("loaded", [False, True])
def test_layers_are_called_on_variables_of_the_backend(loaded, monkeypatch):
    adapter = importlib.import_module("gazelle.compat.tensorflow.adapter").ADAPTER
    monkeypatch.setattr(
        facade, "loaded", adapter if loaded else facade.ARRAYS
    )  # a function of the program received tensors
    image = K.variable(M)
    out = layers.Dense(2, kernel_initializer="ones", use_bias=False)(image)
    assert K.is_keras_tensor(out)
    (gradient,) = K.gradients(K.sum(out), image)
    np.testing.assert_allclose(K.eval(gradient), np.full((2, 3), 2.0))
    K.set_value(image, M * 2)
    np.testing.assert_allclose(K.eval(out)[:, 0], 2 * M.sum(1), rtol=1e-5)


@pytest.mark.parametrize("number", [2, 3])
def test_binary_crossentropy_of_several_predictions_of_a_target(number):
    before = era.release()
    era.set_release(era.Release(number, False))
    try:
        found = K.binary_crossentropy(np.ones((2, 1), "float32"), np.full((2, 3), 0.5, "float32"))
    finally:
        era.set_release(before)
    np.testing.assert_allclose(found, np.full((2, 3), np.log(2)), rtol=1e-5)


def test_a_printed_tensor_has_a_space_after_the_message(capsys):
    K.print_tensor(K.constant([[1.0]]), "message")
    K.print_tensor(K.constant([2.0]))
    assert capsys.readouterr().out == "message [[1.]]\n[2.]\n"


def test_random_tensors_are_drawn_in_each_run(keras_2):
    noise = K.random_normal((4, 3))
    model = keras.Sequential([layers.Dense(2, input_shape=(3,)), layers.BatchNormalization()])
    run = K.function([K.learning_phase()], [noise, model(noise)], model.get_updates_for([noise]))
    first, second = run([1]), run([1])
    assert not any(np.allclose(a, b) for a, b in zip(first, second, strict=True))
    assert np.abs(model.get_weights()[-2]).min() > 0  # the moving means
    assert K.eval(K.variable(K.random_uniform((2, 2)))).shape == (2, 2)


@pytest.mark.parametrize(
    "draw", [lambda x: x + K.random_normal(K.shape(x), seed=3), lambda x: K.dropout(x, 0.5, seed=3)]
)
def test_seeds_of_steps(keras_2, draw):
    model = keras.Sequential([layers.Lambda(draw, input_shape=(3,))])
    x = np.ones((20, 3))
    assert not np.allclose(model.predict(x), model.predict(x))


def test_axis_none_is_the_first_or_the_last_one(keras):
    K, x = keras.backend, np.array([[1.0, 5.0, 2.0], [3.0, 4.0, 9.0]])
    found = [K.eval(function(K.variable(x), axis=None)) for function in (K.argmax, K.argmin)]
    np.testing.assert_array_equal(found, [[1, 0, 1], [0, 1, 0]])


def test_the_learning_rate_of_an_update_as_programs_compute_it(keras_2):
    optimizer = keras.optimizers.SGD(lr=0.5)
    updates = K.cast(optimizer.iterations, K.dtype(optimizer.decay))
    read = K.function(inputs=[], outputs=[optimizer.lr * (1.0 / (1.0 + optimizer.decay * updates))])
    assert float(read(inputs=[])[0]) == 0.5


def test_arange_of_floats(keras_2):  # Keras 2.2.4 casts only for another dtype than "int32"
    K = keras_2.backend
    assert K.eval(K.arange(0, 2, step=0.5)).tolist() == [0, 0.5, 1, 1.5]
    assert K.eval(K.arange(3)).dtype == "int32"
    assert K.eval(K.arange(3, dtype="float32")).dtype == "float32"


def test_numbers_are_no_arrays(keras_2):
    x = keras_2.layers.Input((2,))
    total = K.function([x], [K.sum(x), x])([np.ones((1, 2))])[0]
    values = [total, K.eval(K.variable(2.0)), K.eval(K.sum(K.variable([1.0, 1.0]))), K.get_value(K.variable(2.0))]
    kept = list(values)
    for number, _ in enumerate(values):
        values[number] += 1  # in an array without axes, it would change the first list, too
    assert [float(value) for value in kept] == [2.0] * 4
    assert all(isinstance(value, np.float32) for value in kept)


def test_extremes_of_nothing(keras_2):
    """As in TensorFlow: a network that detects objects takes the best overlap with those that an image has."""
    none = K.zeros((2, 0))
    assert K.eval(K.max(none, axis=-1)).tolist() == [-np.inf, -np.inf]
    assert K.eval(K.min(none, axis=-1, keepdims=True)).tolist() == [[np.inf], [np.inf]]
    assert K.eval(K.max(K.cast(none, "int32"))) == np.iinfo("int32").min
    assert K.eval(K.max([K.variable([[1.0, 5.0]]), K.variable([[7.0, 2.0]])], axis=0)).tolist() == [
        [7.0, 5.0]
    ]  # stacked


def test_automatic_names_start_again(keras_2):
    keras_2.layers.Dense(2)
    assert keras_2.layers.Dense(2).name == "dense_2"
    K.reset_uids()
    assert keras_2.layers.Dense(2).name == "dense_1"
    assert (K.get_uid("dense"), K.get_uid("dense")) == (1, 2)


def test_relu_takes_arrays_of_bounds(keras_2):  # as SReLU of keras_contrib; numbers of Keras 2.3.1
    x = K.constant([[-2.0, -1, 0.5, 3]])
    alpha, most = K.variable(np.array([0.1, 0.2, 0.3, 0.4])), K.variable(np.array([1.0, 1, 1, 2]))
    np.testing.assert_allclose(K.eval(K.relu(x, alpha, most)), [[-0.2, -0.2, 0.5, 2]], rtol=1e-6)
    np.testing.assert_allclose(K.eval(K.relu(x, alpha)), [[-0.2, -0.2, 0.5, 3]], rtol=1e-6)


def test_slice_beyond_the_end_is_an_error():
    assert np.asarray(K.slice(np.arange(5.0), [3], [-1])).tolist() == [3.0, 4.0]
    with pytest.raises(ShapeError, match=r"K.slice: expected .* the shape \(5,\), got start \[3\] and size \[4\]"):
        K.slice(np.arange(5.0), [3], [4])
