"""A training that is killed repeatedly: the program that `test_soak.py` runs.

    python tests/torture/soak.py KILLS [SEED [WEIGHTS of kill, term, ctrl-c, ctrl-c twice]]

One process imports everything and starts no JAX backend, so that it can be forked: each child trains a small network
with everything that remembers (shuffle, dropout, noise, moving statistics, momentum, averages of weights, a schedule of
callbacks, History), goes on where the last one was kept, and tells a checksum of its whole state after every step or
every epoch. All of them must be those of one run that nobody stopped. States are written as fast as the disk takes
them, so that kills strike in the middle of writes.
"""

import contextlib
import hashlib
import json
import os
import random
import select
import signal
import sys
import time
import warnings

import numpy as np

import gazelle
from gazelle import callbacks, layers, optimizers
from gazelle.saving import autosave as autosave_module
from gazelle.saving.autosave import Autosave
from gazelle.saving.rotation import CheckpointRotation

EPOCHS, STEPS = 12, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8 * STEPS - 3, 4)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")
ENDINGS = {
    "kill": (signal.SIGKILL,),
    "term": (signal.SIGTERM,),
    "ctrl-c": (signal.SIGINT,),
    "ctrl-c twice": (signal.SIGINT, signal.SIGINT),
}


class Telling(callbacks.Callback):
    """Writes "step checksum" lines to a pipe; `by_batch` decides whether the loop goes one step at a time."""

    def __init__(self, pipe, by_batch):
        self.pipe = pipe
        if by_batch:
            self.on_train_batch_end = lambda batch, logs=None: self.tell(logs)

    def on_train_begin(self, logs=None):
        os.write(self.pipe, f"start {self.step}\n".encode())

    @property
    def step(self):
        return int(self.model.optimizer.iterations.numpy())

    def on_epoch_end(self, epoch, logs=None):
        self.tell(self.model.history.history)

    def tell(self, logs):
        digest = hashlib.sha256(json.dumps(dict(logs)).encode())
        for array in (*self.model.get_weights(), *(v.numpy() for v in self.model.optimizer.variables)):
            digest.update(np.ascontiguousarray(array))
        kind = "e" if logs is self.model.history.history else "b"
        os.write(self.pipe, f"{kind}{self.step} {digest.hexdigest()[:16]}\n".encode())


class Failing(callbacks.Callback):
    """Raises once at the end of each epoch whose number a file's name bears."""

    def __init__(self, path):
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        if os.path.exists(f"{self.path}{epoch}"):
            os.remove(f"{self.path}{epoch}")
            raise OSError("a callback fails")


def train(home, pipe, by_batch):
    """What a user's program does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with Ctrl-C ignored
    os.environ["GAZELLE_HOME"] = home
    gazelle.utils.set_random_seed(1)
    model = gazelle.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(5),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="soaked",
    )
    model.compile(optimizers.SGD(0.1, momentum=0.9, use_ema=True), "binary_crossentropy", metrics=["accuracy"])
    listening = [
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.97),
        callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.7, min_delta=0.5),
        callbacks.EarlyStopping("loss", patience=100, restore_best_weights=True),
        Failing(os.path.join(home, "fail")),
    ]
    history = model.fit(
        X,
        Y,
        batch_size=8,
        epochs=EPOCHS,
        verbose=0,
        resume=True,
        callbacks=[*listening, Telling(pipe, by_batch)],
        validation_split=0.2,
    ).history
    digest = hashlib.sha256(json.dumps(dict(history)).encode() + b"".join(w.tobytes() for w in model.get_weights()))
    os.write(pipe, f"end {digest.hexdigest()[:16]}\n".encode())


class Child:
    """A forked training, and what it told so far."""

    def __init__(self, home, by_batch):
        self.lines, self.rest = [], b""
        self.pipe, write = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(write)
            return
        os.close(self.pipe)
        try:
            _run(home, write, by_batch)
        finally:
            while True:  # the second Ctrl-C may come at any moment of leaving, too
                with contextlib.suppress(KeyboardInterrupt):
                    os._exit(0)

    def listen(self, seconds, until=("?",)):
        """Read what it tells for so long, or until it told a line with one of these beginnings. False: it is over."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not any(line.startswith(until) for line in self.lines):
            if select.select([self.pipe], [], [], left)[0]:
                data = os.read(self.pipe, 2**16)
                if not data:
                    return False
                *whole, self.rest = (self.rest + data).split(b"\n")
                self.lines += [line.decode() for line in whole]
        return True

    def end(self, signals):
        """Send the signals, read the rest, and wait for its end."""
        for number in signals:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                break
            time.sleep(0.002)
        while self.listen(60):
            pass
        os.close(self.pipe)
        os.waitpid(self.pid, 0)


