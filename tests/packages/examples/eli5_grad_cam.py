import eli5
import numpy as np
import tensorflow as tf

x = tf.keras.Input((16, 16, 1))
maps = tf.keras.layers.Conv2D(6, 3, activation="relu", name="maps")(x)
scores = tf.keras.layers.Dense(3, activation="softmax")(tf.keras.layers.GlobalAveragePooling2D()(maps))
model = tf.keras.Model(x, scores)
draw = np.random.RandomState(0)
model.set_weights([draw.normal(size=weight.shape) * 0.3 for weight in model.get_weights()])
image = draw.rand(1, 16, 16, 1).astype("float32")
explained = eli5.explain_prediction(model, image, layer="maps", targets=[1]).targets[0]

# the mean gradient of a map is that of the pooled value, divided by the number of pixels
kernel, bias = model.layers[-1].get_weights()
values = tf.keras.Model(x, maps).predict(image, verbose=0)[0]
p = np.exp(values.mean((0, 1)) @ kernel + bias)
p /= p.sum()
weights = p[1] * (kernel[:, 1] - kernel @ p)
wanted = np.maximum((values * weights).sum(-1), 0)
np.testing.assert_allclose(explained.heatmap / explained.heatmap.max(), wanted / wanted.max(), atol=1e-4)
