"""Samples and labels that do not fit the model, each other, or what numbers are."""

import datetime

import numpy as np

from .networks import IMAGES, ONE, X, Y, dense, fit, line, two, words

NAN, INF = X.copy(), X.copy()
NAN[3, 2], INF[5, 0] = np.nan, np.inf
IDS = np.ones((12, 3), "int32")


def _with(array, place, value):
    out = np.array(array)
    out[place] = value
    return out


def _table(column):
    import pandas

    return pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "d": column})


SHAPES = {
    "too few features": (lambda: fit(dense(), X[:, :3]), "(None, 4)|(12, 3)"),
    "too many features": (lambda: fit(dense(), np.tile(X, 2)), "(None, 4)|(12, 8)"),
    "one axis too many": (lambda: fit(dense(), X[:, None]), "(None, 4)|(12, 1, 4)"),
    "two axes too many": (lambda: fit(dense(), X[:, None, None]), "(None, 4)|(12, 1, 1, 4)"),
    "images to vectors": (lambda: fit(dense(), IMAGES, Y[:4]), "(None, 4)|(4, 8, 8, 3)|Flatten"),
    "one sample": (lambda: fit(dense(), X[0], Y[:4]), "(None, 4)|(4,)"),
    "a number": (lambda: fit(dense(), 3.0, 1), "x|single number"),
    "one sample to predict": (lambda: dense().predict(X[0], verbose=0), "(None, 4)|(4,)|x[None]"),
    "a number to predict": (lambda: dense().predict(3.0, verbose=0), "x|single number"),
    "too few features to predict": (lambda: dense().predict(X[:, :3], verbose=0), "(None, 4)|(12, 3)"),
    "too few features to evaluate": (lambda: dense().evaluate(X[:, :3], Y, verbose=0), "(None, 4)|(12, 3)"),
    "too few features to train_on_batch": (lambda: dense().train_on_batch(X[:, :3], Y), "(None, 4)|(12, 3)"),
    "too few features to test_on_batch": (lambda: dense().test_on_batch(X[:, :3], Y), "(None, 4)|(12, 3)"),
    "too few features to predict_on_batch": (lambda: dense().predict_on_batch(X[:, :3]), "(None, 4)|(12, 3)"),
    "too few features in a call": (lambda: dense()(X[:, :3]), "4|3"),
    "too few features to validate": (lambda: fit(dense(), validation_data=(X[:, :3], Y)), "(None, 4)|(12, 3)"),
    "no samples": (lambda: fit(dense(), X[:0], Y[:0]), "x|at least one sample"),
    "no samples to predict": (lambda: dense().predict(X[:0], verbose=0), "x|at least one sample"),
    "no samples to evaluate": (lambda: dense().evaluate(X[:0], Y[:0], verbose=0), "x|at least one sample"),
    "no samples to validate": (lambda: fit(dense(), validation_data=(X[:0], Y[:0])), "validation_|at least one sample"),
    "an empty list": (lambda: fit(dense(), [], []), "x|at least one sample"),
    "an empty dict": (lambda: fit(dense(), {}, Y), "x|'input"),
    "nothing": (lambda: fit(dense(), None, Y), "x|none"),
    "nothing to predict": (lambda: dense().predict(None, verbose=0), "x|None"),
    "nothing to evaluate": (lambda: dense().evaluate(None, Y, verbose=0), "x|None"),
    "labels too few": (lambda: fit(dense(), y=Y[:9]), "12 as in x|9 in y"),
    "labels too many": (lambda: fit(dense(), y=np.tile(Y, 2)), "12 as in x|24 in y"),
    "no labels": (lambda: dense().fit(X, verbose=0, keep=False), "labels|fit(x, y)"),
    "no labels to evaluate": (lambda: dense().evaluate(X, verbose=0), "labels|evaluate(x, y)"),
    "no labels on a batch": (lambda: dense().train_on_batch(X), "labels"),
    "labels too few to evaluate": (lambda: dense().evaluate(X, Y[:9], verbose=0), "12 as in x|9 in y"),
    "labels too few on a batch": (lambda: dense().train_on_batch(X, Y[:9]), "12 as in x|9 in y"),
    "labels too few to validate": (lambda: fit(dense(), validation_data=(X, Y[:9])), "12|9"),
    "weights too few": (lambda: fit(dense(), sample_weight=np.ones(9)), "12 as in x|9 in sample_weight"),
    "weights too many": (lambda: fit(dense(), sample_weight=np.ones(24)), "24 in sample_weight"),
    "weights of two axes": (lambda: fit(dense(), sample_weight=np.ones((12, 3))), "sample_weight|(12, 3)"),
    "weights of text": (lambda: fit(dense(), sample_weight=["a"] * 12), "sample_weight|numbers|'a'"),
    "weights of NaN": (lambda: fit(dense(), sample_weight=np.full(12, np.nan)), "sample_weight|nan"),
    "one weight for all": (lambda: fit(dense(), sample_weight=2.0), "sample_weight|single number"),
    "inputs that are one": (lambda: fit(two(), X, {"first": ONE, "second": X[:, :2]}), "2|left|right"),
    "inputs in the wrong order": (
        lambda: fit(two(), [X[:, :2], X], {"first": ONE, "second": X[:, :2]}),
        "left|(None, 4)|(12, 2)",
    ),
    "an input too many": (lambda: fit(two(), [X, X[:, :2], X], {"first": ONE, "second": X[:, :2]}), "2|3"),
    "an input of an unknown name": (
        lambda: fit(two(), {"left": X, "rigth": X[:, :2]}, {"first": ONE, "second": X[:, :2]}),
        "rigth|right",
    ),
    "an input missing": (lambda: fit(two(), {"left": X}, {"first": ONE, "second": X[:, :2]}), "right"),
    "inputs of different lengths": (
        lambda: fit(two(), [X, X[:9, :2]], {"first": ONE, "second": X[:, :2]}),
        "12 as in x|9 in x",
    ),
    "labels of an unknown name": (
        lambda: fit(two(), [X, X[:, :2]], {"first": ONE, "secund": X[:, :2]}),
        "secund|second",
    ),
    "labels missing": (lambda: fit(two(), [X, X[:, :2]], {"first": ONE}), "second"),
    "labels for one of two": (lambda: fit(two(), [X, X[:, :2]], ONE), "first, second|one array"),
    "labels in the wrong order": (lambda: fit(two(), [X, X[:, :2]], [X[:, :2], ONE]), "(12, 2)|(12, 1)"),
    "weights of an unknown name": (
        lambda: fit(two(), [X, X[:, :2]], {"first": ONE, "second": X[:, :2]}, sample_weight={"frist": np.ones(12)}),
        "frist|first",
    ),
    "labels of an unknown name for one output": (lambda: fit(dense(), y={"score": Y}), "score|scores"),
}

