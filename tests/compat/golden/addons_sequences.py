"""Calls of `tfa.rnn` and `tfa.seq2seq` that are compared: this file records them, the tests run the same lines.

python addons_sequences.py addons_sequences.npz, with tensorflow_addons 0.23 and TensorFlow 2.15
"""

import sys

import numpy as np

r = np.random.RandomState(3)
MEMORY, LENGTHS, X = r.randn(2, 5, 6).astype("float32"), np.array([5, 3]), r.randn(2, 4, 3).astype("float32")
TABLE, TOKENS, LOGITS = r.randn(7, 3).astype("float32"), r.randint(0, 7, (2, 4)), r.randn(2, 4, 7).astype("float32")
ROWS = np.array([[1, 1, 1, 0.5], [1, 1, 0, 0]], "float32")
NUMBERS = r.randn(4000).astype("float32")


def numbered(*weights):
    """Give the weights numbers."""
    start = 0
    for weight in weights:
        size = int(np.prod(weight.shape))
        weight.assign(NUMBERS[start : start + size].reshape(weight.shape))
        start += size + 1


def flat(tf, values):
    return np.concatenate([np.asarray(v, "float64").ravel() for v in tf.nest.flatten(values) if hasattr(v, "shape")])


def cells(tf, tfa):
    made = {
        "LayerNormLSTMCell": tfa.rnn.LayerNormLSTMCell(4),
        "LayerNormLSTMCell relu": tfa.rnn.LayerNormLSTMCell(4, activation="relu", use_bias=False, norm_epsilon=0.1),
        "PeepholeLSTMCell": tfa.rnn.PeepholeLSTMCell(4),
        "LayerNormSimpleRNNCell": tfa.rnn.LayerNormSimpleRNNCell(4),
        "NASCell": tfa.rnn.NASCell(4, use_bias=True),
        "NASCell projection": tfa.rnn.NASCell(4, projection=2),
        "ESNCell": tfa.rnn.ESNCell(4, 0.5, leaky=0.6),
    }
    found = {}
    for name, cell in made.items():
        layer = tf.keras.layers.RNN(cell, return_sequences=True, return_state=True)
        layer(X)
        layer.set_weights([NUMBERS[: w.size].reshape(w.shape) / 2 for w in layer.get_weights()])
        found[name] = flat(tf, list(layer(X)))
    return found


def mechanisms(s):
    return {
        "Luong": lambda **k: s.LuongAttention(4, **k),
        "Luong hardmax": lambda **k: s.LuongAttention(4, scale=True, probability_fn="hardmax", **k),
        "Bahdanau": lambda **k: s.BahdanauAttention(4, **k),
        "Bahdanau normalized": lambda **k: s.BahdanauAttention(4, normalize=True, **k),
        "recursive": lambda **k: s.LuongMonotonicAttention(4, score_bias_init=-0.5, mode="recursive", **k),
        "parallel": lambda **k: s.BahdanauMonotonicAttention(4, normalize=True, score_bias_init=0.3, **k),
        "hard": lambda **k: s.BahdanauMonotonicAttention(4, mode="hard", **k),
    }


def attention(tf, s):
    found = {}
    for name, make in mechanisms(s).items():
        for lengths in (None, LENGTHS):
            m = make(memory=MEMORY, memory_sequence_length=lengths)
            query, state = MEMORY[:, 0, :4], m.initial_state(2, tf.float32)
            m([query, state])
            own = [getattr(m, part, None) for part in ("attention_v", "attention_g", "attention_b")]
            query_layer = [m.query_layer.kernel] if m.query_layer is not None else []
            numbered(m.memory_layer.kernel, *query_layer, *(w for w in own if w is not None))
            m.setup_memory(tf.constant(MEMORY), None if lengths is None else tf.constant(lengths))
            first, state = m([query, state])
            found[f"{name} {lengths}"] = flat(tf, [first, m([query * 2, state])[0]])
    return found


def made(tf, s, beams=1, **options):
    cell, dense, memory = (
        tf.keras.layers.LSTMCell(4),
        tf.keras.layers.Dense(7),
        tf.constant(np.repeat(MEMORY, beams, 0)),
    )
    m = s.BahdanauAttention(4, memory=memory, memory_sequence_length=np.repeat(LENGTHS, beams))
    after = tf.keras.layers.Dense(5, use_bias=False)
    wrapper = s.AttentionWrapper(cell, m, **({"attention_layer": after} | options))
    state = wrapper.get_initial_state(batch_size=2 * beams, dtype=tf.float32)
    dense(wrapper(np.repeat(X[:, 0], beams, 0), state)[0])
    own = [m.memory_layer.kernel, m.query_layer.kernel, m.attention_v, *dense.weights]
    numbered(cell.kernel, cell.recurrent_kernel, cell.bias, *own, *(after.weights if after.built else []))
    m.setup_memory(memory, tf.constant(np.repeat(LENGTHS, beams)))
    return cell, m, wrapper, dense


