"""The cost of short calls: function calls inside gazelle, transfers and copies are counted, not timed."""

import sys
from pathlib import Path

import numpy as np
import pytest

import gazelle
from gazelle import engine, layers
from gazelle.core import arrays
from gazelle.data import make_source
from gazelle.saving import throttle

ROOT = str(Path(gazelle.__file__).parent)
X = np.random.default_rng(0).normal(size=(32, 8)).astype("float32")
Y = X[:, :4]


@pytest.fixture(scope="module")
def model():
    gazelle.utils.set_random_seed(0)  # with other first weights all units may stay at 0
    net = gazelle.Sequential([gazelle.Input((8,)), layers.Dense(6, activation="relu"), layers.Dense(4)])
    net.compile("adam", "mse")
    return net


def _own_calls(function, counts=lambda file: file.startswith(ROOT)):
    for _ in range(3):
        function()
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call" and counts(frame.f_code.co_filename)

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    ("method", "most"),
    [
        ("train_on_batch", 50),
        ("test_on_batch", 45),
        ("predict", 30),
        ("predict_on_batch", 30),
        ("evaluate", 185),
        ("fit", 348),
    ],
)
def test_a_short_call_runs_few_functions_of_ours(model, method, most):
    call = getattr(model, method)
    options = {} if "batch" in method else {"verbose": 0}
    given = (X,) if "predict" in method else (X, Y)
    assert _own_calls(lambda: call(*given, **options)) <= most


def test_a_callback_on_batches_costs_few_calls_per_step(model):
    class Last(gazelle.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.loss = logs["loss"]

    def fit(steps):
        return lambda: model.fit(X, Y, batch_size=32 // steps, verbose=0, callbacks=[Last()])

    assert (_own_calls(fit(32)) - _own_calls(fit(16))) / 16 <= 24


def test_a_call_of_a_model_runs_few_functions(model):
    def count(file):
        return file.startswith((ROOT, sys.base_prefix)) or "site-packages" in file

    assert _own_calls(lambda: model(X)) <= 225
    assert _own_calls(lambda: model(X), count) <= 480


@pytest.fixture
def transfers(monkeypatch):
    """The number of arrays that are copied or placed on the device one by one."""
    found = []
    for module, name in ((engine, "copy"), (arrays, "from_host"), (engine, "to_device")):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, _f=original, _n=name, **k: found.append(_n) or _f(*a, **k))
    return found


def test_models_that_share_layers_pass_their_state_on_without_copies(transfers):
    generator = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(8)])
    critic = gazelle.Sequential([gazelle.Input((8,)), layers.Dense(1, activation="sigmoid")])
    critic.compile("adam", "binary_crossentropy")
    critic.trainable = False
    noise = gazelle.Input((3,))
    both = gazelle.Model(noise, critic(generator(noise)))
    both.compile("adam", "binary_crossentropy")
    z, one = np.ones((32, 3), "float32"), np.ones((32, 1), "float32")

    def turn():
        fake = generator.predict(z, verbose=0)
        return critic.train_on_batch(X, one), critic.train_on_batch(fake, 1 - one), both.train_on_batch(z, one)

    for _ in range(3):
        turn()
    transfers.clear()
    before = [w.copy() for w in generator.get_weights()]  # read: these arrays are copied once
    turn()
    assert transfers.count("copy") > 0
    transfers.clear()
    turn()
    assert transfers == []
    assert not np.array_equal(before[0], generator.get_weights()[0])
    frozen = critic.get_weights()
    both.train_on_batch(z, one)
    np.testing.assert_array_equal(critic.get_weights()[0], frozen[0])


def test_arrays_that_were_read_survive_the_next_step(model):
    model.fit(X, Y, verbose=0)
    kernel = model.layers[0].kernel.value
    slot = next(iter(model.optimizer.state["momentum"].values())) if "momentum" in model.optimizer.state else kernel
    before = np.array(kernel), np.array(slot)
    model.fit(X, Y, verbose=0)
    model.train_on_batch(X, Y)
    throttle.flush()
    np.testing.assert_array_equal(kernel, before[0])
    np.testing.assert_array_equal(slot, before[1])
    assert not np.array_equal(model.layers[0].kernel.numpy(), before[0])


def test_a_batch_of_a_known_kind_is_checked_for_its_values():
    net = gazelle.Sequential([gazelle.Input((2,)), layers.Embedding(5, 3), layers.Flatten(), layers.Dense(3)])
    net.compile("sgd", gazelle.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids, labels = np.zeros((4, 2), "int32"), np.zeros((4,), "int32")
    for _ in range(2):
        net.train_on_batch(ids, labels)
    with pytest.raises(ValueError, match="integers from 0 to 4"):
        net.train_on_batch(ids + 5, labels)
    with pytest.raises(ValueError, match="3"):
        net.train_on_batch(ids, labels + 3)
    with pytest.raises(ValueError, match="number"):
        net.train_on_batch(ids, labels[:3])


def test_a_batch_of_a_stream_costs_few_calls():
    source = make_source((X, Y) for _ in range(200))
    batches = source._epoch(0)
    count = _own_calls(lambda: [next(batches) for _ in range(20)])
    assert count / 20 <= 25


class Custom(gazelle.Model):
    """A model of several layers with a step of its own and a metric."""

    def __init__(self):
        super().__init__()
        self.hidden = [layers.Dense(4, activation="relu") for _ in range(6)]
        self.top, self.seen = layers.Dense(4), gazelle.metrics.Mean("seen")

    def call(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.top(x)

    def train_step(self, data):
        self.seen.update_state(data[0])
        return {**super().train_step(data), "seen": self.seen.result()}


@pytest.mark.parametrize(("method", "most"), [("train_on_batch", 150), ("test_on_batch", 120)])
def test_a_custom_step_passes_its_state_on_without_copies(transfers, method, most):
    model = Custom()
    model.compile("adam", "mse", metrics=["mae"])
    for _ in range(3):
        scores = getattr(model, method)(X, Y)
    transfers.clear()
    again = getattr(model, method)(X, Y)
    assert transfers == []
    assert len(again) == len(scores) == len(model.metrics_names)
    assert _own_calls(lambda: getattr(model, method)(X, Y)) <= most
    if method == "train_on_batch":
        assert float(model.seen.result()) == pytest.approx(X.mean(), abs=1e-6)  # of the last batch alone
