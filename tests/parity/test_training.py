"""Twenty steps of gazelle and Keras 3 from equal weights, with equal order of the samples: the losses are equal."""

import keras
import numpy as np
import pytest

import gazelle

pytestmark = pytest.mark.optimized

RUNS = {}


def run(function):
    """Enter a run: a function of the library, giving a compiled model, x, y and further arguments of fit."""
    RUNS[function.__name__] = function
    return function


def _rng():
    return np.random.default_rng(7)


def _vectors(n=160, d=10, classes=3):
    r = _rng()
    x = r.normal(size=(n, d)).astype("float32")
    y = (x @ r.normal(size=(d, classes))).argmax(-1).astype("int32")
    return x, y


def _images(n=80, classes=4):
    r = _rng()
    y = r.integers(0, classes, n).astype("int32")
    x = r.normal(size=(n, 12, 12, 2)).astype("float32") + y[:, None, None, None] * 0.3
    return x, y


def _words(n=80, steps=9):
    r = _rng()
    x = r.integers(1, 20, (n, steps)).astype("int32")
    for row in x:
        row[r.integers(3, steps + 1) :] = 0
    return x, (x.sum(1) % 2).astype("float32")


@run
def binary_mlp_rmsprop(k):
    x, y = _vectors()
    model = k.Sequential([k.Input((10,)), k.layers.Dense(16, activation="relu"), k.layers.Dense(1)])
    model.add(k.layers.Activation("sigmoid"))
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model, x, (y > 0).astype("float32"), {}


