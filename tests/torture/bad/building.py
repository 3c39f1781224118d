"""Layers and models that cannot be built as they are written."""

import numpy as np

import gazelle
from gazelle import constraints, initializers, layers, ops, regularizers

from .networks import IMAGES, X, dense, fit

Input, Dense = layers.Input, layers.Dense


def wrong(layer, argument, *values, says=None):
    """{case: (the layer with that value, its words)}: `layer(value)` makes it."""
    return {
        f"{layer.__name__} with {argument}={value!r}": (
            lambda value=value: layer(**{**_NEEDED.get(layer, {}), argument: value}),
            f"{says or argument}|{value!r}",
        )
        for value in values
    }


_NEEDED = {
    layers.Conv2D: {"filters": 2, "kernel_size": 3},
    layers.Conv1D: {"filters": 2, "kernel_size": 3},
    layers.Embedding: {"input_dim": 4, "output_dim": 2},
    layers.LSTM: {"units": 2},
    layers.GRU: {"units": 2},
    layers.MultiHeadAttention: {"num_heads": 2, "key_dim": 2},
    layers.Dense: {"units": 2},
}

SIZES = {
    **wrong(Dense, "units", "3", -1, 0, 2.5, None),
    **wrong(layers.Conv2D, "filters", "8", -8, 0, 1.5),
    **wrong(layers.Conv2D, "kernel_size", 0, -3, "3", (3, 3, 3), 2.5),
    **wrong(layers.Conv2D, "strides", 0, (1, 2, 3), "a"),
    **wrong(layers.Conv2D, "padding", "full", 3),
    **wrong(layers.Conv2D, "data_format", "channel_last"),
    **wrong(layers.Conv1D, "dilation_rate", 0),
    **wrong(layers.Conv2D, "groups", 0, 3),
    **wrong(layers.Embedding, "input_dim", 0, -5, "10"),
    **wrong(layers.Embedding, "output_dim", 0, 1.5),
    **wrong(layers.LSTM, "units", 0, "4", -2),
    **wrong(layers.GRU, "dropout", 1.5, -0.1),
    **wrong(layers.LSTM, "recurrent_dropout", 2.0),
    **wrong(layers.Dropout, "rate", 1.5, -0.1, "0.5"),
    **wrong(layers.GaussianNoise, "stddev", -1.0),
    **wrong(layers.MaxPooling2D, "pool_size", 0, "2", (1, 2, 3)),
    **wrong(layers.UpSampling2D, "size", 0, "2"),
    **wrong(layers.ZeroPadding2D, "padding", -1, "1"),
    **wrong(layers.MultiHeadAttention, "num_heads", 0, 1.5),
    **wrong(layers.MultiHeadAttention, "key_dim", 0, "8"),
    **wrong(layers.BatchNormalization, "momentum", 1.5, "a"),
    **wrong(layers.BatchNormalization, "epsilon", -1.0),
    **wrong(layers.RepeatVector, "n", 0, -1, 1.5),
    **wrong(Dense, "activation", "rleu", 3),
    **wrong(Dense, "kernel_initializer", "he_norml", 3, says="initializer"),
    **wrong(Dense, "kernel_regularizer", "l3", 0.01, says="regularizer"),
    **wrong(Dense, "kernel_constraint", "maxnorn", says="constraint"),
    **wrong(Dense, "dtype", "float33", 3),
    **wrong(Dense, "name", 3),
    **wrong(Dense, "input_shape", "a", (-1,), (2.5,)),
    "an unknown argument of Dense": (lambda: Dense(3, actvation="relu"), "actvation|activation"),
    "an unknown argument of Conv2D": (lambda: layers.Conv2D(3, 3, stride=2), "stride|strides"),
    "no units": (lambda: Dense(), "units"),
    "an unknown layer": (lambda: layers.Desne(3), "Desne|Dense"),
    "an unknown module": (lambda: gazelle.layer, "'layer'|'Layer'"),
    "an unknown loss class": (lambda: gazelle.losses.MeanSquareError, "MeanSquareError|MeanSquaredError"),
    "L2 of text": (lambda: regularizers.L2("a"), "l2|'a'"),
    "a negative L2": (lambda: regularizers.L2(-0.1), "l2|-0.1"),
    "a negative spread": (lambda: initializers.RandomNormal(stddev=-1.0), "stddev|-1.0"),
    "a negative norm": (lambda: constraints.MaxNorm(-1.0), "max_value|-1.0"),
}


