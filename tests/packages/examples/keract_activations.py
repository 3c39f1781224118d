import keract
import numpy as np
from tensorflow.keras import layers, models

model = models.Sequential(
    [layers.Dense(4, activation="relu", input_shape=(3,), name="hidden"), layers.Dense(1, name="out")]
)
model.compile("adam", "mse")
x = np.random.rand(5, 3)
print({name: value.shape for name, value in keract.get_activations(model, x).items()})
