import tempfile

import keras
import keras_tuner
import numpy as np


class Regressor(keras_tuner.HyperModel):
    def build(self, hp):
        inputs = keras.Input((3,))
        x = inputs
        for i in range(hp.Int("layers", 1, 2)):
            x = keras.layers.Dense(hp.Int(f"units_{i}", 4, 8, step=4), activation="relu")(x)
        if hp.Boolean("dropout"):
            x = keras.layers.Dropout(0.1)(x)
        model = keras.Model(inputs, keras.layers.Dense(1)(x))
        model.compile("adam", "mse", metrics=["mae"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)


x = np.random.rand(64, 3).astype("float32")
y = x.sum(axis=1, keepdims=True)
tuner = keras_tuner.GridSearch(Regressor(), objective="val_mae", max_trials=2, directory=tempfile.mkdtemp())
tuner.search(x, y, epochs=1, validation_data=(x, y), verbose=0)
tuner.search_space_summary()
net = keras_tuner.applications.HyperResNet(input_shape=(32, 32, 3), classes=10)
assert net.build(keras_tuner.HyperParameters()).output_shape == (None, 10)
