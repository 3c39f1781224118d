import numpy as np
from kerasadf.layers import AveragePooling2D, Conv2D, Dense, Flatten
from tensorflow.keras import Input, Model

rng = np.random.RandomState(0)
x, v = rng.rand(2, 5), rng.rand(2, 5)
mean, variance = Input((5,)), Input((5,))
made = Dense(4, activation="relu", mode="diag", kernel_initializer="ones")([mean, variance])
made = Dense(2, mode="diag", kernel_initializer="ones")(made)
found = Model([mean, variance], made).predict([x, v])
print(found)
np.testing.assert_allclose(found[0][:, 0], [11.4751, 13.3352], atol=1e-4)  # of TensorFlow 1.15
np.testing.assert_allclose(found[1][:, 0], [10.6084, 9.9984], atol=1e-4)
mean, variance = Input((6, 6, 1)), Input((6, 6, 1))
made = Conv2D(2, 3, activation="relu", mode="diag")([mean, variance])
made = Dense(1, mode="diag")(Flatten(mode="diag")(AveragePooling2D(2, mode="diag")(made)))
model = Model([mean, variance], made)
model.compile("adam", "mse")
images, ones = rng.rand(8, 6, 6, 1), np.ones((8, 1))
assert np.isfinite(model.fit([images, images], [ones, ones], verbose=0).history["loss"]).all()
assert model.count_params() == 29
