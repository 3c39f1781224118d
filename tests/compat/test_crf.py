"""Conditional random fields beside sums over all sequences of tags."""

import itertools
import sys
import types

import jax
import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from gazelle.compat import crf
from gazelle.compat import tensorflow as tensorflow_facade
from gazelle.compat.namespaces import root

keras = root("keras")
RNG = np.random.default_rng(0)
TAGS, STEPS = 3, 4
POTENTIALS = RNG.normal(size=(3, STEPS, TAGS)).astype("float32")
TRANSITIONS = RNG.normal(size=(TAGS, TAGS)).astype("float32")
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]], bool)  # whole, padded at the end, padded in front
SEQUENCES = np.array(list(itertools.product(range(TAGS), repeat=STEPS)))


def _score(potentials, mask, tags):
    steps = [t for t in range(STEPS) if mask[t]]
    pairs = itertools.pairwise(steps)
    return sum(potentials[t, tags[t]] for t in steps) + sum(TRANSITIONS[tags[a], tags[b]] for a, b in pairs)


def _all(row):
    """The distinct sequences of the steps in the mask, 0 outside of it, and their scores."""
    chosen = np.unique(np.where(MASK[row], SEQUENCES, 0), axis=0)
    return chosen, np.array([_score(POTENTIALS[row], MASK[row], tags) for tags in chosen])


def test_scores_normalization_marginals_and_best_sequences():
    norms = crf.log_norm(POTENTIALS, MASK, TRANSITIONS)
    marginals = crf.marginals(POTENTIALS, MASK, TRANSITIONS)
    best, scores = crf.decode(POTENTIALS, MASK, TRANSITIONS)
    for row in range(3):
        sequences, expected = _all(row)
        given = np.repeat(POTENTIALS[row : row + 1], len(sequences), 0)
        mask = np.repeat(MASK[row : row + 1], len(sequences), 0)
        np.testing.assert_allclose(crf.sequence_score(given, sequences, mask, TRANSITIONS), expected, atol=1e-5)
        np.testing.assert_allclose(norms[row], logsumexp(expected), rtol=1e-5)
        np.testing.assert_array_equal(best[row], sequences[expected.argmax()])
        np.testing.assert_allclose(scores[row], expected.max(), rtol=1e-5)
        shares = np.einsum("s,stk->tk", softmax(expected), np.eye(TAGS)[sequences]) * MASK[row][:, None]
        np.testing.assert_allclose(marginals[row], shares, atol=1e-5)
    assert crf.log_norm(POTENTIALS, np.zeros_like(MASK), TRANSITIONS).tolist() == [0, 0, 0]


def test_functions_of_tensorflow():
    tf = tensorflow_facade.module("tensorflow")
    functions = tf.contrib.crf
    lengths, tags = np.array([4, 2, 1]), RNG.integers(0, TAGS, (3, STEPS))
    potentials, transitions = tf.constant(POTENTIALS), tf.Variable(TRANSITIONS)
    with tf.GradientTape() as tape:
        likelihood, _ = functions.crf_log_likelihood(potentials, tags, lengths, transitions)
        loss = -tf.reduce_mean(likelihood)
    mask = np.arange(STEPS) < lengths[:, None]
    expected = jax.grad(lambda a: -crf.log_likelihood(POTENTIALS, tags, mask, a).mean())(TRANSITIONS)
    np.testing.assert_allclose(tape.gradient(loss, transitions).numpy(), expected, atol=1e-6)
    whole = functions.crf_sequence_score(potentials, tags, lengths, transitions)
    parts = functions.crf_unary_score(tags, lengths, potentials), functions.crf_binary_score(tags, lengths, transitions)
    np.testing.assert_allclose(whole.numpy(), (parts[0] + parts[1]).numpy(), rtol=1e-5)
    best, scores = functions.crf_decode(potentials, transitions, lengths)
    alone, score = functions.viterbi_decode(POTENTIALS[1, :2], TRANSITIONS)
    assert best.numpy()[1].tolist() == [*alone, 0, 0]
    assert scores.numpy()[1] == pytest.approx(score)
    tensorflow_facade.close()


@pytest.mark.parametrize("mode", ["join", "marginal"])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_layer_of_keras_contrib_learns_tags(keras_2, mode, sparse, tmp_path):
    tags = np.tile([1, 2, 2, 1, 0, 0], (32, 1))  # the tag depends on the step before
    words = np.where(tags == 0, 0, RNG.integers(1, 5, tags.shape))
    y = tags[..., None] if sparse else np.eye(TAGS)[tags]
    layer = keras.layers.CRF(TAGS, learn_mode=mode, sparse_target=sparse)
    model = keras.Sequential(
        [
            keras.layers.Input((6,)),
            keras.layers.Embedding(5, 8, mask_zero=True),
            keras.layers.LSTM(8, return_sequences=True),
            layer,
        ]
    )
    model.compile(keras.optimizers.Adam(0.05), layer.loss_function, metrics=[layer.accuracy])
    history = model.fit(words, y, epochs=40, verbose=0, validation_split=0.25).history
    assert history["crf_accuracy"][-1] > 0.95
    assert history["loss"][-1] < history["loss"][0] / 3
    assert history["val_loss"][-1] == pytest.approx(history["loss"][-1], abs=0.2)
    predicted = model.predict(words[:2])
    assert predicted.shape == (2, 6, TAGS)
    assert predicted.argmax(-1)[:, :4].tolist() == [[1, 2, 2, 1]] * 2
    model.save(tmp_path / "crf.h5")
    names = {"CRF": keras.layers.CRF, "crf_loss": keras.losses.crf_loss, "crf_accuracy": keras.metrics.crf_accuracy}
    loaded = keras.models.load_model(tmp_path / "crf.h5", custom_objects=names)
    np.testing.assert_array_equal(loaded.predict(words[:2]), predicted)


def test_the_layer_of_tensorflow_addons_returns_tags_scores_lengths_and_transitions(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_addons", types.ModuleType("tensorflow_addons"))
    layer = keras.layers.CRF(TAGS, use_kernel=False)
    tags, scores, lengths, transitions = layer(POTENTIALS, mask=MASK)
    assert lengths.tolist() == [4, 2, 2]
    expected, _ = crf.decode(scores, MASK, transitions)
    np.testing.assert_array_equal(tags, expected)
    np.testing.assert_array_equal(scores, POTENTIALS)  # the boundaries are 0 at first


def test_the_loss_alone_states_what_is_missing(monkeypatch):
    monkeypatch.setattr("gazelle.compat.layers.crf._last", [])
    with pytest.raises(ValueError, match="The loss of a CRF: expected a model whose last layer is a CRF"):
        keras.losses.crf_loss(np.zeros((1, 2, 3)), np.zeros((1, 2, 3)))