@run
def softmax_mlp_nesterov(k):
    x, y = _vectors()
    model = k.Sequential(
        [k.Input((10,)), k.layers.Dense(16, activation="tanh"), k.layers.Dense(3, activation="softmax")]
    )
    model.compile(
        k.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model, x, y, {}


@run
def regularized_adagrad_short_last_batch(k):
    x, y = _vectors(n=150)
    dense = k.layers.Dense(
        12,
        activation="selu",
        kernel_regularizer="l2",
        bias_regularizer=k.regularizers.L1(0.01),
        kernel_constraint="max_norm",
        activity_regularizer=k.regularizers.L2(0.02),
    )
    model = k.Sequential([k.Input((10,)), dense, k.layers.Dense(1)])
    model.compile(k.optimizers.Adagrad(0.05), "huber", metrics=["mae", "mse"])
    return model, x, y.astype("float32"), {}


@run
def weighted_nadam(k):
    x, y = _vectors()
    one_hot = np.eye(3, dtype="float32")[y]
    model = k.Sequential(
        [k.Input((10,)), k.layers.Dense(8, activation="gelu"), k.layers.Dense(3, activation="softmax")]
    )
    model.compile("nadam", "categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    return model, x, one_hot, {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}}


@run
def sample_weighted_adam_clipped(k):
    x, y = _vectors()
    model = k.Sequential([k.Input((10,)), k.layers.Dense(8, activation="elu"), k.layers.Dense(1)])
    model.compile(k.optimizers.Adam(0.01, clipnorm=0.5), "mse", weighted_metrics=["mae"])
    return model, x, y.astype("float32"), {"sample_weight": _rng().uniform(0.1, 2, len(x)).astype("float32")}


@run
def cnn_adam(k):
    x, y = _images()
    model = k.Sequential(
        [
            k.Input((12, 12, 2)),
            k.layers.Conv2D(6, 3, padding="same", activation="relu"),
            k.layers.MaxPooling2D(2),
            k.layers.Conv2D(8, 3, strides=2),
            k.layers.Activation("relu"),
            k.layers.Flatten(),
            k.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y, {}


@run
def residual_batchnorm_rmsprop(k):
    x, y = _images()
    i = k.Input((12, 12, 2))
    h = k.layers.Conv2D(4, 3, padding="same", use_bias=False)(i)
    h = k.layers.ReLU()(k.layers.BatchNormalization(momentum=0.9)(h))
    g = k.layers.BatchNormalization()(k.layers.Conv2D(4, 3, padding="same")(h))
    h = k.layers.GlobalAveragePooling2D()(k.layers.Add()([h, g]))
    model = k.Model(i, k.layers.Dense(4)(h))
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.RMSprop(0.002, momentum=0.5, centered=True), loss, metrics=["accuracy"])
    return model, x, y, {}


@run
def masked_lstm_adam(k):
    x, y = _words()
    model = k.Sequential(
        [k.layers.Embedding(20, 6, mask_zero=True), k.layers.LSTM(5), k.layers.Dense(1, activation="sigmoid")]
    )
    model.build((None, 9))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "AUC"])
    return model, x, y, {}


@run
def bidirectional_gru_sequence_loss(k):
    x, _ = _words()
    model = k.Sequential(
        [
            k.layers.Embedding(20, 6, mask_zero=True),
            k.layers.Bidirectional(k.layers.GRU(4, return_sequences=True)),
            k.layers.TimeDistributed(k.layers.Dense(20, activation="softmax")),
        ]
    )
    model.build((None, 9))
    model.compile(k.optimizers.Adam(0.01), "sparse_categorical_crossentropy")  # Keras forgets the mask in train metrics
    return model, x, x, {}


@run
def transformer_adamw_schedule(k):
    x, y = _words()
    i = k.Input((9,), dtype="int32")
    e = k.layers.Embedding(20, 8)(i)
    a = k.layers.MultiHeadAttention(2, 4)(e, e)
    h = k.layers.LayerNormalization()(e + a)
    h = k.layers.LayerNormalization()(h + k.layers.Dense(8)(k.layers.Dense(16, activation="relu")(h)))
    model = k.Model(i, k.layers.Dense(1, activation="sigmoid")(k.layers.GlobalAveragePooling1D()(h)))
    rate = k.optimizers.schedules.ExponentialDecay(0.01, 5, 0.7)
    model.compile(k.optimizers.AdamW(rate, weight_decay=0.01), "binary_crossentropy", metrics=["accuracy"])
    return model, x, y, {}


@run
def two_inputs_two_outputs(k):
    x, y = _vectors()
    a, b = k.Input((10,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(6, activation="tanh")
    h = k.layers.Concatenate()([shared(a), k.layers.Dense(3)(b)])
    first = k.layers.Dense(3, activation="softmax", name="kind")(h)
    second = k.layers.Dense(1, name="size")(h)
    model = k.Model([a, b], [first, second])
    model.compile(
        k.optimizers.SGD(0.1),
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    return model, [x, x[:, :4]], [y, x[:, :1]], {}


class Losses:
    """Collects the logs of every batch, for both libraries."""

    @staticmethod
    def of(k):
        class Collect(k.callbacks.Callback):
            def on_train_begin(self, logs=None):
                self.logs = []

            def on_train_batch_end(self, batch, logs=None):
                self.logs.append(dict(logs))

        return Collect()


@pytest.mark.parametrize("name", RUNS)
def test_losses_stay_equal(name):
    theirs, x, y, more = RUNS[name](keras)
    ours, *_ = RUNS[name](gazelle)
    ours.set_weights(theirs.get_weights())
    seen = []
    for model, k in ((theirs, keras), (ours, gazelle)):
        listener = Losses.of(k)
        size = 8 if len(np.asarray(y[0] if isinstance(y, list) else y)) < 100 else 16
        model.fit(x, y, batch_size=size, epochs=2, shuffle=False, verbose=0, callbacks=[listener], **more)
        seen.append(listener.logs)
    assert len(seen[0]) == len(seen[1]) >= 20
    for step, (a, b) in enumerate(zip(*seen, strict=True)):
        assert set(a) == set(b), step
        for key in a:
            assert b[key] == pytest.approx(float(a[key]), rel=2e-4, abs=2e-5), (step, key)
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-3, atol=2e-4)
    theirs_out = theirs.predict(x, verbose=0)
    ours_out = ours.predict(x, verbose=0)
    for a, b in zip(*(v if isinstance(v, list) else [v] for v in (theirs_out, ours_out)), strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-3, atol=2e-4)
    a, b = (model.evaluate(x, y, verbose=0, return_dict=True) for model in (theirs, ours))
    assert set(b) <= set(a)
    np.testing.assert_allclose([b[key] for key in b], [a[key] for key in b], rtol=1e-3, atol=1e-4)


def test_masked_steps_count_in_no_metric():
    """A mask holds in training as it does in evaluation (Keras on JAX drops it in the metrics of training)."""
    model, x, y, _ = bidirectional_gru_sequence_loss(gazelle)
    model.compile(gazelle.optimizers.SGD(1e-9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = (model.predict(x, verbose=0).argmax(-1) == y)[x > 0].mean()
    assert model.evaluate(x, y, verbose=0)[1] == pytest.approx(expected, abs=1e-6)
    history = model.fit(x, y, verbose=0, shuffle=False)
    assert history.history["accuracy"][0] == pytest.approx(expected, abs=1e-6)
