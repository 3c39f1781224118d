"""The progress display in pipes, notebooks and terminals of all widths."""

import io
import os
import re
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from gazelle import Sequential, layers
from gazelle.core.errors import ArgumentError
from gazelle.training.callbacks import Progress, progress, progress_line, progress_output
from gazelle.training.callbacks.callback_list import listens_to_batches
from gazelle.training.callbacks.progress_line import ProgressLine
from gazelle.utils import Progbar

LOGS = {"loss": 0.4312, "accuracy": 0.8123}
BOTH = LOGS | {"val_loss": 0.00031, "val_accuracy": 0.75}


class Clock:
    """time.perf_counter that only moves by hand."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    return clock


class Spy(progress_output.PlainOutput):
    """Counts what is drawn."""

    def __init__(self):
        super().__init__()
        self.drawn, self.kept = [], []

    def draw(self, progress_line):
        self.drawn.append((progress_line.title, progress_line.done))

    def print(self, progress_line):
        self.kept.append(progress_line.plain())


@pytest.fixture
def spy(monkeypatch):
    spy = Spy()
    monkeypatch.setattr(progress_output, "choose_output", lambda verbose: spy)
    return spy


def fit(display, clock, epochs=2, steps=4, seconds=0.5, known=True):
    for epoch in range(epochs):
        display.epoch_begin(epoch, epochs, steps if known else None)
        for done in range(1, steps + 1):
            clock.now += seconds
            display.advance(done, steps if known else None, LOGS)
        display.epoch_end(BOTH)


@pytest.mark.parametrize("verbose", [1, 2, "auto", True])
def test_a_pipe_gets_one_plain_line_per_epoch(verbose, clock, capsys):
    fit(Progress(verbose), clock)
    ends = "4/4 - 2s - 500ms/step - loss: 0.4312 - accuracy: 0.8123 - val_loss: 3.1000e-04 - val_accuracy: 0.7500"
    assert capsys.readouterr().out == f"Epoch 1/2 - {ends}\nEpoch 2/2 - {ends}\n"


@pytest.mark.parametrize("verbose", [0, False])
def test_verbose_0_is_silent(verbose, clock, capsys):
    display = Progress(verbose)
    fit(display, clock)
    display.note("never shown")
    display.close()
    assert capsys.readouterr() == ("", "")


def test_other_values_of_verbose_are_refused():
    with pytest.raises(ArgumentError, match="verbose: expected 'auto', 0, 1 or 2, got 3"):
        Progress(3)


def test_unknown_number_of_steps(clock, capsys):
    fit(Progress(2), clock, epochs=1, known=False)
    assert capsys.readouterr().out.startswith("Epoch 1/1 - 4/4 - 2s")


def test_evaluate_and_predict_share_the_display(clock, capsys):
    display = Progress(2)
    display.start("Evaluate", 10)
    clock.now += 0.02
    display.advance(10, 10, LOGS)
    display.finish()
    display.start("Predict", 10)
    display.advance(10, 10, {})
    display.finish({})
    display.note("done")
    assert capsys.readouterr().out.splitlines() == [
        "Evaluate - 10/10 - 0s - 2ms/step - loss: 0.4312 - accuracy: 0.8123",
        "Predict - 10/10 - 0s - 0us/step",
        "done",
    ]


def test_validation_inside_an_epoch_leaves_no_line(clock, spy):
    display = Progress(1)
    display.epoch_begin(0, 1, 4)
    clock.now += 1
    display.start("Validate", 2)
    clock.now += 1
    display.advance(1, 2, {})
    display.finish({})
    clock.now += 1
    display.advance(4, 4, LOGS)
    display.epoch_end()
    assert spy.drawn == [("Epoch 1/1", 0), ("Validate", 0), ("Validate", 1), ("Epoch 1/1", 4)]
    assert len(spy.kept) == 1
    assert spy.kept[0].startswith("Epoch 1/1 - 4/4 - 3s")


def test_at_most_ten_looks_a_second(clock, spy):
    fit(Progress(1), clock, epochs=10, steps=1000, seconds=0.001)
    assert 80 <= len(spy.drawn) <= 101
    assert len(spy.kept) == 10


def test_short_epochs_are_not_drawn_before_they_end(clock, spy):
    fit(Progress(1), clock, epochs=5, steps=10, seconds=0.0001)
    assert spy.drawn == [("Epoch 1/5", 0)]
    assert len(spy.kept) == 5


def test_logs_are_not_read_between_looks(clock, spy):
    class Unread(dict):
        def items(self):
            raise AssertionError("read")

    display = Progress(1)
    display.start("x", 3)
    display.advance(1, 3, Unread(LOGS))


def test_the_loop_need_not_stop_after_batches():
    assert not any(listens_to_batches(Progress(), kind) for kind in ("train", "test", "predict"))


def test_finish_without_start_is_no_error(capsys):
    Progress(1).finish({})
    Progress(1).advance(1, 1, {})
    assert capsys.readouterr().out == ""


# Text ----------------------------------------------------------------------------------------------------------------


def made(clock, total=125, done=125, logs=BOTH, running=False):
    out = ProgressLine("Epoch  3/20", total)
    clock.now += 1.0
    out.report(1, total, logs)  # the first, which compiles
    clock.now += 0.008 * (done - 1)
    out.report(done, total, logs)
    if not running:
        out.ended = clock.now
    return out


@pytest.mark.parametrize("width", [30, 40, 59, 79, 100, 139, 200])
@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("total", [125, None])
def test_no_line_is_wider_than_the_screen(width, running, total, clock):
    lines = made(clock, total, 50, running=running).fit(width, color=False).split("\n")
    assert all(len(text) <= width for text in lines)
    assert lines[0].startswith("Epoch  3/20")
    assert len(lines) == 1 or not running
    if not running:  # nothing is lost
        for part in ("loss: 0.4312", "accuracy: 0.8123", "val_loss: 3.1000e-04", "val_accuracy: 0.7500"):
            assert part in "\n".join(lines)


def test_wide_screens_show_everything(clock):
    assert made(clock).fit(140, color=False) == (
        "Epoch  3/20 ━━━━━━━━━━━━━━━━━━━━ 125/125 2s 8ms/step - loss: 0.4312 - accuracy: 0.8123 - val_loss: 3.1000e-04"
        " - val_accuracy: 0.7500"
    )
    assert made(clock, done=50, logs=LOGS, running=True).fit(140, color=False) == (
        "Epoch  3/20 ━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌  50/125 ETA 1s 8ms/step - loss: 0.4312 - accuracy: 0.8123"
    )


def test_narrow_screens_wrap_what_stays_and_cut_what_changes(clock):
    assert made(clock).fit(59, color=False).split("\n") == [
        "Epoch  3/20 125/125 2s 8ms/step - loss: 0.4312",
        "  - accuracy: 0.8123 - val_loss: 3.1000e-04",
        "  - val_accuracy: 0.7500",
    ]
    assert made(clock, running=True, done=50).fit(40, color=False) == "Epoch  3/20  50/125 - loss: 0.4312 - ac…"


def test_colours_take_no_columns(clock):
    drawn = made(clock, done=50, running=True)
    painted, plain = drawn.fit(139, color=True), drawn.fit(139, color=False)
    assert "\x1b[32m━" in painted
    assert len(re.sub(r"\x1b\[\d+m", "", painted)) == len(plain)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.43123, "0.4312"),
        (0.001, "1.0000e-03"),
        (0.0, "0.0000e+00"),
        (-2.5, "-2.5000"),
        (1234.5, "1234.5000"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ([1.0, 2.0], "1.5000"),
    ],
)
def test_numbers_as_keras_shows_them(value, text):
    assert progress_line.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "time", "steps_per_call"),
    [(0.2, "0s", "200ms"), (5, "5s", "5s"), (75, "1:15", "75s"), (3700, "1:01:40", "3700s"), (2e-5, "0s", "20us")],
)
def test_durations(seconds, time, steps_per_call):
    assert (progress_line.duration(seconds), progress_line.speed(seconds)) == (time, steps_per_call)


# Screens -------------------------------------------------------------------------------------------------------------


def test_notebooks_get_carriage_returns_and_no_escapes(clock, monkeypatch):
    class OutStream(io.StringIO):
        encoding = "utf-8"

    OutStream.__module__ = "ipykernel.iostream"
    out = OutStream()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("COLUMNS", "140")
    fit(Progress(1), clock, epochs=1)
    text = out.getvalue()
    assert "\x1b" not in text
    assert text.count("\n") == 1
    looks = text.split("\r")
    assert len(looks) == 8  # nothing, a look at the start and after each step, blanks, and the line that stays
    assert looks[-2].strip() == ""
    assert looks[-1].startswith("Epoch 1/1 ━━━━━━━━━━━━━━━━━━━━ 4/4 2s 500ms/step - loss: 0.4312")


def test_streams_without_the_signs_get_letters(clock, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("PYCHARM_HOSTED", "1")
    monkeypatch.setenv("COLUMNS", "140")
    fit(Progress(1), clock, epochs=1)
    assert b"==========----------" in out.buffer.getvalue()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
@pytest.mark.parametrize("breaks", [False, True])
def test_a_terminal_keeps_prints_above_the_line_and_its_cursor(breaks):
    program = f"""
        import time
        from gazelle.training.callbacks import Progress
        display = Progress(1)
        try:
            display.epoch_begin(0, 1, 3)
            display.advance(1, 3, {{"loss": 0.5}})
            print("a word [in] between")
            time.sleep(0.15)
            display.advance(2, 3, {{"loss": 0.25}})
            assert not {breaks}
            display.epoch_end({{"loss": 0.125}})
        finally:
            display.close()
    """
    ours, theirs = os.openpty()
    env = os.environ | {"COLUMNS": "80", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=theirs, stderr=subprocess.DEVNULL, env=env
    ) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other side has closed
                break
            if not part:
                break
            text += part
    os.close(ours)
    assert process.returncode == int(breaks)
    shown = text.decode()
    assert "loss: 0.2500" in shown
    assert "a word [in] between\r\n" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back
    if not breaks:
        last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n").strip().split("\n")[-1]
        assert re.fullmatch(r"Epoch 1/1 ━{20} 2/3 0s \d+ms/step - loss: 0.1250", last.replace("╌", "━"))


def test_interval_is_a_tenth_of_a_second():
    assert progress._INTERVAL == 0.1


def test_a_resumed_epoch_starts_at_its_step(clock, capsys):
    display = Progress(1)
    display.epoch_begin(2, 5, 57, 19)
    line = display._lines[-1]
    assert line.fit(60, False).startswith("Epoch 3/5 ━━━")
    assert "19/57" in line.fit(60, False)
    assert "/step" not in line.plain()  # nothing was measured yet
    clock.now += 4
    display.advance(21, 57, {"loss": 1.0})
    assert line.per_step == 2


def test_a_stream_with_write_alone_gets_lines(monkeypatch):
    """Programs put an object of their own in the place of standard output, which also writes to a log."""

    class Log:
        text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    model = Sequential([layers.Input((2,)), layers.Dense(1)], name="small")
    model.compile("sgd", "mse")
    log = Log()
    monkeypatch.setattr(sys, "stdout", log)
    model.summary()
    model.fit(np.ones((4, 2)), np.ones((4, 1)))
    bar = Progbar(2)
    bar.add(1, [("loss", 0.5)])
    bar.add(1, [("loss", 0.5)])
    monkeypatch.undo()
    assert 'Model: "small"' in log.text
    assert "Epoch 1/1 - 1/1" in log.text
    assert "2/2" in log.text