BROADCAST = {
    "a column against three": (lambda: fit(dense(3, None, "mse"), y=ONE), "(12, 3)|(12, 1)"),
    "a vector against three": (lambda: fit(dense(3, None, "mse"), y=ONE[:, 0]), "3|to_categorical"),
    "three against a column": (lambda: fit(line(), y=X[:, :3]), "(12, 3)|1"),
    "two against three": (lambda: fit(dense(3, None, "mse"), y=X[:, :2]), "2|3"),
    "a row against a column": (lambda: fit(line(), X[:1], X[:1, :]), "4|1"),
    "an axis too many": (lambda: fit(line(), y=ONE[:, None, None]), "(12, 1, 1, 1)|1"),
    "mae against three": (lambda: fit(dense(3, None, "mae"), y=ONE), "3|1"),
    "huber against three": (lambda: fit(dense(3, None, "huber"), y=ONE), "3|1"),
    "log_cosh against two": (lambda: fit(dense(3, None, "log_cosh"), y=X[:, :2]), "3|2"),
    "hinge against three": (lambda: fit(dense(3, None, "hinge"), y=ONE * 2 - 1), "3|1"),
    "poisson against three": (lambda: fit(dense(3, "exponential", "poisson"), y=ONE), "3|1"),
    "binary against three": (lambda: fit(dense(3, "sigmoid", "binary_crossentropy"), y=ONE), "3|1"),
    "categorical of class numbers": (lambda: fit(dense(loss="categorical_crossentropy")), "to_categorical(y, 3)"),
    "categorical of five": (lambda: fit(dense(loss="categorical_crossentropy"), y=np.eye(5)[Y]), "5|3"),
    "kl of two": (lambda: fit(dense(loss="kl_divergence"), y=np.full((12, 2), 0.5)), "2|3"),
    "cosine of two": (lambda: fit(dense(loss="cosine_similarity"), y=X[:, :2]), "2|3"),
    "sparse of one-hot": (lambda: fit(dense(), y=np.eye(3)[Y]), "sparse_categorical_crossentropy|3"),
}

