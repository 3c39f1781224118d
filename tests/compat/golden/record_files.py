"""Records whole models of the genuine Keras 1: an `.h5` and, beside it, samples and what that Keras predicts for them.

KERAS_BACKEND=theano python record_files.py files      with Keras 1.2.2 (1.0.8 for `maxout`)
"""

import pathlib
import sys

import numpy as np
from keras import layers as k
from keras.models import Model, Sequential


def nested_deep():
    """A model within a model within a model, with statistics that are not trained."""
    inner = Sequential([k.Dense(5, input_dim=6, activation="relu"), k.BatchNormalization(), k.Dense(4)])
    x = k.Input((6,))
    return Sequential([Model(x, k.Dense(3)(inner(x))), k.Dense(2)])


def local2d():
    pixels = k.LocallyConnected2D(4, 3, 3, input_shape=(2, 6, 6), dim_ordering="th")
    return Sequential([pixels, k.Flatten(), k.Dense(2)])


def convlstm_th():
    kwargs = {"dim_ordering": "th", "border_mode": "same", "return_sequences": True}
    return Sequential([k.ConvLSTM2D(3, 3, 3, input_shape=(3, 2, 6, 6), **kwargs), k.Flatten(), k.Dense(2)])


def conv_full():
    wide = k.Convolution2D(3, 3, 3, border_mode="full", input_shape=(2, 5, 5), dim_ordering="th")
    return Sequential([wide, k.Flatten(), k.Dense(2)])


def bn_mode2():
    return Sequential([k.Dense(6, input_dim=5), k.BatchNormalization(mode=2), k.Dense(2)])


def maxout():
    return Sequential([k.MaxoutDense(4, nb_feature=3, input_dim=6), k.Highway(activation="tanh"), k.Dense(2)])


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    for make in map(globals().get, sys.argv[2:]):
        model, rng = make(), np.random.RandomState(7)
        model.set_weights([w + rng.uniform(-0.2, 0.2, w.shape) for w in model.get_weights()])
        x = rng.uniform(-1, 1, (4, *model.input_shape[1:])).astype("float32")
        model.save(str(folder / make.__name__) + ".h5", overwrite=True)
        np.savez(folder / make.__name__, x0=x, pred0=model.predict(x))
