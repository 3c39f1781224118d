"""Loops of programs for TensorFlow: gazelle runs them as `gazelle run` does, Keras with TensorFlow itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def tape(tf: Any, random: np.random.Generator) -> Callable[[], Any]:
    """A step of a training loop with `tf.GradientTape`, not compiled by `tf.function`."""
    return _step(tf, random, lambda step: step)


def compiled_tape(tf: Any, random: np.random.Generator) -> Callable[[], Any]:
    """The same step with `@tf.function`."""
    return _step(tf, random, tf.function)


def _step(tf: Any, random: np.random.Generator, decorator: Callable[..., Any]) -> Callable[[], Any]:
    keras = tf.keras
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)])
    optimizer, loss_function = keras.optimizers.Adam(), keras.losses.MeanSquaredError()
    x = random.standard_normal((32, 20), np.float32)
    batch = tf.constant(x), tf.constant(x[:, :1])

    @decorator  # type: ignore[untyped-decorator]
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return lambda: float(step(*batch))


def gan(tf: Any, random: np.random.Generator) -> Callable[[], Any]:
    """The GAN of `user_loops`, spelled as for Keras 2."""
    keras = tf.keras
    judge = keras.models.Sequential()
    judge.add(keras.layers.Dense(128, input_dim=32))
    judge.add(keras.layers.Activation("relu"))
    judge.add(keras.layers.Dense(1, activation="sigmoid"))
    judge.compile(loss="binary_crossentropy", optimizer="adam")
    maker = keras.models.Sequential()
    maker.add(keras.layers.Dense(128, input_dim=16))
    maker.add(keras.layers.Activation("relu"))
    maker.add(keras.layers.Dense(32))
    judge.trainable = False
    noise = keras.layers.Input(shape=(16,))
    both = keras.models.Model(noise, judge(maker(noise)))
    both.compile(loss="binary_crossentropy", optimizer="adam")
    real, one = random.standard_normal((64, 32), np.float32), np.ones((64, 1), np.float32)

    def iteration() -> None:
        z = random.standard_normal((64, 16), np.float32)
        fake = maker.predict(z, verbose=0)
        judge.train_on_batch(real, one)
        judge.train_on_batch(fake, np.zeros((64, 1)))
        both.train_on_batch(z, one)

    return iteration


def batch_callback(tf: Any, random: np.random.Generator) -> Callable[[], Any]:
    """`fit` of 200 steps with a callback on batches, spelled as for Keras 2."""
    keras = tf.keras
    model = keras.models.Sequential()
    model.add(keras.layers.Dense(32, input_shape=(20,), activation="relu"))
    model.add(keras.layers.Dense(1))
    model.compile(loss="mse", optimizer=keras.optimizers.Adam())
    x = random.standard_normal((6_400, 20), np.float32)

    class Losses(keras.callbacks.Callback):  # type: ignore[name-defined, misc]
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.last = (logs or {}).get("loss")

    return lambda: model.fit(x, x[:, :1], epochs=1, batch_size=32, verbose=0, callbacks=[Losses()])
