"""Checkpoints and signals: Ctrl-C and SIGTERM leave a usable model."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from loops import X, fit, mlp, same

import gazelle
from gazelle import Sequential, layers
from gazelle.callbacks import LambdaCallback
from gazelle.saving.state_file import read_state

# The kept state -------------------------------------------------------------------------------------------------------


def test_the_latest_state_is_kept_and_restored():
    model = mlp()
    fit(model, keep=True)
    assert os.path.exists(gazelle.latest())
    other = mlp(seed=9)
    assert not same(model, other)
    other.load_weights("latest")
    assert same(model, other)
    other = mlp(seed=9)
    other.load_weights(gazelle.latest())
    assert same(model, other)


def test_keep_false_writes_nothing(monkeypatch):
    fit(mlp(), keep=False)
    monkeypatch.setenv("GAZELLE_KEEP", "0")
    fit(mlp(), keep=None)
    assert not any(files for _, _, files in os.walk(os.environ["GAZELLE_HOME"]))


# Signals --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "number", "steps", "place"),
    [
        ("on_train_batch_begin", 2, 3, (0, 3)),
        ("on_train_batch_end", 2, 3, (0, 3)),
        ("on_epoch_end", 0, 5, (0, 5)),
        ("on_epoch_begin", 1, 5, (1, 0)),
    ],
)
def test_ctrl_c_leaves_a_usable_model(event, number, steps, place):
    def press(index, logs):
        if index == number:
            os.kill(os.getpid(), signal.SIGINT)

    model = mlp()
    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=3, keep=True, callbacks=[LambdaCallback(**{event: press})])
    assert model.optimizer.iterations.numpy() == steps
    _, meta = read_state(gazelle.latest())
    assert (meta["epoch"], meta["batch"]) == place
    other = mlp(seed=9)
    other.load_weights("latest")
    assert same(model, other)
    assert np.isfinite(fit(model).history["loss"][0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("presses", [1, 2, 3])
def test_ctrl_c_during_a_step_waits_for_its_result(presses, monkeypatch):
    """The signals come inside the compiled program's call, before its result is taken up."""
    model = mlp()
    fit(model)
    programs, calls = model._trainer.programs, []
    program = programs.train

    def pressed(*args):
        out = program(*args)
        calls.append(int(args[-1] - args[-2]))
        if len(calls) == 2:
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)
        return out

    monkeypatch.setattr(programs, "train", pressed)
    before = int(model.optimizer.iterations.numpy())
    with pytest.raises(KeyboardInterrupt):
        fit(model, keep=True)
    assert model.optimizer.iterations.numpy() == before + sum(calls)
    assert np.isfinite(model.predict(X, verbose=0)).all()
    _, meta = read_state(gazelle.latest())
    assert (meta["epoch"], meta["batch"]) == (0, sum(calls))


class Pressed:
    """Ctrl-C strikes while it is finalized, where Python only prints what is raised."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_where_python_swallows_it_is_heard_at_the_next_step():
    epochs = []

    def ended(epoch, logs):
        Pressed()
        epochs.append(epoch)

    with pytest.raises(KeyboardInterrupt):
        fit(mlp(), epochs=3, callbacks=[LambdaCallback(on_epoch_end=ended)])
    assert epochs == [0]


def test_a_second_ctrl_c_ends_a_step_that_has_not_begun_to_compute(monkeypatch):
    model = mlp()
    fit(model)

    def tracing(*args):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second was not heard")

    monkeypatch.setattr(model._trainer.programs, "train", tracing)
    before = int(model.optimizer.iterations.numpy())
    with pytest.raises(KeyboardInterrupt):
        fit(model, keep=True)
    assert model.optimizer.iterations.numpy() == before
    assert np.isfinite(model.predict(X, verbose=0)).all()


def test_a_signal_that_somebody_makes_another_error_of_is_that_signal(monkeypatch):
    """As JAX's caches do with what is raised inside of them."""
    model = mlp()

    def swallowed(epoch, logs):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise ValueError("Cache keys should be comparable") from None

    with pytest.raises(KeyboardInterrupt):
        fit(model, callbacks=[LambdaCallback(on_epoch_end=swallowed)])


ENDS = {
    (): "Stopped in epoch 1, step 3; saved. fit(..., resume=True) continues.",
    (("keep", False),): "Stopped in epoch 1, step 3; not saved (keep=False or GAZELLE_KEEP=0).",
}


@pytest.mark.parametrize("arguments", ENDS)
def test_ctrl_c_is_told_in_one_line(arguments):
    """The program may catch it, a notebook and the interpreter print that line alone."""

    def press(index, logs):
        if index == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        fit(mlp(), callbacks=[LambdaCallback(on_train_batch_end=press)], **{"keep": True, **dict(arguments)})
    assert caught.type is KeyboardInterrupt
    assert str(caught.value) == ENDS[arguments]
    assert caught.value._render_traceback_() == [ENDS[arguments]]
    pickle.dumps(caught.value)


def test_ctrl_c_before_the_first_step_and_with_other_callbacks(tmp_path):
    def press(logs):
        os.kill(os.getpid(), signal.SIGINT)

    model = mlp()
    with pytest.raises(KeyboardInterrupt, match=r"^Stopped before the first step; not saved\.$"):
        fit(model, keep=True, callbacks=[LambdaCallback(on_train_begin=press)])
    backup = gazelle.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(KeyboardInterrupt, match=r"^Stopped after epoch 1; saved\. The next fit continues\.$"):
        fit(model, epochs=2, callbacks=[backup, LambdaCallback(on_epoch_begin=lambda e, logs: e and press(logs))])


def test_what_the_program_raises_keeps_its_text():
    def fail(index, logs):
        raise KeyboardInterrupt("mine")

    with pytest.raises(KeyboardInterrupt, match=r"^mine$"):
        fit(mlp(), callbacks=[LambdaCallback(on_train_batch_end=fail)])


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGINT", -signal.SIGINT)])
def test_a_signal_keeps_the_state_and_ends_the_program_with_one_line(number, status, tmp_path):
    """A shell sees 143 and 130: a program that Ctrl-C ends dies of SIGINT, as Python's others do."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import os, signal, sys
        import numpy as np, gazelle
        from gazelle import Sequential, layers
        signal.signal(signal.SIGINT, signal.default_int_handler)
        model = Sequential([layers.Dense(1, input_dim=2)], name="one")
        model.compile("sgd", "mse")
        def end(epoch, logs):
            if epoch == 2:
                np.save(sys.argv[1], model.layers[0].kernel.numpy())
                os.kill(os.getpid(), signal.{number})
        x = np.ones((8, 2), "float32")
        try:
            model.fit(x, x[:, :1], epochs=9, verbose=0, callbacks=[gazelle.callbacks.LambdaCallback(on_epoch_end=end)])
        except Exception:
            print("swallowed")
        print("went on")
        """)
    )
    done = subprocess.run(
        [sys.executable, program, tmp_path / "kernel.npy"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert done.stderr == "Stopped in epoch 3, step 1; saved. fit(..., resume=True) continues.\n"
    model = Sequential([layers.Dense(1, input_dim=2)])
    model.load_weights(gazelle.latest("one"))  # the newest of any program
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), np.load(tmp_path / "kernel.npy"))
