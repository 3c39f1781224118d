"""A disk that fills up during training: the training finishes normally, and a complete checkpoint remains."""

import os
import subprocess
import warnings

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.callbacks import LambdaCallback
from gazelle.saving import throttle
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import newest

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


@pytest.fixture(scope="module")
def model():
    model = gazelle.Sequential([layers.Input((4,)), layers.Dense(40), layers.Dense(1)], name="full")
    model.compile("adam", "mse")
    model.fit(X, X[:, :1], verbose=0, keep=False)
    return model


@pytest.fixture
def often(monkeypatch):
    """A state is written after every epoch."""
    offer = Autosave.offer

    def asked(self, snapshot):
        self.request_write()
        started = offer(self, snapshot)
        if started:
            self._thread.join()
        return started

    monkeypatch.setattr(Autosave, "offer", asked)


def train(model, begins=lambda: None):
    """Three epochs; `begins` is called before the second. What was warned of."""
    callback = LambdaCallback(on_epoch_begin=lambda epoch, logs: begins() if epoch == 1 else None)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        history = model.fit(X, X[:, :1], epochs=3, verbose=0, keep=True, callbacks=[callback])
        throttle.flush()  # a short training leaves its last checkpoint for later
    assert len(history.epoch) == 3
    return [str(one.message) for one in told]


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("fraction", range(0, 100, 20))
def test_room_ends_while_a_state_is_written(fraction, model, machine):
    """Injected: so many bytes fit, then none."""
    assert train(model) == []
    size = os.path.getsize(newest("full")[2])
    with machine(namespace=10**9) as disk:

        def fills():
            disk.namespace = size * fraction // 100

        told = train(model, fills)
    assert "No space left on device" in told[0]
    assert "Training continues" in told[0]
    assert newest("full")[1]["epoch"] >= 1  # of this run: the state after its first epoch
    assert train(model) == []


@pytest.mark.usefixtures("often")
def test_a_real_disk_at_a_hundred_levels(tmp_path, model, long, monkeypatch):
    """A small file system in memory, where the system lets us make one."""
    if not long or os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only in the long run, as root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    monkeypatch.setenv("GAZELLE_HOME", str(tmp_path))
    try:
        kept = 0
        for level in range(100):
            assert train(model) == []

            def fill(level=level):
                free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
                (tmp_path / "fill").write_bytes(b"x" * int(free * (0.9 + level / 1000)))

            train(model, fill)
            found = newest("full")
            kept += found[1]["epoch"] >= 1 and all(np.isfinite(a).all() for n, a in found[0].items() if "params" in n)
            (tmp_path / "fill").unlink()
        print(f"{kept} of 100 levels kept a whole state")
        assert kept == 100
    finally:
        subprocess.run(["umount", tmp_path], check=True)
