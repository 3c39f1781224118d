"""Ten small models in the words of their time; data are functions of a seed."""

import keras
import numpy as np
from keras import optimizers
from keras.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    MaxPooling2D,
    SimpleRNN,
)
from keras.models import Sequential
from keras.regularizers import l2

FIRST = keras.__version__.startswith("1.")


def words(first, second):
    """The words of one era or the other."""
    return first if FIRST else second


def mlp(optimizer, loss="categorical_crossentropy"):
    kernel = words({"W_regularizer": l2(0.01)}, {"kernel_regularizer": l2(0.01)})
    model = Sequential([Dense(6, input_dim=5, activation="tanh", **kernel), Dense(3, activation="softmax")])
    model.compile(optimizer=optimizer, loss=loss)
    return model


def recurrent(layer):
    model = Sequential([layer, Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    return model


def convolution():
    last = words({"dim_ordering": "tf"}, {"data_format": "channels_last"})
    kernel = (4, 3, 3) if FIRST else (4, (3, 3))
    model = Sequential(
        [
            Conv2D(*kernel, input_shape=(8, 8, 2), activation="relu", **last),
            MaxPooling2D((2, 2), **last),
            BatchNormalization(),
            Flatten(),
            Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer=optimizers.SGD(lr=0.05, momentum=0.9, nesterov=True), loss="categorical_crossentropy")
    return model


def text():
    same = words({"border_mode": "same"}, {"padding": "same"})
    model = Sequential(
        [
            Embedding(12, 4, input_length=7),
            Conv1D(4, 3, activation="relu", **same),
            Flatten(),
            Dense(3),
            Activation("softmax"),
        ]
    )
    model.compile(optimizer="adagrad", loss="categorical_crossentropy")
    return model


_MODELS = {
    "sgd": lambda: mlp(optimizers.SGD(lr=0.1, momentum=0.9, decay=0.01)),
    "rmsprop": lambda: mlp("rmsprop"),
    "adam": lambda: mlp(optimizers.Adam(lr=0.01, decay=0.01)),
    "adadelta": lambda: mlp("adadelta", "mse"),
    "adamax": lambda: mlp("adamax"),
    "nadam": lambda: mlp("nadam", "kullback_leibler_divergence"),
    "lstm": lambda: recurrent(LSTM(4, input_shape=(6, 3))),
    "gru": lambda: recurrent(GRU(4, input_shape=(6, 3))),
    "rnn": lambda: recurrent(SimpleRNN(4, input_shape=(6, 3), activation="hard_sigmoid")),
    "convolution": convolution,
    "text": text,
}
NAMES = sorted(_MODELS)


def make(name):
    """(model, x, y)."""
    rng = np.random.RandomState(7)
    np.random.seed(5)
    model = _MODELS[name]()
    shape = model.input_shape[1:]
    x = rng.randint(0, 12, (16, *tuple(shape))) if name == "text" else rng.rand(16, *shape).astype("float32")
    return model, x, np.eye(3)[np.arange(16) % 3].astype("float32")
