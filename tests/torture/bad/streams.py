"""Generators and datasets that end, lie, fail or never come back; files that are not there or not what they claim."""

import os
import threading
import time

import numpy as np

import gazelle
from gazelle import layers

from .networks import ONE, X, Y, dense, fit, line, stream


def endless(batch=(X, Y)):
    while True:
        yield batch


def failing():
    yield X, Y
    raise OSError("the disk is gone")


class Batches(gazelle.utils.PyDataset):
    """A dataset whose batch `at` is made by `wrong`."""

    def __init__(self, wrong, at=1, length=3, **more):
        super().__init__(**more)
        self.wrong, self.at, self.length = wrong, at, length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.wrong(index) if index == self.at else (X, Y)


def _die(index):
    os._exit(9)


def _raise(index):
    raise KeyError(f"no batch {index}")


STREAMS = {
    "a generator and labels": (lambda: fit(dense(), endless(), Y, steps_per_epoch=2), "y|generator"),
    "a generator that is a function": (lambda: stream(dense(), endless), "x|function|endless()"),
    "an empty generator": (lambda: stream(dense(), iter(())), "at least one batch"),
    "an empty generator to predict": (lambda: dense().predict(iter(()), verbose=0), "at least one batch"),
    "a generator that ends early": (
        lambda: stream(dense(), iter([(X, Y)] * 3), steps_per_epoch=2, epochs=3),
        "ended early|2 batches",
    ),
    "an endless generator without steps": (lambda: stream(dense(), endless()), "steps_per_epoch"),
    "an endless generator to predict": (lambda: dense().predict(endless(), verbose=0), "steps"),
    "an endless generator to evaluate": (lambda: dense().evaluate(endless(), verbose=0), "steps"),
    "an endless generator to validate": (lambda: fit(dense(), validation_data=endless()), "validation_steps"),
    "a generator without labels": (lambda: stream(dense(), endless((X,)), steps_per_epoch=2), "labels"),
    "a generator of four parts": (lambda: stream(dense(), endless((X, Y, Y, Y)), steps_per_epoch=2), "A batch|4 parts"),
    "a generator of None": (lambda: stream(dense(), endless(None), steps_per_epoch=2), "batch|None"),
    "a generator of text": (lambda: stream(dense(), endless("ab"), steps_per_epoch=2), "batch|'ab'"),
    "a generator of other features": (
        lambda: stream(dense(), endless((X[:, :2], Y)), steps_per_epoch=2),
        "(None, 4)|(12, 2)",
    ),
    "a generator of other labels": (
        lambda: stream(dense(), endless((X, Y + 1)), steps_per_epoch=2),
        "from 0 to 2|got 3",
    ),
    "a generator whose features change": (lambda: stream(dense(), iter([(X, Y), (X[:, :2], Y)])), "(None, 4)|(12, 2)"),
    "a generator whose labels change": (lambda: stream(dense(), iter([(X, Y), (X, Y + 1)])), "from 0 to 2|got 3"),
    "a generator of labels too few": (lambda: stream(dense(), endless((X, Y[:9])), steps_per_epoch=2), "12|9"),
    "a generator whose labels get too few": (lambda: stream(dense(), iter([(X, Y), (X, Y[:9])])), "12|9"),
    "a generator of no samples": (lambda: stream(dense(), iter([(X[:0], Y[:0])])), "at least one sample"),
    "a generator that fails": (lambda: stream(dense(), failing(), steps_per_epoch=3), "the disk is gone"),
    "a generator of single samples": (
        lambda: stream(dense(), endless((X[0], 1)), steps_per_epoch=2),
        "y|one row per sample|single number",
    ),
    "a generator with a split": (
        lambda: stream(dense(), endless(), steps_per_epoch=2, validation_split=0.2),
        "validation_split|generator",
    ),
    "a generator of NaN": (lambda: stream(dense(), endless((X * np.nan, Y)), steps_per_epoch=2), "x[0, 0]|nan"),
    "a generator of weights too few": (
        lambda: stream(dense(), endless((X, Y, np.ones(3))), steps_per_epoch=2),
        "12|3 in sample_weight",
    ),
    "a dataset of no batches": (lambda: stream(dense(), Batches(_raise, length=0)), "at least one batch"),
    "a dataset of a negative length": (lambda: stream(dense(), Batches(_raise, length=-1)), "__len__"),
    "a dataset that fails": (lambda: stream(dense(), Batches(_raise)), "no batch 1"),
    "a dataset whose features change": (lambda: stream(dense(), Batches(lambda i: (X[:, :2], Y))), "(None, 4)|(12, 2)"),
    "a dataset that gives None": (lambda: stream(dense(), Batches(lambda i: None)), "batch|None"),
    "a dataset with a worker that fails": (
        lambda: stream(dense(), Batches(_raise, workers=2, use_multiprocessing=True)),
        "no batch 1",
    ),
    "a dataset with a worker that dies": (
        lambda: stream(dense(), Batches(_die, workers=2, use_multiprocessing=True)),
        "worker",
    ),
    "a dataset with threads that fail": (lambda: stream(dense(), Batches(_raise, workers=2)), "no batch 1"),
    "-1 workers": (lambda: Batches(_raise, workers=-1), "workers|-1"),
}


