"""Short trainings write one checkpoint: ten seconds after the last one, when a checkpoint is read, or at exit."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import gazelle
from gazelle.saving import rotation, throttle
from gazelle.saving.state_file import read_state

X = np.ones((8, 3), "float32")


@pytest.fixture
def written(monkeypatch):
    """The metadata of each checkpoint that is written."""
    found = []
    write = rotation.CheckpointRotation.write

    def count(self, tensors, meta):
        found.append(meta)
        write(self, tensors, meta)

    monkeypatch.setattr(rotation.CheckpointRotation, "write", count)
    yield found
    throttle.flush()


@pytest.fixture(scope="module")
def model():
    net = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(1)], name="throttled")
    net.compile("sgd", "mse")
    net.fit(X, X[:, :1], verbose=0, keep=False)
    return net


def _fit(model, **arguments):
    return model.fit(X, X[:, :1], verbose=0, **arguments)


def test_the_first_training_writes_and_the_next_ones_wait(model, written):
    for _ in range(20):
        _fit(model)
    assert len(written) == 1
    weights = model.get_weights()
    tensors, _ = read_state(gazelle.latest("throttled"))  # a read writes what waits
    assert len(written) == 2
    np.testing.assert_array_equal(tensors["params/dense/kernel"], weights[0])


def test_what_waits_is_the_state_at_the_end_of_fit(model, written):
    _fit(model)
    _fit(model)
    at_the_end = model.get_weights()
    model.train_on_batch(X, X[:, :1])
    model.set_weights([np.zeros_like(w) for w in at_the_end])
    model.load_weights("latest")
    np.testing.assert_array_equal(model.get_weights()[0], at_the_end[0])


def test_a_due_checkpoint_is_written_without_another_call(model, written):
    _fit(model)
    throttle.flush()
    _fit(model)
    (autosave, _), *_ = throttle._waiting.values()
    _fit(model)
    autosave.next_write = 0
    throttle._write_when_due()
    assert len(written) == 3
    assert not throttle._waiting


def test_after_an_error_the_next_training_starts_a_timer_again(monkeypatch):
    class Failing:
        next_write = 0.0

        def due(self):
            return True

        def finish(self, snapshot):
            raise RuntimeWarning("could not be written")

    monkeypatch.setattr(throttle, "_timer", object())
    monkeypatch.setattr(throttle, "_waiting", {("folder", "name"): (Failing(), lambda: ({}, {}))})
    with pytest.raises(RuntimeWarning):
        throttle._write_when_due()
    assert throttle._timer is None


def test_an_error_and_resume_write_at_once(model, written):
    _fit(model)

    class Stop(gazelle.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyError

    with pytest.raises(KeyError):
        _fit(model, callbacks=[Stop()])
    assert len(written) == 2
    _fit(model, resume=True)
    assert len(written) == 3


def test_two_models_do_not_write_each_others_files(model, written):
    other = gazelle.models.clone_model(model)
    other.compile("sgd", "mse")
    other.name = "other"
    for _ in range(3):
        _fit(model)
        _fit(other)
    throttle.flush()
    assert len(written) == 4
    for net in (model, other):
        tensors, _ = read_state(gazelle.latest(net.name))
        np.testing.assert_array_equal(tensors["params/dense/kernel"], net.get_weights()[0])


def test_the_last_of_many_is_written_at_exit(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import numpy as np, gazelle
            net = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(1)], name="m")
            net.compile("sgd", "mse")
            x = np.ones((8, 3), "float32")
            for _ in range(5):
                net.fit(x, x[:, :1], verbose=0)
            print(*net.get_weights()[0].ravel())
            """
        )
    )
    out = subprocess.run([sys.executable, program], text=True, capture_output=True, check=True).stdout
    tensors, _ = read_state(gazelle.latest("m"))
    np.testing.assert_array_equal(tensors["params/dense/kernel"].ravel(), np.array(out.split(), "float32"))
