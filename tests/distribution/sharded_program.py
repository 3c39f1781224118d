"""Trains one model after the other, distributed over all devices of the job, and prints checksums of each."""

import os
import zlib

import jax
import keras
import numpy as np
from keras import layers
from keras.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel

from gazelle.distribution import FSDP

COUNT = len(jax.devices())


def model_parallel():
    layouts = LayoutMap(DeviceMesh((1, COUNT), ["batch", "model"], jax.devices()))
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
STRATEGIES = {"dp": DataParallel, "fsdp": FSDP, "mp": model_parallel}
rng = np.random.default_rng(0)
x, y = rng.normal(size=(60, 8, 8, 1)).astype("float32"), rng.integers(0, 4, 60)  # the last batch is short

for case in os.environ["CASES"].split():
    strategy, kind = case.split("-")
    keras.distribution.set_distribution(STRATEGIES[strategy]())
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8, 8, 1)), *PARTS[kind](), layers.Dense(4, activation="softmax")], name=case)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x,
        y,
        batch_size=24,
        epochs=int(os.environ["EPOCHS"]),
        verbose=0,
        validation_data=(x[:20], y[:20]),
        callbacks=[keras.callbacks.CSVLogger(f"{case}.csv"), keras.callbacks.ModelCheckpoint(f"{case}.keras")],
        resume=True,
        checkpoint=os.environ["FOLDER"],
    )
    weights = zlib.crc32(b"".join(weight.tobytes() for weight in model.get_weights()))
    outputs = zlib.crc32(model.predict(x, verbose=0).tobytes())
    print(case, history.history["loss"], history.history["val_loss"], weights, outputs, model.evaluate(x, y, verbose=0))
    np.save(f"{case}.{COUNT}.npy", np.concatenate([weight.ravel() for weight in model.get_weights()]))
