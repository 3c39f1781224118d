import numpy as np
import tensorflow as tf
from tensorimmune import ImmuneModel

x = np.random.RandomState(0).rand(128, 6).astype("float32")
y = (x.sum(1) > 3).astype(int)
inputs = tf.keras.Input((6,))
hidden = tf.keras.layers.Dense(16, "relu", name="hidden")(inputs)
base = tf.keras.Model(inputs, tf.keras.layers.Dense(2, "softmax")(hidden))
model = ImmuneModel(base, monitor_layer="hidden", sensitivity=0.95)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
print(model.fit(x, y, epochs=5, verbose=0).history)
assert float(model.anomaly_threshold) > 0
model.save("model.keras")
loaded = tf.keras.models.load_model("model.keras")
assert float(loaded.anomaly_threshold) == float(model.anomaly_threshold)
for a, b in zip(
    tf.nest.flatten(loaded.predict(x, verbose=0)), tf.nest.flatten(model.predict(x, verbose=0)), strict=True
):
    np.testing.assert_allclose(a, b, atol=1e-6)
