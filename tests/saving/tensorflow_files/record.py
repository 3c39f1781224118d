"""Write models.zip: SavedModels and checkpoints of tf.keras, its predictions, and those after one more step.

python record.py with the packages tensorflow and tf_keras. The functions of a SavedModel, in saved_model.pb, are left
out: they take most of the space, and gazelle does not read them.
"""

import os
import pathlib
import tempfile
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tf_keras as keras

L = keras.layers
TARGET = pathlib.Path(__file__).with_name("models.zip")


def sequential():
    layers = [
        L.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
        L.BatchNormalization(),
        L.MaxPooling2D(),
        L.Flatten(),
        L.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.RandomState(0)
    return model, [rng.rand(12, 8, 8, 1).astype("float32")], [np.arange(12) % 3]


def functional():
    left, right = keras.Input((5,), name="left"), keras.Input((6,), dtype="int32", name="right")
    shared = L.Dense(4, activation="tanh", name="shared")
    embedded = L.Embedding(10, 4, mask_zero=True)(right)
    both = L.Bidirectional(L.LSTM(3))(embedded)
    pooled = L.GlobalAveragePooling1D()(L.GRU(3, return_sequences=True)(embedded))
    attended = L.Flatten()(L.MultiHeadAttention(2, 2)(embedded, embedded))
    x = L.Concatenate()([shared(left), shared(L.Dense(5)(left)), both, pooled, attended])
    x = L.LayerNormalization()(x)
    inner = keras.Sequential([L.Dense(4), L.BatchNormalization()], name="inner")
    outputs = [L.Dense(1, name="one")(inner(x)), L.Dense(2, name="two", kernel_regularizer="l2")(x)]
    model = keras.Model([left, right], outputs)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), ["mse", "mae"], loss_weights=[1.0, 0.5])
    rng = np.random.RandomState(1)
    x = [rng.rand(8, 5).astype("float32"), rng.randint(1, 10, (8, 6)).astype("int32")]
    return model, x, [rng.rand(8, 1).astype("float32"), rng.rand(8, 2).astype("float32")]


class Blocks(keras.Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = L.Dense(units, activation="relu")
        self.blocks = [L.Dense(units) for _ in range(2)]
        self.heads = {"last": L.Dense(1)}

    def call(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.heads["last"](x)

    def get_config(self):
        return {"units": self.units}


def subclassed():
    model = Blocks()
    model.compile("rmsprop", "mse")
    rng = np.random.RandomState(2)
    return model, [rng.rand(8, 3).astype("float32")], [rng.rand(8, 1).astype("float32")]


def earlier_optimizer():
    model = keras.Sequential([L.Dense(4, activation="relu", input_shape=(3,)), L.Dense(1)])
    model.compile(keras.optimizers.legacy.Adam(0.01), "mse")
    rng = np.random.RandomState(3)
    return model, [rng.rand(8, 3).astype("float32")], [rng.rand(8, 1).astype("float32")]


def texts(folder):
    """Models that take text, one with vocabularies from data, one with a vocabulary in its config."""
    keras.utils.set_random_seed(1)
    words = L.TextVectorization(max_tokens=20, output_sequence_length=4)
    words.adapt(["the cat sat", "the dog ran away"])
    numbers = L.IntegerLookup(output_mode="one_hot")
    numbers.adapt([[3], [5], [3]])
    inputs = [keras.Input((1,), dtype=dtype) for dtype in ("string", "int64", "string")]
    parts = [
        L.GlobalAveragePooling1D()(L.Embedding(20, 3)(words(inputs[0]))),
        numbers(inputs[1]),
        L.Flatten()(L.Embedding(4, 2)(L.StringLookup(vocabulary=["a", "b"])(inputs[2]))),
    ]
    model = keras.Model(inputs, L.Dense(1)(L.Concatenate()(parts)))
    model.save(f"{folder}/adapted", save_format="tf")
    model.save(f"{folder}/adapted.keras")
    x = [np.array([["the cat"]]), np.array([[3]]), np.array([["a"]])]
    np.save(f"{folder}/adapted.npy", model.predict(x, verbose=0))
    text = keras.Input((1,), dtype="string")
    words = L.TextVectorization(vocabulary=["the", "cat"], output_sequence_length=4)
    model = keras.Model(text, L.GlobalAveragePooling1D()(L.Embedding(20, 3)(words(text))))
    model.save(f"{folder}/given", save_format="tf")
    model.save(f"{folder}/given.h5")
    model.save(f"{folder}/given.keras")
    np.save(f"{folder}/given.npy", model.predict(x[0], verbose=0))


def one(values):
    return values[0] if len(values) == 1 else values


def several(values):
    return values if isinstance(values, list) else [values]


def record(folder):
    for make in (sequential, functional, subclassed, earlier_optimizer):
        keras.utils.set_random_seed(1)
        model, x, y = make()
        name = make.__name__
        model.fit(one(x), one(y), epochs=2, verbose=0, batch_size=4)
        model.save(f"{folder}/{name}", save_format="tf")
        model.save_weights(f"{folder}/{name}_weights/cp.ckpt")
        checkpoint = tf.train.Checkpoint(net=model, optimizer=model.optimizer, step=tf.Variable(3))
        checkpoint.save(f"{folder}/{name}_training/ckpt")
        before = several(model.predict(one(x), verbose=0))
        model.train_on_batch(one(x), one(y))
        after = several(model.predict(one(x), verbose=0))
        arrays = {"x": x, "y": y, "before": before, "after": after}
        np.savez(f"{folder}/{name}.npz", **{f"{k}{n}": v for k, vs in arrays.items() for n, v in enumerate(vs)})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        record(folder)
        texts(folder)
        with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(pathlib.Path(folder).rglob("*")):
                if path.is_file() and path.name != "fingerprint.pb":
                    data = b"" if path.name == "saved_model.pb" else path.read_bytes()
                    archive.writestr(str(path.relative_to(folder)), data)
