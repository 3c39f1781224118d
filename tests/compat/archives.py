"""Tiny archives in the real formats of the data sets that programs load, for the cache folder of Keras."""

import gzip
import json

import numpy as np


def pictures(count, size=28, channels=0, seed=0):
    """Pictures of ten classes that a small network tells apart: a bright bar at another height for each."""
    rng = np.random.RandomState(seed)
    labels = np.arange(count) % 10
    shape = (count, size, size, channels) if channels else (count, size, size)
    x = rng.randint(0, 60, shape)
    for row, label in zip(x, labels, strict=True):
        row[2 * label + 3 : 2 * label + 6, 4:-4] += 180
    order = rng.permutation(count)
    return x[order].astype("uint8"), labels[order].astype("uint8")


def reviews(count, seed=0):
    """Lists of word numbers: words 10-19 are good, 20-29 bad, others say nothing."""
    rng = np.random.RandomState(seed)
    labels = np.arange(count) % 2
    rows = np.empty(count, object)
    for i, label in enumerate(labels):
        words = rng.randint(30, 60, rng.randint(10, 20)).tolist()
        rows[i] = words + rng.randint(10 if label else 20, 20 if label else 30, 6).tolist()
    return rows, labels


def write(home):
    """Put the archives where KERAS_HOME says."""
    folder = home / "datasets"
    (home / "datasets" / "fashion-mnist").mkdir(parents=True)
    (x, y), (x_test, y_test) = pictures(600), pictures(100, seed=1)
    np.savez(folder / "mnist.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    for part, images, labels in (("train", x, y), ("t10k", x_test, y_test)):
        for kind, array, header in (("images-idx3", images, 16), ("labels-idx1", labels, 8)):
            with gzip.open(folder / "fashion-mnist" / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(bytes(header) + array.tobytes())
    (x, y), (x_test, y_test) = reviews(200), reviews(60, seed=1)
    np.savez(folder / "imdb.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    (folder / "imdb_word_index.json").write_text(json.dumps({f"word{i}": i for i in range(1, 60)}))
