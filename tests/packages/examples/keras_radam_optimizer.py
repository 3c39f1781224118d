import keras
import numpy as np
from keras_radam import RAdam

model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(3,))])
model.compile(RAdam(total_steps=100, warmup_proportion=0.1, min_lr=1e-5), loss="mse")
x = np.random.rand(64, 3)
model.fit(x, x.sum(axis=1), epochs=3, verbose=0)
model.save("radam.h5")
again = keras.models.load_model("radam.h5", custom_objects={"RAdam": RAdam})
np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-5)
