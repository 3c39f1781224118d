import os

os.environ["TF_KERAS"] = "1"
import numpy as np
from keras_targeted_dropout import TargetedDropout
from keras_targeted_dropout.backend import keras

model = keras.models.Sequential()
dense = keras.layers.Dense(units=2, activation="softmax")
mode = TargetedDropout.MODE_UNIT
dropout = TargetedDropout(dense, drop_rate=0.8, target_rate=0.2, drop_patterns=["kernel"], mode=mode, input_shape=(5,))
model.add(dropout)
model.compile(optimizer="adam", loss="mse")
x = np.random.rand(32, 5)
model.fit(x, np.random.rand(32, 2), epochs=2, verbose=0)
model.save("dropout.h5")
again = keras.models.load_model("dropout.h5", custom_objects={"TargetedDropout": TargetedDropout})
np.testing.assert_allclose(again.predict(x), model.predict(x), atol=1e-5)
