import keras
import keras_mdn_layer as mdn
import numpy as np

model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(15, activation="relu"), mdn.MDN(1, 5)])
model.compile(keras.optimizers.Adam(), mdn.get_mixture_loss_func(1, 5))
model.fit(np.random.rand(64, 1), np.random.rand(64, 1), verbose=0)
parameters = model.predict(np.random.rand(4, 1), verbose=0)
assert np.apply_along_axis(mdn.sample_from_output, 1, parameters, 1, 5, temp=1.0).shape == (4, 1)