def decoders(tf, s):
    found, embed = {}, lambda ids: tf.gather(TABLE, ids)
    for options in ({}, {"output_attention": False}, {"attention_layer": None}):
        _, _, wrapper, dense = made(tf, s, **options)
        state = wrapper.get_initial_state(batch_size=2, dtype=tf.float32)
        state = state.clone(cell_state=[tf.constant(MEMORY[:, 0, :4]), tf.constant(MEMORY[:, 1, :4])])
        for lengths in (None, np.array([2, 3], "int32")):
            decoder = s.BasicDecoder(wrapper, s.TrainingSampler(), dense, impute_finished=lengths is not None)
            results = decoder(tf.constant(X), initial_state=state, sequence_length=lengths)
            found[f"training {options} {lengths}"] = flat(tf, results)
        decoder = s.BasicDecoder(wrapper, s.GreedyEmbeddingSampler(embed), dense, maximum_iterations=6)
        found[f"greedy {options}"] = flat(tf, decoder(None, start_tokens=[1, 2], end_token=3, initial_state=state))
    _, _, wrapper, dense = made(tf, s, alignment_history=True)
    start = lambda: wrapper.get_initial_state(batch_size=2, dtype=tf.float32)  # noqa: E731
    decoder = s.BasicDecoder(wrapper, s.TrainingSampler(time_major=True), dense, output_time_major=True)
    out, last, count = decoder(tf.transpose(X, [1, 0, 2]), initial_state=start())
    found["history"] = flat(tf, [out, last.alignment_history.stack(), count])
    sampler = s.InferenceSampler(lambda o: o[:, :3], [3], tf.float32, lambda i: i[:, 0] > 0.5)
    decoder = s.BasicDecoder(wrapper, sampler, dense, maximum_iterations=4)
    out, _, count = decoder(tf.constant(X[:, 0]), initial_state=start())
    found["inference"] = flat(tf, [out, count])
    for sampler in (
        s.ScheduledOutputTrainingSampler(1.0, next_inputs_fn=lambda o: o[:, :3]),
        s.ScheduledEmbeddingTrainingSampler(0.0, embedding_fn=embed),
    ):
        out, _, count = s.BasicDecoder(wrapper, sampler, dense)(tf.constant(X), initial_state=start())
        found[type(sampler).__name__] = flat(tf, [out.rnn_output, count])
    return found


def beams(tf, s):
    found = {}
    for options in ({}, {"length_penalty_weight": 0.8}, {"coverage_penalty_weight": 0.5}):
        _, _, wrapper, dense = made(tf, s, beams=3)
        embed = lambda ids: tf.gather(TABLE, ids)  # noqa: E731
        decoder = s.BeamSearchDecoder(wrapper, 3, embed, dense, maximum_iterations=8, **options)
        first = s.tile_batch(tf.constant(MEMORY[:, 0, :4]), 3)
        state = wrapper.get_initial_state(batch_size=6, dtype=tf.float32).clone(cell_state=[first, first])
        results = decoder(None, start_tokens=tf.constant([1, 2]), end_token=3, initial_state=state)
        found[f"beams {options}"] = flat(tf, results)
    steps = np.array([[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]], [[-1, -1, -1]]])
    parents = np.array([[[0, 0, 0]], [[0, 1, 1]], [[2, 1, 2]], [[0, 0, 0]]])
    found["gather_tree"] = flat(tf, s.gather_tree(steps, parents, [3], 10))
    return found


def losses(tf, s):
    found = {}
    for steps, batch, kind in (
        (1, 1, "average"),
        (1, 0, "average"),
        (0, 1, "average"),
        (0, 0, "average"),
        (1, 1, "sum"),
    ):
        none = {"average_across_timesteps": False, "average_across_batch": False}
        middle = "across" if kind == "average" else "over"
        options = none | {f"{kind}_{middle}_timesteps": bool(steps), f"{kind}_{middle}_batch": bool(batch)}
        found[f"loss {steps} {batch} {kind}"] = flat(tf, s.sequence_loss(LOGITS, TOKENS, tf.constant(ROWS), **options))
    classes = np.eye(7, dtype="float32")[TOKENS]
    found["loss of classes"] = flat(tf, s.sequence_loss(LOGITS, classes, tf.constant(ROWS)))
    found["SequenceLoss"] = flat(tf, s.SequenceLoss()(TOKENS, LOGITS, tf.constant(ROWS)))
    cell, m, wrapper, dense = made(tf, s)
    memory = tf.Variable(MEMORY)
    with tf.GradientTape() as tape:
        m.setup_memory(memory * 2.0)
        state = wrapper.get_initial_state(batch_size=2, dtype=tf.float32)
        out, _, _ = s.BasicDecoder(wrapper, s.TrainingSampler(), dense)(tf.constant(X), initial_state=state)
        loss = s.sequence_loss(out.rnn_output, TOKENS, tf.constant(ROWS))
    sources = [memory, cell.kernel, m.memory_layer.kernel, m.query_layer.kernel, m.attention_v, dense.kernel]
    found["gradients"] = flat(tf, tape.gradient(loss, sources))
    return found


def results(tf, tfa, kind):
    return cells(tf, tfa) if kind == "cells" else globals()[kind](tf, tfa.seq2seq)


KINDS = ("cells", "attention", "decoders", "beams", "losses")
if __name__ == "__main__":
    import tensorflow as tf
    import tensorflow_addons as tfa

    tfa.options.disable_custom_kernel()
    out = {f"{kind}/{name}": value for kind in KINDS for name, value in results(tf, tfa, kind).items()}
    np.savez_compressed(sys.argv[1], **{name: np.round(value, 6).astype("float32") for name, value in out.items()})
