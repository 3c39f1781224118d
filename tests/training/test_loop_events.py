"""Events of the loop: order, what callbacks may read and assign, and how they stop a training."""

import numpy as np
import pytest
from loops import X, Y, count_calls, fit, mlp, same

from gazelle.callbacks import Callback, LambdaCallback


def test_epoch_listeners_cost_no_call_per_batch(monkeypatch):
    model = mlp()
    fit(model, batch_size=1)  # compiled now
    calls = count_calls(monkeypatch, model._trainer, "train")
    monkeypatch.setattr("gazelle.training.steps_per_call._TICK", 10.0)  # however busy the machine is
    fit(model, batch_size=1, callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: None)])
    assert sum(stop - start for start, stop in calls) == 70
    assert len(calls) <= 4  # 1 + 8 + 61


def test_batch_listeners_get_every_batch():
    heard = []

    class Listen(Callback):
        def on_train_batch_begin(self, batch, logs=None):
            heard.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            heard.append(("end", batch, sorted(logs)))

        def on_test_batch_end(self, batch, logs=None):
            heard.append(("test", batch))

    fit(mlp(), callbacks=Listen(), validation_data=(X[:20], Y[:20]))
    assert heard == [
        *(event for b in range(5) for event in (("begin", b), ("end", b, ["accuracy", "loss"]))),
        ("test", 0),
        ("test", 1),
    ]


def test_the_order_of_events():
    heard = []
    names = ("train_begin", "epoch_begin", "test_begin", "test_end", "epoch_end", "train_end")

    class Listen(Callback):
        pass

    for name in names:
        setattr(Listen, f"on_{name}", lambda self, *args, name=name, **_: heard.append(name))
    fit(mlp(), epochs=2, callbacks=[Listen()], validation_data=(X, Y))
    assert heard == ["train_begin", *["epoch_begin", "test_begin", "test_end", "epoch_end"] * 2, "train_end"]


@pytest.mark.parametrize("event", ["on_train_batch_end", "on_epoch_end"])
def test_stop_training(event):
    batches = []

    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            batches.append(batch)
            if event == "on_train_batch_end" and batch == 1:
                self.model.stop_training = True

        def on_epoch_end(self, epoch, logs=None):
            if event == "on_epoch_end" and epoch == 1:
                self.model.stop_training = True

    model = mlp()
    run = fit(model, epochs=5, callbacks=[Stop()])
    assert batches == ([0, 1] if event == "on_train_batch_end" else [0, 1, 2, 3, 4] * 2)
    assert len(run.epoch) == (1 if event == "on_train_batch_end" else 2)
    assert model.optimizer.iterations.numpy() == len(batches)
    assert len(fit(model, epochs=2).epoch) == 2  # a new fit starts unstopped


def test_callbacks_see_the_weights_of_the_step_and_what_they_assign_counts():
    """The same by hand, with train_on_batch."""
    seen = []

    class Meddle(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.get_weights())
            if batch == 1:
                kernel = self.model.layers[0].kernel
                kernel.assign(kernel * 0.5)
            if batch == 2:
                self.model.optimizer.learning_rate = 0.7

    model, by_hand = mlp(), mlp()
    fit(model, shuffle=False, callbacks=[Meddle()])
    for batch in range(5):
        by_hand.train_on_batch(X[batch * 16 :][:16], Y[batch * 16 :][:16])
        for ours, theirs in zip(seen[batch], by_hand.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
        if batch == 1:
            first, *others = by_hand.get_weights()
            by_hand.set_weights([first * 0.5, *others])
        if batch == 2:
            by_hand.optimizer.learning_rate = 0.7
    assert float(model.optimizer.learning_rate) == pytest.approx(0.7)


def test_predict_and_evaluate_in_a_callback_use_the_weights_of_the_step():
    pairs = []

    class TraceInfo(Callback):
        def on_train_batch_end(self, batch, logs=None):
            predicted = self.model.predict(X[:3], verbose=0)
            pairs.append((predicted, np.asarray(self.model(X[:3])), self.model.evaluate(X, Y, verbose=0)[0]))

    model, alone = mlp(), mlp()
    fit(model, callbacks=[TraceInfo()], epochs=2)
    fit(alone, epochs=2)
    assert same(model, alone)  # looking changes nothing
    assert len({loss for _, _, loss in pairs}) == 10
    for predicted, called, _ in pairs:
        np.testing.assert_allclose(predicted, called, atol=1e-6)


def test_an_array_read_in_a_callback_outlives_the_next_steps():
    kept = []

    class Keep(Callback):
        def on_train_batch_end(self, batch, logs=None):
            value = self.model.layers[0].kernel.value
            kept.append((value, np.array(value)))

    fit(mlp(), callbacks=[Keep()])
    for value, copy in kept:
        np.testing.assert_array_equal(value, copy)
