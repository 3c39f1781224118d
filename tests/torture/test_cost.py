"""The cost of checkpoints: at most 1 % of the time of a training."""

import os
import time

import numpy as np
import pytest

from gazelle import Input, Sequential, layers
from gazelle.data import make_source
from gazelle.saving import rotation
from gazelle.saving.autosave import Autosave
from gazelle.training.training_progress import TrainingProgress

from .conftest import LONG

#: parameters -> width of a Dense layer on itself; with Adam the state has three times as many numbers
WIDTHS = {"1 million": 1000, **({"50 million": 7071} if LONG else {})}


@pytest.mark.parametrize("size", WIDTHS)
def test_a_save_a_minute_costs_a_hundredth_at_most(size):
    """CPU time, so that it does not matter who else computes: the copy stops the training, the writer takes a share of
    the processors. Of the first save, which takes its memory from the system, and of a later one."""
    width = WIDTHS[size]
    model = Sequential([Input((width,)), layers.Dense(width, use_bias=False)])
    model.compile("adam", "mse")
    x = np.zeros((32, width), "float32")
    model.fit(x, x, verbose=0, keep=False)
    autosave = Autosave("cost", every_seconds=0)
    position = TrainingProgress(model._trainer, make_source(x, x), [], 0)
    spent = {}

    def snapshot():
        begun = time.thread_time()
        state = position.snapshot()
        spent["copy"] = time.thread_time() - begun
        return state

    behind = autosave._write

    def timed(tensors, words):
        behind(tensors, words)
        spent["write"] = time.thread_time()

    autosave._write = timed
    for save in ("first", "second"):
        autosave.request_write()
        assert autosave.offer(snapshot)
        autosave._thread.join()
        fraction = (spent["copy"] + spent["write"] / os.cpu_count()) / 60
        copy, write = (f"{spent[what] * 1e3:.0f} ms" for what in ("copy", "write"))
        cost = f"copy {copy}, writer {write} of {os.cpu_count()} processors"
        print(f"{size} parameters, {save} save: {cost}, {fraction:.2%} at one a minute")
    autosave.close()
    assert fraction < 0.01


@pytest.mark.parametrize("where", ["copy", "writer"])
def test_the_pause_is_a_hundred_times_what_a_save_took(where, monkeypatch):
    def busy(*_, **__):
        begun = time.thread_time()
        while time.thread_time() - begun < 0.05:
            pass
        return {}, {}

    if where == "writer":
        monkeypatch.setattr(rotation, "write_state", busy)
    autosave = Autosave("m", every_seconds=0)
    assert autosave.offer(busy if where == "copy" else lambda: ({}, {}))
    autosave._thread.join()
    pause = autosave.next_write - time.monotonic()
    autosave.close()
    assert pause > (4.5 if where == "copy" else 4.5 / os.cpu_count())
