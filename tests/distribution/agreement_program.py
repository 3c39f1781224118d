"""What processes decide together; each of them writes what it saw to seen.NUMBER."""

import json
import os
import signal
import time

import jax
import keras
import numpy as np
from keras import layers

from gazelle.distribution import FSDP, DataParallel

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

    def __init__(self, sizes, batches=None):
        self.batches = batches or [(x[:size], y[:size]) for size in sizes]

    def __iter__(self):
        yield from self.batches


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


def alone(name, act, other):
    """One process does something that all must do together."""
    try:
        act(model) if ME == 0 else other(model)
    except Exception as error:
        seen[name] = [int(model.optimizer.iterations), type(error).__name__, str(error).split("\n")[0]]


alone("read by one process", lambda model: model.get_weights(), lambda model: model.evaluate(x, y, verbose=0))
alone("a batch of one process", lambda model: model.train_on_batch(x, y), lambda model: model.test_on_batch(x, y))
alone("trained by one process", lambda model: model.fit(x, y, verbose=0), lambda model: model.predict(x, verbose=0))
for strategy in (FSDP, DataParallel):
    keras.distribution.set_distribution(strategy())
    model = make()
    model.layers[0].kernel.assign(np.full((4, 4), ME, "float32"))
    fit(f"other weights, {strategy.__name__}", x, y)
keras.utils.set_random_seed(3 + ME)
model = make()
fit("other seeds", x, y)
losses = []
for whole in (True, False):  # each process reads whole batches, or its own part of each
    keras.distribution.set_distribution(FSDP(auto_shard_dataset=whole))
    keras.utils.set_random_seed(3)
    model = make()
    rows = slice(None) if whole else slice(4 * ME, 4 * ME + 4)
    batches = [(np.sin(np.arange(32.0) + n).reshape(8, 4)[rows], y[:8][rows]) for n in range(6)]
    history = model.fit(Batches((), batches), epochs=2, verbose=0, keep=False)
    outputs = model.predict((b[0] for b in batches), verbose=0)
    losses.append([history.history["loss"], outputs.tolist(), model.evaluate(Batches((), batches), verbose=0)])
seen["own parts"] = [0, len(outputs), losses[0] == losses[1]]
fit("a short own part", Batches((), [(x[:4], y[:4]), (x[: ME + 3], y[: ME + 3])]), epochs=1)
keras.distribution.set_distribution(FSDP())
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
