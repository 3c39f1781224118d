import numpy as np
from nbeats_keras.model import NBeatsNet

kinds = (NBeatsNet.GENERIC_BLOCK, NBeatsNet.TREND_BLOCK, NBeatsNet.SEASONALITY_BLOCK)
model = NBeatsNet(stack_types=kinds, forecast_length=5, thetas_dim=(4, 4, 4), backcast_length=10, hidden_layer_units=16)
model.compile(loss="mae", optimizer="adam")
x, y = np.random.rand(32, 10, 1), np.random.rand(32, 5, 1)
model.fit(x, y, epochs=2, verbose=0)
model.save("nbeats.h5")
np.testing.assert_allclose(NBeatsNet.load("nbeats.h5").predict(x), model.predict(x), rtol=1e-4)
