"""Constants, states of stacked cells and cells of programs for Keras 2; masks of merged inputs."""

import numpy as np
import pytest

from gazelle.compat import tensorflow
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError

keras = root("keras")
layers, K = keras.layers, keras.backend
X, C, S = np.ones((2, 4, 3), "float32"), np.full((2, 5), 2, "float32"), np.full((2, 6), 3, "float32")

pytestmark = pytest.mark.usefixtures("keras_2")


class Sum(layers.Layer):
    """A cell: the first constant counts at each step."""

    def __init__(self, units, **kwargs):
        self.units = self.state_size = units
        super().__init__(**kwargs)

    def build(self, shapes):
        step, constant = shapes
        self.kernel = self.add_weight(shape=(step[-1], self.units), initializer="ones", name="kernel")
        self.of_constant = self.add_weight(shape=(constant[-1], self.units), initializer="ones", name="constant")
        self.built = True

    def call(self, inputs, states, constants):
        out = K.dot(inputs, self.kernel) + states[0] + K.dot(constants[0], self.of_constant)
        return out, [out]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def inputs():
    return layers.Input((4, 3)), layers.Input((6,)), layers.Input((5,))


def both(layer, **options):
    """The outputs for keywords and for one list of inputs, which a layer from the config of the first one takes."""
    found, weights = [], None
    for flat in (False, True):
        x, s, c = inputs()
        given = [s] * (2 if isinstance(layer, layers.Bidirectional) else 1) if options.get("state") else []
        y = layer([x, *given, c]) if flat else layer(x, initial_state=given or None, constants=c)
        model = keras.models.Model([x, s, c] if given else [x, c], y)
        weights = weights if flat else model.get_weights()
        model.set_weights(weights)
        found.append(model.predict([X, S, C] if given else [X, C]))
        with keras.utils.CustomObjectScope({"Sum": Sum}):
            layer = type(layer).from_config(layer.get_config())
    return found


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_constants_are_keywords_or_the_end_of_a_list(bidirectional, state):
    with keras.utils.CustomObjectScope({"Sum": Sum}):
        layer = layers.Bidirectional(layers.RNN(Sum(6))) if bidirectional else layers.RNN(Sum(6))
    one, two = both(layer, state=state)
    np.testing.assert_allclose(one, two)
    np.testing.assert_allclose(one, np.full(one.shape, 4 * (3 + 10) + 3 * state), rtol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_models_with_constants_are_written_as_in_keras_2_and_read(bidirectional, tmp_path):
    with keras.utils.CustomObjectScope({"Sum": Sum}):
        layer = layers.Bidirectional(layers.RNN(Sum(6))) if bidirectional else layers.RNN(Sum(6))
    x, s, c = inputs()
    states = [s] * (2 if bidirectional else 1)
    model = keras.models.Model([x, s, c], layer(x, initial_state=states, constants=c))
    entry = model.get_config()["layers"][-1]
    assert [place[0] for place in entry["inbound_nodes"][0]] == [each.name.split(":")[0] for each in [x, *states, c]]
    assert (entry["inbound_nodes"][0][-1][3], entry["config"]["num_constants"]) == ({}, 1)

    path, own, expected = str(tmp_path / "model.h5"), {"Sum": Sum}, model.predict([X, S, C])
    model.save(path)
    np.testing.assert_allclose(keras.models.load_model(path, own).predict([X, S, C]), expected)
    for copy in (
        keras.models.Model.from_config(model.get_config(), own),
        keras.models.model_from_json(model.to_json(), own),
    ):
        copy.set_weights(model.get_weights())
        np.testing.assert_allclose(copy.predict([X, S, C]), expected)


def test_a_stack_passes_constants_to_the_cells_that_take_them():
    x, _, c = inputs()
    model = keras.models.Model([x, c], layers.RNN([layers.GRUCell(2), Sum(6)])(x, constants=c))
    assert model.predict([X, C]).shape == (2, 6)
    assert [w.shape for w in model.get_weights()][-2:] == [(2, 6), (5, 6)]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_states_of_a_stack_are_one_list(reverse):
    cells = [layers.LSTMCell(2), layers.SimpleRNNCell(3)]
    stack = layers.StackedRNNCells(cells, reverse_state_order=reverse)
    sizes = (3, 2, 2) if reverse else (2, 2, 3)
    assert stack.state_size == sizes
    assert layers.StackedRNNCells.from_config(stack.get_config()).state_size == sizes
    layer = layers.RNN(stack, return_state=True)
    assert layer.compute_output_shape((None, 4, 3)) == [(None, 3), *((None, size) for size in sizes)]
    x = layers.Input((4, 3))
    given = [layers.Input((size,)) for size in sizes]
    out = layer(x, initial_state=given)
    model = keras.models.Model([x, *given], out)
    first = [np.ones((2, size), "float32") for size in sizes]
    y, *states = model.predict([X, *first])
    assert [state.shape[1] for state in states] == list(sizes)
    np.testing.assert_allclose(y, states[0 if reverse else 2])


def test_a_cell_may_know_its_sizes_after_it_is_built():
    class Cell(layers.Layer):
        def __init__(self):
            self.state_size = self.output_size = None
            super().__init__()

        def build(self, input_shape):
            self.state_size = self.output_size = input_shape[-1]

        def call(self, inputs, states):
            return inputs, [states[0] + 1]

    x, start = layers.Input((4, 3)), layers.Input((3,))
    model = keras.models.Model([x, start], layers.RNN(Cell(), return_state=True)(x, initial_state=start))
    assert model.predict([X, X[:, 0]])[1].tolist() == [[5.0] * 3] * 2


def test_a_plain_cell_reads_its_variables_at_each_step():
    class Cell:
        state_size = 3

        def __init__(self):
            self.scale = K.variable(2.0)

        def call(self, inputs, states):
            return inputs * self.scale, states

    cell, x = Cell(), layers.Input((4, 3))
    model = keras.models.Model(x, layers.RNN([cell])(x))
    model.compile("sgd", "mse")
    assert model.predict(X).max() == 2
    K.set_value(cell.scale, 3.0)
    assert model.predict(X).max() == 3
    assert model.train_on_batch(X, np.zeros((2, 3))) == 9


def test_layers_without_state_list_no_states():
    assert layers.LSTM(3).states == [None, None]
    assert layers.Bidirectional(layers.GRU(3)).layer.states == [None]


@pytest.mark.parametrize("kind", [layers.Add, layers.Concatenate])
def test_masks_of_merged_inputs_need_no_inputs(kind):
    layer, given = kind(axis=1) if kind is layers.Concatenate else kind(), [layers.Input((2, 3)), layers.Input((2, 3))]
    masks = [K.variable([[1, 0]]), K.variable([[1, 1]])]
    joint = K.eval(layer.compute_mask(given, masks)).tolist()
    assert joint == ([[True, False, True, True]] if kind is layers.Concatenate else [[True, False]])
    assert layer.compute_mask(given, [None, None]) is None
    with pytest.raises(ArgumentError, match="expected a mask or None per input, got 2 inputs and 1 masks"):
        layer.compute_mask(given, [None])


def test_a_state_of_several_axes_by_its_tensor_shape():
    tf = tensorflow.module("tensorflow")

    class Delays(keras.layers.Layer):
        """The last two inputs; a state of shape (2, features)."""

        state_size, output_size = tf.TensorShape([2, 3]), tf.TensorShape([3])

        def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
            return tf.zeros(tf.stack([batch_size, 2, 3]))

        def call(self, x, states):
            (state,) = states
            return state[:, 0], [tf.concat([state[:, 1:], x[:, None]], 1)]

    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    out = keras.layers.RNN(Delays(), return_sequences=True)(x)
    np.testing.assert_allclose(out, np.concatenate([np.zeros((2, 2, 3)), x[:, :3]], 1), rtol=1e-6)
    tensorflow.close()