class Forgets(gazelle.Model):
    def __init__(self):
        self.dense = Dense(1)

    def call(self, x):
        return self.dense(x)


def made(call):
    """A layer whose `call` is the function."""
    return type("Mine", (layers.Layer,), {"call": lambda self, x: call(x)})()


def graph(connect):
    return lambda: connect(Input((4,)))


STACKS = {
    "a layer class": (lambda: gazelle.Sequential([layers.Flatten]), "class Flatten|Flatten(...)"),
    "a text for a layer": (lambda: gazelle.Sequential(["Dense"]), "a layer|'Dense'"),
    "an array for a layer": (lambda: gazelle.Sequential([X]), "a layer"),
    "an Input in the middle": (lambda: gazelle.Sequential([Dense(2), Input((3,))]), "Input|first"),
    "equal names": (lambda: gazelle.Sequential([Dense(2, name="a"), Dense(3, name="a")]), "'a'"),
    "equal names in a graph": (graph(lambda x: gazelle.Model(x, Dense(2, name="a")(Dense(3, name="a")(x)))), "'a'"),
    "Conv2D on vectors": (lambda: gazelle.Sequential([Input((4,)), layers.Conv2D(2, 3)]), "Conv2D|4 axes|(None, 4)"),
    "Conv1D on images": (
        lambda: gazelle.Sequential([Input((8, 8, 3)), layers.Conv1D(2, 3)]),
        "Conv1D|3 axes|(None, 8, 8, 3)",
    ),
    "LSTM on vectors": (
        lambda: gazelle.Sequential([Input((4,)), layers.LSTM(2)]),
        "LSTM|(batch, time, features)|(None, 4)",
    ),
    "LSTM on LSTM": (
        lambda: gazelle.Sequential([Input((5, 4)), layers.LSTM(2), layers.LSTM(2)]),
        "LSTM|return_sequences",
    ),
    "a kernel larger than the image": (
        lambda: gazelle.Sequential([Input((2, 2, 3)), layers.Conv2D(2, 5)]),
        "Conv2D|5|2",
    ),
    "a window larger than the image": (
        lambda: gazelle.Sequential([Input((2, 2, 3)), layers.MaxPooling2D(5)]),
        "MaxPooling2D|5|2",
    ),
    "Reshape to another size": (lambda: gazelle.Sequential([Input((4,)), layers.Reshape((3, 2))]), "Reshape|(3, 2)|4"),
    "Reshape with two unknown sizes": (lambda: layers.Reshape((-1, -1)), "Reshape|-1"),
    "Permute of other axes": (lambda: layers.Permute((2, 3)), "dims|(2, 3)"),
    "Add of different shapes": (graph(lambda x: layers.Add()([x, Dense(3)(x)])), "Add|(None, 4)|(None, 3)"),
    "Concatenate of different shapes": (
        lambda: layers.Concatenate()([Input((4, 2)), Input((3, 2))]),
        "Concatenate|(None, 4, 2)|(None, 3, 2)",
    ),
    "Dot of different sizes": (graph(lambda x: layers.Dot(axes=1)([x, Dense(3)(x)])), "Dot|4|3"),
    "groups that do not divide": (
        lambda: gazelle.Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3, groups=2)]),
        "groups|2|3",
    ),
    "an axis that is not there": (
        lambda: gazelle.Sequential([Input((4,)), layers.BatchNormalization(axis=5)]),
        "axis|5",
    ),
    "an axis to softmax that is not there": (
        lambda: gazelle.Sequential([Input((4,)), layers.Softmax(axis=5)]),
        "Softmax|5",
    ),
    "TimeDistributed of a class": (lambda: layers.TimeDistributed(Dense), "TimeDistributed|Dense"),
    "Bidirectional of Dense": (lambda: layers.Bidirectional(Dense(2)), "Bidirectional|Dense"),
    "an unknown merge_mode": (lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="add"), "merge_mode|'add'|sum"),
    "super().__init__() forgotten": (lambda: Forgets()(X), "Forgets|super().__init__()"),
    "if on a tensor": (
        lambda: gazelle.Sequential([Input((3,)), made(lambda x: x if x.sum() > 0 else -x)]),
        "Mine|ops.where",
    ),
    "NumPy on a tensor": (lambda: gazelle.Sequential([Input((3,)), made(np.asarray)]), "Mine|gazelle.ops"),
    "float() of a tensor": (lambda: gazelle.Sequential([Input((3,)), made(lambda x: float(x.sum()) * x)]), "Mine"),
    "a call that gives nothing": (lambda: gazelle.Sequential([Input((3,)), made(lambda x: None)]), "mine|None|return"),
    "a call that gives text": (lambda: gazelle.Sequential([Input((3,)), made(lambda x: "a")]), "mine|'a'"),
    "a call that raises": (lambda: gazelle.Sequential([Input((3,)), made(lambda x: x + np.ones(7))]), "Mine|3|7"),
    "a layer without call": (lambda: layers.Layer()(X), "Layer|call"),
    "outputs that are no tensors": (graph(lambda x: gazelle.Model(x, X)), "outputs"),
    "inputs that are no tensors": (graph(lambda x: gazelle.Model(X, Dense(1)(x))), "inputs"),
    "a graph that is cut": (lambda: gazelle.Model(Input((4,)), Dense(1)(Input((4,)))), "input"),
    "NumPy between layers": (graph(lambda x: np.tanh(Dense(1)(x))), "NumPy|(None, 1)|gazelle.ops"),
    "if between layers": (graph(lambda x: x if x > 0 else -x), "condition|(None, 4)|gazelle.ops"),
    "jax.numpy between layers": (graph(lambda x: __import__("jax").numpy.tanh(x)), "jax.numpy|(None, 4)|gazelle.ops"),
    "a symbolic tensor to predict": (lambda: dense().predict(Input((4,)), verbose=0), "x|symbolic"),
    "matmul of sizes that do not fit": (graph(lambda x: ops.matmul(x, ops.ones((3, 2)))), "matmul|4|3"),
    "add of sizes that do not fit": (graph(lambda x: x + np.ones(3)), "4|3"),
    "reshape of a size that does not fit": (lambda: ops.reshape(X, (5, 5)), "reshape|(5, 5)"),
    "get_layer of an unknown name": (lambda: dense().get_layer("score"), "'score'|'scores'"),
    "get_layer of an unknown number": (lambda: dense().get_layer(index=7), "7"),
    "pop of nothing": (lambda: gazelle.Sequential().pop(), "pop"),
    "weights of another model": (lambda: dense().set_weights(dense(5).get_weights()), "(4, 3)|(4, 5)"),
    "too few weights": (lambda: dense().set_weights([X]), "2 arrays|1"),
    "weights of text": (lambda: dense().set_weights(["a", "b"]), "set_weights"),
    "a variable of another shape": (lambda: dense().weights[0].assign(X), "(4, 3)|(12, 4)"),
    "count_params before build": (lambda: gazelle.Sequential([Dense(2)]).count_params(), "not built"),
    "images without channels": (lambda: fit(_images(), IMAGES[..., 0], np.zeros(4)), "Conv2D|x[..., None]"),
}


def _images():
    model = gazelle.Sequential([layers.Conv2D(2, 3), layers.Flatten(), Dense(1)])
    model.compile("sgd", "mse")
    return model


CASES = {**SIZES, **STACKS}