def in_folder(name, content=b""):
    with open(name, "wb") as file:
        file.write(content)
    return name


FILES = {
    "load_model of no file": (lambda: gazelle.models.load_model("nowhere.keras"), "nowhere.keras"),
    "load_model of a folder": (lambda: gazelle.models.load_model("."), "'.'|got a folder"),
    "load_model of an empty file": (lambda: gazelle.models.load_model(in_folder("e.keras")), "e.keras"),
    "load_model of a text": (lambda: gazelle.models.load_model(in_folder("t.keras", b"hello")), "t.keras"),
    "load_model of a number": (lambda: gazelle.models.load_model(3), "filepath|3"),
    "load_weights of no file": (lambda: dense().load_weights("nowhere.weights.h5"), "nowhere.weights.h5"),
    "load_weights of an empty file": (lambda: dense().load_weights(in_folder("e.weights.h5")), "e.weights.h5"),
    "load_weights of another model": (
        lambda: (dense(5).save_weights("five.weights.h5"), dense().load_weights("five.weights.h5")),
        "scores|(4, 3)|(4, 5)",
    ),
    "load_weights of 'latest' where none is": (lambda: dense().load_weights("latest"), "no checkpoint|fit()"),
    "load_weights before build": (
        lambda: gazelle.Sequential([layers.Dense(1)]).load_weights("w.h5"),
        "load_weights|not built",
    ),
    "save_weights before build": (
        lambda: gazelle.Sequential([layers.Dense(1)]).save_weights("w.weights.h5"),
        "save_weights|not built",
    ),
    "save where no folder is": (lambda: dense().save("nowhere/m.keras"), "nowhere|os.makedirs"),
    "save_weights where no folder is": (lambda: dense().save_weights("nowhere/m.weights.h5"), "nowhere|os.makedirs"),
    "save over a folder": (lambda: (os.makedirs("d.keras", exist_ok=True), dense().save("d.keras")), "d.keras|folder"),
    "save to a number": (lambda: dense().save(3), "filepath|3"),
    "save without overwriting": (
        lambda: (dense().save("m.keras"), dense().save("m.keras", overwrite=False)),
        "m.keras|overwrite",
    ),
    "an unknown argument of save": (lambda: dense().save("m.keras", compress=True), "'compress'"),
    "model_from_json of no JSON": (lambda: gazelle.models.model_from_json("{"), "JSON"),
    "model_from_json of a list": (lambda: gazelle.models.model_from_json("[]"), "a model|list"),
    "model_from_json of a path": (lambda: gazelle.models.model_from_json("model.json"), "JSON"),
    "clone_model of a layer": (lambda: gazelle.models.clone_model(layers.Dense(1)), "a model|Dense"),
    "to_categorical of negative labels": (lambda: gazelle.utils.to_categorical([-1, 0]), "-1"),
    "to_categorical beyond num_classes": (lambda: gazelle.utils.to_categorical([0, 3], 2), "3|num_classes"),
    "to_categorical of text": (lambda: gazelle.utils.to_categorical(["a"]), "'a'"),
    "pad_sequences of numbers": (lambda: gazelle.utils.pad_sequences([1, 2]), "sequences|1"),
    "pad_sequences with an unknown side": (
        lambda: gazelle.utils.pad_sequences([[1]], padding="left"),
        "padding|'left'|pre",
    ),
    "a seed of text": (lambda: gazelle.utils.set_random_seed("a"), "seed|'a'"),
    "a negative seed": (lambda: gazelle.utils.set_random_seed(-1), "seed|-1"),
    "an image folder that is not there": (lambda: gazelle.utils.image_dataset_from_directory("nowhere"), "nowhere"),
    "an unknown floatx": (lambda: gazelle.config.set_floatx("float33"), "'float33'|float32"),
    "a policy that is none": (
        lambda: gazelle.mixed_precision.set_global_policy("mixed_float15"),
        "'mixed_float15'|mixed_float16",
    ),
    "the weights of a model twice in threads": (lambda: _in_threads(), "(4, 3)|(4, 5)"),
}


def _in_threads():
    """What a thread raises is the thread's: it is told there."""
    found = []

    def run():
        try:
            dense().set_weights(dense(5).get_weights())
        except ValueError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    time.sleep(0)
    raise found[0]


DIVERGED = {
    "a rate of a million": (
        lambda: line(optimizer=gazelle.optimizers.SGD(1e30)).fit(X * 1e4, ONE, epochs=3, verbose=0, keep=False),
        "The loss became|training stopped|learning rate",
    ),
    "crossentropy of logits": (lambda: fit(dense(3, None)), "scores|no activation|from_logits=True"),
}

CASES = {**STREAMS, **FILES, **DIVERGED}
