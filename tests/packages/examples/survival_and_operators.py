import deepsurvk
import keras
import numpy as np
import pandas as pd
from keras_sciml.models import FNO, PINN

random = np.random.RandomState(0)
features = pd.DataFrame(random.rand(200, 4), columns=list("abcd"))
times = random.exponential(1 / (0.1 + features["a"]))
order = np.argsort(times)
features, times = features.iloc[order], pd.DataFrame({"T": times[order]})
events = pd.DataFrame({"E": random.randint(0, 2, 200)})
network = deepsurvk.DeepSurvK(n_features=4, E=events)
losses = network.fit(features, times, batch_size=200, epochs=20, shuffle=False, verbose=0).history["loss"]
assert losses[-1] < losses[0]
assert 0 <= deepsurvk.concordance_index(times, np.exp(-network.predict(features, verbose=0)), events) <= 1

model = FNO(modes=4, width=8, depth=2, out_channels=1)
model.compile("adam", "mse")
losses = model.fit(random.rand(8, 16, 16, 2), random.rand(8, 16, 16, 1), epochs=5, verbose=0).history["loss"]
assert losses[-1] < losses[0]
field = PINN(output_dim=1, hidden_layers=2, hidden_units=8, use_fourier_features=True)
assert field(keras.ops.ones((5, 2))).shape == (5, 1)
