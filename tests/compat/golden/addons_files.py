"""Files of models of tensorflow_addons that `record_addons.py` writes, and what the tests compute from them."""

import numpy as np

r = np.random.RandomState(0)
X, Y = r.randn(6, 4).astype("float32"), np.eye(3, dtype="float32")[[0, 2, 1, 1, 0, 2]]
OPTIMIZERS = {"AdamW": (0.01, 0.01), "COCOB": (), "NovoGrad": (0.01,), "Yogi": (0.01,)}


def save(tfa, keras, name, path):
    """Train a model with an optimizer for three steps and save it."""
    layers = [keras.layers.Dense(5), tfa.layers.TLU(), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.set_weights([np.random.RandomState(n).randn(*w.shape) * 0.3 for n, w in enumerate(model.get_weights())])
    loss = tfa.losses.SigmoidFocalCrossEntropy(reduction="sum_over_batch_size")
    model.compile(getattr(tfa.optimizers, name)(*OPTIMIZERS[name]), loss, [tfa.metrics.F1Score(3, "macro")])
    for _ in range(3):
        model.train_on_batch(X, Y)
    model.save(path)


def continued(keras, path):
    """The class of the optimizer in a file, the logs of two more steps and the sum of the weights after them."""
    model = keras.models.load_model(path)
    logs = [float(value) for _ in range(2) for value in model.train_on_batch(X, Y)]
    return type(model.optimizer).__name__, [*logs, float(sum(np.abs(w).sum() for w in model.get_weights()))]
