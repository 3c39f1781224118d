import numpy as np
from tcn import TCN, tcn_full_summary
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential, load_model

layer = TCN(input_shape=(12, 1), nb_filters=8, dilations=(1, 2))
print("Receptive field size =", layer.receptive_field)
model = Sequential([layer, Dense(1)])
model.compile(optimizer="adam", loss="mse")
tcn_full_summary(model, expand_residual_blocks=False)
x = np.random.rand(32, 12, 1)
model.fit(x, x.mean(axis=1), epochs=2, validation_split=0.2, verbose=0)
model.save("tcn.keras")
again = load_model("tcn.keras", custom_objects={"TCN": TCN})
np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-5)
