import numpy as np
import tensorflow as tf
from madgrad import MadGrad

x = np.random.RandomState(0).rand(64, 4).astype("float32")
y = x @ np.array([[1.0], [2.0], [3.0], [-1.0]], "float32")
inputs = tf.keras.layers.Input((4,))
model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, kernel_initializer="zeros")(inputs))
model.compile(optimizer=MadGrad(lr=0.01, weight_decay=1e-4), loss="mse")
losses = model.fit(x, y, epochs=5, batch_size=16, shuffle=False, verbose=0).history["loss"]
print(losses)
expected = [6.364109, 3.858341, 2.314861, 1.430481, 0.979822]  # of TensorFlow 2.15
np.testing.assert_allclose(losses, expected, rtol=1e-4)
model.save("model.h5")
loaded = tf.keras.models.load_model("model.h5", custom_objects={"MadGrad": MadGrad})
after = loaded.fit(x, y, epochs=1, batch_size=32, shuffle=False, verbose=0).history["loss"]
np.testing.assert_allclose(after, [1.184345], rtol=1e-4)
