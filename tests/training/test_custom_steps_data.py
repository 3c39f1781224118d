"""Data for user-defined steps: parts of a batch with other numbers of rows, and inputs other than those of `call`."""

import numpy as np
import pytest

import gazelle as g
from gazelle.core.errors import DataError


class Pairs(g.Model):
    """A step over the rows of two inputs, which `call` takes as a pair."""

    def __init__(self):
        super().__init__()
        self.dense = g.layers.Dense(1)
        self.table = np.arange(12, dtype="float32").reshape(6, 2)

    def call(self, pair):
        left, right = pair
        return self.dense(left) - self.dense(right)

    def train_step(self, data):
        rows, y = data
        y_pred = self([self.table[:4], self.table[2:]])
        return {"loss": g.ops.mean((y_pred[:2] - y[:2]) ** 2) + 0 * g.ops.sum(rows)}


def test_the_step_decides_what_call_receives():
    model = Pairs()
    model.compile("sgd")
    history = model.fit(np.arange(4), np.zeros((4, 1), "float32"), batch_size=4, verbose=0, keep=False).history
    assert history["loss"][0] > 0


def test_parts_of_a_batch_with_other_numbers_of_rows():
    data = [(np.arange(4), np.zeros((2, 1), "float32"))] * 2
    model = Pairs()
    model.compile("sgd")
    assert model.fit(iter(data), steps_per_epoch=2, verbose=0, keep=False).history["loss"][0] > 0
    plain = g.Sequential([g.layers.Dense(1)])
    plain.compile("sgd", "mse")
    with pytest.raises(DataError, match="different numbers of samples"):
        plain.fit(iter([(np.ones((4, 2)), np.ones((2, 1)))]), steps_per_epoch=1, verbose=0, keep=False)


def test_inputs_of_a_graph():
    nodes, owner = g.Input((2,)), g.Input((), dtype="int32")
    pooled = g.ops.segment_sum(g.layers.Dense(1)(nodes), owner, num_segments=2)
    model = g.Model([nodes, owner], pooled)
    model.compile("sgd", "mse")
    edges = g.Input((3,))
    model = g.Model([nodes, owner, edges], pooled + g.ops.sum(edges))
    model.compile("sgd", "mse")
    batch = (np.ones((5, 2), "float32"), np.array([0, 0, 1, 1, 1]), np.ones((7, 3), "float32")), np.zeros((2, 1))
    assert model.fit(iter([batch]), steps_per_epoch=1, verbose=0, keep=False).history["loss"][0] > 0


def test_layers_that_a_step_calls_have_their_default_mode():
    class Doubled(g.layers.Layer):
        def call(self, x, training=True):
            return 2 * x if training else x

    class Steps(g.Model):
        def __init__(self):
            super().__init__()
            self.doubled, self.dropout = Doubled(), g.layers.Dropout(0.5)

        def call(self, x):
            return self.dropout(self.doubled(x))

        def train_step(self, data):
            return {"alone": g.ops.mean(self.doubled(data)), "model": g.ops.mean(self(data, training=False))}

        def test_step(self, data):
            return {"alone": g.ops.mean(self.doubled(data))}

    model = Steps()
    model.compile("sgd")
    history = model.fit(np.ones((4, 1), "float32"), batch_size=4, verbose=0, keep=False).history
    assert history == {"alone": [2.0], "model": [1.0]}
    assert model.evaluate(np.ones((4, 1), "float32"), verbose=0) == 2.0


class Halves(g.Model):
    """A step that gives the model the two halves of the data."""

    def train_step(self, data):
        pair = data[0] if isinstance(data, tuple) else data
        return {"loss": g.ops.sum(self(pair[0], training=True) - self(pair[1], training=True))}


def test_a_step_may_take_other_shapes_than_the_inputs_of_a_graph():
    x = g.Input((3,))
    model = Halves(x, g.layers.Dense(2, use_bias=False, kernel_initializer="ones")(x))
    model.compile("sgd")

    class Data(g.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.stack([np.full((4, 3), 2.0, "float32"), np.ones((4, 3), "float32")])

    assert model.fit(Data(), verbose=0).history["loss"] == [24.0]


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_predict_step_receives_several_inputs_in_a_tuple(kind, count):
    class Model(g.Model):
        def train_step(self, data):
            return super().train_step(data)

        def predict_step(self, data):
            assert len(data) == 1
            return super().predict_step(data)

    inputs = [g.Input((2,)) for _ in range(count)]
    model = Model(inputs, g.layers.Concatenate()([inputs[0], *inputs]))
    x = kind(np.full((3, 2), i, "float32") for i in range(count))
    assert model.predict(x, verbose=0)[0].tolist() == [0, 0] + [i for i in range(count) for _ in range(2)]