VALUES = {
    "labels from 1": (lambda: fit(dense(), y=Y + 1), "from 0 to 2|got 3|y - 1"),
    "a negative label": (lambda: fit(dense(), y=Y - 1), "from 0 to 2|got -1"),
    "a label of 7": (lambda: fit(dense(), y=_with(Y, 4, 7)), "from 0 to 2|got 7|row 4"),
    "half a label": (lambda: fit(dense(), y=Y * 0.5), "integers|0.5"),
    "a label of NaN": (lambda: fit(dense(), y=_with(Y * 1.0, 2, np.nan)), "from 0 to 2|nan|row 2"),
    "labels of -1 and 1": (lambda: fit(dense(2), y=Y % 2 * 2 - 1), "-1|(y + 1) // 2"),
    "a label of 7 to evaluate": (lambda: dense().evaluate(X, _with(Y, 4, 7), verbose=0), "from 0 to 2|got 7"),
    "a label of 7 on a batch": (lambda: dense().train_on_batch(X, _with(Y, 4, 7)), "from 0 to 2|got 7"),
    "a label of 7 on a tested batch": (lambda: dense().test_on_batch(X, _with(Y, 4, 7)), "from 0 to 2|got 7"),
    "a label of 7 to validate": (lambda: fit(dense(), validation_data=(X, _with(Y, 4, 7))), "from 0 to 2|got 7"),
    "binary labels of four classes": (
        lambda: fit(dense(1, "sigmoid", "binary_crossentropy"), y=np.arange(12) % 4),
        "from 0 to 1|softmax",
    ),
    "binary labels of -1 and 1": (
        lambda: fit(dense(1, "sigmoid", "binary_crossentropy"), y=ONE * 2 - 1),
        "from 0 to 1|hinge",
    ),
    "binary labels of 1 and 2": (
        lambda: fit(dense(1, "sigmoid", "binary_crossentropy"), y=ONE + 1),
        "from 0 to 1|y - 1",
    ),
    "binary labels of pixels": (
        lambda: fit(dense(4, "sigmoid", "binary_crossentropy"), y=np.abs(X) * 100),
        "from 0 to 1",
    ),
    "binary labels of NaN": (
        lambda: fit(dense(1, "sigmoid", "binary_crossentropy"), y=_with(ONE, 1, np.nan)),
        "from 0 to 1|nan",
    ),
    "focal labels of four classes": (
        lambda: fit(dense(1, "sigmoid", "binary_focal_crossentropy"), y=np.arange(12) % 4),
        "from 0 to 1",
    ),
    "rows that are no one-hot": (lambda: fit(dense(loss="categorical_crossentropy"), y=np.ones((12, 3))), "sum to 1|3"),
    "rows of zeros": (lambda: fit(dense(loss="categorical_crossentropy"), y=np.zeros((12, 3))), "sum to 1|a sum of 0"),
    "negative rows": (lambda: fit(dense(loss="categorical_crossentropy"), y=np.eye(3)[Y] * 2 - 1), "from 0 to 1|-1"),
    "NaN in x": (lambda: fit(dense(), NAN), "x[3, 2]|nan"),
    "inf in x": (lambda: fit(dense(), INF), "x[5, 0]|inf"),
    "NaN in y": (lambda: fit(line(), y=_with(ONE, 4, np.nan)), "y[4, 0]|nan"),
    "inf in y": (lambda: fit(line(), y=_with(ONE, 4, np.inf)), "y[4, 0]|inf"),
    "NaN on a batch": (lambda: dense().train_on_batch(NAN, Y), "x[3, 2]|nan"),
    "NaN in weights": (lambda: fit(line(), y=ONE, sample_weight=_with(np.ones(12), 7, np.nan)), "sample_weight[7]|nan"),
    "NaN to validate": (lambda: fit(dense(), validation_data=(NAN, Y)), "validation_x[3, 2]|nan"),
    "NaN to evaluate": (lambda: dense().evaluate(NAN, Y, verbose=0), "x[3, 2]|nan"),
    "masked values": (lambda: fit(dense(), np.ma.masked_equal(X, X[3, 2])), "x[3, 2]|masked|filled"),
    "masked values to predict": (
        lambda: dense().predict(np.ma.masked_equal(X, X[3, 2]), verbose=0),
        "x[3, 2]|masked|filled",
    ),
    "masked labels": (lambda: fit(line(), y=np.ma.masked_equal(ONE, ONE[0])), "y[0, 0]|masked|filled"),
    "more steps than batches": (lambda: fit(dense(), batch_size=4, steps_per_epoch=5), "5 batches|got 3|12 samples"),
    "more steps than batches to evaluate": (
        lambda: dense().evaluate(X, Y, batch_size=4, steps=5, verbose=0),
        "5 batches|got 3",
    ),
    "a class that is no class": (lambda: fit(dense(), class_weight={0.5: 2.0}), "class_weight|0.5"),
    "a column of text": (lambda: fit(dense(), _table(["red"] * 12)), "x, column 'd'|'red'|StringLookup"),
    "a column of dates": (
        lambda: fit(dense(), _table([datetime.datetime(2020, 1, 1)] * 12)),
        "x, column 'd'|dates|timedelta64",
    ),
    "text": (lambda: fit(dense(), np.full((12, 4), "a")), "x|numbers|'a'"),
    "text to predict": (lambda: dense().predict(np.full((12, 4), "a"), verbose=0), "x|numbers|'a'"),
    "a sentence": (lambda: fit(dense(), "abc", Y), "x|numbers|'abc'"),
    "bytes": (lambda: fit(dense(), np.full((12, 4), b"a")), "x|numbers|b'a'"),
    "None among numbers": (lambda: fit(dense(), [[1, 2, None, 4]] * 12), "x|numbers|None"),
    "ragged rows": (lambda: fit(dense(), [[1, 2], [3]] * 6), "x|equal length|ragged"),
    "objects": (lambda: fit(dense(), np.full((12, 4), object())), "x|numbers|object"),
    "dates": (lambda: fit(dense(), np.full((12, 4), np.datetime64("2020-01-01"))), "x|numbers|datetime"),
    "Python dates": (lambda: fit(dense(), [[datetime.date(2020, 1, 1)] * 4] * 12), "x|numbers"),
    "complex numbers": (lambda: fit(dense(), X * 1j), "x|complex"),
    "complex labels": (lambda: fit(line(), y=ONE * 1j), "y|complex"),
    "records": (lambda: fit(dense(), np.zeros(12, [("a", "f4"), ("b", "f4")])), "x|numbers"),
    "text labels": (lambda: fit(dense(), y=np.full(12, "cat")), "y|numbers|'cat'|np.unique"),
    "None for labels": (lambda: fit(dense(), y=[None] * 12), "y|numbers|None"),
    "a set": (lambda: fit(dense(), {1.0, 2.0}, Y[:2]), "x|set"),
    "a function": (lambda: fit(dense(), lambda: X, Y), "x|function"),
    "a class": (lambda: fit(dense(), list, Y), "x|list"),
    "ids beyond 31 bits": (lambda: fit(dense(), np.full((12, 4), 2**40)), "x|2147483647|1099511627776"),
    "ids below 31 bits": (lambda: fit(dense(), np.full((12, 4), -(2**40))), "x|-2147483648"),
    "an id out of range": (lambda: fit(words(), _with(IDS, (2, 1), 9), ONE), "words|from 0 to 4|9"),
    "a negative id": (lambda: fit(words(), _with(IDS, (2, 1), -2), ONE), "words|from 0 to 4|-2"),
    "an id out of range to predict": (lambda: words().predict(_with(IDS, (2, 1), 9), verbose=0), "words|from 0 to 4|9"),
    "ids that are no whole numbers": (lambda: fit(words(), IDS * 0.5, ONE), "0.5|integers"),
}

CASES = {**SHAPES, **BROADCAST, **VALUES}
