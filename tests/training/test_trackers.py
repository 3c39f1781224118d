"""Trackers with the real packages, offline; the learning rate finder; the profiler."""

import gzip
import json
import time

import numpy as np
import pytest

import gazelle
from gazelle import callbacks, layers
from gazelle.core.errors import ArgumentError, StateError
from gazelle.optimizers import schedules

X = np.linspace(-1, 1, 64).reshape(32, 2).astype("float32")
Y = X @ np.float32([[1.0], [2.0]])


def compiled(**options):
    gazelle.utils.set_random_seed(1)
    model = gazelle.Sequential([gazelle.Input((2,)), layers.Dense(4, activation="tanh"), layers.Dense(1)], name="net")
    model.compile(gazelle.optimizers.Adam(0.01), "mse", **options)
    return model


class Recorder(callbacks.Tracker):
    """Keeps what it is sent."""

    def __init__(self, **options):
        super().__init__(**options)
        self.calls = []

    def start(self, config, run):
        self.calls.append(("start", config, run))
        return "first"

    def log(self, values, step):
        self.calls.append((step, sorted(values)))

    def finish(self):
        self.calls.append("finish")


def test_a_tracker_gets_settings_and_logs():
    recorder = Recorder(config={"note": "a"})
    compiled().fit(X, Y, epochs=2, validation_split=0.5, callbacks=[recorder], verbose=0)
    (_, config, run), *rest = recorder.calls
    assert config["optimizer"] == "Adam"
    assert config["epochs"] == 2
    assert config["parameters"] == 17
    assert config["note"] == "a"
    assert config["learning_rate"] == pytest.approx(0.01)
    assert run is None
    assert rest == [(1, ["loss", "val_loss"]), (2, ["loss", "val_loss"]), "finish"]


def test_a_tracker_of_batches():
    recorder = Recorder(every=2)
    compiled().fit(X, Y, batch_size=8, epochs=1, callbacks=[recorder], verbose=0)
    assert recorder.calls[1:] == [(2, ["batch_loss"]), (4, ["batch_loss"]), (1, ["loss"]), "finish"]


def test_a_resumed_training_continues_the_run(tmp_path):
    model = compiled()

    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=3, callbacks=[Recorder(), Stop()], verbose=0, checkpoint=tmp_path)
    recorder = Recorder()
    compiled().fit(X, Y, epochs=3, callbacks=[recorder], verbose=0, checkpoint=tmp_path, resume=True)
    assert [call[2] for call in recorder.calls if call[0] == "start"] == ["first"]


