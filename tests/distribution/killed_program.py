"""Trains slowly enough to be killed at any step; prints checksums at the end."""

import os
import threading
import time
import zlib

import jax
import keras
import numpy as np
from keras import layers

from gazelle.distribution import FSDP, DataParallel

ME = jax.process_index()
keras.utils.set_random_seed(3)
keras.distribution.set_distribution({"fsdp": FSDP, "dp": DataParallel}[os.environ["STRATEGY"]]())
rng = np.random.default_rng(0)
x, y = rng.normal(size=(192, 12)).astype("float32"), rng.normal(size=(192, 1)).astype("float32")
model = keras.Sequential(
    [keras.Input((12,)), layers.Dense(12, activation="tanh"), layers.Dropout(0.2), layers.Dense(1)]
)
model.compile("adam", "mse")
folder = os.environ["FOLDER"]  # of this run: a process that was killed leaves its number there
killed = sum(name.startswith("killed") for name in os.listdir(folder))
kills = [*os.environ.get("KILL", "").split(","), ""][killed:]
victim, step, number, delay = map(int, (kills[0] or "-1 -1 9 0").split())


class Kill(keras.callbacks.Callback):
    seen = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if victim == ME and self.seen == step:
            open(os.path.join(folder, f"killed{killed}"), "w").close()
            if delay:  # milliseconds, usually in the middle of a step
                threading.Timer(delay / 1000, os.kill, (os.getpid(), number)).start()
            else:
                os.kill(os.getpid(), number)
                time.sleep(0.5)
        time.sleep(float(os.environ.get("SLOW", "0")) * ME)


history = model.fit(
    x,
    y,
    batch_size=24,
    epochs=int(os.environ.get("EPOCHS", "4")),
    verbose=0,
    callbacks=[Kill(), keras.callbacks.BackupAndRestore(f"{folder}/backup", save_freq=3, delete_checkpoint=False)],
)
weights = [weight.ravel() for weight in model.get_weights()]
np.save(f"{folder}/weights.npy", np.concatenate(weights))
print("end", len(history.history["loss"]), zlib.crc32(np.concatenate(weights).tobytes()), jax.process_count())
