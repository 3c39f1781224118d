import tempfile

import keras
import keras_tuner
import numpy as np


def build(hp):
    model = keras.Sequential()
    model.add(keras.layers.Dense(hp.Choice("units", [4, 8]), activation="relu"))
    model.add(keras.layers.Dense(1))
    model.compile(optimizer=keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), loss="mse")
    return model


x = np.random.rand(64, 3).astype("float32")
y = x.sum(axis=1, keepdims=True)
folder = tempfile.mkdtemp()
for kind, options in (
    (keras_tuner.RandomSearch, {"max_trials": 2}),
    (keras_tuner.BayesianOptimization, {"max_trials": 2}),
):
    tuner = kind(build, objective="val_loss", directory=folder, project_name=kind.__name__, **options)
    tuner.search(x, y, epochs=2, validation_data=(x, y), verbose=0)
    best = tuner.get_best_models()[0]
    assert best.predict(x, verbose=0).shape == (64, 1)
    tuner.results_summary()
tuner = keras_tuner.Hyperband(build, "val_loss", max_epochs=3, directory=folder, project_name="band")
tuner.search(x, y, validation_split=0.25, callbacks=[keras.callbacks.EarlyStopping("val_loss")], verbose=0)
print(tuner.get_best_hyperparameters()[0].values)
