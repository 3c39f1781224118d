"""What processes decide together; each of them writes what it saw to seen.NUMBER."""

import json
import os
import signal
import time

import jax
import keras
import numpy as np
from keras import layers

from gazelle.distribution import FSDP

ME = jax.process_index()
seen = {}
keras.utils.set_random_seed(3)
keras.distribution.set_distribution(FSDP())
x, y = np.ones((64, 4), "float32"), np.ones((64, 2), "float32")


def make():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


model = make()


def fit(name, *data, epochs=3, callbacks=(), **options):
    try:
        history = model.fit(
            *data, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks), keep=False, **options
        )
        result = [len(history.history["loss"]), float(model.optimizer.learning_rate)]
    except Exception as error:
        result = [type(error).__name__, str(error).split("\n")[0]]
    seen[name] = [int(model.optimizer.iterations), *result]


class At(keras.callbacks.Callback):
    """Acts in one process at an event."""

    def __init__(self, process, event, act):
        super().__init__()
        self.count = 0

        def called(*args):
            self.count += 1
            if process == ME and self.count == 3:
                act(self.model)

        setattr(self, event, called)


def stop(model):
    model.stop_training = True


def slower(model):
    model.optimizer.learning_rate = 0.01


def faster(model):
    model.optimizer.learning_rate = 9.0


def generator(batches):
    for _ in range(batches):
        yield x[:8], y[:8]


class Batches:
    """A dataset without a length."""

    def __init__(self, sizes):
        self.sizes = sizes

    def __iter__(self):
        for size in self.sizes:
            yield x[:size], y[:size]


fit("a batch callback of process 1 stops", x, y, callbacks=[At(1, "on_train_batch_end", stop)])
fit("an epoch callback of process 1 stops", x, y, epochs=5, callbacks=[At(1, "on_epoch_begin", stop)])
fit("process 0 sets the rate", x, y, epochs=4, callbacks=[At(0, "on_epoch_end", slower)])
fit("process 1 sets the rate", x, y, epochs=4, callbacks=[At(1, "on_epoch_end", faster)])
fit("a generator of process 1 ends early", generator(12 - 5 * ME), steps_per_epoch=4)
fit("a dataset of process 1 is shorter", Batches([8] * (5 - 2 * ME)), epochs=2)
fit("other lengths", x[: 64 - 8 * ME], y[: 64 - 8 * ME])
fit("other shapes", Batches([8, 8, 8 - 2 * ME]), epochs=1)
fit("a straggler", x, y, callbacks=[At(1, "on_epoch_begin", lambda model: time.sleep(1))])
fit("NaN", np.where(np.arange(64)[:, None] == 40, np.nan, x), y)
model.optimizer.learning_rate = 2.0**126
fit("the loss diverges", x, y)
model = make()
seen["predicted"] = [len(model.predict(generator(5 - 2 * ME), verbose=0)), len(model.predict(x[:13], verbose=0))]
seen["evaluated"] = model.evaluate(x, y, verbose=0)
files = [
    keras.callbacks.ModelCheckpoint("best.keras", monitor="loss", save_best_only=True),
    keras.callbacks.TensorBoard("logs", histogram_freq=1, update_freq="batch"),
    keras.callbacks.BackupAndRestore("backup"),
]
model.fit(x, y, epochs=1, verbose=0, callbacks=files)
with open(f"seen.{ME}", "w") as file:
    json.dump(seen, file)
terminate = At(1, "on_train_batch_end", lambda model: os.kill(os.getpid(), signal.SIGTERM))
model.fit(x, y, batch_size=8, epochs=9, verbose=0, callbacks=[terminate], checkpoint="kept")
