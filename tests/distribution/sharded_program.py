"""Trains models in several RUNS, DEVICES:EPOCHS:FOLDER, which resume what is in the folder, and prints checksums."""

import os
import zlib

import jax
import keras
import numpy as np
from keras import layers
from keras.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel

from gazelle.distribution import FSDP
from gazelle.models import resuming


def model_parallel(devices):
    layouts = LayoutMap(DeviceMesh((1, len(devices)), ["batch", "model"], devices))
    layouts[".*(query|key|value)/kernel"] = (None, "model", None)
    layouts[".*attention_output/kernel"] = ("model", None, None)
    layouts[".*up/kernel"] = (None, "model")
    layouts[".*down/kernel"] = ("model", None)
    return ModelParallel(layout_map=layouts)


@keras.saving.register_keras_serializable()
class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(6, 4, name="attention")
        self.up, self.down = layers.Dense(24, activation="relu", name="up"), layers.Dense(16, name="down")
        self.normalization, self.dropout = layers.LayerNormalization(), layers.Dropout(0.2)

    def call(self, x, training=None):
        x = x + self.attention(x, x)
        return self.normalization(x + self.dropout(self.down(self.up(x)), training=training))


PARTS = {
    "mlp": lambda: [
        layers.Flatten(),
        layers.Dense(24, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
    ],
    "cnn": lambda: [
        layers.Conv2D(6, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Flatten(),
    ],
    "lstm": lambda: [layers.Reshape((8, 8)), layers.Bidirectional(layers.LSTM(6))],
    "transformer": lambda: [
        layers.Reshape((8, 8)),
        layers.Dense(16),
        Block(name="block"),
        layers.GlobalAveragePooling1D(),
    ],
}
STRATEGIES = {"dp": lambda d: DataParallel(devices=d), "fsdp": lambda d: FSDP(devices=d), "mp": model_parallel}
rng = np.random.default_rng(0)
x, y = rng.normal(size=(60, 8, 8, 1)).astype("float32"), rng.integers(0, 4, 60)  # the last batch is short


def train(case, devices, epochs, folder):
    resuming.checkpoints.reset()  # as in a new process: another training of this name would have a file of its own
    strategy, kind = case.split("-")
    keras.distribution.set_distribution(STRATEGIES[strategy](devices))
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8, 8, 1)), *PARTS[kind](), layers.Dense(4, activation="softmax")], name=case)
    # A gradient that is 0 but for rounding, as that of the bias of keys, makes a step of Adam without a larger epsilon.
    adam = keras.optimizers.Adam(epsilon=1e-4)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    logger = keras.callbacks.CSVLogger(f"{folder}/{case}.csv")
    history = model.fit(
        x,
        y,
        batch_size=24,
        epochs=epochs,
        verbose=0,
        validation_data=(x[:24], y[:24]),
        callbacks=[logger, keras.callbacks.ModelCheckpoint(f"{folder}/{case}.keras")],
        resume=True,
        checkpoint=folder,
    )
    weights = np.concatenate([weight.ravel() for weight in model.get_weights()])
    outputs = zlib.crc32(model.predict(x, verbose=0).tobytes())
    losses = history.history["loss"], history.history["val_loss"], model.evaluate(x[:48], y[:48], 24, verbose=0)
    print(folder, case, losses, zlib.crc32(weights.tobytes()), outputs)
    np.save(f"{folder}/{case}.npy", weights)


for run in os.environ["RUNS"].split():
    count, epochs, folder = run.split(":")
    os.makedirs(folder, exist_ok=True)
    for case in os.environ["CASES"].split():
        train(case, jax.devices()[: int(count)], int(epochs), folder)
