"""Outputs that have no loss need no labels."""

import keras
import numpy as np
import pytest

import gazelle
from gazelle import layers, ops
from gazelle.training.outputs import targets_of

X = np.random.default_rng(0).random((12, 3)).astype("float32")
Y = X[:, :2]


def losses_of(k, loss, y):
    k.utils.set_random_seed(1)
    x = k.Input((3,))
    hidden = k.layers.Dense(4, kernel_initializer="ones", name="hidden")(x)
    outputs = [k.layers.Dense(2, kernel_initializer="zeros", name="top")(hidden), hidden]
    model = k.Model(x, outputs)
    model.compile("sgd", loss=loss)
    return model.fit(X, y, epochs=2, batch_size=4, shuffle=False, verbose=0).history["loss"]


def test_one_target_for_the_output_with_a_loss():
    wanted = losses_of(keras, ["mse", None], Y)
    np.testing.assert_allclose(losses_of(gazelle, ["mse", None], Y), wanted, rtol=1e-5)


@pytest.mark.parametrize("labels", [None, [], ()])
def test_no_labels_of_outputs_without_loss(labels):
    x = layers.Input((3,))
    model = gazelle.Model(x, layers.Dense(2, kernel_initializer="ones")(x))
    model.add_loss(ops.mean(ops.square(model.output)))
    model.compile("sgd", loss=[None])
    wanted = np.mean(np.square(X[:4].sum(1)))
    batches = iter([(X[:4], labels)] * 2)
    assert model.fit(batches, steps_per_epoch=1, verbose=0).history["loss"] == [pytest.approx(wanted, rel=1e-5)]
    assert float(model.train_on_batch(X[:4], labels)) < wanted
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match="needs labels: expected y, got none"):
        model.fit(X, labels, verbose=0)


def test_places_are_those_of_the_losses():
    def loss(y, p):
        return p

    assert targets_of(1, ["a", "b"], [None, loss]) == [None, 1]
    assert targets_of([1, 2], ["a", "b", "c"], [loss, None, loss]) == [1, None, 2]
    assert targets_of({"b": 1}, ["a", "b"], [loss, loss]) == [None, 1]
    with pytest.raises(ValueError, match=r"y: expected one array per output \(a, b\), got one array"):
        targets_of(1, ["a", "b"], [loss, loss])


def test_slots_of_the_weights_that_were_trained_come_back(tmp_path, recwarn):
    class Part(gazelle.Model):
        """Two networks without a call of their own; only one is trained."""

        def __init__(self):
            super().__init__()
            self.one, self.other = (gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)]) for _ in "ab")

        def train_step(self, x):
            weights = self.one.trainable_variables
            self.optimizer.apply_gradients([(gazelle.ops.ones_like(w), w) for w in weights])
            return {"loss": gazelle.ops.mean(self.one(x))}

    model = Part()
    model.compile(gazelle.optimizers.SGD(0.1, momentum=0.9))
    model.fit(X, batch_size=6, verbose=0)
    model.save_weights(tmp_path / "part.weights.h5")
    before = [np.asarray(v) for v in model.optimizer.variables]
    model.fit(X, batch_size=6, verbose=0)
    model.load_weights(tmp_path / "part.weights.h5")
    for old, new in zip(before, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(new, old)
    assert not recwarn.list


def test_metrics_of_outputs_without_labels_are_left_out():
    x = gazelle.Input((3,))
    first = layers.Dense(2, name="first")(x)
    model = gazelle.Model(x, [first, layers.Dense(2, name="second")(first)])
    model.compile("sgd", loss=[None, "mse"], metrics=[["mae"], ["mae"]])
    assert set(model.fit(X, [Y], verbose=0).history) == {"loss", "second_mae"}
    model.compile("sgd", loss=[None, "mse"], metrics=[["mae"], ["mae"]])
    assert set(model.fit(X, [Y, Y], verbose=0).history) == {"loss", "first_mae", "second_mae"}


def test_a_value_with_the_name_of_the_loss():
    x = gazelle.Input((3,))
    y = layers.Dense(1)(x)
    values = ops.mean(y**2, axis=-1)
    model = gazelle.Model(x, y)
    model.add_loss(values)
    model.add_metric(values, name="loss")
    model.add_metric(2 * values, name="twice")
    model.compile("sgd")
    with pytest.warns(UserWarning, match="another name than that of a loss"):
        logs = model.fit(np.ones((8, 3)), verbose=0).history
    assert list(logs) == ["loss", "twice"]
    np.testing.assert_allclose(logs["twice"][0], 2 * logs["loss"][0], rtol=1e-6)


class _Reports(layers.Layer):
    """Reports one value in training, another one in inference."""

    def call(self, x, training=False):
        if training:
            self.add_metric(ops.sum(x), name="in_training")
        else:
            self.add_metric(2 * ops.sum(x), name="in_inference")
        return x


def test_values_of_a_layer_in_one_mode():
    model = gazelle.Sequential([gazelle.Input((3,)), _Reports()])
    model.compile("sgd", "mse")
    x = np.ones((4, 3), "float32")
    logs = model.fit(x, x, batch_size=2, validation_data=(x[:2], x[:2]), verbose=0).history
    assert logs == {
        "loss": [0],
        "in_training": [6],
        "in_inference": [0],
        "val_loss": [0],
        "val_in_training": [0],
        "val_in_inference": [12],
    }
