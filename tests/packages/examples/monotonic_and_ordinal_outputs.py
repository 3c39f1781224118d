import numpy as np
import tensorflow as tf
from deepordinal.tf import OrdinalOutput, ordinal_loss
from mono_dense_keras import MonoDense

x = np.random.default_rng(0).standard_normal((128, 3)).astype("float32")
model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((3,)),
        MonoDense(16, activation="elu", monotonicity_indicator=[1, 0, -1]),
        MonoDense(1),
    ]
)
model.compile(tf.keras.optimizers.Adam(0.01), "mse")
model.fit(x, x[:, 0] ** 3 - x[:, 2], verbose=0)
rising = np.zeros((20, 3), "float32")
rising[:, 0] = np.linspace(-2, 2, 20)
assert np.all(np.diff(model.predict(rising, verbose=0)[:, 0]) >= -1e-4)

y = np.digitize(x[:, 0], [-0.5, 0.0, 0.5])
dense, ordinal = tf.keras.layers.Dense(16, activation="relu"), OrdinalOutput(output_dim=4)
ordinal(dense(x))
optimizer, losses = tf.keras.optimizers.Adam(0.01), []
for _ in range(20):
    with tf.GradientTape() as tape:
        logits = tf.matmul(dense(x), ordinal.kernel) + ordinal.bias
        loss = ordinal_loss(logits, y, ordinal.interior_thresholds[0])
    variables = dense.trainable_variables + ordinal.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    losses.append(float(loss))
assert losses[-1] < losses[0]
np.testing.assert_allclose(np.sum(ordinal(dense(x)), 1), 1, rtol=1e-3)
