"""The article's three networks, trained on real data from installed packages.

    gazelle run examples/article.py        (`make demo` also installs what it needs)

A binary network on breast cancer, a Sequential one for several classes on digits of 8 x 8 pixels, and a Functional CNN
on 5,000 digits of MNIST. The scores are those of samples that were not used in training. The curves are saved as
demo/curves.png.
"""

import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from keras import optimizers
from keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Input, Model, Sequential
from keras.utils import set_random_seed, to_categorical

import gazelle
from gazelle.datasets import local


def binary():
    """Block 1 of the article: is a tumour benign? 30 measurements of cell nuclei."""
    (X_train, y_train), (X_test, y_test) = local("breast_cancer")
    mean, spread = X_train.mean(axis=0), X_train.std(axis=0)
    X_train, X_test = (X_train - mean) / spread, (X_test - mean) / spread

    model = Sequential(name="binary")
    model.add(Dense(units=64, input_dim=30))
    model.add(Activation("relu"))
    model.add(Dropout(0.5))
    model.add(Dense(units=1))
    model.add(Activation("sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
    history = model.fit(X_train, y_train, validation_split=0.2, epochs=20, batch_size=32)
    return history, model.evaluate(X_test, y_test, batch_size=32, verbose=0)


def multi_class():
    """Block 2 of the article: which digit is it? 64 grey values."""
    (X_train, y_train), (X_test, y_test) = local("digits")
    X_train, X_test = X_train.reshape(-1, 64) / 16, X_test.reshape(-1, 64) / 16
    Y_train, Y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)

    model = Sequential(name="multi_class")
    model.add(Dense(units=64, activation="relu", input_dim=64))
    model.add(Dropout(0.5))
    model.add(Dense(units=64, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(units=10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=optimizers.Adam(), metrics=["accuracy"])
    history = model.fit(X_train, Y_train, validation_split=0.2, epochs=20, batch_size=16)
    return history, model.evaluate(X_test, Y_test, verbose=0)


def convolutional():
    """Blocks 3 to 5 of the article: which digit is it? 28 x 28 pixels; 4,000 training and 1,000 test samples."""
    (X_train, y_train), (X_test, y_test) = local("mnist_5k")
    X_train, X_test = X_train[..., None] / 255, X_test[..., None] / 255
    Y_train, Y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)

    inputs = Input(shape=(28, 28, 1))
    x = inputs
    x = Conv2D(filters=32, kernel_size=(3, 3), padding="same")(x)
    x = Activation("relu")(x)
    x = MaxPooling2D(pool_size=(2, 2))(x)
    x = Conv2D(filters=64, kernel_size=(3, 3), padding="same")(x)
    x = Activation("relu")(x)
    x = MaxPooling2D(pool_size=(2, 2))(x)
    x = Flatten()(x)
    x = Dense(units=128)(x)
    x = Activation("relu")(x)
    outputs = Dense(units=10, activation="softmax")(x)

    model = Model(inputs=[inputs], outputs=[outputs], name="convolutional")
    model.compile(loss="categorical_crossentropy", optimizer=optimizers.Adam(), metrics=["accuracy"])
    history = model.fit(X_train, Y_train, validation_split=0.2, epochs=20, batch_size=64, verbose=1)
    return history, model.evaluate(X_test, Y_test, verbose=0)


def draw(histories, path):
    """Training and validation curves of every network in one picture."""
    figure, axes = plt.subplots(2, len(histories), figsize=(4 * len(histories), 6), sharex="col", squeeze=False)
    for column, (name, history) in zip(axes.T, histories.items(), strict=True):
        column[0].set_title(name)
        for row, key in zip(column, ("acc", "loss"), strict=True):
            epochs = range(1, len(history.history[key]) + 1)
            row.plot(epochs, history.history[key], label="train")
            row.plot(epochs, history.history["val_" + key], label="validation")
            row.set_ylabel(key)
        column[-1].set_xlabel("epoch")
    axes[0, 0].legend()
    figure.tight_layout()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)


NETWORKS = {
    "binary network, breast cancer": binary,
    "Sequential, digits 8 x 8": multi_class,
    "Functional CNN, MNIST": convolutional,
}

start = time.perf_counter()
set_random_seed(7)
histories, rows = {}, []
for title, train in NETWORKS.items():
    print(f"\n{title}", flush=True)
    began = time.perf_counter()
    histories[title], (loss, accuracy) = train()
    rows.append((title, loss, accuracy, time.perf_counter() - began))
curves = Path("demo", "curves.png")
draw(histories, curves)

print(f"\n{'network':32}{'test loss':>12}{'test accuracy':>16}{'seconds':>10}")
for title, loss, accuracy, seconds in rows:
    print(f"{title:32}{loss:12.4f}{accuracy:16.4f}{seconds:10.1f}")
print(f"\ncurves      {curves}")
print(f"checkpoint  {gazelle.latest()}")
print(f"total time  {time.perf_counter() - start:.1f} s")
