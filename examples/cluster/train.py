"""A program for one device or many: under `gazelle launch`, Slurm, Open MPI or Kubernetes it is started unchanged.

`batch_size` counts the samples of all devices together.
"""

import keras
import numpy as np

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(4096, 32)).astype("float32")
y = x[:, :1] * x[:, 1:2]
model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y, batch_size=256, epochs=5, verbose=2, checkpoint="checkpoint", resume=True)
