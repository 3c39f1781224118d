import keras
import matplotlib
import numpy as np

matplotlib.use("Agg")
from livelossplot import PlotLossesKeras
from livelossplot.outputs import ExtremaPrinter

model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
model.fit(
    np.random.rand(16, 2),
    np.random.rand(16),
    epochs=2,
    validation_split=0.25,
    verbose=0,
    callbacks=[PlotLossesKeras(outputs=[ExtremaPrinter()])],
)
