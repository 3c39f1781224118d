import keras
import numpy as np
from mingru_keras import MinGRU

pooling = keras.layers.GlobalAveragePooling1D()
model = keras.Sequential([keras.Input((20, 4)), MinGRU(units=8), pooling, keras.layers.Dense(1)])
model.compile("adam", "mse")
x = np.random.rand(32, 20, 4)
model.fit(x, np.random.rand(32, 1), epochs=2, verbose=0)
model.save("sequence.keras")
np.testing.assert_allclose(keras.models.load_model("sequence.keras").predict(x), model.predict(x), atol=1e-5)
