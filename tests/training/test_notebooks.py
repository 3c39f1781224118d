"""Live kernels of Jupyter: a cell that runs again after Ctrl-C continues, and notebooks do not share checkpoints."""

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

pytestmark = pytest.mark.filterwarnings("ignore")  # those of Jupyter

SETUP = """
import hashlib, time
import numpy as np
import gazelle
from gazelle import callbacks, layers

x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
pause = 0.0


class Printing(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        print("step", int(self.model.optimizer.iterations.numpy()), flush=True)
        time.sleep(pause)
"""
TRAIN = """
gazelle.utils.set_random_seed(1)
model = gazelle.Sequential([layers.Input((4,)), layers.Dense(5), layers.Dropout(0.3), layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(x, x[:, :1], batch_size=8, epochs=4, verbose=2, resume=True, callbacks=[Printing()])
digest = hashlib.sha256(repr(history.history["loss"]).encode() + b"".join(w.tobytes() for w in model.get_weights()))
print("end", digest.hexdigest())
print(model.name)
"""


def environment(notebook):
    """What Jupyter sets for the kernel of a notebook."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "JPY_SESSION_NAME": str(notebook), "PYTHONPATH": paths}


class Kernel:
    """The kernel of a notebook. Cells are sent at once, as a front end does that runs all of them."""

    def __init__(self, notebook):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=environment(notebook), cwd=str(notebook.parent))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def send(self, *cells):
        return [self.client.execute(cell) for cell in cells]

    def read(self, cell, until=None):
        """(what a cell prints, its error) up to its end, or until it has printed a text."""
        printed, error = "", None
        end = time.monotonic() + 120
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=120)
            content, kind = message["content"], message["msg_type"]
            if message["parent_header"].get("msg_id") != cell:
                continue
            printed += content["text"] if kind == "stream" else ""
            error = content if kind == "error" else error
            if (until and until in printed) or (kind == "status" and content["execution_state"] == "idle"):
                return printed, error
        raise TimeoutError(printed)

    def status(self, cell):
        """How a cell ended."""
        while True:
            message = self.client.get_shell_msg(timeout=120)
            if message["parent_header"].get("msg_id") == cell:
                return message["content"]["status"]

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def threads():
    with ThreadPoolExecutor() as pool:
        yield pool


def test_a_cell_that_is_interrupted_and_runs_again_continues(tmp_path, threads):
    """Bit for bit as the same cells in another notebook of the folder, which nobody interrupts."""
    whole = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (SETUP, TRAIN)])
    client = NotebookClient(whole, timeout=120, kernel_name="python3")
    execution = threads.submit(client.execute, env=environment(tmp_path / "whole.ipynb"), cwd=str(tmp_path))
    with contextlib.closing(Kernel(tmp_path / "interrupted.ipynb")) as kernel:
        kernel.read(kernel.send(SETUP, "pause = 0.2")[-1])
        train, later = kernel.send(TRAIN, "print('a later cell')")
        kernel.read(train, until="step 7\n")
        kernel.manager.interrupt_kernel()
        printed, error = kernel.read(train)
        stopped = error["traceback"][0]
        assert error["ename"] == "KeyboardInterrupt"
        assert error["traceback"] == [error["evalue"]]  # one line
        assert stopped.startswith("Stopped in epoch 2, step ")
        assert stopped.endswith("; saved. fit(..., resume=True) continues.")
        assert (kernel.status(train), kernel.status(later)) == ("error", "aborted")
        assert "end" not in printed

        (train,) = kernel.send("pause = 0.0", TRAIN)[1:]
        again, error = kernel.read(train)
        assert error is None
        assert "sequential_1" in again  # the model has another automatic name
        step = int(stopped.split("step ")[1].split(";")[0])
        assert again.startswith(f"Resuming in epoch 2 after {step} steps.\nstep {5 + step + 1}\n")

        finished, error = kernel.read(kernel.send(TRAIN)[0])
        assert error is None
        assert finished.startswith("Training had finished after epoch 4; nothing to do.")
        _, error = kernel.read(kernel.send(TRAIN.replace('"mse"', '"mae"'))[0])
        assert "compile.loss: 'mse' then, 'mae' now" in error["evalue"]
        other, error = kernel.read(kernel.send(TRAIN.replace("Dense(5)", "Dense(6)"))[0])  # another model
        assert error is None
        assert other.startswith("There is no checkpoint of this training yet")

    execution.result()
    text = "".join(output["text"] for output in whole.cells[1].outputs if output["output_type"] == "stream")
    assert text.startswith("There is no checkpoint of this training yet: it starts from the beginning.")
    ends = [[line for line in lines.split("\n") if line.startswith("end ")] for lines in (text, again, finished)]
    assert ends[0] == ends[1] == ends[2]
    assert len(ends[0]) == 1