def test_wandb_offline(tmp_path):
    pytest.importorskip("wandb")
    tracker = callbacks.WandbTracker("digits", name="one", mode="offline", folder=str(tmp_path))
    history = compiled().fit(X, Y, epochs=2, callbacks=[tracker], verbose=0).history
    (run,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert tracker.run in run.name
    assert tracker.session.config["parameters"] == 17
    deadline = time.monotonic() + 30  # a process of wandb writes the file
    while b"loss" not in (data := run.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert repr(history["loss"][-1])[:8].encode() in data


def test_mlflow_with_files(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    uri = (tmp_path / "runs").as_uri()
    tracker = callbacks.MLflowTracker("digits", name="one", uri=uri)
    history = compiled().fit(X, Y, epochs=2, callbacks=[tracker], verbose=0).history
    client = mlflow.MlflowClient(uri)
    run = client.get_run(tracker.run)
    assert run.data.params["optimizer"] == "Adam"
    assert run.info.status == "FINISHED"
    sent = [metric.value for metric in client.get_metric_history(tracker.run, "loss")]
    assert sent == pytest.approx(history["loss"])


@pytest.mark.parametrize(("name", "package"), [("WandbTracker", "wandb"), ("MLflowTracker", "mlflow")])
def test_a_missing_package(name, package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=rf'{name} needs {package}\.\nInstall it: pip install "gazelle\[{package}\]"'):
        getattr(callbacks, name)()


def test_the_finder_restores_the_model():
    model = compiled()
    model.fit(X, Y, epochs=1, verbose=0)
    before = model.get_weights(), [v.numpy() for v in model.optimizer.variables]
    finder = callbacks.LearningRateFinder(1e-4, 10, steps=30)
    model.fit(X, Y, batch_size=8, epochs=20, callbacks=[finder], verbose=0)
    np.testing.assert_array_equal(_flat(model.get_weights()), _flat(before[0]))
    np.testing.assert_array_equal(_flat([v.numpy() for v in model.optimizer.variables]), _flat(before[1]))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert finder.rates[0] == pytest.approx(1e-4)
    assert finder.suggestion in finder.rates
    assert 1e-2 < finder.suggestion < 2


def _flat(values):
    return np.concatenate([np.ravel(v).astype("float64") for v in values])


def test_the_finder_records_the_loss_of_each_batch():
    """Without smoothing and with tiny rates, the losses are those of the batches."""
    model = compiled()
    finder = callbacks.LearningRateFinder(1e-12, 1.1e-12, steps=4, smoothing=0)
    model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, callbacks=[finder], verbose=0)
    expected = [model.evaluate(X[i : i + 16], Y[i : i + 16], verbose=0) for i in (0, 16, 0, 16)]
    np.testing.assert_allclose(finder.losses, expected, rtol=1e-5)


def test_the_finder_stops_when_the_loss_diverges():
    model = compiled()
    model.compile(gazelle.optimizers.SGD(0.01), "mse")
    finder = callbacks.LearningRateFinder(1e-3, 1e6, steps=100, smoothing=0)
    model.fit(X, Y, batch_size=8, epochs=50, callbacks=[finder], verbose=0)
    assert 3 < len(finder.rates) < 100
    assert np.isfinite(finder.losses).all()


def test_the_finder_reports_a_fit_that_ends_before_its_steps():
    text = r"few learning rates: expected 5 batches, got 2 batches\.\nGive fit .*epochs=3, or .*\(steps=2\)"
    with pytest.warns(UserWarning, match=text):
        compiled().fit(X, Y, batch_size=16, verbose=0, callbacks=[callbacks.LearningRateFinder(steps=5)])


def test_the_plot_of_the_finder(tmp_path):
    pytest.importorskip("matplotlib")
    finder = callbacks.LearningRateFinder()
    with pytest.raises(StateError, match=r"(?s)nothing to plot yet.*callbacks=\[finder\]"):
        finder.plot()
    finder.rates, finder.losses, finder.suggestion = [0.1, 1.0, 10.0], [3.0, 1.0, 2.0], 1.0
    assert finder.plot(tmp_path / "rates.png").axes[0].get_xscale() == "log"
    assert (tmp_path / "rates.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"min_rate": 2.0}, "min_rate.*above 0 and below max_rate=1.0"),
        ({"steps": 2}, "steps.*of at least 3"),
        ({"smoothing": 1.0}, "smoothing.*from 0 to below 1"),
        ({"stop_factor": 1.0}, "stop_factor.*above 1"),
    ],
)
def test_wrong_arguments_of_the_finder(options, text):
    with pytest.raises(ArgumentError, match=f"(?s){text}"):
        callbacks.LearningRateFinder(**options)


def test_the_profiler_writes_a_trace(tmp_path):
    profiler = callbacks.Profiler(tmp_path, start=2, steps=1)
    compiled().fit(X, Y, batch_size=8, epochs=1, callbacks=[profiler], verbose=0)
    with gzip.open(profiler.trace) as file:
        assert json.load(file)["traceEvents"]


def test_schedules_reach_their_rates():
    cycle = schedules.OneCycle(0.5, 40, warmup_fraction=0.5, divisor=5, final_divisor=50)
    rates = [float(cycle(step)) for step in range(50)]
    assert rates[0] == pytest.approx(0.1)
    assert np.argmax(rates) == 20
    assert rates[20] == pytest.approx(0.5)
    assert rates[40:] == pytest.approx([0.01] * 10)


@pytest.mark.parametrize("after", [0.5, schedules.CosineDecay(0.5, 20)])
def test_a_warmup_before_a_schedule(after):
    schedule = schedules.WarmUp(after, 10, 0.1)
    again = schedules.deserialize(schedules.serialize(schedule))
    expected = [0.1, 0.3, *(after(step) if callable(after) else after for step in (0, 5))]
    for one in (schedule, again):
        np.testing.assert_allclose([float(one(step)) for step in (0, 5, 10, 15)], np.float32(expected), rtol=1e-6)


def test_a_model_trains_with_a_warmup(tmp_path):
    model = compiled()
    model.compile(gazelle.optimizers.Adam(schedules.WarmUp(schedules.OneCycle(0.1, 20), 4)), "mse")
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = gazelle.models.load_model(tmp_path / "m.keras")
    rates = [float(schedules.deserialize(m.optimizer.get_config()["learning_rate"])(9)) for m in (model, again)]
    assert rates[0] == rates[1] == pytest.approx(0.1, abs=1e-3)
