"""Subclasses of callbacks and cells that read what they inherit: expected values of TensorFlow 2.15.1."""

import csv

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root

keras = root("keras")
callbacks = keras.callbacks
X = np.linspace(0, 1, 16).reshape(8, 2).astype("float32")
Y = X.sum(1) * np.float32(0.3)
LOSSES = [0.662287, 0.590553, 0.527371, 0.471717, 0.422684, 0.379476]


@pytest.fixture
def tf_keras_2():
    before = era.release()
    era.set_release(era.Release(2, False))
    yield
    era.set_release(before)


def compiled():
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(2,), kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.01), "mse", metrics=["mae"])
    return model


def fit(callback, epochs=6):
    model = compiled()
    model.fit(X, Y, epochs=epochs, batch_size=4, shuffle=False, verbose=0, callbacks=[callback], keep=False)
    return model


@pytest.mark.parametrize(("name", "mode", "deltas", "stopped"), [("loss", "auto", -0.002, 0), ("mae", "max", 0.002, 2)])
def test_early_stopping(tf_keras_2, name, mode, deltas, stopped):
    class Stopping(callbacks.EarlyStopping):
        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            self.seen = [self.best]

        def on_epoch_end(self, epoch, logs=None):
            current = self.get_monitor_value(logs)
            better = self._is_improvement(current, self.best)
            assert bool(self.monitor_op(current - self.min_delta, self.best)) == better
            assert self.min_delta == deltas
            if better:
                self.best, self.wait = current, 0
                self.seen.append(current)
            else:
                self.wait += 1
                if self.wait >= self.patience:
                    self.stopped_epoch, self.model.stop_training = epoch, True

    callback = Stopping(name, min_delta=0.002, patience=2, mode=mode)
    fit(callback)
    assert callback.stopped_epoch == stopped
    assert callback.seen[0] == (np.inf if mode == "auto" else -np.inf)
    np.testing.assert_allclose(callback.seen[1:], LOSSES if mode == "auto" else [0.69508], rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "name", "standalone", "higher"),
    [
        ("EarlyStopping", "val_auc", False, True),
        ("EarlyStopping", "val_auc", True, False),
        ("EarlyStopping", "acc_1", False, False),
        ("ModelCheckpoint", "val_auc", False, False),
        ("ModelCheckpoint", "fmeasure", False, True),
        ("ReduceLROnPlateau", "acc_1", False, True),
        ("ReduceLROnPlateau", "val_precision", False, False),
    ],
)
def test_the_name_alone_decides_the_direction(tf_keras_2, kind, name, standalone, higher):
    era.set_release(era.Release(2, standalone))
    arguments = ("file.keras", name) if kind == "ModelCheckpoint" else (name,)
    callback = getattr(callbacks, kind)(*arguments)
    assert bool(callback.monitor_op(2.0, 1.0)) is higher


def test_a_checkpoint_of_the_best(tf_keras_2, tmp_path):
    class Checkpoint(callbacks.ModelCheckpoint):
        counts, written = (), ()

        def on_epoch_end(self, epoch, logs=None):
            self.counts += (self.epochs_since_last_save,)
            self.epochs_since_last_save = (self.epochs_since_last_save + self.period) % 2
            assert self.monitor_op(logs[self.monitor], self.best)
            super().on_epoch_end(epoch, logs)

        def _save_model(self, epoch, batch, logs):
            self.written += ((epoch, batch, *sorted(logs)),)
            super()._save_model(epoch, batch, logs)

    callback = Checkpoint(str(tmp_path / "{epoch}.h5"), "loss", save_best_only=True)
    fit(callback, epochs=3)
    assert callback.counts == (0, 0, 0)
    assert callback.written == tuple((epoch, None, "loss", "mae") for epoch in range(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.h5", "2.h5", "3.h5"]


def test_a_plateau(tf_keras_2):
    class Plateau(callbacks.ReduceLROnPlateau):
        rates = ()

        def on_epoch_end(self, epoch, logs=None):
            assert self.min_delta == 0.06
            if self.monitor_op(logs["loss"], self.best):  # contains `min_delta`
                self.best, self.wait = logs["loss"], 0
            elif not self.in_cooldown():
                self.wait += 1
                if self.wait >= self.patience:
                    self.model.optimizer.lr = self.model.optimizer.lr * self.factor
                    self.cooldown_counter, self.wait = self.cooldown, 0
            self.rates += (float(self.model.optimizer.lr),)

    callback = Plateau("loss", factor=0.5, patience=1, min_delta=0.06)
    assert callback.best == np.inf
    fit(callback)
    np.testing.assert_allclose(callback.rates, [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025], rtol=1e-5)


def test_rows_of_a_file(tmp_path):
    class Logger(callbacks.CSVLogger):
        def on_epoch_end(self, epoch, logs=None):
            if not self.writer:
                self.writer = csv.DictWriter(self.csv_file, fieldnames=["epoch", "loss"])
                if self.append_header:
                    self.writer.writeheader()
            self.writer.writerow({"epoch": epoch, "loss": round(float(logs["loss"]), 3)})

    fit(Logger(str(tmp_path / "log.csv")), epochs=2)
    assert (tmp_path / "log.csv").read_text().split() == ["epoch,loss", "0,0.662", "1,0.591"]


def test_functions_of_a_step(tf_keras_2):
    model, other = compiled(), compiled()
    losses = [other.train_on_batch(X, Y, return_dict=True)["loss"] for _ in range(2)]
    batches = iter([(X, Y)] * 3)
    assert keras.Sequential([keras.layers.Dense(1)]).train_function is None
    train = model.make_train_function()
    np.testing.assert_allclose([train(batches)["loss"], model.train_function(batches)["loss"]], losses, rtol=1e-6)
    assert int(model._train_counter) == 2
    assert int(model._test_counter) == 0
    np.testing.assert_allclose(model.predict_function(iter([(X,)])), other.predict(X, verbose=0), rtol=1e-6)
    ones = np.ones(8)
    np.testing.assert_allclose(model.test_function([X, Y, ones]), other.test_on_batch(X, Y, ones), rtol=1e-6)


def test_masks_of_a_cell_and_words_of_an_embedding():
    class Cell(keras.layers.LSTMCell):
        def call(self, inputs, states, training=None):
            hidden, carry = states
            self.drawn = [
                self.get_dropout_mask_for_cell(inputs, training, count=4),
                self.get_recurrent_dropout_mask_for_cell(hidden, training, count=4),
            ]
            return super().call(inputs, [hidden, carry], training=training)

    keras.layers.RNN(cell := Cell(3, recurrent_dropout=0.5))(np.ones((1, 4, 2), "float32"))
    assert cell.drawn[0] is None
    assert len(cell.drawn[1]) == 4
    assert keras.layers.Embedding(4, 2, input_length=3).input_length == 3
    assert keras.layers.Embedding(4, 2).input_length is None
    assert not hasattr(keras.layers.Dense(2), "input_length")
    assert not hasattr(keras.layers.Dense(2), "get_dropout_mask_for_cell")


def test_the_comparison_of_keras_3_is_an_operation_of_the_package():
    keras = root("keras")
    stop = keras.callbacks.EarlyStopping(monitor="val_accuracy", mode="max")
    assert stop.monitor_op is keras.ops.greater
