"""Steps with `run_eagerly=True`: the numbers of compiled steps, values in cells, nothing compiled again."""

import jax
import numpy as np
import pytest

import gazelle
from gazelle.layers import GRU, RNN, BatchNormalization, Dense, Flatten, LSTMCell, SimpleRNN

r = np.random.default_rng(0)
X, Y = r.normal(size=(6, 5, 3)).astype("float32"), r.normal(size=(6, 1)).astype("float32")
X[:, 3:] *= (np.arange(6) % 2)[:, None, None]  # steps that are masked in some samples


class Leaky(gazelle.layers.Layer):
    """A cell that reads the values of its states."""

    state_size, seen = 2, ()

    def call(self, x, states):
        self.seen = (*self.seen, float(states[0][0, 0]) if not isinstance(states[0], jax.core.Tracer) else None)
        state = 0.5 * states[0] + x[:, :2]
        return state, [state]


LAYERS = {
    "SimpleRNN": lambda: SimpleRNN(4),
    "backwards": lambda: SimpleRNN(4, go_backwards=True, return_sequences=True),
    "cells": lambda: RNN([LSTMCell(3), LSTMCell(2)]),
    "GRU with dropout": lambda: GRU(3, recurrent_dropout=0.3, seed=0),
    "BatchNormalization": BatchNormalization,
}


def trained(layer, **options):
    gazelle.utils.set_random_seed(0)
    masks = [] if layer == "BatchNormalization" else [gazelle.layers.Masking()]
    model = gazelle.Sequential([gazelle.Input((5, 3)), *masks, LAYERS[layer](), Flatten(), Dense(1)])
    model.compile(gazelle.optimizers.SGD(0.1), "mse", **options)
    return model, [float(model.train_on_batch(X, Y)) for _ in range(3)]


@pytest.mark.parametrize("layer", LAYERS)
def test_the_numbers_are_those_of_compiled_steps(layer):
    (eager, losses), (compiled, expected) = trained(layer, run_eagerly=True), trained(layer)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for found, value in zip(eager.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_step_compiles_nothing_again(layer, caplog):
    model, _ = trained(layer, run_eagerly=True)
    with jax.log_compiles():
        model.train_on_batch(X, Y)
        model(X)
    assert [each.message for each in caplog.records if "Compiling" in each.message] == []


def test_a_call_of_a_cell_has_values():
    cell = Leaky()
    outputs = RNN(cell)(np.ones((1, 3, 2), "float32"))
    np.testing.assert_allclose(outputs, [[1.75, 1.75]])
    assert cell.seen[-3:] == (0.0, 1.0, 1.5)


def test_a_long_sequence_is_a_loop_of_jax():
    cell = Leaky()
    RNN(cell)(np.ones((1, 40, 2), "float32"))
    assert len(cell.seen) < 10
