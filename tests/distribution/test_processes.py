"""Two connected processes train as one process with two devices, stop, go on, and fail together."""

import contextlib
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from unittest import mock

import numpy as np
import pytest
from jax.experimental import multihost_utils

from gazelle.cli import launch
from gazelle.core.errors import LOST
from gazelle.engine import processes
from gazelle.ops import native
from gazelle.training.callbacks import Progress

PROGRAM = """
import os, sys, zlib
import numpy as np
import keras
from keras import layers

if "ONE" in os.environ:
    keras.distribution.set_distribution(keras.distribution.DataParallel())
keras.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(70, 8, 8, 1)).astype("float32"), rng.integers(0, 4, 70)
parts = {
    "mlp": [layers.Flatten(), layers.Dense(16, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3)],
    "cnn": [layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten()],
    "lstm": [layers.Reshape((8, 8)), layers.Bidirectional(layers.LSTM(8))],
}[os.environ["KIND"]]
model = keras.Sequential([keras.Input((8, 8, 1)), *parts, layers.Dense(4, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])


class Die(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if "DIE" in os.environ and os.environ["KERAS_DISTRIBUTION_PROCESS_ID"] == os.environ["DIE"] and epoch == 1:
            os._exit(7)


folder = "parts" if "RESUME" in os.environ else "whole"
history = model.fit(x, y, epochs=int(os.environ["EPOCHS"]), batch_size=16, verbose=2, validation_data=(x[:20], y[:20]),
                    callbacks=[Die(), keras.callbacks.CSVLogger("log.csv")], resume="RESUME" in os.environ,
                    checkpoint=folder)
weights = zlib.crc32(b"".join(w.tobytes() for w in model.get_weights()))
outputs = zlib.crc32(model.predict(x, verbose=0).tobytes())
print("end", history.history["loss"][-1], weights, outputs, model.evaluate(x, y, verbose=0))
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def start(*command, **env):
        full = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env}
        return subprocess.run(
            [sys.executable, "-m", "gazelle", *command, "program.py"],
            cwd=tmp_path,
            env=full,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return start


@pytest.mark.parametrize(
    ("codes", "restarts", "result"),
    [([7, 7, 0], 3, 0), ([7, 7], 1, 7), ([7], 0, 7), ([130], 3, 130), ([0], 3, 0)],
)
def test_launch_starts_again_after_a_failure_only(monkeypatch, codes, restarts, result):
    left = list(codes)
    monkeypatch.setattr(launch, "_attempt", lambda count, command: left.pop(0))
    assert launch.launch(2, restarts, ["program.py"]) == result
    assert left == []


@pytest.mark.parametrize(
    ("codes", "cause"),
    [
        ([(None, -6), (-9, -6)], 0),  # JAX aborts the others where the first process has ended
        ([(LOST, None), (LOST, -9)], 1),
        ([(1, None), (1, -9)], 1),
        ([(LOST, 3), (LOST, 3)], 1),
        ([(7, 3), (7, 3)], 0),
        ([(None, -6), (3, -6)], 0),
        ([(None, LOST), (None, LOST), (None, LOST), (-9, LOST)], 0),  # the kernel takes long to end the first one
        ([(-6, None), (-6, None), (-6, -9)], 1),
        ([(LOST, -6), (LOST, -6)], 1),
    ],
)
def test_launch_reports_the_process_that_failed_first(monkeypatch, capfd, codes, cause):
    monkeypatch.setattr(launch.time, "sleep", lambda seconds: None)
    processes = [mock.Mock(poll=mock.Mock(side_effect=[both[number] for both in codes])) for number in range(2)]
    code = codes[-1][cause]
    with tempfile.TemporaryFile() as errors:
        assert launch._wait(processes, [errors]) == (128 - code if code < 0 else code)
    assert capfd.readouterr().err.startswith(f"gazelle launch: process {cause} of 2 ")


def test_launch_does_not_wait_forever_for_a_cause(monkeypatch, capfd):
    monkeypatch.setattr(launch, "_PATIENCE", 0.0)
    with tempfile.TemporaryFile() as errors:
        assert launch._wait([mock.Mock(poll=lambda: None), mock.Mock(poll=lambda: LOST)], [errors]) == LOST
    assert capfd.readouterr().err.startswith("gazelle launch: process 0 of 2 does not answer; the others are stopped.")


def test_launch_does_not_show_what_jax_prints_about_another_process(capfdbinary):
    parts = [
        b"W1127 14:43:45.3718 6903 coordination_service.cc:9] a warning\n 50%\r",
        b"E1127 14:43:45.3718 6903 gpu.cc:15] another error\n",
        b"last line\nE1127 14:43:45.371870 6903 coordination_service.cc:1518] [49] Use error polling\n1\n",
        b"F1127 14:43:45.372647 6914 client.h:86] Terminating process\n*** Check failure stack trace: ***\n",
    ]
    shown = b""
    for part in parts:  # what was written before is shown at once
        read, write = os.pipe()
        os.write(write, part + (b"" if part != parts[2] else parts[3]))
        os.close(write)
        with open(read, "rb") as stream:
            launch._show(stream)
        shown += capfdbinary.readouterr().err
    assert shown == parts[0] + parts[1] + b"last line\n"


@pytest.mark.parametrize("number", [0, 1])
def test_the_exit_code_of_a_program_is_that_of_launch(run, tmp_path, number):
    """One process ends with it, while the other one trains or waits."""
    (tmp_path / "program.py").write_text(
        textwrap.dedent(
            f"""
            import sys
            import jax, numpy as np, gazelle
            from gazelle import layers

            model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1)])
            model.compile("sgd", "mse")
            if jax.process_index() == {number}:
                sys.exit(3)
            model.fit(np.ones((8, 3), "float32"), np.ones(8), verbose=0, keep=False)
            """
        )
    )
    done = run("launch", "-n", "2")
    assert done.returncode == 3, done.stderr[-3000:]
    assert f"process {number} of 2 ended with exit code 3; the others are stopped." in done.stderr
    assert "Traceback" not in done.stderr  # of the other process, which lost the connection


@pytest.mark.parametrize(("text", "lost"), [("Connection refused", False), ("UNAVAILABLE: Gloo", True)])
def test_an_error_of_the_program_is_no_lost_connection(monkeypatch, text, lost):
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "raised_inside", lambda trace: lost)
    monkeypatch.setattr(processes.threading, "Timer", mock.Mock())
    monkeypatch.setattr(processes, "_lost", [])
    with pytest.raises(processes.Disconnected) if lost else contextlib.nullcontext():
        processes.end(RuntimeError(text))


def _last(done):
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("kind", ["mlp", "cnn", "lstm"])
def test_two_processes_equal_two_devices_also_after_a_stop(run, tmp_path, monkeypatch, kind):
    monkeypatch.setenv("KIND", kind)
    devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "ONE": "1"}
    whole = _last(run("run", EPOCHS="3", **devices))
    rows = (tmp_path / "log.csv").read_text()
    assert whole.startswith("end ")
    failed = run("launch", "-n", "2", EPOCHS="3", DIE="1", RESUME="1")
    assert failed.returncode == 7
    assert "process 1 of 2 ended with exit code 7; the others are stopped." in failed.stderr
    again = run("launch", "-n", "2", EPOCHS="3", RESUME="1")
    assert _last(again) == whole
    assert again.stdout.count("Epoch 3/3") == 1  # the main process alone prints
    assert (tmp_path / "log.csv").read_text().splitlines()[-1] == rows.splitlines()[-1]


@pytest.mark.skipif(len(native.ready()) < 2, reason="gazelle-kernels is not installed")
def test_kernels_compute_a_part_of_the_batch_on_each_device(gazelle):
    def run(*how, devices):
        done = gazelle("kernels_program.py", *how, devices=devices, JAX_DISABLE_MOST_OPTIMIZATIONS="1")
        assert done.returncode == 0, done.stderr[-3000:]
        return next(line for line in done.stdout.splitlines() if line.startswith("kernels ")).split()

    kernels = run("run", devices=os.cpu_count() + 1)  # as many threads: more than each of the two processes has
    # half of 16 samples, and the whole gradients of weights
    assert {"gazelle_convolution:8x10x10x16", "gazelle_convolution:3x3x3x16"} <= set(kernels)
    assert {"gazelle_lstm_forward:10x8x8", "gazelle_gru_backward:10x8x24"} <= set(kernels)
    assert run("launch", "-n", "2", devices=1) == kernels


def test_the_main_process_alone_shows_progress(monkeypatch, capsys):
    for is_main in (False, True):
        monkeypatch.setattr(processes, "is_main", lambda shows=is_main: shows)
        Progress(verbose=2).note("text")
        assert ("text" in capsys.readouterr().out) == is_main


def test_a_process_that_waits_for_the_others_states_it(monkeypatch, capsys):
    monkeypatch.setattr(processes, "_NOTICE", 0.01)
    monkeypatch.setattr(processes, "gather", lambda values, place: time.sleep(0.3))
    monkeypatch.setattr(multihost_utils, "process_allgather", lambda array, tiled: array)
    assert processes.gathered(np.ones(2), "dense/kernel").tolist() == [1, 1]
    assert capsys.readouterr().err == (
        "Process 0 waits for the others to read 'dense/kernel', which is divided over all of them.\n"
        "Read or save weights in all processes.\n"
    )


def test_processes_without_a_distribution_and_with_other_data_are_refused(tmp_path):
    (tmp_path / "program.py").write_text(
        textwrap.dedent(
            """
            import sys
            import numpy as np
            import gazelle
            from gazelle import distribution as d, layers

            d.initialize()
            d.initialize()
            x = np.ones((8, 3), "float32")
            for strategy, value in ((None, 0.0), (d.DataParallel(), float(sys.argv[1]))):
                d.set_distribution(strategy)
                model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1)])
                model.compile("sgd", "mse")
                try:
                    model.fit(x + value, x[:, :1], verbose=0, keep=False)
                except Exception as error:
                    print(type(error).__name__, str(error).splitlines()[0])
            d.set_distribution(d.FSDP())
            model = gazelle.Sequential([gazelle.Input((4,)), layers.Dense(2)])
            if sys.argv[1] == "0":  # the other process is at its end
                print(model.get_weights())
            """
        )
    )
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{launch._free_port()}",
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }
    started = [
        subprocess.Popen(
            [sys.executable, "program.py", str(number)],
            cwd=tmp_path,
            env={**env, "KERAS_DISTRIBUTION_PROCESS_ID": str(number)},
            stdout=-1,
            stderr=-1,
            text=True,
        )
        for number in range(2)
    ]
    for number, process in enumerate(started):
        output, errors = process.communicate(timeout=120)
        assert process.returncode == [1, LOST][number], errors[-2000:]
        assert (", process 1 at the end of the program." in errors) == (number == 0), errors[-2000:]
        lines = [line for line in output.splitlines() if "Gloo" not in line]
        assert lines == [
            "StateError fit of 'sequential' in 2 connected processes: expected a distribution, got none, so each "
            "process would train a model of its own.",
            "DataError The first batch of process 1: expected the same as in process 0, got other values.",
        ], errors[-2000:]