def _run(home, pipe, by_batch):
    try:
        _tell_writes(pipe)
        train(home, pipe, by_batch)
    except Exception as error:
        within_jax = "Cache keys should be comparable" in str(error)  # what its cache makes of a Ctrl-C before `fit`
        if str(error) != "a callback fails" and not within_jax:
            os.write(pipe, f"error {repr(error).replace(' ', '_')}\n".encode())
    except BaseException:
        pass  # a signal


def _tell_writes(pipe):
    """States are written after every look at the clock, and each that is finished is told."""
    autosave_module._SHARE = 0
    offer, write = Autosave.offer, CheckpointRotation.write

    def told(self, tensors, meta):
        write(self, tensors, meta)
        os.write(pipe, f"kept {tensors['step']}\n".encode())

    Autosave.offer = lambda self, snapshot: (self.request_write(), offer(self, snapshot))[1]
    CheckpointRotation.write = told


def soak(kills, seed=0, weights=(6, 1, 1, 1)):
    """Counts: `kills` and other ends by kind, `told` checksums and those of them that are `wrong`, states `lost` (the
    next start was before a state whose write was finished), complete `trainings`; and the `errors` of children."""
    rng = random.Random(seed)
    home = os.environ["GAZELLE_HOME"]
    Child(os.path.join(home, "warm"), True).end(())  # fills the cache of compiled programs
    whole = Child(os.path.join(home, "whole"), True)
    whole.end(())
    right = dict(line.split() for line in whole.lines)
    counts = {"kills": 0, "trainings": 0, "told": 0, "wrong": 0, "lost": 0, **dict.fromkeys(ENDINGS, 0)}
    place, kept, errors = os.path.join(home, "0"), 0, []
    while counts["kills"] < kills:
        os.makedirs(place, exist_ok=True)
        if rng.random() < 0.1:
            open(os.path.join(place, f"fail{rng.randrange(EPOCHS)}"), "w").close()
        child = Child(place, rng.random() < 0.5)
        early = rng.random() < 0.1  # also while it starts, reads the state and compiles
        running = child.listen(rng.uniform(0, 0.7)) if early else child.listen(60, ("b", "e"))
        if running and not early:
            running = child.listen(rng.uniform(0, 0.12))
        kind = rng.choices(list(ENDINGS), weights)[0]
        child.end(ENDINGS[kind] if running else ())
        stopped = not any(line.startswith("end") for line in child.lines)
        words = [line.split() for line in child.lines]
        errors += [what for name, what in words if name == "error"]
        told = [(name, found) for name, found in words if name not in ("start", "kept", "error")]
        counts["told"] += len(told)
        counts["wrong"] += sum(right[name] != found for name, found in told)
        counts["lost"] += any(name == "start" and int(step) < kept for name, step in words)
        kept = max([kept, *(int(step) for name, step in words if name == "kept")])
        if stopped and running:
            counts["kills"] += 1
            counts[kind] += 1
        if not stopped:
            counts["trainings"], kept = counts["trainings"] + 1, 0
            place = os.path.join(home, str(counts["trainings"]))
    return {**counts, "errors": errors}


def pair():
    """The ends of one training alone, and of two of the same program at once, one of them killed and begun again."""
    home = os.environ["GAZELLE_HOME"]
    alone = Child(os.path.join(home, "alone"), False)
    alone.end(())
    together = [Child(os.path.join(home, "both"), by_batch) for by_batch in (True, False)]
    together[0].listen(60, ("b", "e"))
    together[0].end((signal.SIGKILL,))
    together.append(Child(os.path.join(home, "both"), True))
    for child in together[1:]:
        child.end(())
    return [[line.split()[1] for line in child.lines if line.startswith("end")] for child in (alone, *together)]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1:] == ["pair"]:
        sys.exit(print(json.dumps(pair())))
    numbers = list(map(int, sys.argv[1:]))
    print(json.dumps(soak(*numbers[:2], *[numbers[2:]][: len(numbers) > 2])))
