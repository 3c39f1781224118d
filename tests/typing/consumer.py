"""A program that uses the library as people do, checked by pyright (strict) and mypy in `make check`.

It is never run. `misuse.py` holds the mistakes that the type checkers must report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import jax
import numpy as np
import numpy.typing as npt

import gazelle
from gazelle import (
    KerasTensor,
    Model,
    Sequential,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
)
from gazelle.models import Functional, clone_model, load_model

FloatArray = npt.NDArray[np.float32]


def data(rows: int = 64) -> tuple[FloatArray, FloatArray]:
    """Samples and targets of a linear problem."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 8)).astype("float32")
    y = x.sum(axis=1, keepdims=True).astype("float32")
    return x, y


def sequential() -> Sequential:
    """A stack of layers, with arguments given by name and as objects."""
    model = Sequential(
        [
            layers.Input((8,)),
            layers.Dense(32, activation="relu", kernel_initializer="he_normal"),
            layers.Dense(
                16,
                activation=gazelle.activations.gelu,
                kernel_initializer=initializers.GlorotUniform(seed=1),
                kernel_regularizer=regularizers.L2(1e-4),
                kernel_constraint=constraints.MaxNorm(2.0),
            ),
            layers.BatchNormalization(),
            layers.Dropout(0.5, seed=0),
        ],
        name="stack",
    )
    head = layers.Dense(units=1)
    model.add(head)
    assert_type(model, Sequential)
    assert_type(head, layers.Dense)
    return model


