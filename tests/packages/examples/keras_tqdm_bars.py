import keras
import numpy as np
from keras_tqdm import TQDMCallback
from tqdm.keras import TqdmCallback

model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(4,))])
model.compile("sgd", "mse", metrics=["mae"])
x, y = np.random.rand(32, 4), np.random.rand(32)
model.fit(x, y, validation_split=0.2, epochs=2, verbose=0, callbacks=[TQDMCallback(leave_inner=True)])
model.fit(x, y, epochs=2, verbose=0, callbacks=[TqdmCallback(verbose=2)])
