"""A small model of each era, its data, and its training."""

import numpy as np

from gazelle.compat import era

X = np.random.RandomState(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :2] * 2


def model_of(keras, *layers, optimizer="sgd", loss="mse", **compiled):
    last = keras.layers.Dense(2, activation="sigmoid")
    model = keras.models.Sequential([keras.layers.InputLayer(input_shape=(3,)), *layers, last])
    model.compile(optimizer, loss, **compiled)
    return model


def fit(model, x=X, y=Y, batch_size=8, **options):
    epochs = {"nb_epoch" if era.number() == 1 else "epochs": 1}
    return model.fit(x, y, batch_size=batch_size, shuffle=False, verbose=0, **epochs, **options)
