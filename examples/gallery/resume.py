# %% [markdown]
# # Kill a training and resume it
#
# A training is stopped twice, once with a signal that announces the end and once with `kill -9`, which leaves no
# time for anything. With `resume=True` it continues each time and ends with the same weights as an undisturbed run,
# bit for bit.

# %% [markdown] lang="zh"
# # 终止训练并恢复
#
# 训练被中断两次：一次收到通知结束的信号，一次是不留任何时间的 `kill -9`。使用 `resume=True`，它每次都能继续，最终权
# 重与未受干扰的运行逐位相同。

# %% [markdown]
# The training is a program of its own, so that it can be killed. `fit` writes checkpoints every ten seconds, at the
# end, and when the process receives SIGTERM.

# %% [markdown] lang="zh"
# 训练是一个单独的程序，这样才能将其终止。`fit` 每十秒、在结束时以及进程收到 SIGTERM 时写入检查点。

# %%
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

TRAIN = """
import hashlib
import os
import signal
import sys

from gazelle import Input, Sequential, callbacks, layers
from gazelle.datasets import local
from gazelle.utils import set_random_seed

set_random_seed(0)
(x, y), _ = local("digits")
model = Sequential(name="digits")
hidden = layers.Dense(64, "relu"), layers.Dropout(0.3)
for layer in (Input((8, 8)), layers.Flatten(), *hidden, layers.Dense(10, "softmax")):
    model.add(layer)
model.compile("adam", "sparse_categorical_crossentropy")


class Stop(callbacks.Callback):
    def on_train_begin(self, logs=None):
        print("from step", int(self.model.optimizer.iterations), flush=True)

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        with open(os.environ["LOSSES"], "a") as file:
            file.write(f"{step} {logs['loss']}\\n")
        if str(step) == os.environ.get("STOP_AT"):
            os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))


model.fit(x / 16, y, epochs=4, verbose=0, callbacks=[Stop()], resume=True, checkpoint=os.environ["CHECKPOINTS"])
print("weights", hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()[:16])
"""

# %% [markdown]
# Environment variables choose the step and the signal. They are not part of the training; changes of the model, the
# data or the learning rate would be reported as an error.

# %% [markdown] lang="zh"
# 环境变量选择中断的步数和信号。它们不属于训练；如果改变了模型、数据或学习率，则会报告错误。

# %%
folder = tempfile.TemporaryDirectory()
program = Path(folder.name, "train.py")
program.write_text(TRAIN, encoding="utf-8")
losses = {}


def run(name, checkpoints, **environment):
    """Run the training; print what it prints, and the last line of its errors."""
    paths = {"LOSSES": os.path.join(folder.name, name), "CHECKPOINTS": os.path.join(folder.name, checkpoints)}
    done = subprocess.run(
        [sys.executable, str(program)], env={**os.environ, **paths, **environment}, capture_output=True, text=True
    )
    lines = [*done.stdout.splitlines(), *done.stderr.strip().splitlines()[-1:]]
    print(f"{name}: exit {done.returncode}", *lines, sep="\n    ")
    losses[name] = np.loadtxt(paths["LOSSES"])
    return lines[-1]


undisturbed = run("undisturbed", "first")
run("stopped by SIGTERM", "second", STOP_AT="61", SIGNAL="SIGTERM")
run("killed", "second", STOP_AT="130", SIGNAL="SIGKILL")
resumed = run("to the end", "second")

# %% [markdown]
# SIGTERM loses nothing. After `kill -9` the steps since the last checkpoint are repeated: they have the same
# losses, because the order of the samples and the dropout depend on seed and step only.

# %% [markdown] lang="zh"
# SIGTERM 不会丢失任何步骤。`kill -9` 之后会重复自上一个检查点以来的步骤：损失相同，因为样本顺序和 dropout 只取决于
# 种子和步数。

# %%
plt.figure(figsize=(7, 3))
for (name, values), width in zip(losses.items(), (6, 1.5, 1.5, 1.5), strict=True):
    plt.plot(*values.T, lw=width, label=name, color="lightgray" if width > 2 else None)
plt.xlabel("step")
plt.ylabel("loss (mean of the epoch so far)")
plt.legend()
plt.show()
folder.cleanup()
print(f"{1 + (resumed == undisturbed)} of 2 runs end with {undisturbed}")
