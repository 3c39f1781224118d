"""Models that start at a tensor from the middle of a graph: layers, weights, training and files, as in Keras."""

import numpy as np
import pytest

import gazelle
from gazelle import Input, Model, layers
from gazelle.layers import InputLayer
from gazelle.utils import model_to_dot

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


@pytest.fixture(scope="module")
def graph():
    x = Input((3,), name="x")
    first = layers.Dense(4, name="first")(x)
    middle = layers.Dense(4, activation="tanh", name="middle")(first) + first
    last = layers.Dense(2, name="last")(middle)
    return Model(x, last), first, middle, last


def test_the_layer_that_computed_the_input_is_no_part_of_the_model(graph):
    whole, first, _, last = graph
    part = Model(first, last)
    assert isinstance(part.layers[0], InputLayer)
    assert [layer.name for layer in part.layers[1:] if layer.weights] == ["middle", "last"]
    assert [w.shape for w in part.weights] == [w.shape for w in whole.weights[2:]]
    assert part.count_params() == whole.count_params() - 16
    assert part.input_shape == (None, 4)
    np.testing.assert_array_equal(
        part.predict(Model(whole.input, first).predict(X[:, :3], verbose=0), verbose=0),
        whole.predict(X[:, :3], verbose=0),
    )


def test_it_trains_the_layers_that_it_shares(graph):
    whole, first, _, last = graph
    before = whole.get_weights()
    part = Model(first, last)
    part.compile("sgd", "mse")
    part.fit(X, X[:, :2], verbose=0, keep=False)
    changed = [bool((old != new).any()) for old, new in zip(before, whole.get_weights(), strict=True)]
    assert changed == [False, False, True, True, True, True]


@pytest.mark.parametrize("inputs", ["one", "several", "dict"])
@pytest.mark.parametrize("copy", ["file", "config", "clone"])
def test_it_is_read_from_files_and_configs(graph, inputs, copy, tmp_path):
    whole, first, middle, last = graph
    data = {"one": X, "several": [X, X[:, :3]], "dict": {"a": X, "x": X[:, :3]}}[inputs]
    given = {"one": first, "several": [first, whole.input], "dict": {"a": first, "x": whole.input}}[inputs]
    output = last if inputs == "one" else layers.Concatenate()([middle, layers.Dense(1, name="other")(whole.input)])
    part = Model(given, output)
    if copy == "file":
        part.save(tmp_path / "part.keras")
        other = gazelle.models.load_model(tmp_path / "part.keras")
    else:
        other = Model.from_config(part.get_config()) if copy == "config" else gazelle.models.clone_model(part)
        other.set_weights(part.get_weights())
    np.testing.assert_array_equal(other.predict(data, verbose=0), part.predict(data, verbose=0))


def test_the_graph_that_it_starts_in_is_not_changed(graph):
    whole, first, middle, last = graph
    Model(middle, last)
    assert whole.get_layer("last").output is last
    assert whole.get_layer("first").output is first
    assert Model(whole.input, middle).predict(X[:, :3], verbose=0).shape == (8, 4)


def test_an_output_may_be_an_input(graph):
    _, first, _, last = graph
    same, _ = Model(first, [first, last]).predict(X, verbose=0)
    np.testing.assert_array_equal(same, X)


def test_a_mask_ends_at_the_input():
    x = Input((3,), dtype="int32")
    rows = layers.Embedding(5, 4, mask_zero=True)(x)
    part = Model(rows, layers.LSTM(2)(rows))
    loaded = Model.from_config(part.get_config())
    loaded.set_weights(part.get_weights())
    values = X[:6].reshape(2, 3, 4)
    np.testing.assert_array_equal(part.predict(values, verbose=0), loaded.predict(values, verbose=0))


def test_layers_calls_and_outputs_still_lead_from_the_first_input(graph):
    whole, first, _, last = graph
    part = Model(first, last)
    joined = Model(whole.input, part.output)  # as in Keras 1 and 2
    np.testing.assert_array_equal(joined.predict(X[:, :3], verbose=0), whole.predict(X[:, :3], verbose=0))
    inner = Model(part.input, part.get_layer("middle").output)
    assert inner.predict(X, verbose=0).shape == (8, 4)


def test_a_graph_may_begin_at_one_of_several_outputs():
    x = Input((3, 4))
    rows, state = layers.GRU(4, return_sequences=True, return_state=True)(x)
    top = layers.Dense(2)(state)
    np.testing.assert_array_equal(Model(state, top).predict(X, verbose=0), top.node.operation(X))
    both = Model([state, x], layers.Concatenate()([top, layers.Flatten()(rows)]))
    assert both.predict([X, np.ones((8, 3, 4))], verbose=0).shape == (8, 14)


def test_the_summary_and_the_drawing_show_the_input(graph):
    _, first, _, last = graph
    part = Model(first, last)
    lines = []
    part.summary(print_fn=lines.append)
    assert part.layers[0].name in "\n".join(lines)
    assert part.layers[0].name in str(model_to_dot(part, show_layer_names=True))


class Scaled(layers.Layer):
    def __init__(self, factors, unused):
        super().__init__()
        self.factors, self.unused = factors, unused

    def call(self, x):
        return x * self.factors[0]


def test_a_layer_uses_the_tensors_in_its_attributes():
    x, factor, unused = (layers.Input((1,)) for _ in range(3))
    model = Model([x, factor], Scaled([factor * 2], unused)(x))
    assert model.predict([np.ones((2, 1)), np.array([[1.0], [3.0]])], verbose=0).tolist() == [[2], [6]]


def test_a_sequential_of_an_input_alone_is_a_layer():
    inner = gazelle.Sequential([Input((4,))])
    outer = gazelle.Sequential([inner, layers.Dense(2)])
    assert gazelle.Sequential([inner]).output_shape == (None, 4)
    assert outer.output_shape == (None, 2)
    np.testing.assert_array_equal(inner(X), X)
