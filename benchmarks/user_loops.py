"""User-defined loops that call short methods often: each builder returns one iteration of the loop as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import old_programs


@dataclass(frozen=True)
class Loop:
    """A loop.

    Attributes:
        title: its name in tables.
        iteration: (keras, random) -> a function that runs one iteration.
        per: number of steps in an iteration; the time of a step is shown.
        goal: how many times faster than the best backend of Keras it should be.
        module: what `iteration` is given: "keras", or "tensorflow" for a program that only Keras on TensorFlow runs.
    """

    title: str
    iteration: Callable[[Any, np.random.Generator], Callable[[], Any]]
    per: int = 1
    goal: float = 2.0
    module: str = "keras"

    def runs_on(self, peer: str) -> bool:
        """Whether it is measured with a library."""
        return self.module == "keras" or peer in ("gazelle", "keras-tensorflow")


def gan(keras: Any, random: np.random.Generator) -> Callable[[], Any]:
    """A GAN: `predict` and three calls of `train_on_batch`, with a shared discriminator."""
    judge = keras.Sequential(
        [keras.Input((32,)), keras.layers.Dense(128, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
    )
    judge.compile("adam", "binary_crossentropy")
    maker = keras.Sequential([keras.Input((16,)), keras.layers.Dense(128, activation="relu"), keras.layers.Dense(32)])
    judge.trainable = False
    noise = keras.Input((16,))
    both = keras.Model(noise, judge(maker(noise)))
    both.compile("adam", "binary_crossentropy")
    real, one = random.standard_normal((64, 32), np.float32), np.ones((64, 1), np.float32)

    def iteration() -> None:
        z = random.standard_normal((64, 16), np.float32)
        fake = maker.predict(z, verbose=0)
        judge.train_on_batch(real, one)
        judge.train_on_batch(fake, 1 - one)
        both.train_on_batch(z, one)

    return iteration


def dqn(keras: Any, random: np.random.Generator) -> Callable[[], Any]:
    """A DQN: `predict` for one state, `predict` and `fit` for 32 states."""
    hidden = [keras.layers.Dense(24, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((8,)), *hidden, keras.layers.Dense(4)])
    model.compile("adam", "mse")
    state, replay = random.standard_normal((1, 8), np.float32), random.standard_normal((32, 8), np.float32)

    def iteration() -> None:
        action = model.predict(state, verbose=0).argmax()
        values = model.predict(replay, verbose=0)
        values[:, action] = 1.0
        model.fit(replay, values, epochs=1, verbose=0)

    return iteration


def search(keras: Any, random: np.random.Generator) -> Callable[[], Any]:
    """A search: in each iteration a new model of another width is trained for two epochs."""
    x = random.standard_normal((640, 20), np.float32)
    y = (x[:, :1] > 0).astype(np.float32)
    width = iter(range(16, 10_000))

    def iteration() -> None:
        hidden = keras.layers.Dense(next(width), activation="relu")
        model = keras.Sequential([keras.Input((20,)), hidden, keras.layers.Dense(1, activation="sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=2, verbose=0)

    return iteration


def batch_callback(keras: Any, random: np.random.Generator) -> Callable[[], Any]:
    """`fit` of 200 steps with a callback that has batch events."""
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x = random.standard_normal((6_400, 20), np.float32)

    class Losses(keras.callbacks.Callback):  # type: ignore[name-defined, misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.last = (logs or {}).get("loss")

    return lambda: model.fit(x, x[:, :1], epochs=1, verbose=0, callbacks=[Losses()])


def custom_step(keras: Any, random: np.random.Generator) -> Callable[[], Any]:
    """`fit` of 200 steps of a model that overrides `compute_loss`, the custom step that all backends accept."""

    class Custom(keras.Model):  # type: ignore[name-defined, misc]
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            return keras.ops.mean(keras.ops.square(y - y_pred)) + 0.1 * keras.ops.mean(keras.ops.abs(y_pred))

    inputs = keras.Input((20,))
    model = Custom(inputs, keras.layers.Dense(1)(keras.layers.Dense(32, activation="relu")(inputs)))
    model.compile("adam")
    x = random.standard_normal((6_400, 20), np.float32)
    return lambda: model.fit(x, x[:, :1], epochs=1, verbose=0)


LOOPS = {
    "gan": Loop("iteration of a GAN", gan),
    "dqn": Loop("iteration of a DQN", dqn),
    "search": Loop("a new width, two epochs", search),
    "callback": Loop("step with a callback on batches", batch_callback, per=200),
    "custom": Loop("step of a custom loss", custom_step, per=200),
    "tape": Loop("step of GradientTape", old_programs.tape, module="tensorflow"),
    "compiled-tape": Loop("step of GradientTape in tf.function", old_programs.compiled_tape, module="tensorflow"),
    "old-gan": Loop("iteration of a GAN, Keras 2", old_programs.gan, module="tensorflow"),
    "old-callback": Loop(
        "step with a callback on batches, Keras 2", old_programs.batch_callback, per=200, module="tensorflow"
    ),
}
