import keras
import numpy as np
from ncps.keras import LTC, CfC
from ncps.wirings import AutoNCP

for layer in (CfC(AutoNCP(12, 1), return_sequences=True), LTC(AutoNCP(12, 1), return_sequences=True)):
    model = keras.Sequential([keras.layers.Input((10, 2)), layer])
    model.compile(keras.optimizers.Adam(0.01), "mean_squared_error")
    model.fit(np.random.rand(8, 10, 2), np.random.rand(8, 10, 1), epochs=1, verbose=0)