def images() -> Sequential:
    """A convolutional network."""
    return Sequential(
        [
            layers.Input(shape=(28, 28, 1)),
            layers.Conv2D(8, (3, 3), padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, strides=(2, 2)),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def functional() -> Functional:
    """Two inputs, two outputs, a layer that is used twice."""
    tokens = layers.Input(shape=(None,), dtype="int32", name="tokens")
    numbers = layers.Input(shape=(4,), name="numbers")
    embedded = layers.Embedding(1000, 16, mask_zero=True)(tokens)
    text = layers.Bidirectional(layers.LSTM(8))(embedded)
    shared = layers.Dense(8, activation="tanh")
    merged = layers.Concatenate()([shared(text), shared(numbers)])
    scaled = ops.multiply(merged, 0.5)
    first = layers.Dense(1, name="first")(scaled)
    second = layers.Dense(3, activation="softmax", name="second")(scaled)
    return Functional(inputs=[tokens, numbers], outputs=[first, second])


def symbolic() -> Functional:
    """Arithmetic, indices and structures of symbolic tensors; layers that return several."""
    a, b = layers.Input((8,), name="a"), layers.Input((8,), name="b")
    c = 2 * (a + 1.0) - b / a
    assert_type(c, KerasTensor)
    assert_type(c[:, 0] > 0, KerasTensor)
    assert_type(layers.Concatenate()([a, b]), KerasTensor)
    assert_type(layers.Dense(c.shape[-1] // 2)(c), KerasTensor)
    steps = layers.Input((None, 4))
    assert_type(layers.LSTM(8)(steps), KerasTensor)
    out, h, _ = layers.LSTM(8, return_state=True)(steps)
    assert_type(h, KerasTensor)
    words = layers.StringLookup(vocabulary=["a", "b"])(layers.Input((1,), dtype="string"))
    assert_type(words, KerasTensor)
    assert_type(layers.GRU(8)(np.zeros((1, 2, 4))), jax.Array)
    return Functional([a, b, steps], [c, out])


def results(x: FloatArray, y: FloatArray, model: Sequential) -> None:
    """Types of what functions and attributes return."""
    assert_type(losses.get("mse")(y, x), jax.Array)
    assert_type(losses.MeanSquaredError()(y, x), jax.Array)
    assert_type(metrics.MeanAbsoluteError()(y, x), jax.Array)
    assert_type(optimizers.get("adam"), optimizers.Optimizer)
    assert_type(optimizers.schedules.CosineDecay(0.1, 10)(3), jax.Array)
    assert_type(ops.split(x, 2), list[jax.Array])
    assert_type(gazelle.Variable(x)[0] + 1, jax.Array)
    assert_type(layers.LSTM(8).cell, layers.LSTMCell)
    assert_type(layers.Dense(8).compute_output_shape((None, 4))[-1] // 2, Any)
    assert_type(model.get_layer("hidden"), layers.Layer)
    assert_type(gazelle.applications.VGG16(weights=None), Functional)


def options(given: dict[str, Any]) -> list[layers.Layer]:
    """Arguments of base classes by name, and arguments that are known at run time only."""
    return [
        layers.Dense(8, name="first", dtype="float32", input_shape=(4,)),
        layers.LSTM(8, implementation=1, trainable=False, activity_regularizer="l2"),
        layers.RandomFlip(bounding_box_format="xyxy", name="flip"),
        layers.StringLookup(vocabulary=["a"], vocabulary_size=3, dtype="int64"),
        layers.Embedding(8, 4, input_length=3, trainable=False),
        layers.Dropout(0.5, **given),
        Sequential([layers.Dense(2, **given)], name="inner", dtype="mixed_bfloat16"),
    ]


class Affine(layers.Layer):
    """A custom layer."""

    def __init__(self, units: int = 4, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        size = input_shape[-1]
        assert size is not None
        self.w = self.add_weight(shape=(size, self.units), initializer="glorot_uniform", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=False, name="b")

    def call(self, x: jax.Array) -> jax.Array:
        return ops.matmul(x, self.w) + self.b


class Positive(layers.Dense):
    """A layer of the library with one argument more."""

    def __init__(self, units: int, floor: float = 0.0, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.floor = floor

    def call(self, x: jax.Array) -> jax.Array:
        return ops.maximum(super().call(x), self.floor)


class Residual(Model):
    """A subclassed model."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Affine(8)
        self.head = layers.Dense(1)

    def call(self, x: jax.Array, training: bool = False) -> jax.Array:
        return self.head(x + ops.relu(self.inner(x)))


class Printer(callbacks.Callback):
    """A custom callback."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        print(epoch, (logs or {}).get("loss"))


def train(model: Model, folder: Path) -> float:
    """Compile, fit, evaluate and predict."""
    x, y = data()
    schedule = optimizers.schedules.CosineDecay(1e-3, decay_steps=1000)
    model.compile(
        optimizer=optimizers.AdamW(learning_rate=schedule, weight_decay=1e-4),
        loss=losses.Huber(delta=0.5),
        metrics=[metrics.MeanAbsoluteError(name="mae"), "mse"],
    )
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=3,
        validation_split=0.25,
        callbacks=[
            callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True),
            callbacks.ModelCheckpoint(str(folder / "best.keras"), save_best_only=True),
            callbacks.ReduceLROnPlateau(factor=0.5),
            Printer(),
        ],
        verbose=0,
    )
    curve: list[float] = history.history["loss"]
    scores = model.evaluate(x, y, verbose=0, return_dict=True)
    predictions = model.predict(x, batch_size=32, verbose=0)
    print(curve[-1], scores["mae"], predictions.shape)
    model.summary()
    assert_type(history, callbacks.History)
    assert_type(scores, dict[str, float])
    return float(curve[-1])


class Rows:
    """Samples by number, as datasets of torch have them."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[FloatArray, int]:
        return np.zeros(8, np.float32), index


def other_data(model: Model, folder: Path) -> None:
    """Files, single samples and sequences of many lengths."""
    rows = np.memmap(folder / "rows", np.float64, "r", shape=(1000, 9))
    model.fit(rows[:, :-1], rows[:, -1:], shuffle="batch")
    model.fit(gazelle.utils.batched(zip(*data(), strict=True), 32), class_weight={0: 1.0, 1: 2.0})
    model.fit(Rows(), validation_data=gazelle.utils.batched(Rows()))
    sequences = [[1, 2], [3], [4, 5, 6]]
    model.fit(gazelle.utils.bucket_by_length(sequences, y=[0, 1, 1], batch_size=2))


def save_and_load(model: Model, folder: Path) -> Model:
    """Whole models, weights and copies."""
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    again = load_model(folder / "model.keras")
    again.load_weights(folder / "model.weights.h5")
    copied = clone_model(model)
    copied.set_weights(model.get_weights())
    return again


def values() -> None:
    """Losses, metrics, initializers and operations on arrays."""
    x, y = data(8)
    loss = losses.MeanSquaredError()(y, x[:, :1])
    accuracy = metrics.BinaryAccuracy(threshold=0.5)
    accuracy.update_state(y > 0, ops.sigmoid(x[:, :1]))
    weights = initializers.HeNormal(seed=3)((8, 4))
    hidden = ops.softmax(ops.matmul(x, weights), axis=-1)
    print(float(loss), float(accuracy.result()), ops.mean(hidden, axis=0), ops.convert_to_numpy(hidden).dtype)
    print(metrics.get("accuracy"), losses.get("mse"), optimizers.get("adam"))


def main(folder: Path) -> None:
    """Every model above."""
    gazelle.utils.set_random_seed(0)
    model = sequential()
    train(model, folder)
    train(Residual(), folder)
    print(save_and_load(model, folder).count_params(), images().output_shape, functional().inputs)
    values()
