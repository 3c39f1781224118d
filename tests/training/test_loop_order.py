"""The order of samples and all draws are functions of the seed; several models; weights of samples."""

import numpy as np
import pytest
from loops import RNG, X, Y, fit, mlp, same

import gazelle
from gazelle import Input, Model, Sequential, layers, optimizers
from gazelle.callbacks import Callback, LambdaCallback

# Order and chance -----------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_runs_bit_by_bit():
    a, b, c = (mlp(seed=seed, dropout=0.4) for seed in (1, 1, 2))
    first, second, third = (fit(m, epochs=2, validation_split=0.2) for m in (a, b, c))
    assert same(a, b)
    assert first.history == second.history
    assert first.history != third.history


def test_two_fits_of_one_epoch_equal_one_of_two():
    once, twice = mlp(dropout=0.4), mlp(dropout=0.4)
    one = fit(once, epochs=2)
    first, second = fit(twice, epochs=1), fit(twice, epochs=2, initial_epoch=1)
    assert same(once, twice)
    assert one.history["loss"] == first.history["loss"] + second.history["loss"]
    assert second.epoch == [1]


def test_listeners_do_not_change_the_run():
    alone, heard = mlp(dropout=0.4), mlp(dropout=0.4)
    fit(alone, epochs=2)
    fit(heard, epochs=2, callbacks=[LambdaCallback(on_train_batch_end=lambda batch, logs: None)])
    for ours, theirs in zip(alone.get_weights(), heard.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_order_differs_between_epochs_and_shuffle_false_keeps_it():
    class Order(layers.Layer):
        """Penalizes nothing; the loss of a batch of one is the sample itself."""

        def call(self, x):
            return x

    def orders(shuffle):
        heard = [[], []]
        gazelle.utils.set_random_seed(5)
        model = Sequential([Input((1,)), Order()])
        model.compile("sgd", lambda y, p: p[:, 0])
        x = np.arange(12, dtype="float32")[:, None]

        class Hear(Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.epoch, self.before = epoch, 0.0

            def on_train_batch_end(self, batch, logs=None):
                total = logs["loss"] * (batch + 1)  # the log is a running mean
                heard[self.epoch].append(round(total - self.before))
                self.before = total

        fit(model, x, x, batch_size=1, epochs=2, shuffle=shuffle, callbacks=[Hear()])
        return heard

    first, second = orders(True)
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert orders(True) == [first, second]
    assert orders(False) == [list(range(12))] * 2


# Several models -------------------------------------------------------------------------------------------------------


def test_a_discriminator_inside_a_combined_model_stays_in_step():
    gazelle.utils.set_random_seed(0)
    z = Input((3,))
    generator = Model(z, layers.Dense(4, name="made")(z))
    discriminator = mlp(rate=0.2, metrics=None)
    discriminator.trainable = False
    combined = Model(z, discriminator(generator(z)))
    combined.compile(optimizers.SGD(0.2), "binary_crossentropy")
    noise = RNG.normal(size=(16, 3)).astype("float32")
    for _ in range(3):
        before = discriminator.get_weights(), generator.get_weights()
        discriminator.train_on_batch(X[:16], Y[:16])
        trained = discriminator.get_weights()
        assert not np.array_equal(before[0][0], trained[0])  # compiled while it was trainable
        combined.train_on_batch(noise, np.ones((16, 1)))
        for ours, theirs in zip(discriminator.get_weights(), trained, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not np.array_equal(before[1][0], generator.get_weights()[0])
        by_parts = discriminator.predict(generator.predict(noise, verbose=0), verbose=0)
        np.testing.assert_allclose(combined.predict(noise, verbose=0), by_parts, atol=1e-6)
        np.testing.assert_allclose(np.asarray(combined(noise)), by_parts, atol=1e-6)


def test_trainable_counts_at_compile():
    model = mlp()
    model.layers[0].trainable = False
    before = model.get_weights()
    with pytest.warns(UserWarning, match="`trainable` of 'dense/kernel' was changed after compile"):
        fit(model)
    assert not np.array_equal(before[0], model.get_weights()[0])  # as compiled
    model.compile("sgd", "binary_crossentropy")
    before = model.get_weights()
    fit(model)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    assert not np.array_equal(before[2], model.get_weights()[2])


def test_a_frozen_layer_added_after_compile_stays_frozen():
    model = mlp()
    model.add(layers.Dense(1, activation="sigmoid", trainable=False))
    before = model.get_weights()
    fit(model)
    np.testing.assert_array_equal(before[4], model.get_weights()[4])
    assert not np.array_equal(before[2], model.get_weights()[2])


# Weights of samples ---------------------------------------------------------------------------------------------------


def test_class_weight_is_a_sample_weight():
    a, b = mlp(weighted_metrics=["accuracy"]), mlp(weighted_metrics=["accuracy"])
    first = fit(a, class_weight={0: 0.5, 1: 3.0}).history
    second = fit(b, sample_weight=np.where(Y[:, 0] > 0, 3.0, 0.5)).history
    assert same(a, b)
    assert first == second
    assert not same(a, mlp())
