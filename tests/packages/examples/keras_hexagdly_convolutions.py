import keras
import keras_hexagdly as hgly
import numpy as np

inputs = keras.Input((16, 16, 2))
x = hgly.Conv2d(8, kernel_size=1, padding="same", activation="relu")(inputs)
x = hgly.MaxPool2d(pool_size=1, strides=2)(x)
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))
model.compile("adam", "mse")
images = np.random.rand(32, 16, 16, 2)
model.fit(images, np.random.rand(32, 1), epochs=2, verbose=0)
model.save("hexagons.keras")
np.testing.assert_allclose(keras.models.load_model("hexagons.keras").predict(images), model.predict(images), atol=1e-5)
