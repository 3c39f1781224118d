"""`tfa.rnn` and `tfa.seq2seq`: the numbers that `golden/addons_sequences.py` recorded, and gradients."""

from pathlib import Path

import numpy as np
import pytest

from gazelle.compat.namespaces import namespace
from gazelle.core.errors import ArgumentError, StateError
from tests.compat.golden import addons_sequences as golden

GOLDEN = np.load(Path(__file__).parent / "golden" / "addons_sequences.npz")
tfa = namespace("gazelle.compat.addons")


@pytest.mark.parametrize("kind", golden.KINDS)
def test_numbers(tf, kind):
    wanted = {key.partition("/")[2]: GOLDEN[key] for key in GOLDEN if key.startswith(f"{kind}/")}
    found = golden.results(tf, tfa, kind)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("uses_norm", [False, True])
def test_weights_of_an_echo_state_network_are_scaled_and_not_trained(uses_norm):
    cell = tfa.rnn.ESNCell(40, 0.2, use_norm2=uses_norm)
    cell.build((None, 3))
    kernel = np.asarray(cell.recurrent_kernel)
    size = np.linalg.norm(kernel) if uses_norm else np.abs(np.linalg.eigvals(kernel)).max()
    assert abs(size - 0.9) < 1e-4
    assert 0.1 < np.mean(kernel != 0) < 0.3
    assert not cell.trainable_weights


def test_a_model_with_a_decoder_is_trained(tf):
    memory = tf.constant(golden.MEMORY)

    class Translator(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.attention = tfa.seq2seq.LuongAttention(4)
            cell = tfa.seq2seq.AttentionWrapper(tf.keras.layers.LSTMCell(4), self.attention, attention_layer_size=4)
            self.decoder = tfa.seq2seq.BasicDecoder(cell, tfa.seq2seq.TrainingSampler(), tf.keras.layers.Dense(7))

        def call(self, x):
            self.attention.setup_memory(memory)
            state = self.decoder.cell.get_initial_state(batch_size=2, dtype=tf.float32)
            return self.decoder(x, initial_state=state)[0].rnn_output

    model = Translator()
    model.compile(tf.keras.optimizers.Adam(0.1), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(golden.X, golden.TOKENS, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 0.3
    assert len(model.trainable_variables) == 7


def test_errors(tf):
    s = tfa.seq2seq
    attention = s.LuongAttention(3)
    with pytest.raises(StateError, match="setup_memory"):
        attention([golden.X[:, 0], None])
    with pytest.raises(ArgumentError, match="'softmax' or 'hardmax'"):
        s.LuongAttention(3, probability_fn="sparsemax")
    attention.setup_memory(golden.MEMORY)
    with pytest.raises(ArgumentError, match="tile_batch"):
        s.AttentionWrapper(tf.keras.layers.LSTMCell(3), attention).get_initial_state(batch_size=6, dtype=tf.float32)
    with pytest.raises(ArgumentError, match="not both"):
        s.sequence_loss(golden.LOGITS, golden.TOKENS, golden.ROWS, sum_over_batch=True)
