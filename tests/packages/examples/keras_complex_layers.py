import complexnn
import keras
import numpy as np
from keras import layers, models, optimizers

model = models.Sequential()
model.add(complexnn.conv.ComplexConv2D(8, (3, 3), activation="relu", padding="same", input_shape=(14, 14, 2)))
model.add(complexnn.bn.ComplexBatchNormalization())
model.add(layers.MaxPooling2D((2, 2), padding="same"))
model.add(layers.Flatten())
model.add(complexnn.dense.ComplexDense(4))
model.add(layers.Dense(2))
model.compile(optimizer=optimizers.Adam(), loss="mse")
x = np.random.rand(8, 14, 14, 2)
model.fit(x, np.random.rand(8, 2), verbose=0)
model.save("complex.keras")
np.testing.assert_allclose(keras.models.load_model("complex.keras").predict(x), model.predict(x), atol=1e-5)
